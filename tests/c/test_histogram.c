/* gk_histogram_*, gk_bincount_* and gk_minmax_of for every type against plain loops, with
 * weights, several chunks, and NaN. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/isa.h"
#include "check.h"
#include "kernels/histogram/binning.h"

enum { N = 150001, BINS = 40 };

static uint64_t items[N];
static double weights[N];

static uint64_t next(void)
{
    static uint64_t state = 1;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

#define EACH(X) GK_EACH_INTEGER(X) GK_EACH_FLOAT(X)
#define SET(constant, T)              \
    case constant:                    \
        ((T *)items)[i] = (T)value;   \
        break;
#define GET(constant, T) \
    case constant: return (double)((const T *)items)[i];

static void set(int64_t i, gk_type type, double value)
{
    switch (type) {
        EACH(SET)
    default: ((uint8_t *)items)[i] = value != 0; break;
    }
}

static double get(int64_t i, gk_type type)
{
    switch (type) {
        EACH(GET)
    default: return ((uint8_t *)items)[i];
    }
}

static void fill(gk_type type)
{
    for (int64_t i = 0; i < N; i++) {
        double value = (double)(next() % 100);
        set(i, type, gk_is_float(type) ? value + 0.25 : value);
        weights[i] = (double)(next() % 1000) / 8;
    }
}

/* 10, 11.5, ... 70: below, above and on edges. */
static int64_t bin_of(double x, const double *edges)
{
    if (!(x >= edges[0] && x <= edges[BINS]))
        return BINS;
    int64_t b = 0;
    while (b < BINS - 1 && edges[b + 1] <= x)
        b++;
    return b;
}

static void check_histogram(gk_type type, int64_t n, int threads)
{
    double edges[BINS + 1], sums[BINS], expected_sums[BINS + 1] = {0};
    int64_t counts[BINS + 1], expected[BINS + 1] = {0};
    for (int b = 0; b <= BINS; b++)
        edges[b] = 10 + 1.5 * b;
    for (int64_t i = 0; i < n; i++) {
        int64_t b = bin_of(get(i, type), edges);
        expected[b]++;
        expected_sums[b] += weights[i];
    }
    gk_options options = {.threads = threads};
    for (int uniform = 0; uniform < 2; uniform++) {
        gk_histogram h = {items, type, edges, BINS, uniform, uniform ? 1e-9 : 0};
        CHECK(gk_histogram_counts(&h, n, counts, &options) == GK_OK);
        CHECK(memcmp(counts, expected, sizeof counts) == 0);
        CHECK(gk_histogram_weights(&h, n, weights, 0, sums, &options) == GK_OK);
        CHECK(memcmp(sums, expected_sums, sizeof sums) == 0); /* eighths, so any order of additions is exact */
        CHECK(gk_histogram_weights(&h, n, weights, 1, sums, &options) == GK_OK);
        for (int b = 0; b < BINS; b++)
            CHECK(fabs(sums[b] - expected_sums[b]) <= 1e-6 * expected_sums[b]); /* rounded to float32 on the way */
    }
}

static void check_bincount(gk_type type, int64_t n, int threads)
{
    int64_t counts[BINS + 1], expected[BINS + 1] = {0};
    double sums[BINS], expected_sums[BINS + 1] = {0};
    for (int64_t i = 0; i < n; i++) {
        int64_t x = (int64_t)get(i, type), b = x < BINS ? x : BINS;
        expected[b]++;
        expected_sums[b] += weights[i];
    }
    gk_options options = {.threads = threads};
    CHECK(gk_bincount_counts(items, type, n, BINS, counts, &options) == GK_OK);
    CHECK(memcmp(counts, expected, sizeof counts) == 0);
    CHECK(gk_bincount_weights(items, type, n, BINS, weights, sums, &options) == GK_OK);
    CHECK(memcmp(sums, expected_sums, sizeof sums) == 0);
}

static void check_extent(gk_type type, int64_t n, int threads)
{
    gk_minmax found, expected = {get(0, type), get(0, type)};
    for (int64_t i = 1; i < n; i++) {
        double x = get(i, type);
        expected.min = x < expected.min ? x : expected.min;
        expected.max = x > expected.max ? x : expected.max;
    }
    gk_options options = {.threads = threads};
    CHECK(gk_minmax_of(items, type, n, &found, &options) == GK_OK);
    CHECK(found.min == expected.min && found.max == expected.max);
    if (!gk_is_float(type))
        return;
    for (int64_t at = 0; at < n; at += n - 1 > 0 ? (n - 1) / 2 + 1 : 1) {
        double before = get(at, type);
        set(at, type, NAN);
        CHECK(gk_minmax_of(items, type, n, &found, &options) == GK_OK);
        CHECK(isnan(found.min) && isnan(found.max));
        set(at, type, before);
    }
}

int main(void)
{
    static const int64_t lengths[] = {1, 5, 2049, N};
    for (int level = 0; level <= (int)gk_isa_best(); level++) {
        CHECK(gk_set_isa((gk_isa_level)level) == 0);
        for (int type = 0; type < GK_TYPES; type++) {
            fill((gk_type)type);
            for (int i = 0; i < 4; i++)
                for (int threads = 1; threads <= 3; threads += 2) {
                    check_histogram((gk_type)type, lengths[i], threads);
                    if (!gk_is_float((gk_type)type))
                        check_bincount((gk_type)type, lengths[i], threads);
                    check_extent((gk_type)type, lengths[i], threads);
                }
        }
    }
    return 0;
}
