#include "kernels/array/layout.h"

/* |x|, also for INT64_MIN. The stride of an axis of one element can be any number. */
static uint64_t magnitude(int64_t x)
{
    return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}

/* Appends a new innermost dimension. If it continues the present innermost
 * dimension in memory, merges the two. */
static void append(gk_dims *dims, int64_t shape, int64_t stride)
{
    int last = dims->n - 1;
    if (last >= 0 && dims->stride[last] == shape * stride) {
        dims->shape[last] *= shape;
        dims->stride[last] = stride;
    } else {
        dims->shape[dims->n] = shape;
        dims->stride[dims->n++] = stride;
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
        for (; place > 0 && magnitude(stride[order[place - 1]]) < magnitude(stride[axis]); place--)
            order[place] = order[place - 1];
        order[place] = axis;
    }
    for (int i = 0; i < ndim; i++) {
        int axis = order[i];
        int64_t n = shape[axis], step = stride[axis];
        if (reduced[axis]) {
            layout->n_reduced *= n;
            if (step < 0) { /* reduced elements may be taken in any order, so iterate forwards */
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

void gk_iterator_start(gk_iterator *it, const gk_dims *dims, const char *data, int64_t position)
{
    it->dims = dims;
    it->at = data;
    for (int d = dims->n - 1; d >= 0; d--) {
        it->index[d] = position % dims->shape[d];
        position /= dims->shape[d];
        it->at += it->index[d] * dims->stride[d];
    }
}

int64_t gk_iterator_run(const gk_iterator *it, int64_t max)
{
    int inner = it->dims->n - 1;
    int64_t left = it->dims->shape[inner] - it->index[inner];
    return left < max ? left : max;
}

void gk_iterator_advance(gk_iterator *it, int64_t run)
{
    int d = it->dims->n - 1;
    it->index[d] += run;
    it->at += run * it->dims->stride[d];
    for (; d > 0 && it->index[d] == it->dims->shape[d]; d--) {
        it->at += it->dims->stride[d - 1] - it->dims->shape[d] * it->dims->stride[d];
        it->index[d] = 0;
        it->index[d - 1]++;
    }
}
