/* Sorts one long slice with all threads: sample, partition, sort the buckets.
 *
 * Pivots from a sample divide the keys into buckets. A first parallel pass over the
 * source finds the bucket of every item and counts the buckets of each chunk. A
 * second pass moves every item to its place in the destination. Then each bucket is
 * sorted by one leaf sort, the largest bucket first.
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

typedef struct {
    gk_buckets b;
    char *dst;
    char *moved; /* where buckets are gathered: dst, or scratch memory to sort in place */
    const gk_leaf_sorts *leaves;
    uint8_t by_size[GK_MAX_BUCKETS]; /* the buckets by decreasing size */
} bucket_sort;

static void sort_buckets(int64_t begin, int64_t end, void *data)
{
    const bucket_sort *p = data;
    for (int64_t i = begin; i < end && !gk_cancelled(); i++) {
        int b = p->by_size[i];
        int64_t at = p->b.begin[b] * (int64_t)p->b.size;
        if (!p->b.equal[b])
            gk_sort_copy(p->moved + at, p->dst + at, p->b.begin[b + 1] - p->b.begin[b], p->b.type, p->leaves);
    }
}

/* In place: the buckets of equal items, which are sorted already. */
static int copy_equal_buckets(const bucket_sort *p, const gk_options *options)
{
    int status = GK_OK;
    for (int b = 0; b < p->b.buckets && status == GK_OK && p->moved != p->dst; b++) {
        int64_t at = p->b.begin[b] * (int64_t)p->b.size;
        if (p->b.equal[b])
            status = gk_copy(p->dst + at, p->moved + at, p->b.begin[b + 1] * (int64_t)p->b.size - at, options);
    }
    return status;
}

static void order_by_size(bucket_sort *p)
{
    for (int b = 0; b < p->b.buckets; b++) {
        int64_t size = p->b.begin[b + 1] - p->b.begin[b];
        int i = b;
        for (; i > 0; i--) {
            int before = p->by_size[i - 1];
            if (p->b.begin[before + 1] - p->b.begin[before] >= size)
                break;
            p->by_size[i] = (uint8_t)before;
        }
        p->by_size[i] = (uint8_t)b;
    }
}

static int sort_by_buckets(bucket_sort *p, const gk_options *options)
{
    int status = gk_buckets_divide(&p->b, options);
    if (status == GK_OK)
        status = gk_buckets_move(&p->b, p->moved, options);
    if (status != GK_OK)
        return status;
    order_by_size(p);
    status = gk_parallel_for(p->b.buckets, sort_buckets, p, options);
    return status == GK_OK ? copy_equal_buckets(p, options) : status;
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
     * a large one when the others are done. They also save the leaf sorts their first passes. */
    int64_t buckets = n >> 10;
    if (buckets < 8 * threads)
        buckets = 8 * threads;
    bucket_sort p = {.dst = dst, .moved = dst, .leaves = leaves};
    char *scratch = NULL;
    int status = gk_buckets_open(&p.b, src, n, type, buckets);
    if (status == GK_OK && src == dst) {
        p.moved = scratch = gk_allocate(n, gk_itemsize(type));
        if (scratch == NULL)
            status = GK_NO_MEMORY;
    }
    if (status == GK_OK)
        status = sort_by_buckets(&p, &mine);
    free(scratch);
    gk_buckets_close(&p.b);
    return status;
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
