/* Histograms, bincount and nearest against their definitions. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/isa.h"
#include "check.h"
#include "kernels/cluster/nearest.h"
#include "kernels/histogram/binning.h"

enum { N = 100003 };

static double uniform(void)
{
    static uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(state >> 11) * 0x1p-53;
}

static void check_histogram(const double *x, int64_t bins, int threads)
{
    double *edges = malloc((size_t)(bins + 1) * sizeof *edges);
    int64_t *expected = calloc((size_t)bins + 1, sizeof *expected), *counts = malloc((size_t)(bins + 1) * sizeof *counts);
    CHECK(edges != NULL && expected != NULL && counts != NULL);
    for (int64_t b = 0; b <= bins; b++)
        edges[b] = 0.125 + 0.75 * (double)b / (double)bins;
    for (int64_t i = 0; i < N; i++) {
        int64_t low = 0, high = bins;
        if (!(x[i] >= edges[0] && x[i] <= edges[bins])) {
            expected[bins]++;
            continue;
        }
        while (high - low > 1)
            if (edges[(low + high) / 2] <= x[i])
                low = (low + high) / 2;
            else
                high = (low + high) / 2;
        expected[low]++;
    }
    gk_options options = {.threads = threads};
    for (int even = 0; even < 2; even++) {
        gk_histogram h = {x, GK_FLOAT64, edges, bins, even, even ? 1e-6 : 0};
        CHECK(gk_histogram_counts(&h, N, counts, &options) == GK_OK);
        CHECK(memcmp(counts, expected, (size_t)(bins + 1) * sizeof *counts) == 0);
    }
    free(counts);
    free(expected);
    free(edges);
}

static void check_bincount(int64_t bins, int threads)
{
    int32_t *x = malloc(N * sizeof *x);
    double *weights = malloc(N * sizeof *weights), *sums = malloc((size_t)bins * sizeof *sums);
    double *first = malloc((size_t)bins * sizeof *first);
    int64_t *counts = malloc((size_t)(bins + 1) * sizeof *counts), *expected = calloc((size_t)bins + 1, sizeof *expected);
    CHECK(x != NULL && weights != NULL && sums != NULL && first != NULL && counts != NULL && expected != NULL);
    for (int64_t i = 0; i < N; i++) {
        x[i] = i % 1000 == 0 ? -1 : (int32_t)(uniform() * (double)bins);
        weights[i] = uniform();
        expected[x[i] < 0 ? bins : x[i]]++;
    }
    gk_options options = {.threads = threads}, one = {.threads = 1};
    CHECK(gk_bincount_counts(x, GK_INT32, N, bins, counts, &options) == GK_OK);
    CHECK(memcmp(counts, expected, (size_t)(bins + 1) * sizeof *counts) == 0);
    CHECK(gk_bincount_weights(x, GK_INT32, N, bins, weights, sums, &options) == GK_OK);
    CHECK(gk_bincount_weights(x, GK_INT32, N, bins, weights, first, &one) == GK_OK);
    CHECK(memcmp(sums, first, (size_t)bins * sizeof *sums) == 0);
    free(expected);
    free(counts);
    free(first);
    free(sums);
    free(weights);
    free(x);
}

static void check_nearest(int64_t n, int64_t k, int64_t dims, int threads)
{
    double *points = malloc((size_t)(n * dims) * 8 + 8), *centers = malloc((size_t)(k * dims) * 8 + 8);
    double *distance = malloc((size_t)n * 8);
    int64_t *index = malloc((size_t)n * 8);
    CHECK(points != NULL && centers != NULL && distance != NULL && index != NULL);
    for (int64_t i = 0; i < n * dims; i++)
        points[i] = floor(uniform() * 8);
    for (int64_t i = 0; i < k * dims; i++)
        centers[i] = floor(uniform() * 8);
    gk_nearest_input in = {GK_FLOAT64, n, k, dims, points, centers};
    gk_options options = {.threads = threads};
    CHECK(gk_nearest(&in, index, distance, &options) == GK_OK);
    for (int64_t i = 0; i < n; i++) {
        double best = INFINITY;
        int64_t which = 0;
        for (int64_t c = 0; c < k; c++) {
            double sum = 0;
            for (int64_t j = 0; j < dims; j++)
                sum += (points[i * dims + j] - centers[c * dims + j]) * (points[i * dims + j] - centers[c * dims + j]);
            if (sum < best) {
                best = sum;
                which = c;
            }
        }
        CHECK(index[i] == which && distance[i] == best);
    }
    double *sums = malloc((size_t)(k * dims) * 8 + 8);
    int64_t *members = malloc((size_t)k * 8), total = 0;
    CHECK(sums != NULL && members != NULL);
    CHECK(gk_cluster_sums(&in, index, sums, members, &options) == GK_OK);
    for (int64_t c = 0; c < k; c++)
        total += members[c];
    CHECK(total == n);
    free(members);
    free(sums);
    free(index);
    free(distance);
    free(centers);
    free(points);
}

int main(void)
{
    double *x = malloc(N * sizeof *x);
    CHECK(x != NULL);
    for (int64_t i = 0; i < N; i++)
        x[i] = i % 4 == 0 ? floor(uniform() * 64) / 64 : i % 999 == 1 ? NAN : uniform(); /* many on edges */
    for (int level = 0; level <= (int)gk_isa_best(); level++) {
        CHECK(gk_set_isa((gk_isa_level)level) == 0);
        for (int threads = 1; threads <= 3; threads++) {
            for (int64_t bins = 1; bins <= 3000; bins = bins * 5 + 1)
                check_histogram(x, bins, threads);
            check_bincount(3, threads);
            check_bincount(2000, threads);
            check_bincount(INT64_C(1) << 22, threads); /* more than private tables hold */
            check_nearest(1000, 7, 3, threads);
            check_nearest(65, 1, 0, threads);
            check_nearest(1, 5, 64, threads);
        }
    }
    free(x);
    return 0;
}
