/* How a scan goes through an array. */
#ifndef GK_SLICING_H
#define GK_SLICING_H

#include <stdint.h>

#include "kernels/array/iterator.h"

/* The slices along the axis. `inner` adjacent slices are scanned together, as columns. */
typedef struct {
    int64_t n, in_step, out_step; /* a slice, with its steps in bytes */
    int64_t inner, inner_in, inner_out;
    gk_dims outer_in, outer_out; /* the other dimensions */
} gk_slicing;

/* Divides the dimensions into the axis, the columns and the rest. Returns the number of
 * slices, or of blocks of columns. */
int64_t gk_slicing_init(gk_slicing *slicing, int ndim, const int64_t *shape, int axis, const int64_t *in_stride,
                        const int64_t *out_stride);

/* A slice, or the first of the columns that are scanned together. */
typedef struct {
    gk_iterator in, out;
} gk_slice_position;

void gk_slice_start(gk_slice_position *position, const gk_slicing *slicing, const char *in, char *out, int64_t index);
void gk_slice_advance(gk_slice_position *position);

#endif
