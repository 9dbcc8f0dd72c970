/* Finds the k largest or smallest items in two passes over memory. The first one counts the items on either side of a
 * bound from a sample. The second one collects those that may be among the k, which are few if k is small. */
#include "kernels/sort/select.h"

#include <math.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "kernels/array/memory.h"
#include "kernels/sort/buckets.h"
#include "kernels/sort/sort_key.h"

enum { CHUNK = 1 << 14, MAX_SAMPLE = 1024 };

/* The wanted items are those with the smallest keys. */
typedef struct {
    gk_type type;
    uint64_t flip; /* all ones reverses the order of the keys */
    int64_t k;
    int sorted;
    const gk_leaf_sorts *leaves;
} request;

typedef struct {
    int64_t below, equal;
} numbers;

typedef struct {
    const request *q;
    const void *src;
    int64_t n;
    uint64_t bound;
    numbers *counts; /* of keys below the bound and equal to it: in each chunk, then in all chunks
                        before it */
    int64_t equal;   /* how many of the keys equal to the bound are collected */
    uint64_t *keys;  /* of the collected items, in the order of their positions */
    int64_t *positions;
} search;

static int64_t chunk_end(const search *s, int64_t chunk)
{
    return (chunk + 1) * CHUNK < s->n ? (chunk + 1) * CHUNK : s->n;
}

static void count_chunks(int64_t begin, int64_t end, void *data)
{
    const search *s = data;
    const uint64_t flip = s->q->flip, bound = s->bound;
    for (int64_t c = begin; c < end && !gk_cancelled(); c++) {
        int64_t stop = chunk_end(s, c);
        numbers found = {0, 0};
        switch (s->q->type) {
#define CASE(t)                                                       \
    case t:                                                           \
        for (int64_t i = c * CHUNK; i < stop; i++) {                  \
            uint64_t key = gk_sort_item_key(s->src, i, t) ^ flip;     \
            found.below += key < bound;                               \
            found.equal += key == bound;                              \
        }                                                             \
        break;
            GK_SORT_EACH_TYPE(CASE)
#undef CASE
        default: break;
        }
        s->counts[c] = found;
    }
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Collects the items of chunks that have any. Does not write outside of a chunk's part even if the items have changed
 * since they were counted. */
static void collect_chunks(int64_t begin, int64_t end, void *data)
{
    const search *s = data;
    const uint64_t flip = s->q->flip, bound = s->bound;
    for (int64_t c = begin; c < end && !gk_cancelled(); c++) {
        int64_t stop = chunk_end(s, c), equal = least(s->counts[c].equal, s->equal);
        int64_t at = s->counts[c].below + equal, left = least(s->counts[c + 1].equal, s->equal) - equal;
        int64_t last = s->counts[c + 1].below + equal + left;
        switch (at < last ? s->q->type : GK_TYPES) {
#define CASE(t)                                                                   \
    case t:                                                                       \
        for (int64_t i = c * CHUNK; i < stop && at < last; i++) {                 \
            uint64_t key = gk_sort_item_key(s->src, i, t) ^ flip;                 \
            if (key < bound || (key == bound && left-- > 0)) {                    \
                s->keys[at] = key;                                                \
                s->positions[at++] = i;                                           \
            }                                                                     \
        }                                                                         \
        break;
            GK_SORT_EACH_TYPE(CASE)
#undef CASE
        default: break;
        }
        for (; at < last; at++) {
            s->keys[at] = bound;
            s->positions[at] = c * CHUNK;
        }
    }
}

/* Returns a key that is probably not below the one wanted last, and near to it. */
static uint64_t choose_bound(const request *q, const void *src, int64_t n)
{
    int size = n < 1 << 12 ? MAX_SAMPLE / 16 : n < 1 << 17 ? MAX_SAMPLE / 4 : MAX_SAMPLE;
    double rank = (double)q->k * size / (double)n; /* of the last wanted key in the sample */
    rank += 4 * sqrt(rank) + 8;
    if (n < 4 * size || rank >= size)
        return UINT64_MAX;
    uint64_t sample[MAX_SAMPLE], step = (uint64_t)(n / size);
    for (int i = 0; i < size; i++) {
        int64_t at = (int64_t)((uint64_t)i * step + gk_sort_hash((uint64_t)i) % step);
        switch (q->type) {
#define CASE(t) \
    case t: sample[i] = gk_sort_item_key(src, at, t) ^ q->flip; break;
            GK_SORT_EACH_TYPE(CASE)
#undef CASE
        default: break;
        }
    }
    q->leaves->of[GK_UINT64](sample, size, NULL);
    return sample[(int)rank];
}

/* Counts the items below the bound, or all if they are fewer than k, and sets *total to how many must be collected. */
static int count_items(search *s, int64_t *total, const gk_options *options)
{
    int64_t chunks = gk_ceil_div(s->n, CHUNK), k = s->q->k;
    s->bound = choose_bound(s->q, s->src, s->n);
    for (;;) {
        int status = gk_parallel_for(chunks, count_chunks, s, options);
        if (status != GK_OK)
            return status;
        numbers sum = {0, 0};
        for (int64_t c = 0; c <= chunks; c++) {
            numbers found = c < chunks ? s->counts[c] : sum;
            s->counts[c] = sum;
            sum.below += found.below;
            sum.equal += found.equal;
        }
        sum = s->counts[chunks];
        if (sum.below + sum.equal >= k || s->bound == UINT64_MAX) {
            s->equal = sum.below < k ? k - sum.below : 0;
            *total = sum.below + s->equal;
            return GK_OK;
        }
        s->bound = UINT64_MAX;
    }
}

/* Keeps the first k of the collected items in the order of keys and then positions. */
static int keep_k(search *s, int64_t total, const gk_options *options)
{
    int64_t k = s->q->k, rank = k - 1, below = 0, kept = 0;
    uint64_t last;
    int status = gk_select(s->keys, total, GK_UINT64, &rank, 1, &last, s->q->leaves, options);
    if (status != GK_OK)
        return status;
    for (int64_t i = 0; i < total; i++)
        below += s->keys[i] < last;
    int64_t equal = k - below;
    for (int64_t i = 0; i < total; i++)
        if (s->keys[i] < last || (s->keys[i] == last && equal-- > 0)) {
            s->keys[kept] = s->keys[i];
            s->positions[kept++] = s->positions[i];
        }
    return GK_OK;
}

static int find(search *s, int64_t *dst, const gk_options *options)
{
    const request *q = s->q;
    int64_t total = 0;
    s->counts = gk_allocate(gk_ceil_div(s->n, CHUNK) + 1, sizeof *s->counts);
    int status = s->counts == NULL ? GK_NO_MEMORY : count_items(s, &total, options);
    if (status != GK_OK)
        return status;
    s->keys = gk_allocate(total, sizeof *s->keys);
    s->positions = gk_allocate(total, sizeof *s->positions);
    if (s->keys == NULL || s->positions == NULL)
        return GK_NO_MEMORY;
    status = gk_parallel_for(gk_ceil_div(s->n, CHUNK), collect_chunks, s, options);
    if (status == GK_OK && total > q->k)
        status = keep_k(s, total, options);
    if (status == GK_OK && q->sorted)
        status = gk_argsort_long(s->keys, dst, q->k, GK_UINT64, q->leaves, options);
    for (int64_t i = 0; i < q->k && status == GK_OK; i++)
        dst[i] = s->positions[q->sorted ? dst[i] : i];
    return status;
}

static int find_on_all_threads(const void *src, void *dst, int64_t n, const void *data, const gk_options *options)
{
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.eager = n > 1 << 17;
    mine.grain = 1;
    search s = {.q = data, .src = src, .n = n};
    int status = find(&s, dst, &mine);
    free(s.counts);
    free(s.keys);
    free(s.positions);
    return status;
}

static int find_on_one_thread(const void *src, void *dst, int64_t n, const void *data)
{
    return find_on_all_threads(src, dst, n, data, &(gk_options){.threads = 1});
}

int gk_topk(const char *src, char *dst, const gk_slices *slices, gk_type type, int64_t k, int largest, int sorted,
            const gk_leaf_sorts *leaves, const gk_options *options)
{
    request q = {type, largest ? UINT64_MAX : 0, k, sorted, leaves};
    gk_slice_kernel kernel = {
        .src_size = gk_itemsize(type),
        .dst_size = 8,
        .cost = 3,
        .on_one_thread = find_on_one_thread,
        .on_all_threads = find_on_all_threads,
        .long_from = 2 * CHUNK,
    };
    return gk_slices_apply(&kernel, &q, src, dst, slices, options);
}
