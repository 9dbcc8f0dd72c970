/* Running sums along one axis, in parallel. */
#ifndef GK_SCAN_H
#define GK_SCAN_H

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* What the floating-point unit would have raised. */
enum { GK_SCAN_INVALID = 1, GK_SCAN_OVERFLOW = 2 };

/* out[i] = in[0] + ... + in[i] along `axis` of an array of any layout. The type
 * of out: int64_t or uint64_t for integers and bool, that of `in` for floats.
 * `out` may be `in` itself (same address, same strides, same type) or memory
 * apart from it. No dimension may be 0. *fp_status: flags from above.
 *
 * Floats are summed in doubles: segments of at most 256 elements one element
 * after the other, as NumPy does with all of a slice, and likewise the sums of
 * the segments; a running sum is that of the segments before plus that of the
 * segment's elements. So the error is at most that of adding n / 256 + 256
 * numbers, and running sums of numbers >= 0 never decrease. Long slices take
 * n / 256 doubles of scratch. */
int gk_cumsum(gk_type type, int ndim, const int64_t *shape, int axis, const char *in,
              const int64_t *in_stride, char *out, const int64_t *out_stride,
              const gk_options *options, int *fp_status);

#endif
