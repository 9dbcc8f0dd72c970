/* The loops of gk_mandelbrot, written with the macros of mandelbrot_vectors.h.
 * Included by base/foreach_isa.h for each instruction set.
 *
 * A tile is one vector of columns by BAND rows. A step is a chain of about 12 cycles.
 * The rows are independent chains that overlap, and a nearly square tile wastes
 * fewer steps on points that have escaped while a neighbour continues. */

#include "kernels/demo/mandelbrot_vectors.h"

#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3)

#define START(r)                                                       \
    V ci##r = SET(position(m->y0, m->dy, row + r, m->height));          \
    V zr##r, zi##r;                                                    \
    MASK in##r;                                                        \
    COUNTS n##r;

#define RESTART(r)                                                     \
    zr##r = zi##r = SET(0.0);                                          \
    in##r = ALL;                                                       \
    n##r = ZERO;

#define STEP(r)                                                        \
    {                                                                  \
        V rr = MUL(zr##r, zr##r), ii = MUL(zi##r, zi##r);              \
        in##r = WITHIN(in##r, ADD(rr, ii));                            \
        n##r = COUNT(n##r, in##r);                                     \
        zi##r = ADD(MUL(ADD(zr##r, zr##r), zi##r), ci##r);             \
        zr##r = ADD(SUB(rr, ii), cr);                                  \
    }

#define WRITE(r)                                                       \
    if (r < rows) {                                                    \
        int32_t *to = m->out + (row + r) * m->width + column;          \
        if (last - column >= LANES) {                                  \
            STORE(to, n##r);                                           \
        } else {                                                       \
            int32_t part[LANES];                                       \
            STORE(part, n##r);                                         \
            memcpy(to, part, (size_t)(last - column) * sizeof *to);    \
        }                                                              \
    }

/* Computes columns first <= column < last of the BAND rows from `row` on, or of as
 * many as there are. Lanes beyond the last column and row repeat it. */
TARGET static void NAME(segment)(const image *m, int64_t row, int64_t first, int64_t last)
{
    const int64_t rows = m->height - row < BAND ? m->height - row : BAND;
    const V x0 = SET(m->x0), dx = SET(m->dx), border = SET((double)(m->width - 1));
    int bursts_left = BURSTS_BETWEEN_CHECKS;
    EACH_ROW(START)
    for (int64_t column = first; column < last; column += LANES) {
        const V cr = ADD(x0, MUL(MIN(ADD(SET((double)column), IOTA), border), dx));
        EACH_ROW(RESTART)
        int32_t left = m->max_iter;
        while (left > 0 && ANY(OR(OR(in0, in1), OR(in2, in3)))) {
            int burst = left < BURST ? left : BURST;
            for (int step = 0; step < burst; step++) {
                EACH_ROW(STEP)
            }
            left -= burst;
            if (--bursts_left == 0) {
                if (gk_cancelled())
                    return;
                bursts_left = BURSTS_BETWEEN_CHECKS;
            }
        }
        EACH_ROW(WRITE)
    }
}

#undef EACH_ROW
#undef START
#undef RESTART
#undef STEP
#undef WRITE
