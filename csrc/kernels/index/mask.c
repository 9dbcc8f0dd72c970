/* The mask is read 64 items at a time, as the bits of a word. Selected items are written without
 * branches: every item is stored at the next free position, and the position advances only if the
 * item is selected.
 *
 * Such stores reach beyond the last selected item. They stay within the chunk's own part of
 * the result, because the last 64 items of a part are written one by one. So nothing is
 * written outside the result either, even if another thread changes the mask meanwhile.
 */
#include "kernels/index/mask.h"

#include <string.h>

#include "base/compiler.h"
#include "base/isa.h"
#include "kernels/array/iterator.h"
#include "kernels/array/memory.h"

enum { WORD = 64, WORDS = GK_MASK_CHUNK / WORD };

GK_INLINE int count_bits(uint64_t word)
{
#if defined(__GNUC__) || defined(__clang__)
    return __builtin_popcountll(word);
#else
    int count = 0;
    for (; word != 0; word &= word - 1)
        count++;
    return count;
#endif
}

/* The number of zeros below the lowest 1 of a word that is not 0. */
GK_INLINE int lowest_bit(uint64_t word)
{
#if defined(__GNUC__) || defined(__clang__)
    return __builtin_ctzll(word);
#else
    return count_bits((word & (0 - word)) - 1);
#endif
}

/* An item of 16 bytes. */
typedef struct {
    uint64_t half[2];
} pair;

#define FOREACH_ISA "kernels/index/mask_template.h"
#include "base/foreach_isa.h"

typedef struct {
    const gk_mask *mask;
    const char *items;
    int64_t size;
    char *selected;
    int ndim;
    const int64_t *shape;
    int64_t *const *indices;
} writing;

static int64_t chunk_end(const gk_mask *mask, int64_t c)
{
    return (c + 1) * GK_MASK_CHUNK < mask->n ? (c + 1) * GK_MASK_CHUNK : mask->n;
}

static void count_chunks(int64_t begin, int64_t end, void *data)
{
    const gk_mask *mask = data;
    for (int64_t c = begin; c < end; c++)
        mask->offsets[c + 1] = GK_DISPATCH(count)(mask, c * GK_MASK_CHUNK, chunk_end(mask, c));
}

static int over_chunks(const gk_mask *mask, gk_body *body, void *data, const gk_options *options)
{
    int64_t chunks = gk_ceil_div(mask->n, GK_MASK_CHUNK);
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.grain = 1;
    mine.eager = chunks >= 8;
    return gk_parallel_for(chunks, body, data, &mine);
}

int gk_mask_count(const gk_mask *mask, const gk_options *options)
{
    int status = over_chunks(mask, count_chunks, (void *)mask, options);
    mask->offsets[0] = 0;
    for (int64_t c = 0, chunks = gk_ceil_div(mask->n, GK_MASK_CHUNK); c < chunks && status == GK_OK; c++)
        mask->offsets[c + 1] += mask->offsets[c];
    return status;
}

static void copy_chunks(int64_t begin, int64_t end, void *data)
{
    const writing *w = data;
    const gk_mask *mask = w->mask;
    for (int64_t c = begin; c < end && !gk_cancelled(); c++) {
        int64_t from = c * GK_MASK_CHUNK, to = chunk_end(mask, c), at = mask->offsets[c], last = mask->offsets[c + 1];
        switch (w->size) {
        case 1: GK_DISPATCH(copy_8)(mask, from, to, w->items, w->selected, at, last); break;
        case 2: GK_DISPATCH(copy_16)(mask, from, to, w->items, w->selected, at, last); break;
        case 4: GK_DISPATCH(copy_32)(mask, from, to, w->items, w->selected, at, last); break;
        case 8: GK_DISPATCH(copy_64)(mask, from, to, w->items, w->selected, at, last); break;
        default: GK_DISPATCH(copy_runs)(mask, from, to, w->items, w->size, w->selected, at, last); break;
        }
    }
}

int gk_mask_copy(const gk_mask *mask, const void *items, int64_t size, void *selected, const gk_options *options)
{
    writing w = {.mask = mask, .items = items, .size = size, .selected = selected};
    return over_chunks(mask, copy_chunks, &w, options);
}

typedef struct {
    const gk_mask *mask;
    gk_mask_values which;
    const void *values;
    int64_t size;
    void *items;
} assignment;

static void assign_chunks(int64_t begin, int64_t end, void *data)
{
    const assignment *a = data;
    const gk_mask *mask = a->mask;
    for (int64_t c = begin; c < end; c++) {
        int64_t from = c * GK_MASK_CHUNK, to = chunk_end(mask, c), k = 0, last = 0;
        if (a->which == GK_MASK_NEXT) {
            k = mask->offsets[c];
            last = mask->offsets[c + 1];
        }
        if (a->which == GK_MASK_NEXT && k == last)
            continue; /* also keeps `values`, which may be empty, from being read */
        switch (a->size) {
        case 1: GK_DISPATCH(assign_8)(mask, from, to, a->which, a->values, k, last, a->items); break;
        case 2: GK_DISPATCH(assign_16)(mask, from, to, a->which, a->values, k, last, a->items); break;
        case 4: GK_DISPATCH(assign_32)(mask, from, to, a->which, a->values, k, last, a->items); break;
        case 8: GK_DISPATCH(assign_64)(mask, from, to, a->which, a->values, k, last, a->items); break;
        default: GK_DISPATCH(assign_pair)(mask, from, to, a->which, a->values, k, last, a->items); break;
        }
    }
}

int gk_mask_assign(const gk_mask *mask, gk_mask_values which, const void *values, int64_t size, void *items,
                   const gk_options *options)
{
    assignment a = {mask, which, values, size, items};
    return over_chunks(mask, assign_chunks, &a, options);
}

/* Row after row, because the indices along the outer dimensions are the same for a whole row. */
static void write_chunk(const writing *w, int64_t c)
{
    const gk_mask *mask = w->mask;
    int inner = w->ndim - 1;
    int64_t columns = w->shape[inner], from = c * GK_MASK_CHUNK, to = chunk_end(mask, c);
    int64_t k = mask->offsets[c], last = mask->offsets[c + 1], column = from % columns, row = from / columns;
    int64_t outer[GK_MAX_DIMS];
    for (int d = inner - 1; d >= 0; d--) {
        outer[d] = row % w->shape[d];
        row /= w->shape[d];
    }
    while (from < to && k < last) {
        int64_t run = columns - column < to - from ? columns - column : to - from;
        int64_t next = GK_DISPATCH(indices)(mask, from, from + run, column, w->indices[inner], k, last);
        for (int d = 0; d < inner; d++)
            for (int64_t i = k; i < next; i++)
                w->indices[d][i] = outer[d];
        k = next;
        from += run;
        column = 0;
        for (int d = inner - 1; d >= 0 && ++outer[d] == w->shape[d]; d--)
            outer[d] = 0;
    }
}

static void write_chunks(int64_t begin, int64_t end, void *data)
{
    for (int64_t c = begin; c < end; c++)
        write_chunk(data, c);
}

int gk_mask_indices(const gk_mask *mask, int ndim, const int64_t *shape, int64_t *const *indices,
                    const gk_options *options)
{
    writing w = {.mask = mask, .ndim = ndim, .shape = shape, .indices = indices};
    return over_chunks(mask, write_chunks, &w, options);
}
