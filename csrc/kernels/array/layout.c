#include "kernels/array/layout.h"

/* Of any stride, also of one that means nothing because its axis has one element. */
static uint64_t magnitude(int64_t x)
{
    return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}

/* Appends a dimension inside those that are there, or merges it into the
 * innermost if that continues it. */
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
    /* Memory is walked in its own order: axes sorted by stride, slowest first;
     * equal strides stay in their order. */
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
            if (step < 0) { /* the order of what is reduced is free: walk forwards */
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
    /* Never without a dimension: one of a single element then. */
    if (layout->reduced.n == 0)
        append(&layout->reduced, 1, gk_itemsize(type));
    if (layout->retained.n == 0)
        append(&layout->retained, 1, gk_itemsize(type));
}

void gk_iterator_start(gk_iterator *walk, const gk_dims *dims, const char *data, int64_t position)
{
    walk->dims = dims;
    walk->at = data;
    for (int d = dims->n - 1; d >= 0; d--) {
        walk->index[d] = position % dims->shape[d];
        position /= dims->shape[d];
        walk->at += walk->index[d] * dims->stride[d];
    }
}

int64_t gk_iterator_run(const gk_iterator *walk, int64_t most)
{
    int inner = walk->dims->n - 1;
    int64_t left = walk->dims->shape[inner] - walk->index[inner];
    return left < most ? left : most;
}

void gk_iterator_advance(gk_iterator *walk, int64_t run)
{
    int d = walk->dims->n - 1;
    walk->index[d] += run;
    walk->at += run * walk->dims->stride[d];
    for (; d > 0 && walk->index[d] == walk->dims->shape[d]; d--) {
        walk->at += walk->dims->stride[d - 1] - walk->dims->shape[d] * walk->dims->stride[d];
        walk->index[d] = 0;
        walk->index[d - 1]++;
    }
}
