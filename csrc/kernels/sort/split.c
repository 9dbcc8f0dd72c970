#include "kernels/sort/split.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/isa.h"
#include "kernels/array/memory.h"

#if GK_X86
#  include "kernels/sort/split_avx512.h"
#endif

/* In bytes. A chunk and its copy stay in a second-level cache of 1 MiB, and so does a bucket. More buckets take more
 * levels, but save the sorts of the buckets only those passes that go beyond that cache. */
enum { CHUNK = 1 << 18, BUCKET = 1 << 19, MOST_BUCKETS = 64 };
/* In items. A sort of a bucket cannot be interrupted. */
enum { LARGEST_BUCKET = 1 << 20 };

int gk_split_available(void)
{
#if GK_X86
    return gk_isa() == GK_ISA_AVX512;
#else
    return 0;
#endif
}

static int64_t split_in_two(const gk_buckets *b, const void *from, void *to, int64_t n, int64_t pivot)
{
#if GK_X86
    return (b->size == 8 ? split64_avx512 : split32_avx512)(from, to, n, pivot, &b->order);
#else
    (void)b, (void)from, (void)to, (void)pivot;
    return n;
#endif
}

/* A chunk on its way down the tree of pivots. */
typedef struct {
    const gk_buckets *b;
    const char *from[GK_MAX_LEVELS]; /* where each level reads and writes the chunk */
    char *to[GK_MAX_LEVELS];
    uint32_t *starts;
} descent;

static void descend(const descent *d, int level, int node, int64_t begin, int64_t end)
{
    const gk_buckets *b = d->b;
    if (level == b->levels) {
        d->starts[node - b->buckets] = (uint32_t)begin;
        return;
    }
    int64_t at = begin * (int64_t)b->size;
    int64_t middle = begin + split_in_two(b, d->from[level] + at, d->to[level] + at, end - begin, b->tree[node]);
    descend(d, level + 1, 2 * node, begin, middle);
    descend(d, level + 1, 2 * node + 1, middle, end);
}

static void split_chunks(int64_t begin, int64_t end, void *data)
{
    const gk_split *s = data;
    const gk_buckets *b = &s->b;
    descent d = {.b = b};
    for (int64_t c = begin; c < end && !gk_cancelled(); c++) {
        int64_t at = c * b->chunk * (int64_t)b->size, n = gk_buckets_chunk_end(b, c) - c * b->chunk;
        char *blocks[] = {s->between + gk_participant() * b->chunk * (int64_t)b->size, s->chunks + at};
        for (int level = 0; level < b->levels; level++) { /* the last one writes to s->chunks */
            d.to[level] = blocks[(b->levels - level) % 2];
            d.from[level] = level > 0 ? d.to[level - 1] : b->src + at;
        }
        d.starts = s->starts + c * b->buckets;
        descend(&d, 0, 1, 0, n);
        for (int i = 0; i < b->buckets; i++)
            b->counts[c * b->buckets + i] = (i + 1 < b->buckets ? d.starts[i + 1] : n) - d.starts[i];
    }
}

int gk_split_open(gk_split *s, const void *src, int64_t n, gk_type type, int64_t least, const gk_leaf_sorts *leaves,
                  const gk_options *options)
{
    gk_buckets *b = &s->b;
    int64_t size = gk_itemsize(type), wanted = n / (BUCKET / size), most = CHUNK / size;
    wanted = wanted < MOST_BUCKETS ? wanted : MOST_BUCKETS;
    wanted = wanted > n / LARGEST_BUCKET ? wanted : n / LARGEST_BUCKET;
    *s = (gk_split){.chunks = NULL};
    gk_buckets_plan(b, src, n, type, wanted > least ? wanted : least, leaves);
    b->chunk = n / 16 < most ? n / 16 + 1 : most;
    b->chunks = gk_ceil_div(n, b->chunk);
    int64_t entries = b->chunks * b->buckets, between = gk_participants(options) * b->chunk;
    b->counts = gk_allocate(entries, sizeof *b->counts);
    s->chunks = gk_scratch_allocate((n + between) * size + entries * (int64_t)sizeof *s->starts, 1);
    if (b->counts == NULL || s->chunks == NULL)
        return GK_NO_MEMORY;
    s->between = s->chunks + n * size;
    s->starts = (uint32_t *)(void *)(s->between + between * size);
    return gk_buckets_count(b, split_chunks, s, options);
}

void gk_split_gather(const gk_split *s, int bucket, int64_t begin, int64_t end, void *dst)
{
    const gk_buckets *b = &s->b;
    int64_t size = (int64_t)b->size;
    for (int64_t c = begin; c < end; c++) {
        int64_t entry = c * b->buckets + bucket, from = c * b->chunk + s->starts[entry];
        int64_t stop = bucket + 1 < b->buckets ? c * b->chunk + s->starts[entry + 1] : gk_buckets_chunk_end(b, c);
        memcpy((char *)dst + b->counts[entry] * size, s->chunks + from * size, (size_t)((stop - from) * size));
    }
}

void gk_split_close(gk_split *s)
{
    gk_scratch_release(s->chunks);
    gk_buckets_close(&s->b);
}
