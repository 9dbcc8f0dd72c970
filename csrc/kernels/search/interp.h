/* Linear interpolation: numpy.interp, with its bits. */
#ifndef GK_INTERP_H
#define GK_INTERP_H

#include <stdint.h>

#include "runtime/parallel.h"

/* The function with the values ys at n > 0 ascending points xs, and straight lines between them. */
typedef struct {
    const double *xs, *ys;
    int64_t n;
    double left, right; /* before the first point, and after the last */
} gk_interpolated;

/* values[i] is the function at points[i], and NaN at NaN. */
int gk_interp(const gk_interpolated *function, const double *points, int64_t m, double *values,
              const gk_options *options);

#endif
