#include "kernels/demo/jacobi.h"

#include "base/compiler.h"
#include "base/isa.h"
#include "kernels/array/memory.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* A pass over the grid makes up to DEPTH sweeps, tile by tile. Within a tile, row i
 * of the first sweep is followed by row i - 1 of the second, row i - 2 of the third,
 * and so on. Only three rows of each sweep but the last are kept, in the cache, so
 * a pass reads and writes the grid once. A tile computes the cells beyond its edge
 * that its last sweep depends on; this margin shrinks by one cell on each side with
 * every sweep. Some cells are computed twice, but no tile waits for another. */
enum {
    DEPTH = 16,
    TILE_ROWS = 512,
    TILE_COLUMNS = 512,
    RING = 3, /* rows kept per sweep */
    RING_COLUMNS = TILE_COLUMNS + 2 * DEPTH,
};

typedef void row_body(void *to, const void *above, const void *here, const void *below, int64_t begin,
                      int64_t end);

#define FOREACH_ISA "kernels/demo/jacobi_template.h"
#include "base/foreach_isa.h"

typedef struct {
    row_body *row;
    int64_t rows, columns, itemsize;
    int64_t tiles_across;
    const char *from;
    char *to;
    int sweeps; /* in this pass */
    char *rings; /* for each participant, DEPTH - 1 rings */
} pass;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Returns row i of sweep `s` of a pass, as a pointer to its column 0. Sweep 0 is the
 * grid that the pass reads; `left` is the first column of the rings. */
static char *row_of(const pass *p, char *rings, int s, int64_t i, int64_t left)
{
    if (s == 0)
        return (char *)p->from + i * p->columns * p->itemsize;
    if (s == p->sweeps)
        return p->to + i * p->columns * p->itemsize;
    return rings + (((s - 1) * RING + i % RING) * RING_COLUMNS - left) * p->itemsize;
}

/* Computes columns begin <= j < end of row i of sweep s. */
static void compute_row(const pass *p, char *rings, int s, int64_t i, int64_t begin, int64_t end,
                        int64_t left)
{
    int64_t size = p->itemsize, inner_begin = most(begin, 1), inner_end = least(end, p->columns - 1);
    char *to = row_of(p, rings, s, i, left);
    const char *here = row_of(p, rings, s - 1, i, left);
    if (i == 0 || i == p->rows - 1 || inner_begin >= inner_end) {
        memcpy(to + begin * size, here + begin * size, (size_t)((end - begin) * size));
        return;
    }
    if (begin == 0)
        memcpy(to, here, (size_t)size);
    p->row(to, row_of(p, rings, s - 1, i - 1, left), here, row_of(p, rings, s - 1, i + 1, left),
           inner_begin, inner_end);
    if (end == p->columns)
        memcpy(to + (end - 1) * size, here + (end - 1) * size, (size_t)size);
}

static void compute_tile(const pass *p, char *rings, int64_t row0, int64_t column0)
{
    int64_t row1 = least(row0 + TILE_ROWS, p->rows);
    int64_t column1 = least(column0 + TILE_COLUMNS, p->columns);
    int64_t left = most(column0 - DEPTH, 0);
    for (int64_t step = most(row0 - (p->sweeps - 1), 0); step < row1 + p->sweeps - 1; step++)
        for (int s = 1; s <= p->sweeps; s++) {
            int64_t i = step - (s - 1), halo = p->sweeps - s;
            if (i >= most(row0 - halo, 0) && i < least(row1 + halo, p->rows))
                compute_row(p, rings, s, i, most(column0 - halo, 0),
                            least(column1 + halo, p->columns), left);
        }
}

static void compute_tiles(int64_t begin, int64_t end, void *data)
{
    const pass *p = data;
    char *rings = p->rings + (int64_t)gk_participant() * (DEPTH - 1) * RING * RING_COLUMNS * p->itemsize;
    for (int64_t tile = begin; tile < end; tile++)
        compute_tile(p, rings, tile / p->tiles_across * TILE_ROWS, tile % p->tiles_across * TILE_COLUMNS);
}

int gk_jacobi(gk_type type, int64_t rows, int64_t columns, const void *in, void *out, int64_t sweeps,
              const gk_options *options)
{
    int64_t bytes = rows * columns * gk_itemsize(type);
    if (sweeps == 0 || rows < 3 || columns < 3)
        return in != out ? gk_copy(out, in, bytes, options) : GK_OK;
    int64_t passes = gk_ceil_div(sweeps, DEPTH);
    pass p = {.rows = rows, .columns = columns, .itemsize = gk_itemsize(type), .from = in};
    p.row = type == GK_FLOAT64 ? GK_DISPATCH(row_float64) : GK_DISPATCH(row_float32);
    p.tiles_across = (columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
    int64_t tiles = (rows + TILE_ROWS - 1) / TILE_ROWS * p.tiles_across;
    /* Each pass reads one grid and writes another. The last one writes `out`. */
    int copy_first = in == out && passes % 2 == 1;
    char *other = passes > 1 || copy_first ? gk_allocate(bytes, 1) : NULL;
    p.rings = gk_allocate(least(gk_participants(options), tiles), (DEPTH - 1) * RING * RING_COLUMNS * p.itemsize);
    int status = p.rings == NULL || (other == NULL && (passes > 1 || copy_first)) ? GK_NO_MEMORY : GK_OK;
    if (status == GK_OK && copy_first) {
        status = gk_copy(other, in, bytes, options);
        p.from = other;
    }
    gk_options how = options != NULL ? *options : (gk_options){0};
    how.grain = 1;
    how.eager = tiles > 1;
    for (int64_t i = 0; i < passes && status == GK_OK; i++) {
        p.to = (passes - i) % 2 == 1 ? out : other;
        p.sweeps = (int)(sweeps / passes + (i < sweeps % passes));
        status = gk_parallel_for(tiles, compute_tiles, &p, &how);
        p.from = p.to;
    }
    free(other);
    free(p.rings);
    return status;
}
