#include "kernels/array/layout.h"

/* Appends a new innermost dimension. If it continues the present innermost
 * dimension in memory, merges the two. */
static void append(gk_dims *dims, int64_t shape, int64_t stride)
{
    int last = dims->n - 1;
    if (last >= 0 && dims->stride[last] == shape * stride) {
        dims->shape[last] *= shape;
        dims->stride[last] = stride;
    } else {
        gk_dims_append(dims, shape, stride);
    }
}

void gk_layout_init(gk_layout *layout, gk_type type, const char *data, int ndim,
                    const int64_t *shape, const int64_t *stride, const char *reduced)
{
    layout->type = type;
    layout->n_outputs = layout->n_reduced = 1;
    layout->retained.n = layout->reduced.n = layout->n_retained_axes = 0;
    /* Iterate in memory order: sort the axes by decreasing stride. The sort is stable. */
    int order[GK_MAX_DIMS];
    for (int axis = 0; axis < ndim; axis++) {
        int place = axis;
        for (; place > 0 && gk_stride_magnitude(stride[order[place - 1]]) < gk_stride_magnitude(stride[axis]); place--)
            order[place] = order[place - 1];
        order[place] = axis;
    }
    for (int i = 0; i < ndim; i++) {
        int axis = order[i];
        int64_t n = shape[axis], step = stride[axis];
        if (reduced[axis]) {
            layout->n_reduced *= n;
            if (step < 0 && reduced[axis] != GK_REDUCED_FORWARDS) { /* in any order: iterate forwards in memory */
                data += (n - 1) * step;
                step = -step;
            }
            if (n > 1)
                append(&layout->reduced, n, step);
        } else {
            layout->n_outputs *= n;
            layout->retained_axes[layout->n_retained_axes++] = axis;
            if (n > 1)
                append(&layout->retained, n, step);
        }
    }
    layout->data = data;
    /* Both always have at least one dimension, if need be of one element. */
    if (layout->reduced.n == 0)
        append(&layout->reduced, 1, gk_itemsize(type));
    if (layout->retained.n == 0)
        append(&layout->retained, 1, gk_itemsize(type));
}
