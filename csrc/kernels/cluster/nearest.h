/* Nearest centres, and the update step of k-means. */
#ifndef GK_NEAREST_H
#define GK_NEAREST_H

#include <stdint.h>

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

/* n points and k finite centres with `dims` coordinates each, in row-major order.
 * type is GK_FLOAT32 or GK_FLOAT64, and 1 <= k < 2**31. */
typedef struct {
    gk_type type;
    int64_t n, k, dims;
    const void *points, *centers;
} gk_nearest_input;

/* Writes the index of each point's nearest centre and the squared distance to it.
 * Ties go to the lowest index. Squared differences are added in the order of the
 * coordinates, in the type of the points. */
int gk_nearest(const gk_nearest_input *in, int64_t *index, void *distance, const gk_options *options);

/* Adds each point to the sum of its centre. sums is k x dims, members is k. The
 * points are divided into fixed stretches, which are summed separately and then
 * added in order, all in double. */
int gk_cluster_sums(const gk_nearest_input *in, const int64_t *index, double *sums, int64_t *members,
                    const gk_options *options);

#endif
