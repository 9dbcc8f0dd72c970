#include "kernels/random/uniform.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/compiler.h"
#include "base/isa.h"

/* Philox4x64-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
 * easy as 1, 2, 3" (2011). */
#define MULTIPLIER0 UINT64_C(0xD2E7470EE14C6C93)
#define MULTIPLIER1 UINT64_C(0xCA5A826395121157)
#define WEYL0 UINT64_C(0x9E3779B97F4A7C15)
#define WEYL1 UINT64_C(0xBB67AE8584CAA73B)

enum {
    ROUNDS = 10,
    WORDS = 4,       /* words of a block */
    GROUP = 16,      /* maximum number of blocks drawn at a time */
    PIECE = 1 << 15, /* words of a chunk: 0.1 ms */
};

#if defined(__SIZEOF_INT128__)
__extension__ typedef unsigned __int128 uint128;

GK_INLINE uint64_t multiply(uint64_t a, uint64_t b, uint64_t *high)
{
    uint128 product = (uint128)a * b;
    *high = (uint64_t)(product >> 64);
    return (uint64_t)product;
}
#elif defined(_MSC_VER) && defined(_M_X64)
GK_INLINE uint64_t multiply(uint64_t a, uint64_t b, uint64_t *high)
{
    return _umul128(a, b, high);
}
#else
GK_INLINE uint64_t multiply(uint64_t a, uint64_t b, uint64_t *high)
{
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32), other = a0 * b1 + (uint32_t)middle;
    *high = a1 * b1 + (middle >> 32) + (other >> 32);
    return a * b;
}
#endif

/* A word makes one double, or two floats, the low half first. */
GK_INLINE void store(void *out, bool floats, int64_t i, uint64_t word)
{
    if (floats) {
        float *numbers = (float *)out + 2 * i;
        numbers[0] = (float)(int32_t)((uint32_t)word >> 8) * 0x1p-24f;
        numbers[1] = (float)(int32_t)(word >> 40) * 0x1p-24f;
    } else {
        ((double *)out)[i] = (double)(int64_t)(word >> 11) * 0x1p-53;
    }
}

/* Draws the numbers of blocks begin <= b < end, an even number of blocks. Two are
 * drawn at a time, because each product waits for the previous one. */
GK_INLINE void draw_blocks(void *GK_RESTRICT out, bool floats, uint64_t begin, uint64_t end, const uint64_t key[2])
{
    for (uint64_t block = begin; block < end; block += 2) {
        /* NumPy increments the counter before it draws. */
        uint64_t x0 = block + 1, x1 = 0, x2 = 0, x3 = 0;
        uint64_t y0 = block + 2, y1 = 0, y2 = 0, y3 = 0;
        uint64_t key0 = key[0], key1 = key[1];
        for (int round = 0; round < ROUNDS; round++) {
            uint64_t x0_high, x2_high, y0_high, y2_high;
            uint64_t x0_low = multiply(MULTIPLIER0, x0, &x0_high), x2_low = multiply(MULTIPLIER1, x2, &x2_high);
            uint64_t y0_low = multiply(MULTIPLIER0, y0, &y0_high), y2_low = multiply(MULTIPLIER1, y2, &y2_high);
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
        store(out, floats, i, x0);
        store(out, floats, i + 1, x1);
        store(out, floats, i + 2, x2);
        store(out, floats, i + 3, x3);
        store(out, floats, i + 4, y0);
        store(out, floats, i + 5, y1);
        store(out, floats, i + 6, y2);
        store(out, floats, i + 7, y3);
    }
}

static void draw_scalar(void *out, bool floats, uint64_t begin, uint64_t end, const uint64_t key[2])
{
    if (floats)
        draw_blocks(out, true, begin, end, key);
    else
        draw_blocks(out, false, begin, end, key);
}

#if GK_X86
#  include <immintrin.h>

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
    /* The low half is that of p00 with that of `other` above it. */
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
GK_INLINE void store_avx512(void *out, bool floats, int64_t i, __m512i words)
{
    if (floats) {
        __m512 numbers = _mm512_cvtepi32_ps(_mm512_srli_epi32(words, 8));
        _mm512_storeu_ps((float *)out + 2 * i, _mm512_mul_ps(numbers, _mm512_set1_ps(0x1p-24f)));
    } else {
        __m512d numbers = _mm512_cvtepi64_pd(_mm512_srli_epi64(words, 11));
        _mm512_storeu_pd((double *)out + i, _mm512_mul_pd(numbers, _mm512_set1_pd(0x1p-53)));
    }
}

/* Transposes eight blocks from lanes to the order of the stream. */
GK_TARGET(GK_AVX512_FEATURES)
GK_INLINE void store_blocks_avx512(void *out, bool floats, int64_t i, const __m512i x[WORDS])
{
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    __m512i even01 = _mm512_unpacklo_epi64(x[0], x[1]), odd01 = _mm512_unpackhi_epi64(x[0], x[1]);
    __m512i even23 = _mm512_unpacklo_epi64(x[2], x[3]), odd23 = _mm512_unpackhi_epi64(x[2], x[3]);
    __m512i even0 = _mm512_permutex2var_epi64(even01, first, even23); /* blocks 0 and 2 */
    __m512i even1 = _mm512_permutex2var_epi64(even01, second, even23); /* 4 and 6 */
    __m512i odd0 = _mm512_permutex2var_epi64(odd01, first, odd23); /* 1 and 3 */
    __m512i odd1 = _mm512_permutex2var_epi64(odd01, second, odd23); /* 5 and 7 */
    store_avx512(out, floats, i, _mm512_shuffle_i64x2(even0, odd0, 0x44));
    store_avx512(out, floats, i + 8, _mm512_shuffle_i64x2(even0, odd0, 0xee));
    store_avx512(out, floats, i + 16, _mm512_shuffle_i64x2(even1, odd1, 0x44));
    store_avx512(out, floats, i + 24, _mm512_shuffle_i64x2(even1, odd1, 0xee));
}

GK_TARGET(GK_AVX512_FEATURES)
GK_INLINE void draw_groups_avx512(void *GK_RESTRICT out, bool floats, uint64_t begin, uint64_t end,
                                  const uint64_t key[2])
{
    const __m512i iota = _mm512_setr_epi64(1, 2, 3, 4, 5, 6, 7, 8);
    for (uint64_t block = begin; block < end; block += GROUP) {
        __m512i x[WORDS] = {_mm512_add_epi64(_mm512_set1_epi64((long long)block), iota)};
        __m512i y[WORDS] = {_mm512_add_epi64(_mm512_set1_epi64((long long)block + 8), iota)};
        x[1] = x[2] = x[3] = y[1] = y[2] = y[3] = _mm512_setzero_si512();
        uint64_t key0 = key[0], key1 = key[1];
        for (int round = 0; round < ROUNDS; round++) {
            round_avx512(x, key0, key1);
            round_avx512(y, key0, key1);
            key0 += WEYL0;
            key1 += WEYL1;
        }
        int64_t i = (int64_t)(block - begin) * WORDS;
        store_blocks_avx512(out, floats, i, x);
        store_blocks_avx512(out, floats, i + 8 * WORDS, y);
    }
}

/* The same as draw_scalar, for whole groups of blocks. */
GK_TARGET(GK_AVX512_FEATURES)
static void draw_avx512(void *out, bool floats, uint64_t begin, uint64_t end, const uint64_t key[2])
{
    if (floats)
        draw_groups_avx512(out, true, begin, end, key);
    else
        draw_groups_avx512(out, false, begin, end, key);
}
#endif

typedef struct {
    void *out;
    bool floats;
    int64_t n; /* numbers */
    const uint64_t *key;
} work;

static void fill(int64_t begin, int64_t end, void *data)
{
    const work *w = data;
    const int64_t each = w->floats ? 2 : 1; /* numbers per word */
    const int64_t in_group = GROUP * WORDS * each;
    const size_t size = w->floats ? sizeof(float) : sizeof(double);
    int64_t first = begin * PIECE * each, last = end * PIECE * each < w->n ? end * PIECE * each : w->n;
    int64_t rest = last - (last - first) % in_group;

    uint64_t block = (uint64_t)(first / each / WORDS), rest_block = (uint64_t)(rest / each / WORDS);
    GK_DISPATCH(draw)((char *)w->out + (size_t)first * size, w->floats, block, rest_block, w->key);
    if (rest < last) {
        union {
            double doubles[GROUP * WORDS];
            float floats[2 * GROUP * WORDS];
        } numbers;
        uint64_t pairs = (uint64_t)((last - rest + 2 * WORDS * each - 1) / (2 * WORDS * each));
        draw_scalar(&numbers, w->floats, rest_block, rest_block + 2 * pairs, w->key);
        memcpy((char *)w->out + (size_t)rest * size, &numbers, (size_t)(last - rest) * size);
    }
}

static int uniform(work *w, int64_t words, const gk_options *options)
{
    int64_t pieces = words / PIECE + (words % PIECE != 0);
    if (pieces <= 1) {
        fill(0, pieces, w);
        return GK_OK;
    }
    gk_options how = options != NULL ? *options : (gk_options){0};
    how.grain = 1;
    how.eager = pieces > 2;
    return gk_parallel_for(pieces, fill, w, &how);
}

int gk_uniform_float64(double *out, int64_t n, const uint64_t key[2], const gk_options *options)
{
    work w = {.out = out, .n = n, .key = key};
    return uniform(&w, n, options);
}

int gk_uniform_float32(float *out, int64_t n, const uint64_t key[2], const gk_options *options)
{
    work w = {.out = out, .floats = true, .n = n, .key = key};
    return uniform(&w, n / 2 + n % 2, options);
}
