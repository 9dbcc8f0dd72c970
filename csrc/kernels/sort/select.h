/* Order statistics, partitions and the k largest: items by their rank, without sorting all of them. */
#ifndef GK_SELECT_H
#define GK_SELECT_H

#include <stdint.h>

#include "kernels/sort/sort.h"

/* Writes to values[k] the item that would be at ranks[k] if the n contiguous items were
 * sorted (sort.h). The ranks ascend, and lie in 0..n - 1. */
int gk_select(const void *items, int64_t n, gk_type type, const int64_t *ranks, int64_t n_ranks, void *values,
              const gk_leaf_sorts *leaves, const gk_options *options);

/* Partitions every slice of src into dst. The item that gk_sort would put at ranks[k] is there, no item before it is
 * greater, and no item after it is smaller. The ranks ascend, and lie in 0..length - 1. If `positions` is set, dst gets
 * the positions of the items in src as int64_t. The result depends on the items and the ranks only. The arrays must not
 * overlap. */
int gk_partition(const char *src, char *dst, const gk_slices *slices, gk_type type, int positions,
                 const int64_t *ranks, int64_t n_ranks, const gk_leaf_sorts *leaves, const gk_options *options);

/* Writes the positions of the k largest or smallest items of each slice of src, 0 < k <= length. Zeros are equal, and
 * so are NaNs, which are greater than infinity. Of equal items, those at the lower positions come first. The positions
 * are ordered by their items if `sorted` is set, and ascend otherwise. dst has k contiguous int64_t for each slice. */
int gk_topk(const char *src, char *dst, const gk_slices *slices, gk_type type, int64_t k, int largest, int sorted,
            const gk_leaf_sorts *leaves, const gk_options *options);

/* Counts the NaNs among n contiguous items, which are floats. */
int gk_count_nans(const void *items, int64_t n, gk_type type, int64_t *count, const gk_options *options);

#endif
