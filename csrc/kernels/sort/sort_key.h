/* The order of a type, as a map from an item's bits to an unsigned number of the same
 * width, its key. Keys sort as the items do (sort.h), and the map can be inverted.
 *
 * All sorts use this map. Long slices are divided by their keys, floats with NaNs or
 * -0.0 are sorted as keys, 8-bit and 16-bit items are counted in the order of their
 * keys, and argsort packs keys and positions into words.
 */
#ifndef GK_SORT_KEY_H
#define GK_SORT_KEY_H

#include <stdint.h>

#include "base/compiler.h"
#include "kernels/array/dtype.h"

typedef struct {
    uint64_t fold;   /* bits that are inverted if the sign bit is set: floats */
    uint64_t invert; /* bits that are always inverted: the sign bit of integers and floats that have one */
    uint64_t rotate; /* subtracted at the end: moves NaNs with a sign bit to the end */
} gk_sort_order;

#define GK_SIGN32 UINT64_C(0x80000000)
#define GK_SIGN64 UINT64_C(0x8000000000000000)
/* The number of NaNs with a sign bit. Their bits precede those of -infinity in the
 * order of negative floats. */
#define GK_NANS32 UINT64_C(0x7fffff)
#define GK_NANS64 UINT64_C(0xfffffffffffff)

/* An inline function, so that the compiler simplifies the map where the type is constant. */
GK_INLINE gk_sort_order gk_sort_order_of(gk_type type)
{
    static const gk_sort_order orders[GK_TYPES] = {
        [GK_BOOL] = {0, 0, 0},           [GK_UINT8] = {0, 0, 0},
        [GK_INT8] = {0, 0x80, 0},        [GK_UINT16] = {0, 0, 0},
        [GK_INT16] = {0, 0x8000, 0},     [GK_UINT32] = {0, 0, 0},
        [GK_INT32] = {0, GK_SIGN32, 0},  [GK_UINT64] = {0, 0, 0},
        [GK_INT64] = {0, GK_SIGN64, 0},
        [GK_FLOAT32] = {GK_SIGN32 - 1, GK_SIGN32, GK_NANS32},
        [GK_FLOAT64] = {GK_SIGN64 - 1, GK_SIGN64, GK_NANS64},
    };
    return orders[type];
}

/* The same map, with keys that sort as signed integers of 4 or 8 bytes. AVX2 compares
 * only those. */
GK_INLINE gk_sort_order gk_sort_signed_order_of(gk_type type)
{
    gk_sort_order order = gk_sort_order_of(type);
    order.invert ^= gk_itemsize(type) == 8 ? GK_SIGN64 : GK_SIGN32;
    return order;
}

/* gk_sort_key8() to gk_sort_key64() return the key of an item's bits, and
 * gk_sort_unkey8() to gk_sort_unkey64() the bits of a key's item. 0 - (x >> top) is all
 * ones if the sign bit is set. */
#define GK_SORT_KEYS(bits)                                                                       \
    GK_INLINE uint##bits##_t gk_sort_key##bits(uint##bits##_t x, gk_sort_order order)            \
    {                                                                                            \
        uint##bits##_t negative = (uint##bits##_t)(0 - (x >> (bits - 1)));                       \
        x ^= (uint##bits##_t)((negative & (uint##bits##_t)order.fold) ^ (uint##bits##_t)order.invert); \
        return (uint##bits##_t)(x - (uint##bits##_t)order.rotate);                               \
    }                                                                                            \
    GK_INLINE uint##bits##_t gk_sort_unkey##bits(uint##bits##_t key, gk_sort_order order)        \
    {                                                                                            \
        uint##bits##_t x = (uint##bits##_t)((key + (uint##bits##_t)order.rotate) ^ (uint##bits##_t)order.invert); \
        uint##bits##_t negative = (uint##bits##_t)(0 - (x >> (bits - 1)));                       \
        return (uint##bits##_t)(x ^ (negative & (uint##bits##_t)order.fold));                    \
    }

GK_SORT_KEYS(8)
GK_SORT_KEYS(16)
GK_SORT_KEYS(32)
GK_SORT_KEYS(64)

#undef GK_SORT_KEYS

/* gk_sort_equal_key32() and gk_sort_equal_key64() return keys in which equal floats are
 * equal: negative floats move up by one, -0.0 to the key of 0.0, and every NaN gets the
 * key that follows infinity. */
#define GK_SORT_EQUAL_KEYS(bits, infinity)                                                    \
    GK_INLINE uint##bits##_t gk_sort_equal_key##bits(uint##bits##_t x)                        \
    {                                                                                         \
        gk_sort_order order = gk_sort_order_of(GK_FLOAT##bits);                               \
        order.rotate++; /* the last NaN moves up too, and its key must not become 0 */        \
        uint##bits##_t key = gk_sort_key##bits(x, order) + (x >> (bits - 1));                 \
        uint##bits##_t nan = gk_sort_key##bits(infinity, order) + 1;                          \
        return key < nan ? key : nan;                                                         \
    }

GK_SORT_EQUAL_KEYS(32, UINT32_C(0x7f800000))
GK_SORT_EQUAL_KEYS(64, UINT64_C(0x7ff0000000000000))

#undef GK_SORT_EQUAL_KEYS

/* The key of an item. Only equal items have equal keys, so -0.0 has the key of 0.0, and
 * every NaN has the key that follows infinity. */
GK_INLINE uint64_t gk_sort_item_key(const void *src, int64_t i, gk_type type)
{
    gk_sort_order order = gk_sort_order_of(type);
    switch (type) {
    case GK_FLOAT32: return gk_sort_equal_key32(((const uint32_t *)src)[i]);
    case GK_FLOAT64: return gk_sort_equal_key64(((const uint64_t *)src)[i]);
    default: break;
    }
    switch (gk_itemsize(type)) {
    case 1: return gk_sort_key8(((const uint8_t *)src)[i], order);
    case 2: return gk_sort_key16(((const uint16_t *)src)[i], order);
    case 4: return gk_sort_key32(((const uint32_t *)src)[i], order);
    default: return gk_sort_key64(((const uint64_t *)src)[i], order);
    }
}

/* For a switch whose cases call gk_sort_item_key with a constant type, so that the compiler
 * removes the switch in it. */
#define GK_SORT_EACH_TYPE(CASE)                                               \
    CASE(GK_BOOL) CASE(GK_UINT8) CASE(GK_INT8) CASE(GK_UINT16) CASE(GK_INT16) \
    CASE(GK_UINT32) CASE(GK_INT32) CASE(GK_UINT64) CASE(GK_INT64)             \
    CASE(GK_FLOAT32) CASE(GK_FLOAT64)

/* The names for a template's BITS. */
#define GK_SORT_PASTE_(name, bits, end) name##bits##end
#define GK_SORT_PASTE(name, bits, end) GK_SORT_PASTE_(name, bits, end)
#define GK_SORT_UINT GK_SORT_PASTE(uint, BITS, _t)
#define GK_SORT_INT GK_SORT_PASTE(int, BITS, _t)
#define GK_SORT_KEY GK_SORT_PASTE(gk_sort_key, BITS, )
#define GK_SORT_UNKEY GK_SORT_PASTE(gk_sort_unkey, BITS, )

#endif
