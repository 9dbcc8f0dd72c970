/* Inner products, in parallel. */
#ifndef GK_DOT_H
#define GK_DOT_H

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* The sum of x[i] * y[i] over n > 0 elements that lie so many bytes apart.
 * as_float: products of doubles, compensated sums as in lanes.h, a double;
 * else of integers modulo 2^64, a uint64_t. */
int gk_dot(int as_float, int64_t n, gk_type x_type, const char *x, int64_t x_stride, gk_type y_type,
           const char *y, int64_t y_stride, const gk_options *options, void *result);

#endif
