#include "kernels/uniform.h"

#include "base/compiler.h"

#include <string.h>

/* Words drawn at a time, and by one chunk: 0.1 ms. */
enum { WORDS = 4, PIECE = 1 << 16 };

typedef struct {
    uint64_t word[WORDS];
} block;

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

/* Philox4x64-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
 * easy as 1, 2, 3" (2011). */
GK_INLINE block philox(block x, uint64_t key0, uint64_t key1)
{
    for (int round = 0; round < 10; round++) {
        uint64_t high0, high1;
        uint64_t low0 = multiply(UINT64_C(0xD2E7470EE14C6C93), x.word[0], &high0);
        uint64_t low1 = multiply(UINT64_C(0xCA5A826395121157), x.word[2], &high1);
        x = (block){{high1 ^ x.word[1] ^ key0, low1, high0 ^ x.word[3] ^ key1, low0}};
        key0 += UINT64_C(0x9E3779B97F4A7C15);
        key1 += UINT64_C(0xBB67AE8584CAA73B);
    }
    return x;
}

/* The counter plus n, modulo 2^256. */
static block advance(const uint64_t counter[4], uint64_t n)
{
    block sum;
    for (int i = 0; i < 4; i++) {
        sum.word[i] = counter[i] + n;
        n = sum.word[i] < n;
    }
    return sum;
}

typedef struct {
    double *doubles;
    float *floats;
    int64_t n;
    uint64_t key[2];
    const uint64_t *counter;
} work;

/* Words first <= i < last go to out[0..]; first is a multiple of WORDS. */
static void fill_doubles(const work *w, int64_t first, int64_t last, double *out)
{
    block counter = advance(w->counter, (uint64_t)first / WORDS);
    for (int64_t i = first; i < last; i += WORDS) {
        counter = advance(counter.word, 1); /* NumPy counts before it draws */
        block x = philox(counter, w->key[0], w->key[1]);
        double values[WORDS];
        for (int k = 0; k < WORDS; k++)
            values[k] = (double)(int64_t)(x.word[k] >> 11) * 0x1p-53;
        if (last - i >= WORDS)
            memcpy(out + (i - first), values, sizeof values);
        else
            memcpy(out + (i - first), values, (size_t)(last - i) * sizeof *values);
    }
}

/* The same for the halves of words, the low one first. */
static void fill_floats(const work *w, int64_t first, int64_t last, float *out)
{
    block counter = advance(w->counter, (uint64_t)first / (2 * WORDS));
    for (int64_t i = first; i < last; i += 2 * WORDS) {
        counter = advance(counter.word, 1);
        block x = philox(counter, w->key[0], w->key[1]);
        float values[2 * WORDS];
        for (int k = 0; k < WORDS; k++) {
            values[2 * k] = (float)(int32_t)((uint32_t)x.word[k] >> 8) * 0x1p-24f;
            values[2 * k + 1] = (float)(int32_t)(x.word[k] >> 40) * 0x1p-24f;
        }
        if (last - i >= 2 * WORDS)
            memcpy(out + (i - first), values, sizeof values);
        else
            memcpy(out + (i - first), values, (size_t)(last - i) * sizeof *values);
    }
}

static void fill(int64_t begin, int64_t end, void *data)
{
    const work *w = data;
    for (int64_t piece = begin; piece < end; piece++) {
        int64_t first = piece * PIECE, last = w->n - first < PIECE ? w->n : first + PIECE;
        if (w->doubles != NULL)
            fill_doubles(w, first, last, w->doubles + first);
        else
            fill_floats(w, first, last, w->floats + first);
    }
}

static int uniform(work *w, const gk_options *options)
{
    int64_t pieces = w->n / PIECE + (w->n % PIECE != 0);
    if (pieces <= 1) {
        fill(0, pieces, w);
        return GK_OK;
    }
    gk_options how = options != NULL ? *options : (gk_options){0};
    how.grain = 1;
    how.eager = 1;
    return gk_parallel_for(pieces, fill, w, &how);
}

int gk_uniform_float64(double *out, int64_t n, const uint64_t key[2], const uint64_t counter[4],
                       const gk_options *options)
{
    work w = {.doubles = out, .n = n, .key = {key[0], key[1]}, .counter = counter};
    return uniform(&w, options);
}

int gk_uniform_float32(float *out, int64_t n, const uint64_t key[2], const uint64_t counter[4],
                       const gk_options *options)
{
    work w = {.floats = out, .n = n, .key = {key[0], key[1]}, .counter = counter};
    return uniform(&w, options);
}
