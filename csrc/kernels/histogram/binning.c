#include "kernels/histogram/binning.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "kernels/array/memory.h"

/* Each participant has a table of its own, unless all tables together would have
 * more entries than PRIVATE_ENTRIES, or many more entries than there are items.
 * Clearing and adding them up would then be most of the work. In that case each
 * participant owns a part of one table, looks at every item, and adds those that
 * fall into its part. */
enum { PRIVATE_ENTRIES = 1 << 22, PRIVATE_ENTRIES_AN_ITEM = 4 };

/* For tables this small, each participant has several. An addition to a bin waits for
 * the previous addition to the same bin, so equal neighbours in one table are slow. */
enum { COPIES = 4, COPIED_BINS = 1024 };

/* Fewer items than this are not worth several tables. */
enum { FEW = 2048 };

enum { CHUNK = 1 << 15 };

typedef struct {
    const gk_binning *binning;
    const double *weights;
    int single;
    int copies;
    int64_t stride;   /* entries of a table */
    int64_t *tables;  /* `copies` tables of `stride` entries for each participant */
    int64_t *counts;  /* the result */
    double *partials; /* the partial sums of a wave of stretches */
    double *sums;
    int64_t stretch; /* the first stretch of the wave */
    int64_t wave;    /* the number of stretches in the wave */
    int64_t parts;
} binning_run;

/* Prefetches later items. Eight items span at most one cache line. */
static void count_in_copies(const uint32_t *index, int64_t n, int64_t *table, int64_t stride, uintptr_t later,
                            int64_t itemsize)
{
    int64_t k = 0;
    for (; k + 2 * COPIES <= n; k += 2 * COPIES) {
        GK_PREFETCH(later + (uintptr_t)(k * itemsize));
        for (int64_t i = k; i < k + 2 * COPIES; i += COPIES) {
            table[index[i]]++;
            table[stride + index[i + 1]]++;
            table[2 * stride + index[i + 2]]++;
            table[3 * stride + index[i + 3]]++;
        }
    }
    for (; k < n; k++)
        table[index[k]]++;
}

static void count_chunks(int64_t begin, int64_t end, void *data)
{
    const binning_run *t = data;
    const gk_binning *binning = t->binning;
    uint32_t index[GK_BINNING_BLOCK];
    int64_t stop = end * CHUNK < binning->n ? end * CHUNK : binning->n, stride = t->stride;
    int64_t *table = t->tables + gk_participant() * t->copies * stride;
    for (int64_t i = begin * CHUNK; i < stop; i += GK_BINNING_BLOCK) {
        int64_t n = stop - i < GK_BINNING_BLOCK ? stop - i : GK_BINNING_BLOCK, size = binning->itemsize;
        uintptr_t later = (uintptr_t)binning->items + (uintptr_t)(i * size) + GK_PREFETCH_AHEAD;
        binning->index_of(binning->data, i, n, index);
        if (t->copies == COPIES)
            count_in_copies(index, n, table, stride, later, size);
        else
            for (int64_t k = 0; k < n; k++)
                table[index[k]]++;
    }
}

/* Adds the tables together. */
static void add_tables(int64_t begin, int64_t end, void *data)
{
    const binning_run *t = data;
    memcpy(t->counts + begin, t->tables + begin, (size_t)(end - begin) * sizeof *t->counts);
    for (int64_t table = 1; table < t->parts; table++)
        for (int64_t b = begin; b < end; b++)
            t->counts[b] += t->tables[table * t->stride + b];
}

/* Branch-free, because a branch would often be mispredicted. */
int64_t gk_binning_block_of_part(const gk_binning *binning, int64_t i, uint32_t low, uint32_t high, uint32_t *index,
                                 uint32_t *mine)
{
    int64_t n = binning->n - i < GK_BINNING_BLOCK ? binning->n - i : GK_BINNING_BLOCK, found = 0;
    binning->index_of(binning->data, i, n, index);
    for (int64_t k = 0; k < n; k++) {
        mine[found] = (uint32_t)k;
        found += index[k] - low < high - low;
    }
    return found;
}

static int64_t block_of_part(const binning_run *t, int64_t part, int64_t i, uint32_t *index, uint32_t *mine)
{
    return gk_binning_block_of_part(t->binning, i, (uint32_t)(t->stride * part / t->parts),
                                    (uint32_t)(t->stride * (part + 1) / t->parts), index, mine);
}

static void count_parts(int64_t begin, int64_t end, void *data)
{
    const binning_run *t = data;
    uint32_t index[GK_BINNING_BLOCK], mine[GK_BINNING_BLOCK];
    for (int64_t part = begin; part < end; part++)
        for (int64_t i = 0; i < t->binning->n; i += GK_BINNING_BLOCK) {
            int64_t n = block_of_part(t, part, i, index, mine);
            for (int64_t k = 0; k < n; k++)
                t->counts[index[mine[k]]]++;
            if (gk_cancelled())
                return;
        }
}

int gk_binning_counts(const gk_binning *binning, int64_t *counts, const gk_options *options)
{
    gk_options mine = options != NULL ? *options : (gk_options){0};
    int64_t n = binning->n, chunks = gk_ceil_div(n, CHUNK), bytes = (binning->bins + 1) * (int64_t)sizeof *counts;
    binning_run t = {.binning = binning, .stride = binning->bins + 1, .counts = counts};
    int status;
    if (n <= FEW) {
        if ((status = gk_clear(counts, bytes, options)) != GK_OK)
            return status;
        t.copies = 1;
        t.tables = counts;
        mine.threads = 1;
        return gk_parallel_for(chunks, count_chunks, &t, &mine);
    }
    mine.grain = 1;
    mine.eager = n > 1 << 18;
    int64_t threads = gk_participants(&mine);
    if (threads > chunks)
        threads = chunks;
    t.copies = binning->bins <= COPIED_BINS ? COPIES : 1;
    t.parts = threads * t.copies;
    if (threads == 1)
        mine.threads = 1;
    int shared = t.parts * t.stride > PRIVATE_ENTRIES ||
                 (t.copies == 1 && t.parts * t.stride / PRIVATE_ENTRIES_AN_ITEM > n);
    if (threads == 1 ? t.copies == 1 : shared) {
        if ((status = gk_clear(counts, bytes, options)) != GK_OK)
            return status;
        t.tables = counts;
        if (threads == 1)
            return gk_parallel_for(chunks, count_chunks, &t, &mine);
        t.parts = threads < GK_BINNING_MAX_PARTS ? threads : GK_BINNING_MAX_PARTS;
        return gk_parallel_for(t.parts, count_parts, &t, &mine);
    }
    t.stride = gk_whole_lines(t.stride, sizeof *t.tables);
    void *block = calloc((size_t)(t.parts * t.stride) + GK_CACHE_LINE / sizeof *t.tables, sizeof *t.tables);
    if (block == NULL)
        return GK_NO_MEMORY;
    t.tables = gk_next_line(block);
    status = gk_parallel_for(chunks, count_chunks, &t, &mine);
    if (status == GK_OK) {
        mine.grain = 1 << 14;
        mine.eager = 0;
        status = gk_parallel_for(binning->bins + 1, add_tables, &t, &mine);
    }
    free(block);
    return status;
}

/* Adds the weights of items begin <= i < end to the table. */
static void add_weights(const binning_run *t, int64_t begin, int64_t end, double *table)
{
    enum { LINE = 8 }; /* weights in a cache line */
    uint32_t index[GK_BINNING_BLOCK], bins = (uint32_t)t->binning->bins;
    for (int64_t i = begin; i < end; i += GK_BINNING_BLOCK) {
        int64_t n = end - i < GK_BINNING_BLOCK ? end - i : GK_BINNING_BLOCK;
        t->binning->index_of(t->binning->data, i, n, index);
        for (int64_t k = 0; k < n; k++) {
            if (k % LINE == 0) {
                GK_PREFETCH((uintptr_t)t->binning->items + (uintptr_t)((i + k) * t->binning->itemsize) + GK_PREFETCH_AHEAD);
                GK_PREFETCH((uintptr_t)(t->weights + i + k) + GK_PREFETCH_AHEAD);
            }
            if (index[k] < bins)
                table[index[k]] += t->weights[i + k];
        }
    }
}

static void add_stretches(int64_t begin, int64_t end, void *data)
{
    const binning_run *t = data;
    for (int64_t s = begin; s < end && !gk_cancelled(); s++) {
        double *table = t->partials + s * t->stride;
        int64_t from = (t->stretch + s) * GK_BINNING_STRETCH, to = from + GK_BINNING_STRETCH;
        memset(table, 0, (size_t)t->stride * sizeof *table);
        add_weights(t, from, to < t->binning->n ? to : t->binning->n, table);
    }
}

static void add_partials(int64_t begin, int64_t end, void *data)
{
    const binning_run *t = data;
    for (int64_t s = 0; s < t->wave; s++) {
        const double *partial = t->partials + s * t->stride;
        if (t->single)
            for (int64_t b = begin; b < end; b++)
                t->sums[b] = (float)(t->sums[b] + (double)(float)partial[b]);
        else
            for (int64_t b = begin; b < end; b++)
                t->sums[b] += partial[b];
    }
}

static void add_parts(int64_t begin, int64_t end, void *data)
{
    const binning_run *t = data;
    uint32_t index[GK_BINNING_BLOCK], mine[GK_BINNING_BLOCK];
    for (int64_t part = begin; part < end; part++)
        for (int64_t i = 0; i < t->binning->n; i += GK_BINNING_BLOCK) {
            int64_t n = block_of_part(t, part, i, index, mine);
            for (int64_t k = 0; k < n; k++)
                t->sums[index[mine[k]]] += t->weights[i + mine[k]];
            if (gk_cancelled())
                return;
        }
}

int gk_binning_weights(const gk_binning *binning, const double *weights, int single, double *sums,
                     const gk_options *options)
{
    gk_options mine = options != NULL ? *options : (gk_options){0};
    binning_run t = {.binning = binning, .weights = weights, .single = single, .stride = binning->bins, .sums = sums};
    int64_t stretches = gk_ceil_div(binning->n, GK_BINNING_STRETCH);
    int status = gk_clear(sums, binning->bins * (int64_t)sizeof *sums, options);
    if (status != GK_OK)
        return status;
    mine.grain = 1;
    mine.eager = binning->n > 1 << 17;
    int threads = stretches > 1 ? gk_participants(&mine) : 1;
    if (binning->bins > GK_BINNING_PARTIAL || binning->in_order) {
        t.parts = threads < GK_BINNING_MAX_PARTS ? threads : GK_BINNING_MAX_PARTS;
        return gk_parallel_for(t.parts, add_parts, &t, &mine);
    }
    t.stride = gk_whole_lines(t.stride, sizeof *t.partials);
    /* Limit the partial sums of a wave to 64 stretches if there are many bins. */
    int64_t max_wave = stretches < 8 * threads ? stretches : 8 * threads;
    if (max_wave > 64 && max_wave * t.stride > PRIVATE_ENTRIES)
        max_wave = 64;
    if (max_wave == 0)
        return GK_OK;
    void *block = gk_allocate(max_wave * t.stride * (int64_t)sizeof *t.partials + GK_CACHE_LINE, 1);
    if (block == NULL)
        return GK_NO_MEMORY;
    t.partials = gk_next_line(block);
    for (t.stretch = 0; t.stretch < stretches && status == GK_OK; t.stretch += max_wave) {
        t.wave = stretches - t.stretch < max_wave ? stretches - t.stretch : max_wave;
        mine.grain = 1;
        if ((status = gk_parallel_for(t.wave, add_stretches, &t, &mine)) != GK_OK)
            break;
        mine.grain = 4096;
        status = gk_parallel_for(binning->bins, add_partials, &t, &mine);
    }
    free(block);
    return status;
}
