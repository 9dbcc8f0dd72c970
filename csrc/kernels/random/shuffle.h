/* Random permutations.
 *
 * Up to GK_SHUFFLE_SHORT items are shuffled by swaps, with NumPy's bits. With more items, each item
 * first goes to a random bucket, and then each bucket is shuffled. There are enough buckets that
 * each fits into the cache. If the bucket of each item and the order within each bucket are uniform
 * and independent, then so is the order of all items (Rao 1961, Sandelius 1962). The result depends
 * on the key and on n only. */
#ifndef GK_SHUFFLE_H
#define GK_SHUFFLE_H

#include <stdint.h>

#include "runtime/parallel.h"

enum { GK_SHUFFLE_SHORT = 1 << 15 };

/* Writes a permutation of n items of `size` bytes (1, 2, 4, 8 or 16) to `to`, which does not
 * overlap `from`. from == NULL: of the integers 0 to n - 1, as int64_t. */
int gk_permutation(const void *from, void *to, int64_t n, int size, const uint64_t key[2], const gk_options *options);

/* The same in place. If the call ends early, the items are as they were, or shuffled if they are
 * not more than GK_SHUFFLE_SHORT. */
int gk_shuffle(void *items, int64_t n, int size, const uint64_t key[2], const gk_options *options);

#endif
