/* Splits n items by one pivot with vectors that are compressed by a mask: items whose key is below the pivot to the left
 * end of `to`, the others to its right end. Returns the number of items on the left.
 *
 * Compressing in a register and storing whole vectors is quick on every processor; compressing into memory takes a hundred
 * cycles on some. A whole store writes beyond the items that belong there, but only between both ends, where items follow.
 */
#include "base/vectors.h"

#define SPLIT_AVX512(BITS, LANES)                                                                                         \
    static GK_TARGET(GK_AVX512_FEATURES) int64_t split##BITS##_avx512(const void *from, void *to, int64_t n,              \
                                                                      int64_t pivot, const gk_sort_order *order)          \
    {                                                                                                                     \
        const __m512i fold = _mm512_set1_epi##BITS((int##BITS##_t)order->fold),                                           \
                      invert = _mm512_set1_epi##BITS((int##BITS##_t)order->invert),                                       \
                      rotate = _mm512_set1_epi##BITS((int##BITS##_t)order->rotate),                                       \
                      bound = _mm512_set1_epi##BITS((int##BITS##_t)pivot);                                                \
        int##BITS##_t lanes[2 * LANES]; /* read from lane k, these numbers rotate a vector by k lanes */                  \
        for (int i = 0; i < 2 * LANES; i++)                                                                               \
            lanes[i] = i % LANES;                                                                                         \
        const int##BITS##_t *x = from;                                                                                    \
        int##BITS##_t *left = to, *right = left + n;                                                                      \
        int64_t i = 0;                                                                                                    \
        for (; i + 2 * LANES <= n; i += LANES) {                                                                          \
            __m512i item = _mm512_loadu_si512(x + i), negative = _mm512_srai_epi##BITS(item, BITS - 1);                   \
            __m512i key = _mm512_xor_si512(item, _mm512_xor_si512(_mm512_and_si512(negative, fold), invert));             \
            __mmask##LANES high = _mm512_cmpge_epi##BITS##_mask(_mm512_sub_epi##BITS(key, rotate), bound);                \
            int highs = __builtin_popcount(high);                                                                         \
            __m512i last = _mm512_permutexvar_epi##BITS(_mm512_loadu_si512(lanes + highs),                                \
                                                        _mm512_maskz_compress_epi##BITS(high, item));                     \
            _mm512_storeu_si512(left, _mm512_maskz_compress_epi##BITS((__mmask##LANES)~high, item));                      \
            _mm512_storeu_si512(right - LANES, last);                                                                     \
            left += LANES - highs;                                                                                        \
            right -= highs;                                                                                               \
        }                                                                                                                 \
        for (; i < n; i++) {                                                                                              \
            uint##BITS##_t item = (uint##BITS##_t)x[i];                                                                   \
            if ((int##BITS##_t)gk_sort_key##BITS(item, *order) >= (int##BITS##_t)pivot)                                   \
                *--right = (int##BITS##_t)item;                                                                           \
            else                                                                                                          \
                *left++ = (int##BITS##_t)item;                                                                            \
        }                                                                                                                 \
        return left - (int##BITS##_t *)to;                                                                                \
    }

SPLIT_AVX512(32, 16)
SPLIT_AVX512(64, 8)
#undef SPLIT_AVX512
