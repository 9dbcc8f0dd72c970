/* Running reductions in parallel lanes: the arithmetic of the reductions.
 *
 * Every reduction, along whichever axis, is a reduction of rows of `width`
 * adjacent values into `width` accumulators, which is what SIMD does well and what
 * compilers vectorise by themselves. A reduction over adjacent elements takes
 * `groups` of them as a row and folds the lanes into one at its end.
 *
 * Floating-point sums are compensated: eight rows are added plainly, and the
 * rounding error of adding that to the running total is itself summed
 * (TwoSum). So the error does not grow with the number of rows, where that of
 * pairwise summation grows with its logarithm; and since memory is the limit,
 * it costs no time. Variances merge blocks' means and squared deviations
 * (Chan, Golub and LeVeque): one pass over memory, and no cancellation.
 */
#ifndef GK_ACCUMULATORS_H
#define GK_ACCUMULATORS_H

#include <stdint.h>

#include "kernels/array/dtype.h"

enum {
    GK_ACCUMULATORS = 256,    /* at most so many lanes */
    GK_ACCUMULATOR_BYTES = 256, /* lanes of a reduction over adjacent elements, in bytes */
};

/* The state of one running reduction. */
typedef struct {
    /* Sums: total, error. Variances: mean, its error, sum of squared deviations
     * from it, its error. Integer sums: uint64_t. Extremes: values of their type. */
    double state[4][GK_ACCUMULATORS];
    int64_t count; /* variances: the rows so far */
    /* Variances: the values of a last, incomplete row. */
    double tail[GK_ACCUMULATORS];
    int64_t tail_count;
} gk_accumulators;

/* The result of a reduction, or of a part of it, for k outputs. Sums: a, and
 * its error b. Variances: mean a and its error b, sum of squared deviations c.
 * Integer sums and extremes: a, of their own type. */
typedef struct {
    void *a;
    double *b, *c;
} gk_part;

/* One reduction's arithmetic in one instruction set. */
typedef struct {
    void (*start)(gk_accumulators *accumulators, int64_t width);
    /* Takes in `rows` rows, `stride` elements apart. */
    void (*rows)(gk_accumulators *accumulators, const void *x, int64_t stride, int64_t rows, int64_t width);
    /* Takes in a last row of fewer elements. */
    void (*tail)(gk_accumulators *accumulators, const void *x, int64_t width);
    /* Reduces lanes j, j + k, ... of groups * k to output j; groups is a power of 2. */
    void (*fold)(gk_accumulators *accumulators, int64_t groups, int64_t k, gk_part part);
    /* into += from; of so many elements each. */
    void (*merge)(gk_part into, int64_t into_count, gk_part from, int64_t from_count, int64_t k);
    /* All of the above for one short row of adjacent values, at a lower price
     * for its start and end; NULL where there is no such short cut. */
    void (*row)(const void *x, int64_t n, gk_part part);
} gk_accumulator_ops;

const gk_accumulator_ops *gk_accumulators_sum_float64(void);
const gk_accumulator_ops *gk_accumulators_sum_int64(void);
const gk_accumulator_ops *gk_accumulators_variance(void); /* of doubles */
const gk_accumulator_ops *gk_accumulators_min(gk_type type);
const gk_accumulator_ops *gk_accumulators_max(gk_type type);

#endif
