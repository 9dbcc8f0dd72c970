/* Finds the positions that sort a slice by moving keys and positions together in one
 * word.
 *
 * The word of an item has its position in the low bits, and as many leading bits of
 * its key above it as there is room for. Leading bits that all keys share are left
 * out. Words are plain integers, so the SIMD integer sort applies, and no two are
 * equal, so the result is stable. Items whose leading bits agree come out as a run
 * in order of position. If their remaining bits differ, the run is sorted the same
 * way by those. Each level uses at least 64 - 40 bits, so three levels are enough.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "kernels/array/memory.h"
#include "kernels/sort/sort.h"
#include "kernels/sort/sort_key.h"

static int bits_of(uint64_t x)
{
    int bits = 0;
    for (int step = 32; step > 0; step /= 2)
        if (x >> step) {
            bits += step;
            x >>= step;
        }
    return bits + (x != 0);
}

typedef struct {
    uint64_t min, max;
} key_range;

static key_range range_of(const void *src, int64_t begin, int64_t end, gk_type type)
{
    key_range r = {UINT64_MAX, 0};
    switch (type) {
#define CASE(t)                                \
    case t:                                    \
        for (int64_t i = begin; i < end; i++) { \
            uint64_t key = gk_sort_item_key(src, i, t);  \
            r.min = key < r.min ? key : r.min; \
            r.max = key > r.max ? key : r.max;    \
        }                                      \
        break;
        GK_SORT_EACH_TYPE(CASE)
#undef CASE
    default: break;
    }
    return r;
}

/* How a key of a range and a position below n are packed in one word. */
typedef struct {
    uint64_t min;
    int position_bits;
    int cut; /* the number of low bits of key - min that do not fit */
} packing;

static packing choose_packing(key_range r, int64_t n)
{
    packing p = {r.min, bits_of((uint64_t)n - 1), 0};
    int key_bits = bits_of(r.max - r.min);
    if (key_bits + p.position_bits > 64)
        p.cut = key_bits + p.position_bits - 64;
    return p;
}

GK_INLINE uint64_t word_of(const packing *p, uint64_t key, int64_t position)
{
    /* position_bits is 0 for one item only, so no shift exceeds 63 */
    return ((key - p->min) >> p->cut << p->position_bits) | (uint64_t)position;
}

static void pack(const void *src, int64_t begin, int64_t end, gk_type type, packing p, uint64_t *words)
{
    switch (type) {
#define CASE(t)                                            \
    case t:                                                \
        for (int64_t i = begin; i < end; i++)              \
            words[i] = word_of(&p, gk_sort_item_key(src, i, t), i);  \
        break;
        GK_SORT_EACH_TYPE(CASE)
#undef CASE
    default: break;
    }
}

typedef struct {
    gk_type type;
    const gk_leaf_sorts *leaves;
} argsorting;

/* Whether to end a loop that is at i. A run of equal leading bits can be as long as
 * the slice. */
GK_INLINE int ended(int64_t i)
{
    return i % (1 << 16) == 0 && i > 0 && gk_cancelled();
}

/* Sorts m positions by their items. The positions are in ascending order on entry. */
static int refine(const void *src, int64_t *positions, int64_t m, const argsorting *a)
{
    key_range r = {UINT64_MAX, 0};
    uint64_t before = 0;
    int sorted = 1;
    for (int64_t i = 0; i < m; i++) {
        uint64_t key = gk_sort_item_key(src, positions[i], a->type);
        r.min = key < r.min ? key : r.min;
        r.max = key > r.max ? key : r.max;
        sorted &= key >= before;
        before = key;
        if (ended(i))
            return GK_CANCELLED;
    }
    if (sorted)
        return GK_OK;
    if (m <= 16) {
        for (int64_t i = 1; i < m; i++) {
            int64_t position = positions[i], j = i;
            uint64_t key = gk_sort_item_key(src, position, a->type);
            for (; j > 0 && gk_sort_item_key(src, positions[j - 1], a->type) > key; j--)
                positions[j] = positions[j - 1];
            positions[j] = position;
        }
        return GK_OK;
    }
    uint64_t *words = gk_allocate(m, 2 * sizeof *words);
    if (words == NULL)
        return GK_NO_MEMORY;
    int status = GK_OK;
    int64_t *from = (int64_t *)(words + m);
    packing p = choose_packing(r, m);
    for (int64_t i = 0; i < m && status == GK_OK; i++) {
        words[i] = word_of(&p, gk_sort_item_key(src, positions[i], a->type), i);
        from[i] = positions[i];
        if (ended(i))
            status = GK_CANCELLED;
    }
    if (status == GK_OK && m < GK_SORT_LONG)
        a->leaves->of[GK_UINT64](words, (intptr_t)m, NULL);
    else if (status == GK_OK)
        status = gk_sort_long(words, words, m, GK_UINT64, a->leaves, NULL);
    uint64_t mask = (UINT64_C(1) << p.position_bits) - 1;
    for (int64_t i = 0; status == GK_OK && i < m;) {
        int64_t j = i;
        do
            positions[j] = from[words[j] & mask];
        while (++j < m && words[j] >> p.position_bits == words[i] >> p.position_bits);
        if (p.cut > 0 && j - i > 1)
            status = refine(src, positions + i, j - i, a);
        i = j;
        if (status == GK_OK && ended(i))
            status = GK_CANCELLED;
    }
    free(words);
    return status;
}

/* Turns the sorted words of the runs that start in begin..end into positions.
 * `positions` may be the memory of the words if begin is 0. */
static int unpack(const void *src, const uint64_t *words, int64_t *positions, int64_t begin, int64_t end,
                  int64_t n, packing p, const argsorting *a)
{
    uint64_t mask = (UINT64_C(1) << p.position_bits) - 1;
    if (p.cut == 0) {
        for (int64_t i = begin; i < end; i++)
            positions[i] = (int64_t)(words[i] & mask);
        return GK_OK;
    }
    int64_t i = begin;
    while (i > 0 && i < end && words[i] >> p.position_bits == words[i - 1] >> p.position_bits)
        i++; /* this item belongs to a run that starts before begin */
    int status = GK_OK;
    while (i < end && status == GK_OK) {
        uint64_t leading = words[i] >> p.position_bits;
        int64_t j = i;
        do {
            positions[j] = (int64_t)(words[j] & mask);
            j++;
        } while (j < n && words[j] >> p.position_bits == leading);
        if (j - i > 1)
            status = refine(src, positions + i, j - i, a);
        i = j;
    }
    return status;
}

static int argsort_on_one_thread(const void *src, void *dst, int64_t n, const void *data)
{
    const argsorting *a = data;
    packing p = choose_packing(range_of(src, 0, n, a->type), n);
    pack(src, 0, n, a->type, p, dst);
    a->leaves->of[GK_UINT64](dst, (intptr_t)n, NULL);
    return unpack(src, dst, dst, 0, n, n, p, a);
}

/* One long slice. */
typedef struct {
    const argsorting *a;
    const void *src;
    int64_t *positions;
    uint64_t *words;
    int64_t n;
    packing packing;
    key_range *ranges; /* the key range of each chunk */
} job;

enum { CHUNK = 1 << 15 };

static int64_t chunk_end(const job *j, int64_t chunk)
{
    return (chunk + 1) * CHUNK < j->n ? (chunk + 1) * CHUNK : j->n;
}

static void find_ranges(int64_t begin, int64_t end, void *data)
{
    const job *j = data;
    for (int64_t c = begin; c < end; c++)
        j->ranges[c] = range_of(j->src, c * CHUNK, chunk_end(j, c), j->a->type);
}

static void pack_chunks(int64_t begin, int64_t end, void *data)
{
    const job *j = data;
    pack(j->src, begin * CHUNK, chunk_end(j, end - 1), j->a->type, j->packing, (uint64_t *)j->positions);
}

static void unpack_chunks(int64_t begin, int64_t end, void *data)
{
    const job *j = data;
    for (int64_t c = begin; c < end && !gk_cancelled(); c++) {
        int status = unpack(j->src, j->words, j->positions, c * CHUNK, chunk_end(j, c), j->n, j->packing, j->a);
        if (status != GK_OK)
            gk_cancel(status);
    }
}

/* The positions of items that are in order. */
static void count_up(int64_t begin, int64_t end, void *data)
{
    int64_t *positions = data;
    for (int64_t i = begin; i < end; i++)
        positions[i] = i;
}

static int argsort_on_all_threads(const void *src, void *dst, int64_t n, const void *data,
                                  const gk_options *options)
{
    const argsorting *a = data;
    int in_order, status = gk_sort_in_order(src, n, a->type, &in_order, options);
    if (status != GK_OK)
        return status;
    if (in_order)
        return gk_parallel_for(n, count_up, dst, options);
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.eager = 1;
    mine.grain = 2;
    int64_t chunks = gk_ceil_div(n, CHUNK);
    job j = {.a = a, .src = src, .positions = dst, .n = n};
    j.words = gk_allocate(n, sizeof *j.words);
    j.ranges = gk_allocate(chunks, sizeof *j.ranges);
    status = GK_NO_MEMORY;
    if (j.words == NULL || j.ranges == NULL)
        goto end;
    if ((status = gk_parallel_for(chunks, find_ranges, &j, &mine)) != GK_OK)
        goto end;
    key_range all = {UINT64_MAX, 0};
    for (int64_t c = 0; c < chunks; c++) {
        all.min = j.ranges[c].min < all.min ? j.ranges[c].min : all.min;
        all.max = j.ranges[c].max > all.max ? j.ranges[c].max : all.max;
    }
    j.packing = choose_packing(all, n);
    if ((status = gk_parallel_for(chunks, pack_chunks, &j, &mine)) != GK_OK)
        goto end;
    if ((status = gk_sort_long(j.positions, j.words, n, GK_UINT64, j.a->leaves, options)) == GK_OK)
        status = gk_parallel_for(chunks, unpack_chunks, &j, &mine);
end:
    free(j.ranges);
    free(j.words);
    return status;
}

int gk_argsort_long(const void *src, int64_t *positions, int64_t n, gk_type type, const gk_leaf_sorts *leaves,
                    const gk_options *options)
{
    argsorting a = {type, leaves};
    return n < GK_SORT_LONG ? argsort_on_one_thread(src, positions, n, &a)
                            : argsort_on_all_threads(src, positions, n, &a, options);
}

int gk_argsort(const char *src, char *dst, const gk_slices *slices, gk_type type,
               const gk_leaf_sorts *leaves, const gk_options *options)
{
    argsorting a = {type, leaves};
    gk_slice_kernel kernel = {
        .src_size = gk_itemsize(type),
        .dst_size = 8,
        .cost = 10,
        .on_one_thread = argsort_on_one_thread,
        .on_all_threads = argsort_on_all_threads,
        .long_from = GK_SORT_LONG,
    };
    return gk_slices_apply(&kernel, &a, src, dst, slices, options);
}
