/* Partitions by dividing long slices into buckets. Every item moves to its bucket, and only the buckets that have a
 * wanted rank are divided again. So memory is read twice, to find the bucket of each item and to move it, and written
 * once. */
#include "kernels/sort/select.h"

#include <stdlib.h>
#include <string.h>

#include "base/fp_control.h"
#include "kernels/array/memory.h"
#include "kernels/sort/buckets.h"

enum {
    BUCKETS = 32,   /* their pivots are in registers */
    SHORT = 1 << 13 /* fewer items are sorted */
};

typedef struct {
    gk_type type;
    int positions; /* whether positions are wanted instead of items */
    const int64_t *ranks;
    int64_t n_ranks;
    const gk_leaf_sorts *leaves;
    gk_options options; /* of the regions inside the buckets */
} request;

/* A part of a slice, divided into buckets. */
typedef struct {
    const request *q;
    gk_buckets b;
    int64_t base; /* the rank of its first item in the slice */
    char *dst;
} division;

static int partition_part(const request *q, const void *src, char *dst, int64_t n, gk_type type, int64_t base,
                          const gk_options *options);

/* Whether a rank lies in begin..end - 1. */
static int is_wanted(const request *q, int64_t begin, int64_t end)
{
    int64_t low = 0, high = q->n_ranks; /* the first rank that is >= begin is in low..high */
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (q->ranks[middle] < begin)
            low = middle + 1;
        else
            high = middle;
    }
    return low < q->n_ranks && q->ranks[low] < end;
}

static int sort_all(const request *q, const void *src, char *dst, int64_t n, gk_type type, const gk_options *options)
{
    return q->positions ? gk_argsort_long(src, (int64_t *)dst, n, type, q->leaves, options)
                        : gk_sort_long(src, dst, n, type, q->leaves, options);
}

/* Partitions a bucket of n items, whose first one has this rank. `part` is its part of dst. */
static int partition_items(const division *d, char *part, int64_t n, int64_t rank)
{
    const request *q = d->q;
    const gk_buckets *b = &d->b;
    char *copy = gk_allocate(n, (int64_t)b->size);
    if (copy == NULL)
        return GK_NO_MEMORY;
    memcpy(copy, part, (size_t)n * b->size);
    /* If it has most of the items, the sample did not divide them. */
    int status = n > b->n / 2 ? sort_all(q, copy, part, n, b->type, &q->options)
                              : partition_part(q, copy, part, n, b->type, rank, &q->options);
    free(copy);
    return status;
}

#define GATHER(type)                                                  \
    for (int64_t j = 0; j < n; j++) {                                 \
        copies[j] = positions[j];                                     \
        ((type *)items)[j] = ((const type *)b->src)[positions[j]];    \
    }

static int partition_positions(const division *d, int64_t *positions, int64_t n, int64_t rank)
{
    const request *q = d->q;
    const gk_buckets *b = &d->b;
    int64_t *copies = gk_allocate(n, 2 * sizeof *copies);
    if (copies == NULL)
        return GK_NO_MEMORY;
    void *items = copies + n;
    if (b->size == 8)
        GATHER(uint64_t)
    else
        GATHER(uint32_t)
    int status = n > b->n / 2 ? sort_all(q, items, (char *)positions, n, b->type, &q->options)
                              : partition_part(q, items, (char *)positions, n, b->type, rank, &q->options);
    for (int64_t j = 0; j < n && status == GK_OK; j++)
        positions[j] = copies[positions[j]];
    free(copies);
    return status;
}

static void partition_buckets(int64_t begin, int64_t end, void *data)
{
    const division *d = data;
    const request *q = d->q;
    for (int64_t i = begin; i < end && !gk_cancelled(); i++) {
        int64_t first = d->b.begin[i], n = d->b.begin[i + 1] - first, rank = d->base + first;
        if (d->b.equal[i] || !is_wanted(q, rank, rank + n))
            continue;
        int status = q->positions ? partition_positions(d, (int64_t *)d->dst + first, n, rank)
                                  : partition_items(d, d->dst + first * (int64_t)d->b.size, n, rank);
        if (status != GK_OK)
            gk_cancel(status);
    }
}

static int partition_part(const request *q, const void *src, char *dst, int64_t n, gk_type type, int64_t base,
                          const gk_options *options)
{
    if (n < SHORT || gk_itemsize(type) <= 2)
        return sort_all(q, src, dst, n, type, options);
    division d = {.q = q, .base = base, .dst = dst};
    int status = gk_buckets_open(&d.b, src, n, type, BUCKETS, q->leaves);
    if (status == GK_OK)
        status = gk_buckets_divide(&d.b, options);
    if (status == GK_OK)
        status = q->positions ? gk_buckets_move_positions(&d.b, (int64_t *)dst, options)
                              : gk_buckets_move(&d.b, dst, options);
    if (status == GK_OK)
        status = gk_parallel_for(d.b.buckets, partition_buckets, &d, &q->options);
    gk_buckets_close(&d.b);
    return status;
}

/* Items of 8 and 16 bits, for which there are no buckets, become items of 32 bits. */
typedef struct {
    const void *src;
    uint32_t *keys;
    gk_type type;
} widening;

static void widen(int64_t begin, int64_t end, void *data)
{
    const widening *w = data;
    for (int64_t i = begin; i < end; i++)
        w->keys[i] = (uint32_t)gk_sort_item_key(w->src, i, w->type);
}

static int partition_narrow_positions(const request *q, const void *src, void *dst, int64_t n,
                                      const gk_options *options)
{
    widening w = {src, gk_allocate(n, sizeof *w.keys), q->type};
    if (w.keys == NULL)
        return GK_NO_MEMORY;
    gk_options mine = *options;
    mine.grain = 1 << 16;
    int status = gk_parallel_for(n, widen, &w, &mine);
    if (status == GK_OK)
        status = partition_part(q, w.keys, dst, n, GK_UINT32, 0, options);
    free(w.keys);
    return status;
}

static int partition_on_all_threads(const void *src, void *dst, int64_t n, const void *data, const gk_options *options)
{
    const request *q = data;
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.eager = n > 1 << 17;
    mine.grain = 1;
    return q->positions && gk_itemsize(q->type) <= 2 ? partition_narrow_positions(q, src, dst, n, &mine)
                                                     : partition_part(q, src, dst, n, q->type, 0, &mine);
}

static int partition_on_one_thread(const void *src, void *dst, int64_t n, const void *data)
{
    request q = *(const request *)data;
    q.options.threads = 1;
    return partition_on_all_threads(src, dst, n, &q, &q.options);
}

int gk_partition(const char *src, char *dst, const gk_slices *slices, gk_type type, int positions,
                 const int64_t *ranks, int64_t n_ranks, const gk_leaf_sorts *leaves, const gk_options *options)
{
    request q = {type, positions, ranks, n_ranks, leaves, {.threads = gk_participants(options), .grain = 1}};
    gk_slice_kernel kernel = {
        .src_size = gk_itemsize(type),
        .dst_size = positions ? 8 : gk_itemsize(type),
        .cost = 5,
        .on_one_thread = partition_on_one_thread,
        .on_all_threads = partition_on_all_threads,
        .long_from = GK_SORT_LONG,
    };
    /* As in gk_sort: subnormals must not be flushed to 0. */
    gk_fp_saved saved = gk_fp_use_default();
    int status = gk_slices_apply(&kernel, &q, src, dst, slices, options);
    gk_fp_restore(saved);
    return status;
}
