/* The loops of gk_pi, written with the macros of pi_vectors.h. Included by
 * base/foreach_isa.h for each instruction set.
 *
 * The low half of a lane holds one word of one block. The high half is never read:
 * a product takes low words only, so the rounds need neither masks nor shuffles. */

#include "kernels/demo/pi_vectors.h"

typedef struct {
    V w0, w1, w2, w3;
} NAME(words);

TARGET GK_INLINE NAME(words) NAME(philox)(NAME(words) x, uint32_t key0, uint32_t key1)
{
    const V m0 = SET(0xD2511F53), m1 = SET(0xCD9E8D57);
    for (int round = 0; round < 10; round++) {
        V p0 = MUL(x.w0, m0), p1 = MUL(x.w2, m1);
        x.w0 = XOR(XOR(SHR(p1, 32), x.w1), SET(key0));
        x.w1 = p1;
        x.w2 = XOR(XOR(SHR(p0, 32), x.w3), SET(key1));
        x.w3 = p0;
        key0 += 0x9E3779B9;
        key1 += 0xBB67AE85;
    }
    return x;
}

/* Returns 1 in each lane whose point is outside: x^2 + y^2 >= 2^62. The sum is below
 * 2^63, so bit 62 is the answer. */
TARGET GK_INLINE V NAME(outside)(V x, V y)
{
    x = HALVE(x);
    y = HALVE(y);
    return SHR(ADD(MUL(x, x), MUL(y, y)), 62);
}

/* Points outside among those of blocks begin <= b < end, a multiple of LANES
 * blocks with the same high word of the counter. */
TARGET static uint64_t NAME(count)(uint64_t begin, uint64_t end, uint64_t seed)
{
    const V high = SET(begin >> 32), zero = SET(0);
    V total = zero;
    for (uint64_t block = begin; block < end; block += LANES) {
        NAME(words) x = {ADD(SET(block), IOTA), high, zero, zero};
        x = NAME(philox)(x, (uint32_t)seed, (uint32_t)(seed >> 32));
        total = ADD(total, ADD(NAME(outside)(x.w0, x.w1), NAME(outside)(x.w2, x.w3)));
    }
    return SUM(total);
}
