/* The keys of the sort: gk_sort_key64() and 32 of an item's bits, and back. */
#ifndef GK_SORT_KEY_H
#define GK_SORT_KEY_H

#include <stdint.h>

#include "base/compiler.h"
#include "kernels/sort.h"

/* 0 - (x >> top) is all ones where the sign bit is set. */
#define GK_SORT_KEYS(bits)                                                                           \
    GK_INLINE int##bits##_t gk_sort_key##bits(uint##bits##_t x, gk_sort_order order)                 \
    {                                                                                                \
        uint##bits##_t negative = (uint##bits##_t)0 - (x >> (bits - 1));                             \
        x ^= (negative & (uint##bits##_t)order.fold) ^ (uint##bits##_t)order.invert;                 \
        return (int##bits##_t)(x - (uint##bits##_t)order.rotate);                                    \
    }                                                                                                \
    GK_INLINE uint##bits##_t gk_sort_unkey##bits(int##bits##_t key, gk_sort_order order)             \
    {                                                                                                \
        uint##bits##_t x = ((uint##bits##_t)key + (uint##bits##_t)order.rotate) ^ (uint##bits##_t)order.invert; \
        return x ^ (((uint##bits##_t)0 - (x >> (bits - 1))) & (uint##bits##_t)order.fold);           \
    }

GK_SORT_KEYS(32)
GK_SORT_KEYS(64)

#undef GK_SORT_KEYS

#endif
