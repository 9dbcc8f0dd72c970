#include "kernels/sort/buckets.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/isa.h"
#include "kernels/array/memory.h"

#define FOREACH_WIDTH "kernels/sort/buckets_template.h"
#define FOREACH_ISA "kernels/sort/foreach_width.h"
#include "base/foreach_isa.h"
#if GK_X86
#  include "kernels/sort/buckets_avx512.h"
#endif

static int64_t key_at(const gk_buckets *p, int64_t i)
{
    if (p->size == 8)
        return (int64_t)gk_sort_key64(((const uint64_t *)p->src)[i], p->order);
    return (int32_t)gk_sort_key32(((const uint32_t *)p->src)[i], p->order);
}

/* Fills the search tree with sorted pivots, in order. */
static void plant(gk_buckets *p, const int64_t **pivots, int node)
{
    if (node >= p->buckets)
        return;
    plant(p, pivots, 2 * node);
    p->tree[node] = *(*pivots)++;
    plant(p, pivots, 2 * node + 1);
}

static void choose_pivots(gk_buckets *p, int attempt)
{
    enum { EACH = 16 };
    int64_t sample[EACH * GK_MAX_BUCKETS], *pivots = p->pivots;
    int wanted = p->buckets - 1, m = EACH * p->buckets;
    uint64_t step = (uint64_t)p->n / (uint64_t)m;
    for (int i = 0; i < m; i++)
        sample[i] = key_at(p, (int64_t)((uint64_t)i * step + gk_sort_hash((uint64_t)(m * attempt + i)) % step));
    p->leaves->of[GK_INT64](sample, m, NULL);

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
    gk_buckets *p = data;
    const gk_sort_order *order = &p->order;
    enum { BLOCK = 4096 }; /* its ids are still in the first-level cache when they are counted */
    for (int64_t c = begin; c < end; c++) {
        int64_t *counts = p->counts + c * p->buckets;
        memset(counts, 0, (size_t)p->buckets * sizeof *counts);
        int64_t stop = gk_buckets_chunk_end(p, c);
        for (int64_t i = c * p->chunk; i < stop; i += BLOCK) {
            int64_t n = stop - i < BLOCK ? stop - i : BLOCK;
            uint32_t tables[4][GK_MAX_BUCKETS] = {{0}}; /* an addition waits for the previous one to the same entry */
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
static int64_t place(gk_buckets *p)
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

int gk_buckets_count(gk_buckets *b, gk_body *count, void *data, const gk_options *options)
{
    /* Adversarial data can put nearly all items into one bucket. Another sample is cheaper
     * than sorting such a bucket on one thread. */
    for (int attempt = 0; attempt < 3; attempt++) {
        choose_pivots(b, attempt);
        int status = gk_parallel_for(b->chunks, count, data, options);
        if (status != GK_OK)
            return status;
        if (place(b) < b->n / 4)
            break;
    }
    return GK_OK;
}

int gk_buckets_divide(gk_buckets *b, const gk_options *options)
{
    return gk_buckets_count(b, count_chunks, b, options);
}

typedef struct {
    const gk_buckets *b;
    char *to;
} moving;

/* Returns the bucket that has all items of chunk c, or -1. */
static int only_bucket(const gk_buckets *b, int64_t c, int64_t items)
{
    const int64_t *places = b->counts + c * b->buckets;
    int only = b->ids[c * b->chunk];
    int64_t next = c + 1 < b->chunks ? places[b->buckets + only] : b->begin[only + 1];
    return next - places[only] == items ? only : -1;
}

#define MOVE(type, item)                              \
    do {                                              \
        const uint8_t *GK_RESTRICT ids = b->ids;      \
        type *GK_RESTRICT to = (type *)m->to;         \
        for (int64_t i = c * b->chunk; i < stop; i++) \
            to[next[ids[i]]++] = item;                \
    } while (0)

static void move_chunks(int64_t begin, int64_t end, void *data)
{
    const moving *m = data;
    const gk_buckets *b = m->b;
    for (int64_t c = begin; c < end && !gk_cancelled(); c++) {
        int64_t next[GK_MAX_BUCKETS];
        memcpy(next, b->counts + c * b->buckets, (size_t)b->buckets * sizeof *next);
        int64_t stop = gk_buckets_chunk_end(b, c);
        int64_t items = stop - c * b->chunk, only = only_bucket(b, c, items);
        if (only >= 0)
            memcpy(m->to + next[only] * (int64_t)b->size, b->src + c * b->chunk * (int64_t)b->size,
                   (size_t)items * b->size);
        else if (b->size == 8)
            MOVE(uint64_t, ((const uint64_t *)b->src)[i]);
        else
            MOVE(uint32_t, ((const uint32_t *)b->src)[i]);
    }
}

static void move_positions(int64_t begin, int64_t end, void *data)
{
    const moving *m = data;
    const gk_buckets *b = m->b;
    for (int64_t c = begin; c < end && !gk_cancelled(); c++) {
        int64_t next[GK_MAX_BUCKETS], stop = gk_buckets_chunk_end(b, c);
        memcpy(next, b->counts + c * b->buckets, (size_t)b->buckets * sizeof *next);
        MOVE(int64_t, i);
    }
}

int gk_buckets_move(const gk_buckets *b, void *to, const gk_options *options)
{
    moving m = {b, to};
    return gk_parallel_for(b->chunks, move_chunks, &m, options);
}

int gk_buckets_move_positions(const gk_buckets *b, int64_t *to, const gk_options *options)
{
    moving m = {b, (char *)to};
    return gk_parallel_for(b->chunks, move_positions, &m, options);
}

void gk_buckets_plan(gk_buckets *b, const void *src, int64_t n, gk_type type, int64_t wanted, const gk_leaf_sorts *leaves)
{
    *b = (gk_buckets){.src = src, .n = n, .type = type, .size = (size_t)gk_itemsize(type), .leaves = leaves};
    b->order = gk_sort_signed_order_of(type);
    b->levels = GK_MIN_LEVELS;
    while (b->levels < GK_MAX_LEVELS && 1 << b->levels < wanted)
        b->levels++;
    b->buckets = 1 << b->levels;
}

int gk_buckets_open(gk_buckets *b, const void *src, int64_t n, gk_type type, int64_t wanted, const gk_leaf_sorts *leaves)
{
    gk_buckets_plan(b, src, n, type, wanted, leaves);
    b->chunk = n >> 10 > 1 << 16 ? n >> 10 : n >> 3 < 1 << 16 ? (n >> 3) + 1 : 1 << 16;
    b->chunks = gk_ceil_div(n, b->chunk);
    b->ids = gk_scratch_allocate(n, 1);
    b->counts = gk_allocate(b->chunks * b->buckets, sizeof *b->counts);
    return b->ids != NULL && b->counts != NULL ? GK_OK : GK_NO_MEMORY;
}

void gk_buckets_close(gk_buckets *b)
{
    free(b->counts);
    gk_scratch_release(b->ids);
}
