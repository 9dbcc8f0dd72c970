#include "kernels/demo/mandelbrot.h"

#include "base/compiler.h"
#include "base/isa.h"

#include <stddef.h>
#include <string.h>

enum {
    BAND = 4,   /* rows of a tile, as in the template's EACH_ROW */
    BURST = 8,  /* steps between two checks whether any point of the tile is left */
    BURSTS_BETWEEN_CHECKS = 4096, /* of gk_cancelled(): 0.3 to 2 ms */
    CHUNK = 1 << 19, /* steps if no point of the chunk escapes: 0.15 to 2 ms */
    LINE = 16,  /* columns in a cache line, and a multiple of every LANES */
};

typedef struct {
    int64_t width, height;
    double x0, dx, y0, dy;
    int32_t max_iter;
    int32_t *out;
    int64_t segment;  /* columns of an item, which is BAND rows high */
    int64_t segments; /* items in a band */
} image;

/* The coordinate of column or row i of n. Indices beyond the last repeat it. */
GK_INLINE double position(double start, double step, int64_t i, int64_t n)
{
    return start + (double)(i < n ? i : n - 1) * step;
}

#define FOREACH_ISA "kernels/demo/mandelbrot_template.h"
#include "base/foreach_isa.h"

static void mandelbrot_items(int64_t begin, int64_t end, void *data)
{
    const image *m = data;
    for (int64_t item = begin; item < end && !gk_cancelled(); item++) {
        int64_t row = item / m->segments * BAND;
        int64_t first = item % m->segments * m->segment;
        int64_t last = m->width - first < m->segment ? m->width : first + m->segment;
        GK_DISPATCH(segment)(m, row, first, last);
    }
}

int gk_mandelbrot(int64_t width, int64_t height, double x0, double x1, double y0, double y1,
                  int32_t max_iter, int32_t *out, const gk_options *options)
{
    /* A band is one piece unless its points are expensive, and several bands are one
     * chunk if their points are cheap. Every point costs some steps. */
    int64_t column = BAND * ((int64_t)max_iter + 8);
    int64_t segment = (CHUNK / column + LINE - 1) / LINE * LINE;
    if (segment < LINE)
        segment = LINE;
    if (segment > width)
        segment = width;
    image m = {
        .width = width,
        .height = height,
        .x0 = x0,
        .dx = width > 1 ? (x1 - x0) / (double)(width - 1) : 0.0,
        .y0 = y0,
        .dy = height > 1 ? (y1 - y0) / (double)(height - 1) : 0.0,
        .max_iter = max_iter,
        .out = out,
        .segment = segment,
        .segments = (width - 1) / segment + 1,
    };
    int64_t items = ((height - 1) / BAND + 1) * m.segments;
    gk_options how = options != NULL ? *options : (gk_options){0};
    how.grain = CHUNK / (column * segment);
    if (how.grain < 1)
        how.grain = 1;
    how.eager = items / how.grain >= 8;
    return gk_parallel_for(items, mandelbrot_items, &m, &how);
}
