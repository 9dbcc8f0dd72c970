/* Running sums along one axis. */
#ifndef GK_SCAN_H
#define GK_SCAN_H

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* Floating-point exceptions that the additions raise. */
enum { GK_SCAN_INVALID = 1, GK_SCAN_OVERFLOW = 2 };

/* Sets out[i] = in[0] + ... + in[i] along `axis` of an array of any layout. out is
 * int64_t or uint64_t for integers and bool, and of the type of `in` for floats.
 * `out` is `in` itself (same address, strides and type), or does not overlap it. No
 * dimension may be 0. With without_nans, NaN counts as 0. *fp_status receives the flags above.
 *
 * Floats are added in doubles. The elements of a segment of at most 256 are added
 * one after the other, as NumPy does for the whole slice, and so are the sums of
 * the segments. A running sum is the sum of all earlier segments plus the running
 * sum within its own segment. The error is therefore at most that of adding
 * n / 256 + 256 numbers, and running sums of numbers >= 0 never decrease. Long
 * slices take n / 256 doubles of scratch. */
int gk_cumsum(gk_type type, int ndim, const int64_t *shape, int axis, const char *in,
              const int64_t *in_stride, char *out, const int64_t *out_stride,
              int without_nans, const gk_options *options, int *fp_status);

#endif
