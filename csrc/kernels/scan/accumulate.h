/* Running products, maxima and minima along one axis: NumPy's bits. */
#ifndef GK_ACCUMULATE_H
#define GK_ACCUMULATE_H

#include "kernels/array/dtype.h"
#include "kernels/scan/scan.h"
#include "runtime/parallel.h"

typedef enum { GK_CUMPROD, GK_CUMMAX, GK_CUMMIN } gk_accumulation;

/* Sets out[i] = in[0] op ... op in[i], from left to right, along `axis` of an array of any
 * layout. out has the type of `in`, except that products of integers and bool are int64_t or
 * uint64_t, modulo 2^64. `out` is `in` itself (same address, strides and type), or does not overlap
 * it. No dimension may be 0. NaN is both the maximum and the minimum; of equal items, the last one
 * is. With without_nans, a factor NaN counts as 1. *fp_status receives the flags of scan.h, which
 * only products set.
 *
 * All threads share a long slice, except for products of floats: another order of the
 * multiplications would round differently, and overflow elsewhere. */
int gk_accumulate(gk_accumulation op, gk_type type, int ndim, const int64_t *shape, int axis, const char *in,
                  const int64_t *in_stride, char *out, const int64_t *out_stride, int without_nans,
                  const gk_options *options, int *fp_status);

#endif
