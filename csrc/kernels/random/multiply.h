/* The product of two 64-bit integers in 128 bits. Returns the low half. */
#ifndef GK_MULTIPLY_H
#define GK_MULTIPLY_H

#include <stdint.h>

#include "base/compiler.h"

#if defined(__SIZEOF_INT128__)
__extension__ typedef unsigned __int128 gk_uint128;

GK_INLINE uint64_t gk_multiply(uint64_t a, uint64_t b, uint64_t *high)
{
    gk_uint128 product = (gk_uint128)a * b;
    *high = (uint64_t)(product >> 64);
    return (uint64_t)product;
}
#elif defined(_MSC_VER) && defined(_M_X64)
GK_INLINE uint64_t gk_multiply(uint64_t a, uint64_t b, uint64_t *high)
{
    return _umul128(a, b, high);
}
#else
GK_INLINE uint64_t gk_multiply(uint64_t a, uint64_t b, uint64_t *high)
{
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32), other = a0 * b1 + (uint32_t)middle;
    *high = a1 * b1 + (middle >> 32) + (other >> 32);
    return a * b;
}
#endif

#endif
