/* Sorts one long slice with all threads: sample, partition, sort the buckets.
 *
 * Pivots from a sample divide the keys into buckets. A first parallel pass over the
 * source finds the bucket of every item and counts the buckets of each chunk. A
 * second pass moves every item to its place in the destination. Then each bucket is
 * sorted by one leaf sort, the largest bucket first.
 *
 * A pivot that occurs twice in the sample is a frequent value. It gets a bucket of
 * its own, which needs no sorting, so few distinct values are fast.
 */
#include "kernels/sort/sort.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/fp_control.h"
#include "base/isa.h"
#include "kernels/array/memory.h"
#include "kernels/sort/sort_key.h"

enum { MIN_LEVELS = 4, MAX_LEVELS = 8, MAX_BUCKETS = 1 << MAX_LEVELS };

#define FOREACH_WIDTH "kernels/sort/sort_template.h"
#define FOREACH_ISA "kernels/sort/foreach_width.h"
#include "base/foreach_isa.h"
#if GK_X86
#  include "kernels/sort/sort_avx512.h"
#endif

typedef struct {
    const char *src;
    char *dst;
    char *moved; /* where buckets are gathered: dst, or scratch memory to sort in place */
    int64_t n, chunk, chunks;
    gk_type type;
    gk_sort_order order; /* of signed keys */
    size_t size;
    const gk_leaf_sorts *leaves;
    int levels, buckets;
    int64_t tree[MAX_BUCKETS]; /* the pivots as a search tree; see classify() */
    uint8_t *ids;
    int64_t *counts; /* chunks x buckets: counts, and after place() where the next item goes */
    int64_t begin[MAX_BUCKETS + 1];
    uint8_t equal[MAX_BUCKETS];  /* whether all items of the bucket are equal */
    uint8_t by_size[MAX_BUCKETS]; /* the buckets by decreasing size */
} partition;

static int64_t key_at(const partition *p, int64_t i)
{
    if (p->size == 8)
        return (int64_t)gk_sort_key64(((const uint64_t *)p->src)[i], p->order);
    return (int32_t)gk_sort_key32(((const uint32_t *)p->src)[i], p->order);
}

/* splitmix64. Determines the sample, from n and the attempt only. */
static uint64_t hash(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static int compare_keys(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Fills the search tree with sorted pivots, in order. */
static void plant(partition *p, const int64_t **pivots, int node)
{
    if (node >= p->buckets)
        return;
    plant(p, pivots, 2 * node);
    p->tree[node] = *(*pivots)++;
    plant(p, pivots, 2 * node + 1);
}

static void choose_pivots(partition *p, int attempt)
{
    enum { EACH = 16 };
    int64_t sample[EACH * MAX_BUCKETS], pivots[MAX_BUCKETS];
    int wanted = p->buckets - 1, m = EACH * p->buckets;
    uint64_t step = (uint64_t)p->n / (uint64_t)m;
    for (int i = 0; i < m; i++)
        sample[i] = key_at(p, (int64_t)((uint64_t)i * step + hash((uint64_t)(m * attempt + i)) % step));
    qsort(sample, (size_t)m, sizeof *sample, compare_keys);

    int64_t last = p->size == 8 ? INT64_MAX : INT32_MAX;
    int found = 0;
    for (int j = 1; j <= wanted; j++) {
        int64_t pivot = sample[j * EACH];
        if (found == 0 || pivot > pivots[found - 1])
            pivots[found++] = pivot;
        else if (pivot == pivots[found - 1] && pivot < last)
            pivots[found++] = pivot + 1;
    }
    while (found < wanted) /* the pivots that are left over separate the largest key */
        pivots[found++] = last;
    memset(p->equal, 0, sizeof p->equal);
    for (int b = 1; b < wanted; b++)
        p->equal[b] = pivots[b] - 1 == pivots[b - 1];
    p->equal[wanted] = pivots[wanted - 1] == last;
    const int64_t *next = pivots;
    plant(p, &next, 1);
}

static void count_chunks(int64_t begin, int64_t end, void *data)
{
    partition *p = data;
    const gk_sort_order *order = &p->order;
    enum { BLOCK = 4096 }; /* its ids are still in the first-level cache when they are counted */
    for (int64_t c = begin; c < end; c++) {
        int64_t *counts = p->counts + c * p->buckets;
        memset(counts, 0, (size_t)p->buckets * sizeof *counts);
        int64_t stop = (c + 1) * p->chunk < p->n ? (c + 1) * p->chunk : p->n;
        for (int64_t i = c * p->chunk; i < stop; i += BLOCK) {
            int64_t n = stop - i < BLOCK ? stop - i : BLOCK;
            uint32_t tables[4][MAX_BUCKETS] = {{0}}; /* an addition waits for the previous one to the same entry */
            if (p->size == 8)
                GK_DISPATCH(classify64)(p->src + i * 8, n, order, p->tree, p->levels, p->ids + i);
            else
                GK_DISPATCH(classify32)(p->src + i * 4, n, order, p->tree, p->levels, p->ids + i);
            const uint8_t *ids = p->ids + i;
            int64_t k = 0;
            for (; k + 4 <= n; k += 4)
                for (int t = 0; t < 4; t++)
                    tables[t][ids[k + t]]++;
            for (; k < n; k++)
                tables[0][ids[k]]++;
            for (int b = 0; b < p->buckets; b++)
                counts[b] += (int64_t)tables[0][b] + tables[1][b] + tables[2][b] + tables[3][b];
        }
        if (gk_cancelled())
            return;
    }
}

/* Turns the counts into positions. Returns the size of the largest bucket that needs sorting. */
static int64_t place(partition *p)
{
    int64_t at = 0, largest = 0;
    for (int b = 0; b < p->buckets; b++) {
        p->begin[b] = at;
        for (int64_t c = 0; c < p->chunks; c++) {
            int64_t count = p->counts[c * p->buckets + b];
            p->counts[c * p->buckets + b] = at;
            at += count;
        }
        if (!p->equal[b] && at - p->begin[b] > largest)
            largest = at - p->begin[b];
    }
    p->begin[p->buckets] = at;
    return largest;
}

/* Returns the bucket that has all items of chunk c, or -1. */
static int only_bucket(const partition *p, int64_t c, int64_t items)
{
    const int64_t *places = p->counts + c * p->buckets;
    int b = p->ids[c * p->chunk];
    int64_t next = c + 1 < p->chunks ? places[p->buckets + b] : p->begin[b + 1];
    return next - places[b] == items ? b : -1;
}

#define MOVE(type)                                          \
    do {                                                    \
        const type *GK_RESTRICT src = (const type *)p->src; \
        type *GK_RESTRICT dst = (type *)p->moved;           \
        for (int64_t i = c * p->chunk; i < stop; i++)       \
            dst[next[p->ids[i]]++] = src[i];                \
    } while (0)

static void move_chunks(int64_t begin, int64_t end, void *data)
{
    const partition *p = data;
    for (int64_t c = begin; c < end; c++) {
        int64_t next[MAX_BUCKETS];
        memcpy(next, p->counts + c * p->buckets, (size_t)p->buckets * sizeof *next);
        int64_t stop = (c + 1) * p->chunk < p->n ? (c + 1) * p->chunk : p->n;
        int64_t items = stop - c * p->chunk, only = only_bucket(p, c, items);
        if (only >= 0)
            memcpy(p->moved + next[only] * (int64_t)p->size, p->src + c * p->chunk * (int64_t)p->size,
                   (size_t)items * p->size);
        else if (p->size == 8)
            MOVE(uint64_t);
        else
            MOVE(uint32_t);
        if (gk_cancelled())
            return;
    }
}

static void sort_buckets(int64_t begin, int64_t end, void *data)
{
    const partition *p = data;
    for (int64_t i = begin; i < end && !gk_cancelled(); i++) {
        int b = p->by_size[i];
        int64_t at = p->begin[b] * (int64_t)p->size;
        if (!p->equal[b])
            gk_sort_copy(p->moved + at, p->dst + at, p->begin[b + 1] - p->begin[b], p->type, p->leaves);
    }
}

/* In place: the buckets of equal items, which are sorted already. */
static int copy_equal_buckets(const partition *p, const gk_options *options)
{
    int status = GK_OK;
    for (int b = 0; b < p->buckets && status == GK_OK && p->moved != p->dst; b++) {
        int64_t at = p->begin[b] * (int64_t)p->size;
        if (p->equal[b])
            status = gk_copy(p->dst + at, p->moved + at, p->begin[b + 1] * (int64_t)p->size - at, options);
    }
    return status;
}

static void order_by_size(partition *p)
{
    for (int b = 0; b < p->buckets; b++) {
        int64_t size = p->begin[b + 1] - p->begin[b];
        int i = b;
        for (; i > 0; i--) {
            int before = p->by_size[i - 1];
            if (p->begin[before + 1] - p->begin[before] >= size)
                break;
            p->by_size[i] = (uint8_t)before;
        }
        p->by_size[i] = (uint8_t)b;
    }
}

static int partition_sort(partition *p, const gk_options *options)
{
    int status = GK_OK;
    /* Adversarial data can put nearly all items into one bucket. Another sample is cheaper
     * than sorting such a bucket on one thread. */
    for (int attempt = 0; attempt < 3; attempt++) {
        choose_pivots(p, attempt);
        status = gk_parallel_for(p->chunks, count_chunks, p, options);
        if (status != GK_OK)
            return status;
        if (place(p) < p->n / 4)
            break;
    }
    if ((status = gk_parallel_for(p->chunks, move_chunks, p, options)) != GK_OK)
        return status;
    order_by_size(p);
    status = gk_parallel_for(p->buckets, sort_buckets, p, options);
    return status == GK_OK ? copy_equal_buckets(p, options) : status;
}

int gk_sort_long(const void *src, void *dst, int64_t n, gk_type type,
                 const gk_leaf_sorts *leaves, const gk_options *options)
{
    size_t size = (size_t)gk_itemsize(type);
    if (size <= 2)
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

    int64_t buckets = n >> 20; /* small enough to bound the latency of Ctrl-C */
    if (buckets < 8 * threads)
        buckets = 8 * threads;
    partition p = {.src = src, .dst = dst, .moved = dst, .n = n, .type = type, .size = size, .leaves = leaves};
    p.order = gk_sort_signed_order_of(type);
    p.levels = MIN_LEVELS;
    while (p.levels < MAX_LEVELS && 1 << p.levels < buckets)
        p.levels++;
    p.buckets = 1 << p.levels;
    p.chunk = n >> 10 > 1 << 16 ? n >> 10 : n >> 3 < 1 << 16 ? (n >> 3) + 1 : 1 << 16;
    p.chunks = gk_ceil_div(n, p.chunk);

    int status = GK_NO_MEMORY;
    char *scratch = NULL;
    p.ids = gk_allocate(n, 1);
    p.counts = gk_allocate(p.chunks * p.buckets, sizeof *p.counts);
    if (p.ids == NULL || p.counts == NULL)
        goto end;
    if (src == dst) {
        if ((scratch = gk_allocate(n, (int64_t)size)) == NULL)
            goto end;
        p.moved = scratch;
    }
    status = partition_sort(&p, &mine);
end:
    free(scratch);
    free(p.counts);
    free(p.ids);
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
