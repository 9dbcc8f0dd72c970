/* Sorts one long slice with all threads: sample, divide into buckets, sort the buckets.
 *
 * Pivots from a sample divide the keys into buckets, in one of two ways. By splitting (split.h), each chunk is divided in
 * the cache, and a bucket is gathered from all chunks just before it is sorted. By moving (buckets.h), a first parallel
 * pass over the source finds the bucket of each item, and a second one moves the items to their places. Then one leaf sort
 * sorts each bucket, the largest bucket first.
 *
 * A bucket whose items are all equal needs no sorting, so few distinct values are fast.
 */
#include "kernels/sort/sort.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/fp_control.h"
#include "kernels/array/memory.h"
#include "kernels/sort/buckets.h"
#include "kernels/sort/split.h"

typedef struct {
    const gk_buckets *b;
    char *dst;
    const char *moved;     /* where the items of each bucket are: dst, or scratch memory to sort in place */
    const gk_split *split; /* not NULL: they are in its chunks instead */
    const gk_leaf_sorts *leaves;
    uint8_t by_size[GK_MAX_BUCKETS]; /* the buckets by decreasing size */
} bucket_sort;

static void sort_buckets(int64_t begin, int64_t end, void *data)
{
    const bucket_sort *p = data;
    const gk_buckets *b = p->b;
    for (int64_t i = begin; i < end && !gk_cancelled(); i++) {
        int bucket = p->by_size[i];
        int64_t at = b->begin[bucket] * (int64_t)b->size, items = b->begin[bucket + 1] - b->begin[bucket];
        if (b->equal[bucket])
            continue;
        if (p->split != NULL) {
            gk_split_gather(p->split, bucket, 0, b->chunks, p->dst);
            gk_sort_leaf(p->dst + at, items, b->type, p->leaves);
        } else {
            gk_sort_copy(p->moved + at, p->dst + at, items, b->type, p->leaves);
        }
    }
}

/* The buckets of equal items are sorted already, but are to be copied if they are not in dst. */
static void gather_equal_buckets(int64_t begin, int64_t end, void *data)
{
    const bucket_sort *p = data;
    for (int bucket = 0; bucket < p->b->buckets && !gk_cancelled(); bucket++)
        if (p->b->equal[bucket])
            gk_split_gather(p->split, bucket, begin, end, p->dst);
}

static int copy_equal_buckets(bucket_sort *p, const gk_options *options)
{
    const gk_buckets *b = p->b;
    if (p->split != NULL)
        return memchr(b->equal, 1, (size_t)b->buckets) == NULL
                   ? GK_OK : gk_parallel_for(b->chunks, gather_equal_buckets, p, options);
    int status = GK_OK;
    for (int bucket = 0; bucket < b->buckets && status == GK_OK && p->moved != p->dst; bucket++) {
        int64_t at = b->begin[bucket] * (int64_t)b->size;
        if (b->equal[bucket])
            status = gk_copy(p->dst + at, p->moved + at, b->begin[bucket + 1] * (int64_t)b->size - at, options);
    }
    return status;
}

static void order_by_size(bucket_sort *p)
{
    const gk_buckets *b = p->b;
    for (int bucket = 0; bucket < b->buckets; bucket++) {
        int64_t size = b->begin[bucket + 1] - b->begin[bucket];
        int i = bucket;
        for (; i > 0; i--) {
            int before = p->by_size[i - 1];
            if (b->begin[before + 1] - b->begin[before] >= size)
                break;
            p->by_size[i] = (uint8_t)before;
        }
        p->by_size[i] = (uint8_t)bucket;
    }
}

static int sort_divided(bucket_sort *p, const gk_options *options)
{
    order_by_size(p);
    int status = gk_parallel_for(p->b->buckets, sort_buckets, p, options);
    return status == GK_OK ? copy_equal_buckets(p, options) : status;
}

static int sort_by_splitting(const void *src, void *dst, int64_t n, gk_type type, int64_t buckets,
                             const gk_leaf_sorts *leaves, const gk_options *options)
{
    gk_split split;
    int status = gk_split_open(&split, src, n, type, buckets, leaves, options);
    bucket_sort p = {.b = &split.b, .dst = dst, .split = &split, .leaves = leaves};
    if (status == GK_OK)
        status = sort_divided(&p, options);
    gk_split_close(&split);
    return status;
}

static int sort_by_moving(const void *src, void *dst, int64_t n, gk_type type, int64_t buckets,
                          const gk_leaf_sorts *leaves, const gk_options *options)
{
    gk_buckets b;
    char *scratch = NULL, *moved = dst;
    int status = gk_buckets_open(&b, src, n, type, buckets, leaves);
    if (status == GK_OK && src == dst) {
        moved = scratch = gk_allocate(n, gk_itemsize(type));
        if (scratch == NULL)
            status = GK_NO_MEMORY;
    }
    if (status == GK_OK)
        status = gk_buckets_divide(&b, options);
    if (status == GK_OK)
        status = gk_buckets_move(&b, moved, options);
    bucket_sort p = {.b = &b, .dst = dst, .moved = moved, .leaves = leaves};
    if (status == GK_OK)
        status = sort_divided(&p, options);
    free(scratch);
    gk_buckets_close(&b);
    return status;
}

int gk_sort_long(const void *src, void *dst, int64_t n, gk_type type,
                 const gk_leaf_sorts *leaves, const gk_options *options)
{
    if (gk_itemsize(type) <= 2)
        return gk_sort_counting(src, dst, n, type, options);
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.eager = 1;
    mine.grain = 1;
    int threads = gk_participants(&mine);
    /* On one thread, buckets serve only to bound the latency of Ctrl-C. */
    if (n < GK_SORT_LONG || (threads == 1 && n <= GK_SLICE_UNINTERRUPTED)) {
        gk_sort_copy(src, dst, n, type, leaves);
        return GK_OK;
    }

    /* Small buckets, because a thread that shares its core with another program must not have
     * a large one when the others are done. */
    int64_t least = 8 * threads;
    if (gk_split_available()) {
        int status = sort_by_splitting(src, dst, n, type, least, leaves, &mine);
        if (status != GK_NO_MEMORY) /* the other way needs less, unless it sorts in place */
            return status;
    }
    /* Buckets of a thousand items also save the leaf sorts their first passes. */
    int64_t most = n >> 10;
    return sort_by_moving(src, dst, n, type, most > least ? most : least, leaves, &mine);
}

typedef struct {
    gk_type type;
    const gk_leaf_sorts *leaves;
} sorting;

static int sort_on_one_thread(const void *src, void *dst, int64_t n, const void *data)
{
    const sorting *s = data;
    gk_sort_copy(src, dst, n, s->type, s->leaves);
    return GK_OK;
}

static int sort_on_all_threads(const void *src, void *dst, int64_t n, const void *data, const gk_options *options)
{
    const sorting *s = data;
    return gk_sort_long(src, dst, n, s->type, s->leaves, options);
}

int gk_sort(const char *src, char *dst, const gk_slices *slices, gk_type type,
            const gk_leaf_sorts *leaves, const gk_options *options)
{
    sorting s = {type, leaves};
    gk_slice_kernel kernel = {
        .src_size = gk_itemsize(type),
        .dst_size = gk_itemsize(type),
        .cost = 5,
        .on_one_thread = sort_on_one_thread,
        .on_all_threads = sort_on_all_threads,
        .long_from = gk_itemsize(type) < 8 ? 2 * GK_SORT_LONG : GK_SORT_LONG,
    };
    /* The leaf sorts compare floats, so subnormals must not be flushed to 0. */
    gk_fp_saved saved = gk_fp_use_default();
    int status = gk_slices_apply(&kernel, &s, src, dst, slices, options);
    gk_fp_restore(saved);
    return status;
}
