#include "kernels/search/interp.h"

#include <math.h>

#include "base/fp_control.h"
#include "kernels/array/memory.h"
#include "kernels/search/searchsorted.h"

enum { BLOCK = 256, CHUNK = 1 << 12 };

typedef struct {
    const gk_interpolated *function;
    const double *points;
    int64_t m;
    double *values;
} interpolating;

/* The same operations as in NumPy, in the same order. `after` is the number of xs that are <= x. */
static double value_at(const gk_interpolated *f, double x, int64_t after)
{
    if (f->n == 1)
        return x < f->xs[0] ? f->left : x > f->xs[0] ? f->right : f->ys[0];
    if (isnan(x))
        return x;
    if (x > f->xs[f->n - 1])
        return f->right;
    if (x < f->xs[0])
        return f->left;
    int64_t i = after - 1;
    if (i >= f->n - 1 || f->xs[i] == x)
        return f->ys[i];
    double slope = (f->ys[i + 1] - f->ys[i]) / (f->xs[i + 1] - f->xs[i]);
    double y = slope * (x - f->xs[i]) + f->ys[i];
    if (isnan(y)) { /* infinity minus infinity; from the other end it may be a number */
        y = slope * (x - f->xs[i + 1]) + f->ys[i + 1];
        if (isnan(y) && f->ys[i] == f->ys[i + 1])
            y = f->ys[i];
    }
    return y;
}

static void interpolate_chunks(int64_t begin, int64_t end, void *data)
{
    const interpolating *w = data;
    int64_t last = end < gk_ceil_div(w->m, CHUNK) ? end * CHUNK : w->m, after[BLOCK];
    for (int64_t at = begin * CHUNK; at < last; at += BLOCK) {
        int64_t n = last - at < BLOCK ? last - at : BLOCK;
        gk_fp_saved saved = gk_fp_use_default(); /* subnormals must not be flushed to 0 in comparisons */
        gk_search_doubles(w->function->xs, w->function->n, w->points + at, n, after);
        gk_fp_restore(saved);
        for (int64_t i = 0; i < n; i++)
            w->values[at + i] = value_at(w->function, w->points[at + i], after[i] > 0 ? after[i] : 1);
    }
}

int gk_interp(const gk_interpolated *function, const double *points, int64_t m, double *values,
              const gk_options *options)
{
    interpolating w = {function, points, m, values};
    int64_t chunks = gk_ceil_div(m, CHUNK);
    gk_options mine = options != NULL ? *options : (gk_options){0};
    mine.grain = 1;
    mine.eager = chunks >= 8;
    return gk_parallel_for(chunks, interpolate_chunks, &w, &mine);
}
