#include "kernels/random/shuffle.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "kernels/array/memory.h"
#include "kernels/random/philox.h"

enum {
    MAX_LEVELS = 10,    /* of up to 1024 buckets: more would need too many cache lines at a time */
    WORDS = 512,        /* that are drawn at a time */
    HALVES = 2 * WORDS,
    LANES = 4 * WORDS,  /* of 16 bits: each chooses a bucket */
    CHUNK = 1 << 15,    /* items; a multiple of LANES */
    MAX_CHUNKS = 1024,  /* unless chunks get longer */
    ROUNDS = 64,        /* of HALVES, between two checks for the end of the call */
};

typedef struct {
    uint64_t low, high;
} sixteen_bytes;

#define ITEM uint8_t
#define SIZED(name) name##1
#include "kernels/random/shuffle_template.h"
#undef ITEM
#undef SIZED
#define ITEM uint16_t
#define SIZED(name) name##2
#include "kernels/random/shuffle_template.h"
#undef ITEM
#undef SIZED
#define ITEM uint32_t
#define SIZED(name) name##4
#include "kernels/random/shuffle_template.h"
#undef ITEM
#undef SIZED
#define ITEM uint64_t
#define SIZED(name) name##8
#include "kernels/random/shuffle_template.h"
#undef ITEM
#undef SIZED
#define ITEM sixteen_bytes
#define SIZED(name) name##16
#include "kernels/random/shuffle_template.h"
#undef ITEM
#undef SIZED

typedef void scatter_items(const void *from, void *to, int64_t n, const uint16_t *lanes, int shift, int64_t *next);
typedef void swap_items(void *items, int64_t last, int64_t n, const uint32_t *others);

/* ---- Shuffling by swaps, from the last item to the second */

/* Chooses others[k] <= last - k from as many of n units as it takes, and returns their number.
 * As NumPy's shuffle does: cuts a unit to the bits of `last - k`, and rejects it if it is larger. */
static int64_t choose_as_numpy(const uint32_t *units, int64_t n, int64_t last, uint32_t *others)
{
    int64_t count = 0, i = 0;
    while (i < n && last > 0) {
        uint32_t mask = (uint32_t)last;
        for (int bits = 1; bits < 32; bits *= 2)
            mask |= mask >> bits;
        for (int64_t half = mask >> 1; i < n && last > half; i++) { /* without branches that depend on the units */
            others[count] = units[i] & mask;
            int64_t is_chosen = others[count] <= (uint64_t)last;
            count += is_chosen;
            last -= is_chosen;
        }
    }
    return count;
}

/* The same by Lemire's method, as in integers_template.h: a unit is hardly ever rejected. */
static int64_t choose(const uint32_t *units, int64_t n, int64_t last, uint32_t *others)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n && last > 0; i++) {
        const uint32_t range = (uint32_t)last + 1;
        const uint64_t product = (uint64_t)units[i] * range;
        if (GK_UNLIKELY((uint32_t)product < range) && (uint32_t)product < (0 - range) % range)
            continue;
        others[count++] = (uint32_t)(product >> 32);
        last--;
    }
    return count;
}

static void shuffle(void *items, int64_t n, const gk_philox *p, swap_items *swap,
                    int64_t (*choose_others)(const uint32_t *, int64_t, int64_t, uint32_t *))
{
    uint32_t units[HALVES], others[HALVES];
    uint64_t block = 0;
    int64_t last = n - 1;
    for (int round = 1; last > 0; round++) {
        /* For a short result, not many more than it needs. */
        uint64_t pairs = (uint64_t)(last < HALVES / 2 ? last + last / 2 : HALVES) / (4 * GK_PHILOX_BLOCK) + 1;
        if (pairs > WORDS / (2 * GK_PHILOX_BLOCK))
            pairs = WORDS / (2 * GK_PHILOX_BLOCK);
        gk_philox_draw(p, GK_PHILOX_UINT32, block, block + 2 * pairs, units);
        block += 2 * pairs;
        int64_t count = choose_others(units, (int64_t)pairs * 4 * GK_PHILOX_BLOCK, last, others);
        swap(items, last, count, others);
        last -= count;
        if (round % ROUNDS == 0 && gk_cancelled())
            return;
    }
}

/* ---- Buckets */

typedef struct {
    const char *from; /* NULL: the integers from 0 on */
    char *to;
    int64_t n;
    size_t size;
    scatter_items *scatter;
    swap_items *swap;
    gk_philox philox;
    int levels;
    int64_t buckets, chunk, chunks;
    int64_t *places; /* chunks x buckets: numbers of items, then where the first of them goes */
    int64_t *begin;  /* of each bucket, and the end of the last one */
} work;

/* The lanes of up to LANES items from item `first` on. */
static int64_t draw_lanes(const work *w, int64_t first, int64_t end, uint16_t lanes[LANES])
{
    enum { IN_PAIR = 8 * GK_PHILOX_BLOCK };
    int64_t n = end - first < LANES ? end - first : LANES;
    uint64_t block = (uint64_t)first / (IN_PAIR / 2);
    gk_philox_draw(&w->philox, GK_PHILOX_UINT16, block, block + 2 * (uint64_t)gk_ceil_div(n, IN_PAIR), lanes);
    return n;
}

static int64_t chunk_end(const work *w, int64_t chunk)
{
    return (chunk + 1) * w->chunk < w->n ? (chunk + 1) * w->chunk : w->n;
}

static void count_chunks(int64_t begin, int64_t end, void *data)
{
    const work *w = data;
    uint16_t lanes[LANES];
    for (int64_t chunk = begin; chunk < end; chunk++) {
        int64_t *counts = w->places + chunk * w->buckets, stop = chunk_end(w, chunk);
        memset(counts, 0, (size_t)w->buckets * sizeof *counts);
        for (int64_t i = chunk * w->chunk; i < stop && !gk_cancelled();) {
            int64_t n = draw_lanes(w, i, stop, lanes);
            for (int64_t k = 0; k < n; k++)
                counts[lanes[k] >> (16 - w->levels)]++;
            i += n;
        }
    }
}

static void place(const work *w)
{
    int64_t at = 0;
    for (int64_t b = 0; b < w->buckets; b++) {
        w->begin[b] = at;
        for (int64_t chunk = 0; chunk < w->chunks; chunk++) {
            int64_t count = w->places[chunk * w->buckets + b];
            w->places[chunk * w->buckets + b] = at;
            at += count;
        }
    }
    w->begin[w->buckets] = at;
}

static void scatter_chunks(int64_t begin, int64_t end, void *data)
{
    const work *w = data;
    uint16_t lanes[LANES];
    int64_t numbers[LANES];
    for (int64_t chunk = begin; chunk < end; chunk++) {
        int64_t stop = chunk_end(w, chunk);
        for (int64_t i = chunk * w->chunk; i < stop && !gk_cancelled();) {
            int64_t n = draw_lanes(w, i, stop, lanes);
            for (int64_t k = 0; w->from == NULL && k < n; k++)
                numbers[k] = i + k;
            w->scatter(w->from != NULL ? w->from + (size_t)i * w->size : (const char *)numbers, w->to, n, lanes,
                       16 - w->levels, w->places + chunk * w->buckets);
            i += n;
        }
    }
}

static void shuffle_buckets(int64_t begin, int64_t end, void *data)
{
    const work *w = data;
    for (int64_t b = begin; b < end; b++) {
        gk_philox p = w->philox;
        p.stream = (uint64_t)b + 1; /* stream 0 has chosen the buckets */
        shuffle(w->to + (size_t)w->begin[b] * w->size, w->begin[b + 1] - w->begin[b], &p, w->swap, choose);
    }
}

static work prepare(const void *from, void *to, int64_t n, int size, const uint64_t key[2])
{
    work w = {.from = from, .to = to, .n = n, .size = (size_t)size, .philox = {.key = {key[0], key[1]}}};
    w.scatter = size == 1 ? scatter1 : size == 2 ? scatter2 : size == 4 ? scatter4 : size == 8 ? scatter8 : scatter16;
    w.swap = size == 1 ? swap1 : size == 2 ? swap2 : size == 4 ? swap4 : size == 8 ? swap8 : swap16;
    while (n >> w.levels > GK_SHUFFLE_SHORT && (w.levels < MAX_LEVELS || n >> w.levels > INT32_MAX))
        w.levels++;
    w.buckets = INT64_C(1) << w.levels;
    w.chunk = n / MAX_CHUNKS < CHUNK ? CHUNK : gk_ceil_div(n, (int64_t)MAX_CHUNKS * LANES) * LANES;
    w.chunks = gk_ceil_div(n, w.chunk);
    return w;
}

static int permute(work *w, const gk_options *options)
{
    gk_options how = options != NULL ? *options : (gk_options){0};
    how.grain = 1;
    how.eager = w->chunks > 2;
    w->places = gk_allocate(w->chunks * w->buckets, sizeof *w->places);
    w->begin = gk_allocate(w->buckets + 1, sizeof *w->begin);
    int status = w->places != NULL && w->begin != NULL ? GK_OK : GK_NO_MEMORY;
    if (status == GK_OK)
        status = gk_parallel_for(w->chunks, count_chunks, w, &how);
    if (status == GK_OK) {
        place(w);
        status = gk_parallel_for(w->chunks, scatter_chunks, w, &how);
    }
    if (status == GK_OK)
        status = gk_parallel_for(w->buckets, shuffle_buckets, w, &how);
    free(w->places);
    free(w->begin);
    return status;
}

int gk_permutation(const void *from, void *to, int64_t n, int size, const uint64_t key[2], const gk_options *options)
{
    work w = prepare(from, to, n, size, key);
    if (n > GK_SHUFFLE_SHORT)
        return permute(&w, options);
    for (int64_t i = 0; from == NULL && i < n; i++)
        ((int64_t *)to)[i] = i;
    if (from != NULL && n > 0)
        memcpy(to, from, (size_t)n * w.size);
    shuffle(to, n, &w.philox, w.swap, choose_as_numpy);
    return GK_OK;
}

int gk_shuffle(void *items, int64_t n, int size, const uint64_t key[2], const gk_options *options)
{
    work w = prepare(NULL, items, n, size, key);
    if (n <= GK_SHUFFLE_SHORT) {
        shuffle(items, n, &w.philox, w.swap, choose_as_numpy);
        return GK_OK;
    }
    void *copy = gk_allocate(n, size);
    if (copy == NULL)
        return GK_NO_MEMORY;
    int status = gk_copy(copy, items, gk_times(n, size), options);
    if (status == GK_OK) {
        w.from = copy;
        status = permute(&w, options);
        if (status != GK_OK)
            memcpy(items, copy, (size_t)n * w.size);
    }
    free(copy);
    return status;
}
