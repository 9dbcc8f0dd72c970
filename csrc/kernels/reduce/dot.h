/* Inner products. */
#ifndef GK_DOT_H
#define GK_DOT_H

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* Writes the sum of x[i] * y[i] over n > 0 elements to *result. Strides are in
 * bytes. If as_float is set, products are computed in doubles and added with
 * compensation, as in accumulators.h, and the result is a double. Otherwise
 * integers are multiplied modulo 2^64, and the result is a uint64_t. */
int gk_dot(int as_float, int64_t n, gk_type x_type, const char *x, int64_t x_stride, gk_type y_type,
           const char *y, int64_t y_stride, const gk_options *options, void *result);

#endif
