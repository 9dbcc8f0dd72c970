/* Selects by dividing long slices into buckets. Only buckets that contain a wanted rank are
 * gathered and divided again, so memory is read twice: once to find the bucket of each item, and
 * once to gather.
 */
#include "kernels/sort/select.h"

#include <stdlib.h>
#include <string.h>

#include "base/fp_control.h"
#include "kernels/array/memory.h"
#include "kernels/sort/buckets.h"
#include "runtime/reduce.h"

enum {
    BUCKETS = 32,   /* their pivots are in registers */
    SHORT = 1 << 12 /* fewer items are sorted */
};

typedef struct {
    gk_buckets b;
    uint8_t wanted[GK_MAX_BUCKETS]; /* whether the bucket is gathered */
    int64_t shift[GK_MAX_BUCKETS];  /* from a position in sorted order to that in `gathered` */
    char *gathered;
} selection;

#define GATHER(type)                                          \
    do {                                                      \
        const type *GK_RESTRICT src = (const type *)s->b.src; \
        type *GK_RESTRICT dst = (type *)s->gathered;          \
        for (int64_t i = c * s->b.chunk; i < stop; i++)       \
            if (s->wanted[s->b.ids[i]])                       \
                dst[next[s->b.ids[i]]++] = src[i];            \
    } while (0)

static void gather_chunks(int64_t begin, int64_t end, void *data)
{
    const selection *s = data;
    for (int64_t c = begin; c < end && !gk_cancelled(); c++) {
        int64_t next[GK_MAX_BUCKETS], stop = gk_buckets_chunk_end(&s->b, c);
        for (int b = 0; b < s->b.buckets; b++)
            next[b] = s->b.counts[c * s->b.buckets + b] + s->shift[b];
        if (s->b.size == 8)
            GATHER(uint64_t);
        else
            GATHER(uint32_t);
    }
}

static void store(const gk_buckets *b, int64_t key, char *to)
{
    if (b->size == 8) {
        uint64_t bits = gk_sort_unkey64((uint64_t)key, b->order);
        memcpy(to, &bits, sizeof bits);
    } else {
        uint32_t bits = gk_sort_unkey32((uint32_t)key, b->order);
        memcpy(to, &bits, sizeof bits);
    }
}

static int select_by_sorting(const void *items, int64_t n, gk_type type, const int64_t *ranks, int64_t n_ranks,
                             char *values, const gk_leaf_sorts *leaves, const gk_options *options)
{
    int64_t size = gk_itemsize(type);
    char *sorted = gk_allocate(n, size);
    if (sorted == NULL)
        return GK_NO_MEMORY;
    int status = GK_OK;
    if (n < GK_SORT_LONG)
        gk_sort_copy(items, sorted, n, type, leaves);
    else
        status = gk_sort_long(items, sorted, n, type, leaves, options);
    for (int64_t k = 0; k < n_ranks && status == GK_OK; k++)
        memcpy(values + k * size, sorted + ranks[k] * size, (size_t)size);
    free(sorted);
    return status;
}

static int select_any(const void *items, int64_t n, gk_type type, int64_t *ranks, int64_t n_ranks, char *values,
                      const gk_leaf_sorts *leaves, const gk_options *options);

/* Selects within each wanted bucket. Overwrites the ranks with ranks within the buckets. */
static int select_in_buckets(const selection *s, int64_t *ranks, int64_t n_ranks, char *values,
                             const gk_leaf_sorts *leaves, const gk_options *options)
{
    const gk_buckets *b = &s->b;
    int64_t size = (int64_t)b->size, k = 0;
    int status = GK_OK;
    for (int bucket = 0; bucket < b->buckets && k < n_ranks && status == GK_OK; bucket++) {
        int64_t first = k, items = b->begin[bucket + 1] - b->begin[bucket];
        for (; k < n_ranks && ranks[k] < b->begin[bucket + 1]; k++) {
            if (b->equal[bucket])
                store(b, b->pivots[bucket - 1], values + k * size);
            ranks[k] -= b->begin[bucket];
        }
        if (k == first || b->equal[bucket])
            continue;
        const char *from = s->gathered + (b->begin[bucket] + s->shift[bucket]) * size;
        if (items > b->n / 2) /* the sample did not divide them */
            status = select_by_sorting(from, items, b->type, ranks + first, k - first, values + first * size, leaves,
                                       options);
        else
            status = select_any(from, items, b->type, ranks + first, k - first, values + first * size, leaves,
                                options);
    }
    return status;
}

/* Overwrites the ranks. */
static int select_any(const void *items, int64_t n, gk_type type, int64_t *ranks, int64_t n_ranks, char *values,
                      const gk_leaf_sorts *leaves, const gk_options *options)
{
    if (n < SHORT || gk_itemsize(type) <= 2)
        return select_by_sorting(items, n, type, ranks, n_ranks, values, leaves, options);
    selection s = {.gathered = NULL};
    int status = gk_buckets_open(&s.b, items, n, type, BUCKETS, leaves);
    if (status == GK_OK)
        status = gk_buckets_divide(&s.b, options);
    if (status != GK_OK)
        goto end;
    for (int64_t k = 0, bucket = 0; k < n_ranks; k++) {
        while (ranks[k] >= s.b.begin[bucket + 1])
            bucket++;
        s.wanted[bucket] = !s.b.equal[bucket];
    }
    int64_t gathered = 0;
    for (int bucket = 0; bucket < s.b.buckets; bucket++) {
        s.shift[bucket] = gathered - s.b.begin[bucket];
        if (s.wanted[bucket])
            gathered += s.b.begin[bucket + 1] - s.b.begin[bucket];
    }
    if (gathered > 0) {
        if ((s.gathered = gk_allocate(gathered, (int64_t)s.b.size)) == NULL)
            status = GK_NO_MEMORY;
        else
            status = gk_parallel_for(s.b.chunks, gather_chunks, &s, options);
    }
    if (status == GK_OK)
        status = select_in_buckets(&s, ranks, n_ranks, values, leaves, options);
end:
    free(s.gathered);
    gk_buckets_close(&s.b);
    return status;
}

int gk_select(const void *items, int64_t n, gk_type type, const int64_t *ranks, int64_t n_ranks, void *values,
              const gk_leaf_sorts *leaves, const gk_options *options)
{
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.eager = n > 1 << 17;
    mine.grain = 1;
    int64_t *own = gk_allocate(n_ranks, sizeof *own);
    if (own == NULL)
        return GK_NO_MEMORY;
    memcpy(own, ranks, (size_t)n_ranks * sizeof *own);
    /* As in gk_sort: subnormals must not be flushed to 0. */
    gk_fp_saved saved = gk_fp_use_default();
    int status = select_any(items, n, type, own, n_ranks, values, leaves, &mine);
    gk_fp_restore(saved);
    free(own);
    return status;
}

typedef struct {
    const void *items;
    gk_type type;
} counting;

static void count_nans(int64_t begin, int64_t end, void *data, void *partial)
{
    const counting *c = data;
    int64_t found = 0;
    if (c->type == GK_FLOAT64) {
        const double *x = c->items;
        for (int64_t i = begin; i < end; i++)
            found += x[i] != x[i];
    } else {
        const float *x = c->items;
        for (int64_t i = begin; i < end; i++)
            found += x[i] != x[i];
    }
    *(int64_t *)partial += found;
}

static void add(void *into, const void *from, void *data)
{
    (void)data;
    *(int64_t *)into += *(const int64_t *)from;
}

int gk_count_nans(const void *items, int64_t n, gk_type type, int64_t *count, const gk_options *options)
{
    counting c = {items, type};
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.grain = 1 << 16;
    *count = 0;
    return gk_parallel_reduce(n, sizeof *count, count_nans, add, &c, count, &mine);
}
