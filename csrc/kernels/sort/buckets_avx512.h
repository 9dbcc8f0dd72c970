/* classify() of buckets_template.h with the top of the tree in registers. A step takes one
 * permutation, one comparison and two additions for 8 or 16 items. A permutation
 * reads only the low bits of an index, so a level with as many nodes as a register
 * has lanes does not need to subtract the number of its first node. */
#include "base/vectors.h"

static GK_TARGET(GK_AVX512_FEATURES) void classify64_avx512(const void *items, int64_t n, const gk_sort_order *order,
                                                            const int64_t *tree, int levels, uint8_t *ids)
{
    const __m512i fold = _mm512_set1_epi64((int64_t)order->fold), invert = _mm512_set1_epi64((int64_t)order->invert),
                  rotate = _mm512_set1_epi64((int64_t)order->rotate), one = _mm512_set1_epi64(1),
                  buckets = _mm512_set1_epi64(1 << levels);
    const __m512i top = _mm512_loadu_si512(tree), fourth = _mm512_loadu_si512(tree + 8);
    const __m512i fifth_low = _mm512_loadu_si512(tree + 16), fifth_high = _mm512_loadu_si512(tree + 24);
    for (int64_t i = 0; i < n; i += 8) {
        __mmask8 valid = n - i < 8 ? (__mmask8)((1u << (n - i)) - 1) : 0xff;
        __m512i x = _mm512_maskz_loadu_epi64(valid, (const int64_t *)items + i);
        __m512i negative = _mm512_srai_epi64(x, 63);
        x = _mm512_xor_si512(x, _mm512_xor_si512(_mm512_and_si512(negative, fold), invert));
        __m512i key = _mm512_sub_epi64(x, rotate), node = one;
#define STEP(pivot)                                           \
    do {                                                      \
        __mmask8 right = _mm512_cmpge_epi64_mask(key, pivot); \
        node = _mm512_add_epi64(node, node);                  \
        node = _mm512_mask_add_epi64(node, right, node, one); \
    } while (0)
        STEP(_mm512_permutexvar_epi64(node, top));
        STEP(_mm512_permutexvar_epi64(node, top));
        STEP(_mm512_permutexvar_epi64(node, top));
        STEP(_mm512_permutexvar_epi64(node, fourth));
        if (levels > 4)
            STEP(_mm512_permutex2var_epi64(fifth_low, node, fifth_high));
        for (int level = 5; level < levels; level++)
            STEP(_mm512_i64gather_epi64(node, tree, 8));
#undef STEP
        _mm512_mask_cvtepi64_storeu_epi8(ids + i, valid, _mm512_sub_epi64(node, buckets));
    }
}

static GK_TARGET(GK_AVX512_FEATURES) void classify32_avx512(const void *items, int64_t n, const gk_sort_order *order,
                                                            const int64_t *tree, int levels, uint8_t *ids)
{
    int32_t narrow[GK_MAX_BUCKETS];
    for (int b = 0; b < GK_MAX_BUCKETS; b++)
        narrow[b] = (int32_t)tree[b];
    const __m512i fold = _mm512_set1_epi32((int32_t)order->fold), invert = _mm512_set1_epi32((int32_t)order->invert),
                  rotate = _mm512_set1_epi32((int32_t)order->rotate), one = _mm512_set1_epi32(1),
                  buckets = _mm512_set1_epi32(1 << levels);
    const __m512i top = _mm512_loadu_si512(narrow), fifth = _mm512_loadu_si512(narrow + 16);
    const __m512i sixth_low = _mm512_loadu_si512(narrow + 32), sixth_high = _mm512_loadu_si512(narrow + 48);
    for (int64_t i = 0; i < n; i += 16) {
        __mmask16 valid = n - i < 16 ? (__mmask16)((1u << (n - i)) - 1) : 0xffff;
        __m512i x = _mm512_maskz_loadu_epi32(valid, (const int32_t *)items + i);
        __m512i negative = _mm512_srai_epi32(x, 31);
        x = _mm512_xor_si512(x, _mm512_xor_si512(_mm512_and_si512(negative, fold), invert));
        __m512i key = _mm512_sub_epi32(x, rotate), node = one;
#define STEP(pivot)                                            \
    do {                                                       \
        __mmask16 right = _mm512_cmpge_epi32_mask(key, pivot); \
        node = _mm512_add_epi32(node, node);                   \
        node = _mm512_mask_add_epi32(node, right, node, one);  \
    } while (0)
        STEP(_mm512_permutexvar_epi32(node, top));
        STEP(_mm512_permutexvar_epi32(node, top));
        STEP(_mm512_permutexvar_epi32(node, top));
        STEP(_mm512_permutexvar_epi32(node, top));
        if (levels > 4)
            STEP(_mm512_permutexvar_epi32(node, fifth));
        if (levels > 5)
            STEP(_mm512_permutex2var_epi32(sixth_low, node, sixth_high));
        for (int level = 6; level < levels; level++)
            STEP(_mm512_i32gather_epi32(node, narrow, 4));
#undef STEP
        _mm512_mask_cvtepi32_storeu_epi8(ids + i, valid, _mm512_sub_epi32(node, buckets));
    }
}
