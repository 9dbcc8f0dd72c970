/* Divides the items of a long slice among buckets, by pivots from a sample.
 *
 * All items of a bucket come before those of the next one in the order of sort.h. A pivot
 * that occurs twice in the sample is a frequent value. It gets a bucket of its own, whose
 * items are all equal.
 */
#ifndef GK_BUCKETS_H
#define GK_BUCKETS_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/array/dtype.h"
#include "kernels/sort/sort.h"
#include "kernels/sort/sort_key.h"
#include "runtime/parallel.h"

enum { GK_MIN_LEVELS = 4, GK_MAX_LEVELS = 8, GK_MAX_BUCKETS = 1 << GK_MAX_LEVELS };

typedef struct {
    const char *src;
    int64_t n, chunk, chunks; /* items, items of a chunk, number of chunks */
    gk_type type;             /* of 4 or 8 bytes */
    size_t size;
    const gk_leaf_sorts *leaves; /* for the sample */
    gk_sort_order order;         /* of signed keys */
    int levels, buckets;
    int64_t pivots[GK_MAX_BUCKETS]; /* bucket b has the keys from pivots[b - 1] up to pivots[b] */
    int64_t tree[GK_MAX_BUCKETS];   /* the pivots as a search tree; see classify() */
    uint8_t *ids;                   /* the bucket of each item */
    int64_t *counts;                /* chunks x buckets: where the first item of a chunk in a bucket goes */
    int64_t begin[GK_MAX_BUCKETS + 1]; /* where each bucket begins in sorted order */
    uint8_t equal[GK_MAX_BUCKETS];     /* whether all items of the bucket are equal */
} gk_buckets;

/* Prepares to divide n contiguous items into at least `wanted` buckets, or GK_MAX_BUCKETS.
 * Returns GK_NO_MEMORY or GK_OK. gk_buckets_close() must follow in both cases. */
int gk_buckets_open(gk_buckets *b, const void *src, int64_t n, gk_type type, int64_t wanted, const gk_leaf_sorts *leaves);
void gk_buckets_close(gk_buckets *b);

/* Finds the bucket of every item, on all threads. */
int gk_buckets_divide(gk_buckets *b, const gk_options *options);

/* After gk_buckets_divide: copies every item, or writes its position, to its place in the bucket. The order within a
 * bucket is that of src. */
int gk_buckets_move(const gk_buckets *b, void *to, const gk_options *options);
int gk_buckets_move_positions(const gk_buckets *b, int64_t *to, const gk_options *options);

/* What gk_buckets_divide() and a split (split.h) are made of: chooses the number of buckets; chooses pivots and lets
 * `count` fill the counts of its chunks, again with other pivots if they do not divide the items. */
void gk_buckets_plan(gk_buckets *b, const void *src, int64_t n, gk_type type, int64_t wanted, const gk_leaf_sorts *leaves);
int gk_buckets_count(gk_buckets *b, gk_body *count, void *data, const gk_options *options);

/* splitmix64. A sample depends on the number of items and the attempt only. */
GK_INLINE uint64_t gk_sort_hash(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Where chunk c ends. */
GK_INLINE int64_t gk_buckets_chunk_end(const gk_buckets *b, int64_t c)
{
    return (c + 1) * b->chunk < b->n ? (c + 1) * b->chunk : b->n;
}

#endif
