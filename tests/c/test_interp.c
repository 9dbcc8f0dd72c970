/* gk_interp and gk_histogramdd against plain loops. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "kernels/histogram/binning.h"
#include "kernels/search/interp.h"

enum { N = 70001, M = 300, BINS = 12 };

static uint64_t state = 1;
static double points[N], values[N], xs[M], ys[M], weights[N], sums[BINS * BINS + 1];
static float others[N];
static int64_t counts[BINS * BINS + 1];

static double next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) * 0x1p-53;
}

static void interpolate(int64_t m, int threads)
{
    gk_options options = {.threads = threads};
    for (int64_t i = 0; i < m; i++) {
        xs[i] = (double)i + 1 + (i % 7 == 3 ? 1 : 0); /* some points coincide */
        ys[i] = next() * 10 - 5;
    }
    gk_interpolated function = {xs, ys, m, -100, 100};
    CHECK(gk_interp(&function, points, N, values, &options) == GK_OK);
    for (int64_t i = 0; i < N; i++) {
        double x = points[i], y = values[i];
        int64_t at = 0;
        while (at < m && xs[at] <= x)
            at++;
        if (m > 1 && isnan(x))
            CHECK(isnan(y));
        else if (x < xs[0])
            CHECK(y == -100);
        else if (x > xs[m - 1])
            CHECK(y == 100);
        else if (isnan(x) || at == m || xs[at - 1] == x)
            CHECK(y == ys[isnan(x) ? 0 : at - 1]);
        else
            CHECK(y == (ys[at] - ys[at - 1]) / (xs[at] - xs[at - 1]) * (x - xs[at - 1]) + ys[at - 1]);
    }
}

static int64_t bin_of(double x, const double *edges, int64_t bins)
{
    for (int64_t b = 0; b < bins; b++)
        if (x >= edges[b] && (x < edges[b + 1] || (b == bins - 1 && x == edges[bins])))
            return b;
    return -1;
}

static void histogram(int64_t n, int uniform, int threads)
{
    gk_options options = {.threads = threads};
    double edges[2][BINS + 1], plain[BINS * BINS] = {0};
    int64_t bins[2] = {BINS, 5}, plainly[BINS * BINS] = {0};
    for (int b = 0; b <= BINS; b++) {
        edges[0][b] = 10 + 20 * b;
        edges[1][b] = uniform ? 30.0 * b : 3.0 * b * b;
    }
    gk_histogram of[2] = {{points, GK_FLOAT64, edges[0], bins[0], 1, 1e-9},
                          {others, GK_FLOAT32, edges[1], bins[1], uniform, 1e-9}};
    CHECK(gk_histogramdd(of, 2, n, NULL, counts, &options) == GK_OK);
    CHECK(gk_histogramdd(of, 2, n, weights, sums, &options) == GK_OK);
    for (int64_t i = 0; i < n; i++) {
        int64_t a = bin_of(points[i], edges[0], bins[0]), b = bin_of((double)others[i], edges[1], bins[1]);
        if (a >= 0 && b >= 0) {
            plainly[a * bins[1] + b]++;
            plain[a * bins[1] + b] += weights[i];
        }
    }
    CHECK(memcmp(counts, plainly, (size_t)(bins[0] * bins[1]) * sizeof *counts) == 0);
    CHECK(memcmp(sums, plain, (size_t)(bins[0] * bins[1]) * sizeof *sums) == 0);
}

int main(void)
{
    for (int64_t i = 0; i < N; i++) {
        points[i] = i % 5 == 0 ? floor(next() * M) : next() * M;
        others[i] = (float)(next() * 200 - 20);
        weights[i] = next();
    }
    points[3] = NAN;
    points[4] = INFINITY;
    points[5] = -INFINITY;
    others[6] = NAN;
    for (int threads = 1; threads <= 3; threads += 2) {
        static const int64_t sizes[] = {1, 2, 3, 4, 17, M};
        for (int i = 0; i < 6; i++)
            interpolate(sizes[i], threads);
        for (int uniform = 0; uniform < 2; uniform++) {
            histogram(N, uniform, threads);
            histogram(100, uniform, threads);
        }
    }
    gk_pool_stop();
    puts("interp: ok");
    return 0;
}
