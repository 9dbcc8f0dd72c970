/* Items whose samples tell nothing about the others. */
#ifndef MISLEADING_ITEMS_H
#define MISLEADING_ITEMS_H

#include <stdint.h>
#include <string.h>

#include "kernels/sort/buckets.h"
#include "leaf_sorts.h"

/* Gives n items of 4 or 8 bytes small values where these attempts to sample m of them look, and large values elsewhere, or
 * the reverse. No values of floats are NaNs. */
static inline void mislead(void *items, int64_t n, gk_type type, int64_t m, int attempts, int reversed)
{
    int64_t size = gk_itemsize(type), step = n / m;
    uint64_t large = UINT64_C(1) << (8 * size - 2);
    for (int64_t i = 0; i < n; i++) {
        uint64_t x = next() % (large >> 2) + (reversed ? 0 : large);
        memcpy((char *)items + i * size, &x, (size_t)size);
    }
    for (int64_t i = 0; i < m * attempts; i++) {
        int64_t at = i % m * step + (int64_t)(gk_sort_hash((uint64_t)i) % (uint64_t)step);
        uint64_t x = (uint64_t)i + (reversed ? large : 0);
        memcpy((char *)items + at * size, &x, (size_t)size);
    }
}

#endif
