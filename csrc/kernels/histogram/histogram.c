/* The bin of each item. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/fp_control.h"
#include "base/isa.h"
#include "kernels/array/load.h"
#include "kernels/histogram/binning.h"
#include "kernels/array/memory.h"

/* The minimum and maximum of a block are computed in WIDTH accumulators, ROWS rows at a time. */
enum { WIDTH = 32, ROWS = 4 };

#define FOREACH_ISA "kernels/histogram/histogram_template.h"
#include "base/foreach_isa.h"

/* Returns the items from `begin` on as doubles, in place or converted into the buffer. */
static const double *as_doubles(const void *items, gk_type type, int64_t begin, int64_t n, double *buffer)
{
    if (type == GK_FLOAT64)
        return (const double *)items + begin;
    int64_t size = gk_itemsize(type);
    gk_load_as_float64(type)(buffer, (const char *)items + begin * size, size, n);
    return buffer;
}

/* The bin of an item does not depend on the caller's floating-point mode. Sums of
 * weights do. */
static void histogram_index(const void *data, int64_t begin, int64_t n, uint32_t *index)
{
    const gk_histogram *h = data;
    double buffer[GK_BINNING_BLOCK];
    gk_fp_saved saved = gk_fp_use_default();
    const double *x = as_doubles(h->items, h->type, begin, n, buffer);
    if (h->uniform)
        GK_DISPATCH(uniform)(x, n, h, index);
    else
        GK_DISPATCH(search)(x, n, h, index);
    gk_fp_restore(saved);
}

int gk_histogram_counts(const gk_histogram *h, int64_t n, int64_t *counts, const gk_options *options)
{
    gk_binning binning = {histogram_index, h, n, h->bins, h->items, gk_itemsize(h->type), 0};
    return gk_binning_counts(&binning, counts, options);
}

int gk_histogram_weights(const gk_histogram *h, int64_t n, const double *weights, int single, double *sums,
                         const gk_options *options)
{
    gk_binning binning = {histogram_index, h, n, h->bins, h->items, gk_itemsize(h->type), 0};
    return gk_binning_weights(&binning, weights, single, sums, options);
}

typedef struct {
    const gk_histogram *of;
    int dims;
    uint32_t bins; /* of all dimensions together */
} product_histogram;

static void product_index(const void *data, int64_t begin, int64_t n, uint32_t *index)
{
    const product_histogram *h = data;
    uint32_t own[GK_BINNING_BLOCK];
    memset(index, 0, (size_t)n * sizeof *index);
    for (int d = 0; d < h->dims; d++) {
        uint32_t bins = (uint32_t)h->of[d].bins;
        histogram_index(&h->of[d], begin, n, own);
        for (int64_t i = 0; i < n; i++)
            index[i] = own[i] < bins && index[i] < h->bins ? index[i] * bins + own[i] : h->bins;
    }
}

int gk_histogramdd(const gk_histogram *of, int dims, int64_t n, const double *weights, void *bins,
                   const gk_options *options)
{
    product_histogram h = {of, dims, 1};
    for (int d = 0; d < dims; d++)
        h.bins *= (uint32_t)of[d].bins;
    gk_binning binning = {product_index, &h, n, h.bins, of[0].items, gk_itemsize(of[0].type), 1};
    return weights == NULL ? gk_binning_counts(&binning, bins, options)
                           : gk_binning_weights(&binning, weights, 0, bins, options);
}

typedef struct {
    const void *items;
    gk_type type;
    int64_t bins;
} bincounting;

static void bincount_index(const void *data, int64_t begin, int64_t n, uint32_t *index)
{
    const bincounting *b = data;
    int64_t buffer[GK_BINNING_BLOCK], size = gk_itemsize(b->type);
    const int64_t *x = buffer;
    if (b->type == GK_INT64)
        x = (const int64_t *)b->items + begin;
    else
        gk_load_as_int64(b->type)(buffer, (const char *)b->items + begin * size, size, n);
    GK_DISPATCH(narrow)(x, n, b->bins, index);
}

int gk_bincount_counts(const void *items, gk_type type, int64_t n, int64_t bins, int64_t *counts,
                       const gk_options *options)
{
    bincounting b = {items, type, bins};
    gk_binning binning = {bincount_index, &b, n, bins, items, gk_itemsize(type), 0};
    return gk_binning_counts(&binning, counts, options);
}

int gk_bincount_weights(const void *items, gk_type type, int64_t n, int64_t bins, const double *weights,
                        double *sums, const gk_options *options)
{
    bincounting b = {items, type, bins};
    gk_binning binning = {bincount_index, &b, n, bins, items, gk_itemsize(type), 0};
    return gk_binning_weights(&binning, weights, 0, sums, options);
}

typedef struct {
    const void *items;
    gk_type type;
    int64_t n, chunk;
    gk_minmax *found; /* the result of each chunk */
} minmax_search;

static gk_minmax join(gk_minmax a, gk_minmax b)
{
    if (isnan(a.min) || isnan(b.min))
        return (gk_minmax){NAN, NAN};
    return (gk_minmax){a.min < b.min ? a.min : b.min, a.max > b.max ? a.max : b.max};
}

static void search_chunks(int64_t begin, int64_t end, void *data)
{
    const minmax_search *s = data;
    int64_t size = gk_itemsize(s->type);
    for (int64_t c = begin; c < end; c++) {
        int64_t stop = (c + 1) * s->chunk < s->n ? (c + 1) * s->chunk : s->n;
        gk_minmax all = {0}; /* stored once, because the neighbours are other threads' */
        for (int64_t i = c * s->chunk; i < stop; i += GK_BINNING_BLOCK) {
            double buffer[GK_BINNING_BLOCK];
            int64_t n = stop - i < GK_BINNING_BLOCK ? stop - i : GK_BINNING_BLOCK;
            uintptr_t later = (uintptr_t)s->items + (uintptr_t)(i * size) + GK_PREFETCH_AHEAD;
            for (int64_t k = 0; k < n * size; k += GK_PREFETCH_STEP)
                GK_PREFETCH(later + (uintptr_t)k);
            gk_minmax found = GK_DISPATCH(minmax)(as_doubles(s->items, s->type, i, n, buffer), n);
            all = i == c * s->chunk ? found : join(all, found);
        }
        s->found[c] = all;
    }
}

static GK_NOINLINE int find_minmax(const void *items, gk_type type, int64_t n, gk_minmax *minmax,
                                   const gk_options *options)
{
    minmax_search s = {items, type, n, 1 << 16, minmax};
    if (n <= s.chunk) {
        search_chunks(0, 1, &s);
        return GK_OK;
    }
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.grain = 1;
    mine.eager = n > 1 << 19;
    int64_t chunks = gk_ceil_div(n, s.chunk);
    if ((s.found = gk_allocate(chunks, sizeof *s.found)) == NULL)
        return GK_NO_MEMORY;
    int status = gk_parallel_for(chunks, search_chunks, &s, &mine);
    if (status == GK_OK) {
        *minmax = s.found[0];
        for (int64_t c = 1; c < chunks; c++)
            *minmax = join(*minmax, s.found[c]);
    }
    free(s.found);
    return status;
}

int gk_minmax_of(const void *items, gk_type type, int64_t n, gk_minmax *minmax, const gk_options *options)
{
    gk_fp_saved saved = gk_fp_use_default();
    int status = find_minmax(items, type, n, minmax, options);
    gk_fp_restore(saved);
    return status;
}
