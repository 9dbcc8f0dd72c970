/* Reductions of arrays of any layout along any axes, in parallel. */
#ifndef GK_KERNELS_REDUCE_H
#define GK_KERNELS_REDUCE_H

#include "kernels/array/layout.h"
#include "runtime/parallel.h"

typedef enum {
    GK_SUM, GK_PROD, GK_MEAN, GK_VAR, GK_STD, GK_MIN, GK_MAX,
    /* The same without NaNs. The minimum or maximum of nothing but NaNs is infinite. */
    GK_NANSUM, GK_NANPROD, GK_NANMEAN, GK_NANVAR, GK_NANSTD, GK_NANMIN, GK_NANMAX,
    /* The position of the first minimum or maximum along one axis, in the order of that axis. If no number differs from the
     * infinity that all others replace, GK_NANARGMIN and GK_NANARGMAX of floats are -1. */
    GK_ARGMIN, GK_ARGMAX, GK_NANARGMIN, GK_NANARGMAX,
    GK_COUNT_NONZERO, GK_ANY, GK_ALL,
} gk_reduction;

typedef struct {
    gk_type type; /* of the result */
    int can_warn; /* whether NumPy may report an overflow or an invalid operation */
} gk_reduction_result;

/* The result of a reduction of arrays of this type. */
gk_reduction_result gk_reduction_result_of(gk_reduction what, gk_type type);

/* Writes the outputs contiguously, each of the type of gk_reduction_result_of().
 * ddof is used by variances and standard deviations, and must be less than the
 * number of elements reduced to each output; where it is not less than the number of
 * those that are not NaN, GK_NANVAR and GK_NANSTD are NaN.
 *
 * Sums of floats are computed in doubles with compensation. Their error is below
 * 8 units in the last place of the sum of magnitudes, whatever the length. Products of
 * floats overflow or underflow only if the result does. */
int gk_reduce(gk_reduction what, const gk_layout *layout, double ddof, void *out,
              const gk_options *options);

/* The same for n contiguous elements and one output, on the calling thread only.
 * For n <= GK_REDUCE_SERIAL the bits are those of gk_reduce. */
enum { GK_REDUCE_SERIAL = 1 << 15 };
void gk_reduce_serial(gk_reduction what, gk_type type, const void *x, int64_t n, double ddof,
                      void *out);

#endif
