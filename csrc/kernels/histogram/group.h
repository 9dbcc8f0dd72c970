/* Reductions of the values of each group. A label says to which group a value belongs. */
#ifndef GK_GROUP_H
#define GK_GROUP_H

#include <stdint.h>

#include "kernels/array/dtype.h"
#include "runtime/parallel.h"

typedef enum {
    GK_GROUP_COUNT, /* int64 */
    GK_GROUP_SUM,   /* integers: int64 or uint64, modulo 2**64; floats: their own type */
    GK_GROUP_PROD,  /* as sums */
    GK_GROUP_MEAN,  /* float32 for float32, otherwise double */
    GK_GROUP_VAR,
    GK_GROUP_STD,
    GK_GROUP_MIN, /* the type of the values */
    GK_GROUP_MAX,
    GK_GROUP_FIRST,
    GK_GROUP_LAST,
    GK_GROUP_OPERATIONS
} gk_group_operation;

/* The values are contiguous, in the shape outer x n x inner, and there is a label for each
 * of the n. A result has the shape outer x groups x inner. */
typedef struct {
    const void *labels;
    gk_type label_type; /* any but a float */
    const void *values;
    gk_type type;
    int64_t outer, n, inner;
    int64_t groups;
    int skip_nans; /* NaNs belong to no group, as values with a negative label do */
    double ddof;   /* of variances and standard deviations */
} gk_grouping;

/* outer * groups * inner must be smaller than this. */
#define GK_GROUP_MAX_RESULTS INT64_C(0xfffffffe)

/* Computes the result of each group. For minimum, maximum, first and last value, sets empty[r] if
 * no value belongs to result r, which is then unspecified. Sets *out_of_range if a label is too
 * large, and then all results are unspecified.
 *
 * The bits are the same for any number of threads. Floats are added in stretches, and the sums
 * of the stretches with compensation; few values for each of more than 65,536 results, in their order. */
int gk_group_reduce(const gk_grouping *g, gk_group_operation operation, void *result, uint8_t *empty,
                    int *out_of_range, const gk_options *options);

/* Copies the values, ordered by group, to `gathered`. Those of result r are at starts[r] up
 * to starts[r + 1]; within a group they keep their order. `starts` has two items more than
 * there are results: the values that belong to no group are not copied. */
int gk_group_gather(const gk_grouping *g, int64_t *starts, void *gathered, int *out_of_range,
                    const gk_options *options);

/* Sorts each group of gathered values that has at most max_length of them. `sort` sorts n
 * contiguous items, from any thread. */
typedef int gk_group_sort_function(void *items, intptr_t n, void *unused);

int gk_group_sort(void *gathered, const int64_t *starts, int64_t results, int64_t itemsize, int64_t max_length,
                  gk_group_sort_function *sort, const gk_options *options);

#endif
