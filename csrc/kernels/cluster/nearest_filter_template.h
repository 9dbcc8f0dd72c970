/* Finds the nearest centre of points of doubles in single precision, where that is
 * certain. Included for each instruction set by nearest_isa.h.
 *
 * |x - c|^2 = |x|^2 + (|c|^2 - 2 x.c), so comparing the term in brackets is enough.
 * Single precision has twice the SIMD lanes, and the term takes two operations
 * instead of three. If the best centre is ahead of the second best by more than
 * both errors, it is the nearest, whatever the rounding. Otherwise the point is
 * left to the exact search.
 *
 * The error bound. Let u = 2^-24, X = |x|^2 and C the largest |c|^2, after
 * subtracting one vector from all of them, which changes no difference. The
 * conversions, the d products and their sum are off by at most
 * (d + 4) u sum|x_j c_j| <= (d + 4) u (X + C) / 2, twice; |c|^2 is off by u C; and
 * the difference is rounded by u (X + 2 C). A term is therefore off by less than
 * (d + 7) u (X + C), and the gap between two terms by twice that. Underflow adds
 * less than FLT_MIN for each product. The rounding of X itself, and that of the
 * exact search in double, are far below the margin that (d + 16) leaves.
 */
/* Writes the nearest centre of each of n <= UNIT points to index[i], or -1 if it is uncertain. */
static TARGET void NAME(filter)(const double *points, int64_t n, const gk_filter *f, void *scratch,
                                    int64_t *index)
{
    enum { WIDTH = VECTORS * LANES };
    const int64_t dims = f->dims;
    VEC *tile = scratch; /* dims x WIDTH: the coordinates of WIDTH points, interleaved */
    float *cells = scratch;
    for (int64_t i = 0; i < n; i += WIDTH) {
        for (int p = 0; p < WIDTH; p++) {
            const double *point = points + (i + p < n ? i + p : n - 1) * dims;
            for (int64_t j = 0; j < dims; j++)
                cells[j * WIDTH + p] = (float)(point[j] - f->shift[j]);
        }
        VEC best[VECTORS], second[VECTORS], size[VECTORS];
        MASK which[VECTORS];
        for (int v = 0; v < VECTORS; v++) {
            best[v] = second[v] = (VEC){0} + INFINITY;
            which[v] = (MASK){0};
            size[v] = (VEC){0};
        }
        for (int64_t j = 0; j < dims; j++)
            for (int v = 0; v < VECTORS; v++)
                size[v] += tile[j * VECTORS + v] * tile[j * VECTORS + v];
        const float *center = f->centers;
        for (int64_t c = 0, unseen = 0; c < f->k; c += TOGETHER, center += TOGETHER * dims) {
            if ((unseen += TOGETHER * dims) > BETWEEN_CHECKS) {
                unseen = 0;
                if (gk_cancelled())
                    return;
            }
            VEC sum[TOGETHER][VECTORS];
            for (int a = 0; a < TOGETHER; a++)
                for (int v = 0; v < VECTORS; v++)
                    sum[a][v] = (VEC){0};
            for (int64_t j = 0; j < dims; j++)
                for (int a = 0; a < TOGETHER; a++)
                    for (int v = 0; v < VECTORS; v++)
                        sum[a][v] += tile[j * VECTORS + v] * center[j * TOGETHER + a];
            for (int a = 0; a < TOGETHER; a++)
                for (int v = 0; v < VECTORS; v++) {
                    VEC term = f->norms[c + a] - 2.0f * sum[a][v];
                    MASK nearer = LESS(term, best[v]);
                    VEC worse = SELECT(nearer, best[v], term);
                    second[v] = SELECT(LESS(worse, second[v]), worse, second[v]);
                    best[v] = SELECT(nearer, term, best[v]);
                    which[v] = (nearer & ((MASK){0} + (int32_t)(c + a))) | (~nearer & which[v]);
                }
        }
        int32_t indices[WIDTH];
        float first[WIDTH], next[WIDTH], sizes[WIDTH];
        memcpy(indices, which, sizeof indices);
        memcpy(first, best, sizeof first);
        memcpy(next, second, sizeof next);
        memcpy(sizes, size, sizeof sizes);
        for (int p = 0; p < WIDTH && i + p < n; p++) {
            float bound = 2 * ((float)(dims + 16) * 0x1p-24f * (sizes[p] + f->largest) + (float)dims * FLT_MIN);
            index[i + p] = next[p] - first[p] > bound ? indices[p] : -1;
        }
    }
}
