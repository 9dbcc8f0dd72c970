/* Sorts 8-bit and 16-bit items by counting how often each value occurs. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "kernels/array/memory.h"
#include "kernels/sort/sort.h"
#include "kernels/sort/sort_key.h"

/* Counts n < 2**32 items by their bits. Uses four tables, because an addition to an
 * entry waits for the previous addition to the same entry. */
static void count8(const uint8_t *x, int64_t n, int64_t counts[256])
{
    uint32_t tables[4][256] = {{0}};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int t = 0; t < 4; t++)
            tables[t][x[i + t]]++;
    for (; i < n; i++)
        tables[0][x[i]]++;
    for (int v = 0; v < 256; v++)
        counts[v] += (int64_t)tables[0][v] + tables[1][v] + tables[2][v] + tables[3][v];
}

void gk_sort_counting8(void *items, int64_t n, gk_type type)
{
    int64_t counts[256] = {0};
    gk_sort_order order = gk_sort_order_of(type);
    uint8_t *x = items;
    enum { MAX = 1 << 30 };
    for (int64_t i = 0; i < n; i += MAX)
        count8(x + i, n - i < MAX ? n - i : MAX, counts);
    for (int key = 0; key < 256; key++) {
        uint8_t bits = gk_sort_unkey8((uint8_t)key, order);
        if (counts[bits]) {
            memset(x, bits, (size_t)counts[bits]);
            x += counts[bits];
        }
    }
}

typedef struct {
    const void *src;
    void *dst;
    int64_t n, chunk;
    int values;            /* 256 or 65536 */
    unsigned invert;       /* the key of an integer is bits ^ invert */
    int64_t *tables;       /* one table for each participant */
    int64_t *begin;        /* where the items of each key begin; values + 1 entries */
} counting;

static void count_chunks(int64_t begin, int64_t end, void *data)
{
    const counting *p = data;
    int64_t *counts = p->tables + (int64_t)gk_participant() * p->values;
    for (int64_t c = begin; c < end && !gk_cancelled(); c++) {
        int64_t from = c * p->chunk, to = from + p->chunk < p->n ? from + p->chunk : p->n;
        if (p->values == 256) {
            count8((const uint8_t *)p->src + from, to - from, counts);
        } else {
            const uint16_t *x = p->src;
            for (int64_t i = from; i < to; i++)
                counts[x[i]]++;
        }
    }
}

/* Writes the items of this chunk of the destination. */
static void fill_chunks(int64_t begin, int64_t end, void *data)
{
    const counting *p = data;
    int64_t from = begin * p->chunk, to = end * p->chunk < p->n ? end * p->chunk : p->n;
    int low = 0, high = p->values; /* begin[low] <= from < begin[high] */
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (p->begin[middle] <= from)
            low = middle;
        else
            high = middle;
    }
    for (int key = low; from < to; key++) {
        int64_t stop = p->begin[key + 1] < to ? p->begin[key + 1] : to;
        if (stop <= from)
            continue;
        unsigned bits = (unsigned)key ^ p->invert;
        if (p->values == 256) {
            memset((uint8_t *)p->dst + from, (int)bits, (size_t)(stop - from));
        } else {
            uint16_t *x = p->dst;
            for (int64_t i = from; i < stop; i++)
                x[i] = (uint16_t)bits;
        }
        from = stop;
    }
}

int gk_sort_counting(const void *src, void *dst, int64_t n, gk_type type,
                     const gk_options *options)
{
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.grain = 1;
    mine.eager = n > 1 << 18;
    int64_t threads = gk_participants(&mine);
    counting p = {.src = src, .dst = dst, .n = n};
    p.values = gk_itemsize(type) == 1 ? 256 : 65536;
    p.invert = (unsigned)gk_sort_order_of(type).invert;
    p.chunk = n >> 10 > 1 << 16 ? n >> 10 : 1 << 16;
    if (p.chunk > 1 << 24)
        p.chunk = 1 << 24; /* Ctrl-C is checked between chunks */
    int64_t chunks = gk_ceil_div(n, p.chunk), at = 0;
    if (threads > chunks)
        threads = chunks;
    p.tables = calloc((size_t)threads * (size_t)p.values, sizeof *p.tables);
    p.begin = malloc(((size_t)p.values + 1) * sizeof *p.begin);
    int status = GK_NO_MEMORY;
    if (p.tables != NULL && p.begin != NULL) {
        status = gk_parallel_for(chunks, count_chunks, &p, &mine);
        for (int key = 0; key < p.values; key++) {
            p.begin[key] = at;
            for (int64_t t = 0; t < threads; t++)
                at += p.tables[t * p.values + (key ^ (int)p.invert)];
        }
        p.begin[p.values] = at;
        if (status == GK_OK)
            status = gk_parallel_for(chunks, fill_chunks, &p, &mine);
    }
    free(p.begin);
    free(p.tables);
    return status;
}
