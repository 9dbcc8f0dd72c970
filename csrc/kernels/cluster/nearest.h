/* Nearest centres, and the step of k-means on them. */
#ifndef GK_NEAREST_H
#define GK_NEAREST_H

#include <stdint.h>

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* n points and k finite centres of `dims` coordinates, row by row, GK_FLOAT32
 * or GK_FLOAT64; 1 <= k < 2**31. */
typedef struct {
    gk_type type;
    int64_t n, k, dims;
    const void *points, *centers;
} gk_nearest_input;

/* For each point the index of its nearest centre, the lowest of several, and
 * the squared distance to it: the squared differences summed in the order of
 * the coordinates, in the points' type. */
int gk_nearest(const gk_nearest_input *in, int64_t *index, void *distance, const gk_options *options);

/* Adds each point to the sum of its centre: sums is k x dims, members is k.
 * Fixed stretches of points are summed by themselves, and their sums added in
 * order, all in double. */
int gk_cluster_sums(const gk_nearest_input *in, const int64_t *index, double *sums, int64_t *members,
                    const gk_options *options);

#endif
