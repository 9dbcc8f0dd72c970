/* Keys for sorting: gk_sort_key32() and gk_sort_key64() of an item's bits, and their inverses. */
#ifndef GK_SORT_KEY_H
#define GK_SORT_KEY_H

#include <stdint.h>

#include "base/compiler.h"
#include "kernels/sort/sort.h"

/* 0 - (x >> top) is all ones if the sign bit is set. */
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

/* The names for a template's BITS. */
#define GK_SORT_PASTE_(name, bits, end) name##bits##end
#define GK_SORT_PASTE(name, bits, end) GK_SORT_PASTE_(name, bits, end)
#define GK_SORT_UINT GK_SORT_PASTE(uint, BITS, _t)
#define GK_SORT_INT GK_SORT_PASTE(int, BITS, _t)
#define GK_SORT_KEY GK_SORT_PASTE(gk_sort_key, BITS, )
#define GK_SORT_UNKEY GK_SORT_PASTE(gk_sort_unkey, BITS, )

#endif
