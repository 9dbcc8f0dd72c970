#include "kernels/random/philox.h"

#include "base/compiler.h"
#include "base/isa.h"
#include "kernels/random/multiply.h"

/* Philox4x64-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
 * easy as 1, 2, 3" (2011). */
#define MULTIPLIER0 UINT64_C(0xD2E7470EE14C6C93)
#define MULTIPLIER1 UINT64_C(0xCA5A826395121157)
#define WEYL0 UINT64_C(0x9E3779B97F4A7C15)
#define WEYL1 UINT64_C(0xBB67AE8584CAA73B)

enum {
    ROUNDS = 10,
    WORDS = 4,  /* words of a block */
    GROUP = 16, /* blocks that the vector unit draws at a time */
};

/* Writes word i. Compilers merge the stores of its parts into one. */
GK_INLINE void store(void *out, gk_philox_form form, int64_t i, uint64_t word)
{
    switch (form) {
    case GK_PHILOX_FLOAT64:
        ((double *)out)[i] = (double)(int64_t)(word >> 11) * 0x1p-53;
        break;
    case GK_PHILOX_FLOAT32:
        ((float *)out)[2 * i] = (float)(int32_t)((uint32_t)word >> 8) * 0x1p-24f;
        ((float *)out)[2 * i + 1] = (float)(int32_t)(word >> 40) * 0x1p-24f;
        break;
    case GK_PHILOX_UINT64:
        ((uint64_t *)out)[i] = word;
        break;
    case GK_PHILOX_UINT32:
        for (int k = 0; k < 2; k++)
            ((uint32_t *)out)[2 * i + k] = (uint32_t)(word >> 32 * k);
        break;
    case GK_PHILOX_UINT16:
        for (int k = 0; k < 4; k++)
            ((uint16_t *)out)[4 * i + k] = (uint16_t)(word >> 16 * k);
        break;
    case GK_PHILOX_UINT8:
        for (int k = 0; k < 8; k++)
            ((uint8_t *)out)[8 * i + k] = (uint8_t)(word >> 8 * k);
        break;
    }
}

/* Draws the numbers of blocks begin <= b < end, an even number of blocks. Two are
 * drawn at a time, because each product waits for the previous one. */
GK_INLINE void draw_blocks(void *GK_RESTRICT out, gk_philox_form form, const gk_philox *p, uint64_t begin, uint64_t end)
{
    for (uint64_t block = begin; block < end; block += 2) {
        /* NumPy increments the counter before it draws. */
        uint64_t x0 = block + 1, x1 = p->stream, x2 = 0, x3 = 0;
        uint64_t y0 = block + 2, y1 = p->stream, y2 = 0, y3 = 0;
        uint64_t key0 = p->key[0], key1 = p->key[1];
        for (int round = 0; round < ROUNDS; round++) {
            uint64_t x0_high, x2_high, y0_high, y2_high;
            uint64_t x0_low = gk_multiply(MULTIPLIER0, x0, &x0_high), x2_low = gk_multiply(MULTIPLIER1, x2, &x2_high);
            uint64_t y0_low = gk_multiply(MULTIPLIER0, y0, &y0_high), y2_low = gk_multiply(MULTIPLIER1, y2, &y2_high);
            x0 = x2_high ^ x1 ^ key0;
            x1 = x2_low;
            x2 = x0_high ^ x3 ^ key1;
            x3 = x0_low;
            y0 = y2_high ^ y1 ^ key0;
            y1 = y2_low;
            y2 = y0_high ^ y3 ^ key1;
            y3 = y0_low;
            key0 += WEYL0;
            key1 += WEYL1;
        }
        int64_t i = (int64_t)(block - begin) * WORDS;
        store(out, form, i, x0);
        store(out, form, i + 1, x1);
        store(out, form, i + 2, x2);
        store(out, form, i + 3, x3);
        store(out, form, i + 4, y0);
        store(out, form, i + 5, y1);
        store(out, form, i + 6, y2);
        store(out, form, i + 7, y3);
    }
}

static void draw_scalar(void *out, gk_philox_form form, const gk_philox *p, uint64_t begin, uint64_t end)
{
    switch (form) { /* draw_blocks() is inlined, once for each form */
    case GK_PHILOX_UINT64:
        draw_blocks(out, GK_PHILOX_UINT64, p, begin, end);
        break;
    case GK_PHILOX_UINT32:
        draw_blocks(out, GK_PHILOX_UINT32, p, begin, end);
        break;
    case GK_PHILOX_UINT16:
        draw_blocks(out, GK_PHILOX_UINT16, p, begin, end);
        break;
    case GK_PHILOX_UINT8:
        draw_blocks(out, GK_PHILOX_UINT8, p, begin, end);
        break;
    case GK_PHILOX_FLOAT64:
        draw_blocks(out, GK_PHILOX_FLOAT64, p, begin, end);
        break;
    case GK_PHILOX_FLOAT32:
        draw_blocks(out, GK_PHILOX_FLOAT32, p, begin, end);
        break;
    }
}

#if GK_NEON
/* NEON has no 64-bit product either. */
#  define draw_neon draw_scalar
#endif

#if GK_X86
#  include "base/vectors.h"

/* AVX2 has four lanes and no 64-bit product, so the scalar unit is faster. */
#  define draw_avx2 draw_scalar

/* 128-bit products from 32-bit halves. */
GK_TARGET(GK_AVX512_FEATURES)
GK_INLINE __m512i multiply_avx512(__m512i x, uint64_t by, __m512i *high)
{
    const __m512i low_half = _mm512_set1_epi64(0xffffffff);
    const __m512i by0 = _mm512_set1_epi64((long long)by), by1 = _mm512_set1_epi64((long long)(by >> 32));
    __m512i x1 = _mm512_srli_epi64(x, 32);
    __m512i p00 = _mm512_mul_epu32(x, by0), p01 = _mm512_mul_epu32(x, by1);
    __m512i p10 = _mm512_mul_epu32(x1, by0), p11 = _mm512_mul_epu32(x1, by1);
    __m512i middle = _mm512_add_epi64(p10, _mm512_srli_epi64(p00, 32));
    __m512i other = _mm512_add_epi64(p01, _mm512_and_si512(middle, low_half));
    *high = _mm512_add_epi64(_mm512_add_epi64(p11, _mm512_srli_epi64(middle, 32)),
                             _mm512_srli_epi64(other, 32));
    /* The low 64 bits: bits 0 to 31 come from p00, bits 32 to 63 from the low half of `other`. */
    return _mm512_mask_shuffle_epi32(p00, 0xaaaa, other, _MM_PERM_CCAA);
}

/* One round of eight blocks. Each lane is one block. */
GK_TARGET(GK_AVX512_FEATURES)
GK_INLINE void round_avx512(__m512i x[WORDS], uint64_t key0, uint64_t key1)
{
    __m512i high0, high2;
    __m512i low0 = multiply_avx512(x[0], MULTIPLIER0, &high0);
    __m512i low2 = multiply_avx512(x[2], MULTIPLIER1, &high2);
    x[0] = _mm512_ternarylogic_epi64(high2, x[1], _mm512_set1_epi64((long long)key0), 0x96); /* xor */
    x[1] = low2;
    x[2] = _mm512_ternarylogic_epi64(high0, x[3], _mm512_set1_epi64((long long)key1), 0x96);
    x[3] = low0;
}

GK_TARGET(GK_AVX512_FEATURES)
GK_INLINE void store_avx512(void *out, gk_philox_form form, int64_t i, __m512i words)
{
    if (form == GK_PHILOX_FLOAT32) {
        __m512 numbers = _mm512_cvtepi32_ps(_mm512_srli_epi32(words, 8));
        _mm512_storeu_ps((float *)out + 2 * i, _mm512_mul_ps(numbers, _mm512_set1_ps(0x1p-24f)));
    } else if (form == GK_PHILOX_FLOAT64) {
        __m512d numbers = _mm512_cvtepi64_pd(_mm512_srli_epi64(words, 11));
        _mm512_storeu_pd((double *)out + i, _mm512_mul_pd(numbers, _mm512_set1_pd(0x1p-53)));
    } else { /* x86 is little-endian: the parts of a word are in order already */
        _mm512_storeu_si512((uint64_t *)out + i, words);
    }
}

/* Transposes eight blocks from lanes to the order of the stream. */
GK_TARGET(GK_AVX512_FEATURES)
GK_INLINE void store_blocks_avx512(void *out, gk_philox_form form, int64_t i, const __m512i x[WORDS])
{
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    __m512i even01 = _mm512_unpacklo_epi64(x[0], x[1]), odd01 = _mm512_unpackhi_epi64(x[0], x[1]);
    __m512i even23 = _mm512_unpacklo_epi64(x[2], x[3]), odd23 = _mm512_unpackhi_epi64(x[2], x[3]);
    __m512i even0 = _mm512_permutex2var_epi64(even01, first, even23); /* blocks 0 and 2 */
    __m512i even1 = _mm512_permutex2var_epi64(even01, second, even23); /* 4 and 6 */
    __m512i odd0 = _mm512_permutex2var_epi64(odd01, first, odd23); /* 1 and 3 */
    __m512i odd1 = _mm512_permutex2var_epi64(odd01, second, odd23); /* 5 and 7 */
    store_avx512(out, form, i, _mm512_shuffle_i64x2(even0, odd0, 0x44));
    store_avx512(out, form, i + 8, _mm512_shuffle_i64x2(even0, odd0, 0xee));
    store_avx512(out, form, i + 16, _mm512_shuffle_i64x2(even1, odd1, 0x44));
    store_avx512(out, form, i + 24, _mm512_shuffle_i64x2(even1, odd1, 0xee));
}

GK_TARGET(GK_AVX512_FEATURES)
GK_INLINE void draw_groups_avx512(void *GK_RESTRICT out, gk_philox_form form, const gk_philox *p, uint64_t begin,
                                  uint64_t end)
{
    const __m512i iota = _mm512_setr_epi64(1, 2, 3, 4, 5, 6, 7, 8);
    for (uint64_t block = begin; block < end; block += GROUP) {
        __m512i x[WORDS] = {_mm512_add_epi64(_mm512_set1_epi64((long long)block), iota)};
        __m512i y[WORDS] = {_mm512_add_epi64(_mm512_set1_epi64((long long)block + 8), iota)};
        x[1] = y[1] = _mm512_set1_epi64((long long)p->stream);
        x[2] = x[3] = y[2] = y[3] = _mm512_setzero_si512();
        uint64_t key0 = p->key[0], key1 = p->key[1];
        for (int round = 0; round < ROUNDS; round++) {
            round_avx512(x, key0, key1);
            round_avx512(y, key0, key1);
            key0 += WEYL0;
            key1 += WEYL1;
        }
        int64_t i = (int64_t)(block - begin) * WORDS;
        store_blocks_avx512(out, form, i, x);
        store_blocks_avx512(out, form, i + 8 * WORDS, y);
    }
}

/* The same as draw_scalar, for whole groups of blocks. */
GK_TARGET(GK_AVX512_FEATURES)
static void draw_avx512(void *out, gk_philox_form form, const gk_philox *p, uint64_t begin, uint64_t end)
{
    if (form == GK_PHILOX_FLOAT64)
        draw_groups_avx512(out, GK_PHILOX_FLOAT64, p, begin, end);
    else if (form == GK_PHILOX_FLOAT32)
        draw_groups_avx512(out, GK_PHILOX_FLOAT32, p, begin, end);
    else
        draw_groups_avx512(out, GK_PHILOX_UINT64, p, begin, end);
}
#endif

void gk_philox_draw(const gk_philox *p, gk_philox_form form, uint64_t begin, uint64_t end, void *out)
{
    uint64_t rest = end - (end - begin) % GROUP;
    if (begin < rest)
        GK_DISPATCH(draw)(out, form, p, begin, rest);
    /* A word takes eight bytes in every form. */
    draw_scalar((char *)out + (rest - begin) * WORDS * sizeof(uint64_t), form, p, rest, end);
}
