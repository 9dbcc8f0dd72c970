#include "kernels/random/integers.h"

#include <stddef.h>

#include "base/compiler.h"
#include "kernels/random/multiply.h"
#include "kernels/random/sampler.h"

#define FOREACH_ISA "kernels/random/integers_template.h"
#include "base/foreach_isa.h"

/* The same for units of 64 bits, whose products only the scalar unit has. */
static int64_t integers64(const gk_sampler *s, const void *units, int64_t *n, void *out)
{
    const uint64_t *u = units;
    uint64_t *items = out;
    const uint64_t range = s->range, threshold = s->threshold, offset = s->low;
    const int64_t all = *n;
    int64_t count = 0;
    for (int64_t i = 0; i < all; i++) {
        uint64_t high, low = gk_multiply(u[i], range, &high);
        items[count] = offset + high;
        count += low >= threshold;
    }
    return count;
}

/* All integers of 64 bits. */
static int64_t words(const gk_sampler *s, const void *units, int64_t *n, void *out)
{
    const uint64_t *u = units;
    for (int64_t i = 0; i < *n; i++)
        ((uint64_t *)out)[i] = s->low + u[i];
    return *n;
}

int gk_integers(void *out, int64_t n, int size, uint64_t low, uint64_t last, const uint64_t key[2],
                const gk_options *options)
{
    gk_sampler s = {.philox = {.key = {key[0], key[1]}}, .unit = (size_t)size, .size = (size_t)size, .low = low};
    s.range = last + 1; /* 0: all integers of 64 bits */
    if (size == 8 && last <= UINT32_MAX)
        s.unit = 4; /* as NumPy does */
    if (s.unit == 8) {
        s.form = GK_PHILOX_UINT64;
        s.accept = s.range == 0 ? words : integers64;
        s.threshold = s.range == 0 ? 0 : (0 - s.range) % s.range;
        s.rejected = (double)s.threshold * 0x1p-64;
    } else if (s.unit == 4) {
        s.form = GK_PHILOX_UINT32;
        s.accept = size == 8 ? GK_DISPATCH(integers32_to_64) : GK_DISPATCH(integers32);
        s.threshold = (UINT64_C(1) << 32) % s.range;
        s.rejected = (double)s.threshold * 0x1p-32;
    } else if (s.unit == 2) {
        s.form = GK_PHILOX_UINT16;
        s.accept = GK_DISPATCH(integers16);
        s.threshold = (UINT64_C(1) << 16) % s.range;
        s.rejected = (double)s.threshold * 0x1p-16;
    } else {
        s.form = GK_PHILOX_UINT8;
        s.accept = GK_DISPATCH(integers8);
        s.threshold = (UINT64_C(1) << 8) % s.range;
        s.rejected = (double)s.threshold * 0x1p-8;
    }
    s.often = s.rejected > 0x1p-11; /* about one in each call of accept() */
    return gk_sample(&s, out, n, options);
}
