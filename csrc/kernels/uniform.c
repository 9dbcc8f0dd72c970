#include "kernels/uniform.h"

#include <stddef.h>

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
    WORDS = 4,       /* of a block */
    BUFFER = 1024,   /* words drawn at a time: a multiple of 8 blocks */
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

/* Blocks begin <= c < end. NumPy counts before it draws. */
static void draw_scalar(uint64_t *GK_RESTRICT words, uint64_t begin, uint64_t end, const uint64_t key[2])
{
    for (uint64_t counter = begin + 1; counter <= end; counter++, words += WORDS) {
        uint64_t x0 = counter, x1 = 0, x2 = 0, x3 = 0, key0 = key[0], key1 = key[1];
        for (int round = 0; round < ROUNDS; round++) {
            uint64_t high0, high1;
            uint64_t low0 = multiply(MULTIPLIER0, x0, &high0), low1 = multiply(MULTIPLIER1, x2, &high1);
            x0 = high1 ^ x1 ^ key0;
            x1 = low1;
            x2 = high0 ^ x3 ^ key1;
            x3 = low0;
            key0 += WEYL0;
            key1 += WEYL1;
        }
        words[0] = x0;
        words[1] = x1;
        words[2] = x2;
        words[3] = x3;
    }
}

/* AVX2 has four lanes, and no 64-bit product: the scalar unit is faster. */
#define draw_avx2 draw_scalar

#if GK_X86
#  include <immintrin.h>

/* Products of 64 bits from those of their halves. */
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
    /* The low half of p00 below that of `other`. */
    return _mm512_mask_shuffle_epi32(p00, 0xaaaa, other, _MM_PERM_CCAA);
}

/* The same as draw_scalar for a multiple of 8 blocks; each lane is one. */
GK_TARGET(GK_AVX512_FEATURES)
static void draw_avx512(uint64_t *GK_RESTRICT words, uint64_t begin, uint64_t end, const uint64_t key[2])
{
    const __m512i iota = _mm512_setr_epi64(1, 2, 3, 4, 5, 6, 7, 8);
    for (uint64_t block = begin; block < end; block += 8, words += 8 * WORDS) {
        __m512i x0 = _mm512_add_epi64(_mm512_set1_epi64((long long)block), iota);
        __m512i x1 = _mm512_setzero_si512(), x2 = x1, x3 = x1;
        uint64_t key0 = key[0], key1 = key[1];
        for (int round = 0; round < ROUNDS; round++) {
            __m512i high0, high1;
            __m512i low0 = multiply_avx512(x0, MULTIPLIER0, &high0);
            __m512i low1 = multiply_avx512(x2, MULTIPLIER1, &high1);
            x0 = _mm512_ternarylogic_epi64(high1, x1, _mm512_set1_epi64((long long)key0), 0x96); /* xor */
            x1 = low1;
            x2 = _mm512_ternarylogic_epi64(high0, x3, _mm512_set1_epi64((long long)key1), 0x96);
            x3 = low0;
            key0 += WEYL0;
            key1 += WEYL1;
        }
        /* From words of all blocks to the blocks: a transposition. */
        __m512i even01 = _mm512_unpacklo_epi64(x0, x1), odd01 = _mm512_unpackhi_epi64(x0, x1);
        __m512i even23 = _mm512_unpacklo_epi64(x2, x3), odd23 = _mm512_unpackhi_epi64(x2, x3);
        const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
        const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
        __m512i even0 = _mm512_permutex2var_epi64(even01, first, even23); /* blocks 0 and 2 */
        __m512i even1 = _mm512_permutex2var_epi64(even01, second, even23); /* 4 and 6 */
        __m512i odd0 = _mm512_permutex2var_epi64(odd01, first, odd23); /* 1 and 3 */
        __m512i odd1 = _mm512_permutex2var_epi64(odd01, second, odd23); /* 5 and 7 */
        _mm512_storeu_si512(words, _mm512_shuffle_i64x2(even0, odd0, 0x44));
        _mm512_storeu_si512(words + 8, _mm512_shuffle_i64x2(even0, odd0, 0xee));
        _mm512_storeu_si512(words + 16, _mm512_shuffle_i64x2(even1, odd1, 0x44));
        _mm512_storeu_si512(words + 24, _mm512_shuffle_i64x2(even1, odd1, 0xee));
    }
}
#endif

#define NAME(x) x##_scalar
#define TARGET
#include "kernels/uniform_template.h"

#if GK_X86
#  define NAME(x) x##_avx2
#  define TARGET GK_TARGET(GK_AVX2_FEATURES)
#  include "kernels/uniform_template.h"

#  define NAME(x) x##_avx512
#  define TARGET GK_TARGET(GK_AVX512_FEATURES)
#  include "kernels/uniform_template.h"
#endif

typedef struct {
    double *doubles;
    float *floats; /* NULL where doubles are wanted */
    int64_t n;
    const uint64_t *key;
} work;

static void fill(int64_t begin, int64_t end, void *data)
{
    const work *w = data;
    int64_t each = w->floats != NULL ? 2 : 1; /* numbers of a word */
    uint64_t words[BUFFER];
    int64_t last = end * PIECE * each < w->n ? end * PIECE * each : w->n;
    for (int64_t first = begin * PIECE * each; first < last; first += BUFFER * each) {
        int64_t n = last - first < BUFFER * each ? last - first : BUFFER * each;
        uint64_t block = (uint64_t)(first / each) / WORDS;
        uint64_t blocks = ((uint64_t)n + WORDS * (uint64_t)each - 1) / (WORDS * (uint64_t)each);
        if (blocks % 8 == 0)
            GK_DISPATCH(draw)(words, block, block + blocks, w->key);
        else
            draw_scalar(words, block, block + blocks, w->key);
        if (w->floats != NULL)
            GK_DISPATCH(floats)(w->floats + first, words, n);
        else
            GK_DISPATCH(doubles)(w->doubles + first, words, n);
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
    work w = {.doubles = out, .n = n, .key = key};
    return uniform(&w, n, options);
}

int gk_uniform_float32(float *out, int64_t n, const uint64_t key[2], const gk_options *options)
{
    work w = {.floats = out, .n = n, .key = key};
    return uniform(&w, n / 2 + n % 2, options);
}
