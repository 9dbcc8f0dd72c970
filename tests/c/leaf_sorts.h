/* Leaf sorts without NumPy, and random numbers. */
#ifndef LEAF_SORTS_H
#define LEAF_SORTS_H

#include <stdint.h>
#include <stdlib.h>

#include "kernels/sort/sort.h"

static uint64_t state = 1;

static inline uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Like NumPy's, they compare only values. */
#define LEAF(name, type)                                  \
    static int compare_##name(const void *a, const void *b) \
    {                                                     \
        type x = *(const type *)a, y = *(const type *)b;  \
        return (x > y) - (x < y);                         \
    }                                                     \
    static int leaf_##name(void *items, intptr_t n, void *unused) \
    {                                                     \
        (void)unused;                                     \
        qsort(items, (size_t)n, sizeof(type), compare_##name); \
        return 0;                                         \
    }
LEAF(i8, int8_t)
LEAF(u8, uint8_t)
LEAF(i16, int16_t)
LEAF(u16, uint16_t)
LEAF(i32, int32_t)
LEAF(u32, uint32_t)
LEAF(i64, int64_t)
LEAF(u64, uint64_t)
LEAF(f32, float)
LEAF(f64, double)

static const gk_leaf_sorts leaves = {{leaf_u8, leaf_i8, leaf_u8, leaf_i16, leaf_u16, leaf_i32, leaf_u32,
                                      leaf_i64, leaf_u64, leaf_f32, leaf_f64}};

#endif
