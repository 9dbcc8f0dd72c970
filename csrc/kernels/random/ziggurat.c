#include "kernels/random/ziggurat.h"

#include <math.h>

#include "base/compiler.h"
#include "kernels/random/sampler.h"
#include "kernels/random/ziggurat_tables.h"

/* ---- Candidates that lie inside their layer, as 98.8 % do
 *
 * Bits 0 to 7 of a normal's unit are the layer, bit 8 is the sign, and the rest is how far the
 * candidate is into the layer. An exponential's unit has no sign, and its lowest bits are not used.
 *
 * Vectors would not help: reading the tables by gather instructions takes as long. */

/* Writes the candidates of all units up to the first one that is not inside, and sets *n to the
 * number of units before it. The sign is a factor, because a branch would be mispredicted. */
#define ACCEPT(name, uint, type, limits, widths, layer, into, sign)                            \
    static int64_t name(const gk_sampler *s, const void *units, int64_t *n, void *out)         \
    {                                                                                          \
        static const type signs[2] = {1, -1};                                                  \
        type *items = out;                                                                     \
        (void)s;                                                                               \
        for (int64_t i = 0; i < *n; i++) {                                                     \
            const uint u = ((const uint *)units)[i];                                           \
            items[i] = (type)(int64_t)(into) * (widths)[layer] * signs[sign];                  \
            if (GK_UNLIKELY((into) >= (limits)[layer]))                                        \
                return *n = i;                                                                 \
        }                                                                                      \
        return *n;                                                                             \
    }

ACCEPT(normal, uint64_t, double, normal_limits, normal_widths, u & 0xff, u >> 9 & 0xfffffffffffff, u >> 8 & 1)
ACCEPT(normal_f, uint32_t, float, normal_limits_f, normal_widths_f, u & 0xff, u >> 9 & 0x7fffff, u >> 8 & 1)
ACCEPT(exponential, uint64_t, double, exponential_limits, exponential_widths, u >> 3 & 0xff, u >> 11, 0)
ACCEPT(exponential_f, uint32_t, float, exponential_limits_f, exponential_widths_f, u >> 1 & 0xff, u >> 9, 0)

/* ---- Candidates that are not inside their layer, decided as NumPy decides */

static double next_double(gk_reader *r, uint64_t *at)
{
    return (double)(int64_t)(gk_reader_unit(r, (*at)++) >> 11) * 0x1p-53;
}

static float next_float(gk_reader *r, uint64_t *at)
{
    return (float)(int32_t)(gk_reader_unit(r, (*at)++) >> 8) * 0x1p-24f;
}

static bool decide_normal(gk_reader *r, uint64_t *at, void *item)
{
    const uint64_t word = gk_reader_unit(r, (*at)++), into = word >> 9 & 0xfffffffffffff;
    const unsigned layer = word & 0xff;
    if (layer == 0) { /* the tail, by Marsaglia's method */
        double x, y;
        do {
            x = -NORMAL_TAIL_INVERSE * log1p(-next_double(r, at));
            y = -log1p(-next_double(r, at));
        } while (!(y + y > x * x));
        *(double *)item = into >> 8 & 1 ? -(NORMAL_TAIL + x) : NORMAL_TAIL + x;
        return true;
    }
    double x = (double)(int64_t)into * normal_widths[layer];
    if (word & 0x100)
        x = -x;
    const double above = normal_heights[layer - 1] - normal_heights[layer];
    *(double *)item = x;
    return above * next_double(r, at) + normal_heights[layer] < exp(-0.5 * x * x);
}

static bool decide_normal_f(gk_reader *r, uint64_t *at, void *item)
{
    const uint32_t half = (uint32_t)gk_reader_unit(r, (*at)++), into = half >> 9 & 0x7fffff;
    const unsigned layer = half & 0xff;
    if (layer == 0) {
        float x, y;
        do {
            x = -(float)NORMAL_TAIL_INVERSE * log1pf(-next_float(r, at));
            y = -log1pf(-next_float(r, at));
        } while (!(y + y > x * x));
        *(float *)item = into >> 8 & 1 ? -((float)NORMAL_TAIL + x) : (float)NORMAL_TAIL + x;
        return true;
    }
    float x = (float)(int32_t)into * normal_widths_f[layer];
    if (half & 0x100)
        x = -x;
    const float above = normal_heights_f[layer - 1] - normal_heights_f[layer];
    *(float *)item = x;
    return (double)(above * next_float(r, at) + normal_heights_f[layer]) < exp(-0.5 * (double)x * (double)x);
}

static bool decide_exponential(gk_reader *r, uint64_t *at, void *item)
{
    const uint64_t word = gk_reader_unit(r, (*at)++);
    const unsigned layer = word >> 3 & 0xff;
    if (layer == 0) { /* the tail is an exponential distribution again */
        *(double *)item = EXPONENTIAL_TAIL - log1p(-next_double(r, at));
        return true;
    }
    const double x = (double)(int64_t)(word >> 11) * exponential_widths[layer];
    const double above = exponential_heights[layer - 1] - exponential_heights[layer];
    *(double *)item = x;
    return above * next_double(r, at) + exponential_heights[layer] < exp(-x);
}

static bool decide_exponential_f(gk_reader *r, uint64_t *at, void *item)
{
    const uint32_t half = (uint32_t)gk_reader_unit(r, (*at)++);
    const unsigned layer = half >> 1 & 0xff;
    if (layer == 0) {
        *(float *)item = (float)EXPONENTIAL_TAIL - log1pf(-next_float(r, at));
        return true;
    }
    const float x = (float)(int32_t)(half >> 9) * exponential_widths_f[layer];
    const float above = exponential_heights_f[layer - 1] - exponential_heights_f[layer];
    *(float *)item = x;
    return above * next_float(r, at) + exponential_heights_f[layer] < expf(-x);
}

static void finish(const gk_sampler *s, const void *items, int64_t n, void *out)
{
    const double loc = s->loc, scale = s->scale;
    for (int64_t i = 0; i < n; i++)
        ((double *)out)[i] = loc + scale * ((const double *)items)[i];
}

static void finish_f(const gk_sampler *s, const void *items, int64_t n, void *out)
{
    const float loc = (float)s->loc, scale = (float)s->scale;
    for (int64_t i = 0; i < n; i++)
        ((float *)out)[i] = loc + scale * ((const float *)items)[i];
}

/* ---- */

#define REJECTED 0.012

int gk_normal_float64(double *out, int64_t n, double loc, double scale, const uint64_t key[2], const gk_options *options)
{
    gk_sampler s = {.philox = {.key = {key[0], key[1]}}, .form = GK_PHILOX_UINT64, .unit = 8, .size = 8,
                    .rejected = REJECTED, .accept = normal, .decide = decide_normal,
                    .finish = finish, .loc = loc, .scale = scale};
    return gk_sample(&s, out, n, options);
}

int gk_normal_float32(float *out, int64_t n, float loc, float scale, const uint64_t key[2], const gk_options *options)
{
    gk_sampler s = {.philox = {.key = {key[0], key[1]}}, .form = GK_PHILOX_UINT32, .unit = 4, .size = 4,
                    .rejected = REJECTED, .accept = normal_f, .decide = decide_normal_f,
                    .finish = finish_f, .loc = (double)loc, .scale = (double)scale};
    return gk_sample(&s, out, n, options);
}

int gk_exponential_float64(double *out, int64_t n, double scale, const uint64_t key[2], const gk_options *options)
{
    gk_sampler s = {.philox = {.key = {key[0], key[1]}}, .form = GK_PHILOX_UINT64, .unit = 8, .size = 8,
                    .rejected = REJECTED, .accept = exponential, .decide = decide_exponential,
                    .finish = finish, .scale = scale};
    return gk_sample(&s, out, n, options);
}

int gk_exponential_float32(float *out, int64_t n, float scale, const uint64_t key[2], const gk_options *options)
{
    gk_sampler s = {.philox = {.key = {key[0], key[1]}}, .form = GK_PHILOX_UINT32, .unit = 4, .size = 4,
                    .rejected = REJECTED, .accept = exponential_f, .decide = decide_exponential_f,
                    .finish = finish_f, .scale = (double)scale};
    return gk_sample(&s, out, n, options);
}
