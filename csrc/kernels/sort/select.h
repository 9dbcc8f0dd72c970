/* Order statistics: items by their rank, without sorting all of them. */
#ifndef GK_SELECT_H
#define GK_SELECT_H

#include <stdint.h>

#include "kernels/sort/sort.h"

/* Writes to values[k] the item that would be at ranks[k] if the n contiguous items were
 * sorted (sort.h). The ranks ascend, and lie in 0..n - 1. */
int gk_select(const void *items, int64_t n, gk_type type, const int64_t *ranks, int64_t n_ranks, void *values,
              const gk_leaf_sorts *leaves, const gk_options *options);

/* Counts the NaNs among n contiguous items, which are floats. */
int gk_count_nans(const void *items, int64_t n, gk_type type, int64_t *count, const gk_options *options);

#endif
