/* Divides items into buckets for a sort, which need not keep the order within a bucket.
 *
 * gk_buckets_divide() and gk_buckets_move() find the bucket of each item and write it to a place of its own. A split
 * compares a vector of items with one pivot and stores the smaller ones to the left, the others to the right, as a
 * quicksort does. Each chunk is split in the cache, once for each level of the tree of pivots, so these passes replace
 * the first ones of the sort that follows. They need AVX-512, whose vectors can be compressed by a mask.
 */
#ifndef GK_SPLIT_H
#define GK_SPLIT_H

#include <stdint.h>

#include "kernels/sort/buckets.h"

typedef struct {
    gk_buckets b;
    char *chunks;     /* the items by chunk, and in each chunk by bucket */
    char *between;    /* for each participant: a chunk between two levels */
    uint32_t *starts; /* chunks x buckets: where a bucket begins in its chunk */
} gk_split;

/* Whether the current instruction set has splits. */
int gk_split_available(void);

/* Divides n contiguous items into at least `least` buckets, or GK_MAX_BUCKETS, on all threads. Returns the status.
 * gk_split_close() must follow in all cases. */
int gk_split_open(gk_split *s, const void *src, int64_t n, gk_type type, int64_t least, const gk_leaf_sorts *leaves,
                  const gk_options *options);
void gk_split_close(gk_split *s);

/* Copies the items of a bucket in the chunks from `begin` to `end` to their places in dst, an array of all items. */
void gk_split_gather(const gk_split *s, int bucket, int64_t begin, int64_t end, void *dst);

#endif
