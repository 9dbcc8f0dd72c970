#include "kernels/scan/slicing.h"

int64_t gk_slicing_init(gk_slicing *slicing, int ndim, const int64_t *shape, int axis, const int64_t *in_stride,
                        const int64_t *out_stride)
{
    int columns = -1;
    for (int d = 0; d < ndim; d++)
        if (d != axis && shape[d] >= 16 && gk_stride_magnitude(in_stride[d]) < gk_stride_magnitude(in_stride[axis]) &&
            (columns < 0 || gk_stride_magnitude(in_stride[d]) < gk_stride_magnitude(in_stride[columns])))
            columns = d;
    slicing->n = shape[axis];
    slicing->in_step = in_stride[axis];
    slicing->out_step = out_stride[axis];
    slicing->inner = 1;
    slicing->outer_in.n = slicing->outer_out.n = 0;
    for (int d = 0; d < ndim; d++) {
        if (d == columns) {
            slicing->inner = shape[d];
            slicing->inner_in = in_stride[d];
            slicing->inner_out = out_stride[d];
        } else if (d != axis && shape[d] > 1) {
            gk_dims_append(&slicing->outer_in, shape[d], in_stride[d]);
            gk_dims_append(&slicing->outer_out, shape[d], out_stride[d]);
        }
    }
    return gk_dims_count(&slicing->outer_in);
}

void gk_slice_start(gk_slice_position *position, const gk_slicing *slicing, const char *in, char *out, int64_t index)
{
    gk_iterator_start(&position->in, &slicing->outer_in, in, index);
    gk_iterator_start(&position->out, &slicing->outer_out, out, index);
}

void gk_slice_advance(gk_slice_position *position)
{
    gk_iterator_advance(&position->in, 1);
    gk_iterator_advance(&position->out, 1);
}
