/* Accumulators: the arithmetic of the reductions.
 *
 * Every reduction, along any axis, adds rows of `width` adjacent values to `width`
 * independent accumulators. Compilers vectorise such loops. A reduction over
 * adjacent elements treats `groups` of them as one row and folds the accumulators
 * into one at the end.
 *
 * Floating-point sums are compensated: eight rows are added plainly, and the
 * rounding error of adding their sum to the running total is itself summed
 * (TwoSum). The error therefore does not grow with the number of rows, while that
 * of pairwise summation grows with its logarithm. Memory bandwidth is the limit,
 * so this costs no time. Products of floats keep mantissas and exponents apart. Variances merge the means and squared deviations of
 * blocks (Chan, Golub and LeVeque), in one pass over memory without cancellation.
 */
#ifndef GK_ACCUMULATORS_H
#define GK_ACCUMULATORS_H

#include <stdint.h>

#include "kernels/array/dtype.h"

enum {
    GK_ACCUMULATORS = 256,      /* maximum width */
    GK_ACCUMULATOR_BYTES = 256, /* width of a reduction over adjacent elements, in bytes */
};

/* The state of one running reduction. */
typedef struct {
    /* Sums: total and error, and without NaNs the number of values. Products: mantissa, and exponent as int64_t.
     * Variances: mean, its error, sum of squared deviations from the mean, its error, number of values. Integer sums and
     * products, and numbers of nonzero elements: int64_t or uint64_t. Minimum and maximum: values of the array's type, and
     * for their positions the rows that have them, as int64_t. */
    double state[5][GK_ACCUMULATORS];
    int64_t rows; /* so far; only counted for positions and numbers of elements */
} gk_accumulators;

/* The result of a reduction, or of a part of it, for k outputs. Sums: a is the total and b its error; without NaNs, c is
 * the number of values. Products: a is the mantissa and b the exponent, as int64_t. Variances: a is the mean, b its error,
 * c the sum of squared deviations and d the number of values. Integer sums and products, numbers of
 * nonzero elements, minimum and maximum: a, of their own type. Positions: a is the value and b its position, as int64_t, or
 * -1 if no element differs from the limit of the type that all others replace. */
typedef struct {
    void *a;
    double *b, *c, *d;
} gk_part;

/* One reduction's arithmetic in one instruction set. */
typedef struct {
    void (*start)(gk_accumulators *accumulators, int64_t width);
    /* Accumulates `rows` rows, `stride` elements apart. */
    void (*rows)(gk_accumulators *accumulators, const void *x, int64_t stride, int64_t rows, int64_t width);
    /* Accumulates a last row of fewer elements. */
    void (*tail)(gk_accumulators *accumulators, const void *x, int64_t width);
    /* Reduces accumulators j, j + k, ... of groups * k to output j. groups is a power of 2. */
    void (*fold)(gk_accumulators *accumulators, int64_t groups, int64_t k, gk_part part);
    /* into += from. The counts are the elements that each has been reduced over. */
    void (*merge)(gk_part into, int64_t into_count, gk_part from, int64_t from_count, int64_t k);
    /* Reduces one short row of adjacent values with less overhead than the
     * functions above. NULL if there is no such shortcut. */
    void (*row)(const void *x, int64_t n, gk_part part);
    /* Whether the result is settled: further elements cannot change it. All accumulators must
     * belong to one output. NULL if no result is ever settled early. */
    int (*settled)(const gk_accumulators *accumulators, int64_t width);
} gk_accumulator_ops;

const gk_accumulator_ops *gk_accumulators_sum_float64(void);
const gk_accumulator_ops *gk_accumulators_nansum_float64(void);
const gk_accumulator_ops *gk_accumulators_sum_int64(void);
const gk_accumulator_ops *gk_accumulators_prod_float64(void);
const gk_accumulator_ops *gk_accumulators_nanprod_float64(void);
const gk_accumulator_ops *gk_accumulators_prod_int64(void);
const gk_accumulator_ops *gk_accumulators_variance(void); /* of doubles */
const gk_accumulator_ops *gk_accumulators_nanvariance(void);
const gk_accumulator_ops *gk_accumulators_min(gk_type type);
const gk_accumulator_ops *gk_accumulators_max(gk_type type);
/* Of the floats that are not NaN. Without any, they are infinite. */
const gk_accumulator_ops *gk_accumulators_nanmin(gk_type type);
const gk_accumulator_ops *gk_accumulators_nanmax(gk_type type);
/* Their positions, of the first of equal elements and of the first NaN. */
const gk_accumulator_ops *gk_accumulators_argmin(gk_type type);
const gk_accumulator_ops *gk_accumulators_argmax(gk_type type);
const gk_accumulator_ops *gk_accumulators_nanargmin(gk_type type);
const gk_accumulator_ops *gk_accumulators_nanargmax(gk_type type);
/* The number of elements that are not 0. `any` is settled by a nonzero element, `all` by a 0. */
const gk_accumulator_ops *gk_accumulators_count(gk_type type);
const gk_accumulator_ops *gk_accumulators_any(gk_type type);
const gk_accumulator_ops *gk_accumulators_all(gk_type type);

#endif
