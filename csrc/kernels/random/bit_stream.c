#include "kernels/random/bit_stream.h"

#include <string.h>

#include "base/isa.h"
#include "kernels/random/multiply.h"

/* The Mersenne Twister of Matsumoto and Nishimura (1998). */
enum { WORDS = GK_MERSENNE_WORDS, SHIFT = 397 };

GK_INLINE uint32_t twisted(uint32_t word, uint32_t next)
{
    uint32_t mixed = (word & UINT32_C(0x80000000)) | (next & UINT32_C(0x7fffffff));
    return mixed >> 1 ^ ((0 - (next & 1)) & UINT32_C(0x9908b0df));
}

GK_INLINE double double_of_halves(uint32_t first, uint32_t second)
{
    return ((double)(int32_t)(first >> 5) * 67108864.0 + (double)(int32_t)(second >> 6)) * 0x1p-53;
}

GK_INLINE double double_of_word(uint64_t word)
{
    return (double)(int64_t)(word >> 11) * 0x1p-53;
}

#define FOREACH_ISA "kernels/random/bit_stream_template.h"
#include "base/foreach_isa.h"

/* O'Neill's PCG: a linear congruential generator of 128 bits, of which each state gives one word. */
GK_INLINE gk_wide multiply(gk_wide a, gk_wide b)
{
    gk_wide product;
    product.low = gk_multiply(a.low, b.low, &product.high);
    product.high += a.high * b.low + a.low * b.high;
    return product;
}

GK_INLINE gk_wide add(gk_wide a, gk_wide b)
{
    uint64_t low = a.low + b.low;
    return (gk_wide){a.high + b.high + (low < b.low), low};
}

GK_INLINE gk_wide step(gk_wide state, gk_wide multiplier, gk_wide increment)
{
    return add(multiply(state, multiplier), increment);
}

static const gk_wide ONE = {0, 1};
#define CHEAP UINT64_C(0xda942042e4dd58b5)

GK_INLINE gk_wide multiplier_of(gk_bit_generator generator)
{
    return generator == GK_PCG64 ? (gk_wide){UINT64_C(0x2360ed051fc65da4), UINT64_C(0x4385df649fccf645)}
                                 : (gk_wide){0, CHEAP};
}

/* PCG64 makes a word of the state after a step ("XSL-RR"), and PCG64DXSM of that before it. */
GK_INLINE uint64_t rotated(gk_wide state)
{
    uint64_t folded = state.high ^ state.low;
    unsigned by = (unsigned)(state.high >> 58);
    return folded >> by | folded << ((0 - by) & 63);
}

GK_INLINE uint64_t multiplied(gk_wide state)
{
    uint64_t high = state.high;
    high ^= high >> 32;
    high *= CHEAP;
    high ^= high >> 48;
    return high * (state.low | 1);
}

/* The step that is `count` steps at a time. */
static void power_of_step(uint64_t count, gk_wide *multiplier, gk_wide *increment)
{
    gk_wide whole = ONE, plus = {0, 0};
    for (; count > 0; count >>= 1) {
        if (count & 1) {
            whole = multiply(whole, *multiplier);
            plus = step(plus, *multiplier, *increment);
        }
        *increment = multiply(add(*multiplier, ONE), *increment);
        *multiplier = multiply(*multiplier, *multiplier);
    }
    *multiplier = whole;
    *increment = plus;
}

static void pass_over(gk_bit_stream *stream, int64_t words)
{
    gk_wide multiplier = multiplier_of(stream->generator), increment = stream->increment;
    power_of_step((uint64_t)words, &multiplier, &increment);
    stream->state = step(stream->state, multiplier, increment);
    stream->drawn += words;
}

GK_INLINE uint64_t draw_pcg64(gk_wide *state, gk_bit_generator generator, gk_wide multiplier, gk_wide increment)
{
    gk_wide before = *state;
    *state = step(before, multiplier, increment);
    return generator == GK_PCG64 ? rotated(*state) : multiplied(before);
}

static void draw_mersenne(gk_bit_stream *stream)
{
    GK_DISPATCH(twist)(stream->key);
    GK_DISPATCH(temper)(stream->key, stream->words);
    stream->next = 0;
    stream->drawn += WORDS;
}

void gk_stream_start_pcg64(gk_bit_stream *stream, gk_bit_generator generator, gk_wide state, gk_wide increment, int has_half,
                           uint32_t half)
{
    memset(stream, 0, sizeof *stream);
    stream->generator = generator;
    stream->state = state;
    stream->increment = increment;
    stream->has_half = has_half;
    stream->half = half;
    stream->next = WORDS;
}

void gk_stream_start_mersenne(gk_bit_stream *stream, const uint32_t key[GK_MERSENNE_WORDS], int position)
{
    memset(stream, 0, sizeof *stream);
    stream->generator = GK_MT19937;
    memcpy(stream->key, key, sizeof stream->key);
    GK_DISPATCH(temper)(stream->key, stream->words);
    stream->next = position;
    stream->drawn = WORDS - position;
}

int64_t gk_stream_position(const gk_bit_stream *stream)
{
    return stream->drawn - (WORDS - stream->next);
}

void gk_stream_advance(gk_bit_stream *stream, int64_t words)
{
    if (stream->generator != GK_MT19937) {
        pass_over(stream, words);
        return;
    }
    int64_t left = words - (WORDS - stream->next);
    if (left <= 0) {
        stream->next += (int)words;
        return;
    }
    for (; left > WORDS; left -= WORDS) {
        GK_DISPATCH(twist)(stream->key);
        stream->drawn += WORDS;
    }
    draw_mersenne(stream);
    stream->next = (int)left;
}

/* ---- What NumPy's distributions call ---- */

GK_INLINE uint64_t pcg64_word(gk_bit_stream *stream, gk_bit_generator generator)
{
    stream->drawn++;
    return draw_pcg64(&stream->state, generator, multiplier_of(generator), stream->increment);
}

GK_INLINE uint32_t pcg64_half(gk_bit_stream *stream, gk_bit_generator generator)
{
    if (stream->has_half) {
        stream->has_half = 0;
        return stream->half;
    }
    uint64_t word = pcg64_word(stream, generator);
    stream->has_half = 1;
    stream->half = (uint32_t)(word >> 32);
    return (uint32_t)word;
}

static uint64_t pcg64_uint64(void *stream)
{
    return pcg64_word(stream, GK_PCG64);
}

static uint32_t pcg64_uint32(void *stream)
{
    return pcg64_half(stream, GK_PCG64);
}

static double pcg64_double(void *stream)
{
    return double_of_word(pcg64_word(stream, GK_PCG64));
}

static uint64_t dxsm_uint64(void *stream)
{
    return pcg64_word(stream, GK_PCG64DXSM);
}

static uint32_t dxsm_uint32(void *stream)
{
    return pcg64_half(stream, GK_PCG64DXSM);
}

static double dxsm_double(void *stream)
{
    return double_of_word(pcg64_word(stream, GK_PCG64DXSM));
}

static uint32_t mersenne_uint32(void *data)
{
    gk_bit_stream *stream = data;
    if (GK_UNLIKELY(stream->next == WORDS))
        draw_mersenne(stream);
    return stream->words[stream->next++];
}

static uint64_t mersenne_uint64(void *stream)
{
    uint64_t high = mersenne_uint32(stream);
    return high << 32 | mersenne_uint32(stream);
}

static double mersenne_double(void *data)
{
    gk_bit_stream *stream = data;
    if (GK_LIKELY(stream->next <= WORDS - 2)) { /* one change of `next`, for which the next call waits */
        const uint32_t *words = &stream->words[stream->next];
        stream->next += 2;
        return double_of_halves(words[0], words[1]);
    }
    uint32_t first = mersenne_uint32(stream);
    return double_of_halves(first, mersenne_uint32(stream));
}

gk_stream_functions gk_stream_functions_of(const gk_bit_stream *stream)
{
    switch (stream->generator) {
    case GK_PCG64:
        return (gk_stream_functions){pcg64_uint64, pcg64_uint32, pcg64_double};
    case GK_PCG64DXSM:
        return (gk_stream_functions){dxsm_uint64, dxsm_uint32, dxsm_double};
    default:
        return (gk_stream_functions){mersenne_uint64, mersenne_uint32, mersenne_double};
    }
}

/* ---- Many doubles ---- */

/* Each step waits for the one before, so several interleaved sequences are drawn. */
GK_INLINE void pcg64_doubles(gk_bit_stream *stream, gk_bit_generator generator, double *out, int64_t n)
{
    enum { LANES = 4 };
    gk_wide by = multiplier_of(generator), plus = stream->increment, lanes[LANES], state = stream->state;
    for (int k = 0; k < LANES; k++) {
        gk_wide before = state;
        state = step(state, by, plus);
        lanes[k] = generator == GK_PCG64 ? state : before; /* of which the word is made */
    }
    power_of_step(LANES, &by, &plus);
    const int64_t whole = n - n % LANES;
    for (int64_t i = 0; i < whole; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            out[i + k] = double_of_word(generator == GK_PCG64 ? rotated(lanes[k]) : multiplied(lanes[k]));
            lanes[k] = step(lanes[k], by, plus);
        }
    }
    for (int64_t i = whole; i < n; i++)
        out[i] = double_of_word(generator == GK_PCG64 ? rotated(lanes[i - whole]) : multiplied(lanes[i - whole]));
    pass_over(stream, n);
}

void gk_stream_doubles(gk_bit_stream *stream, double *out, int64_t n)
{
    if (stream->generator == GK_PCG64)
        pcg64_doubles(stream, GK_PCG64, out, n);
    else if (stream->generator == GK_PCG64DXSM)
        pcg64_doubles(stream, GK_PCG64DXSM, out, n);
    else
        while (n > 0) {
            int64_t some = (WORDS - stream->next) / 2;
            if (some == 0) { /* at the end of the words, or one before it */
                *out++ = mersenne_double(stream);
                n--;
                continue;
            }
            if (some > n)
                some = n;
            GK_DISPATCH(doubles_of_halves)(stream->words + stream->next, out, some);
            stream->next += (int)(2 * some);
            out += some;
            n -= some;
        }
}
