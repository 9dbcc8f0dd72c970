#include "kernels/demo/pi.h"

#include "base/compiler.h"
#include "base/isa.h"

#include <stdatomic.h>
#include <stddef.h>

#define FOREACH_ISA "kernels/demo/pi_template.h"
#include "base/foreach_isa.h"

/* Blocks are drawn in pieces of this many: 0.05 ms with AVX-512, 0.3 ms without
 * SIMD. A power of two, so that the high word of the counter is constant in a piece. */
enum { PIECE = 1 << 15, MAX_LANES = 8 };

typedef struct {
    uint64_t first, last; /* blocks */
    uint64_t base;        /* the piece of the first block */
    uint64_t seed;
    _Atomic uint64_t outside;
} work;

uint64_t gk_pi_outside(uint64_t begin, uint64_t end, uint64_t seed)
{
    uint64_t whole = end - (end - begin) % MAX_LANES;
    return GK_DISPATCH(count)(begin, whole, seed) + count_scalar(whole, end, seed);
}

static void pi_pieces(int64_t begin, int64_t end, void *data)
{
    work *w = data;
    uint64_t outside = 0;
    for (uint64_t piece = (uint64_t)begin; piece < (uint64_t)end; piece++) {
        uint64_t first = (w->base + piece) * PIECE, last = first + PIECE;
        if (first < w->first)
            first = w->first;
        if (last > w->last)
            last = w->last;
        outside += gk_pi_outside(first, last, w->seed);
    }
    atomic_fetch_add_explicit(&w->outside, outside, memory_order_relaxed);
}

/* Returns whether the point is outside. For the points that use half of a block. */
static uint64_t is_outside(uint64_t point, uint64_t seed)
{
    uint64_t block = point / 2;
    words_scalar x = {(uint32_t)block, block >> 32, 0, 0};
    x = philox_scalar(x, (uint32_t)seed, (uint32_t)(seed >> 32));
    return point % 2 == 0 ? outside_scalar(x.w0, x.w1) : outside_scalar(x.w2, x.w3);
}

int gk_pi(uint64_t begin, uint64_t end, uint64_t seed, const gk_options *options, uint64_t *inside)
{
    uint64_t samples = end - begin, outside = 0;
    if (begin % 2 != 0 && begin < end)
        outside += is_outside(begin++, seed);
    if (end % 2 != 0 && begin < end)
        outside += is_outside(--end, seed);
    work w = {.first = begin / 2, .last = end / 2, .seed = seed};
    if (w.first < w.last) {
        w.base = w.first / PIECE;
        int64_t pieces = (int64_t)((w.last - 1) / PIECE - w.base + 1);
        if (pieces == 1) {
            pi_pieces(0, pieces, &w);
        } else {
            gk_options how = options != NULL ? *options : (gk_options){0};
            how.grain = 1;
            how.eager = pieces >= 4;
            int status = gk_parallel_for(pieces, pi_pieces, &w, &how);
            if (status != GK_OK)
                return status;
        }
        outside += atomic_load_explicit(&w.outside, memory_order_relaxed);
    }
    *inside = samples - outside;
    return GK_OK;
}

void gk_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    words_scalar x = {counter[0], counter[1], counter[2], counter[3]};
    x = philox_scalar(x, key[0], key[1]);
    out[0] = (uint32_t)x.w0;
    out[1] = (uint32_t)x.w1;
    out[2] = (uint32_t)x.w2;
    out[3] = (uint32_t)x.w3;
}
