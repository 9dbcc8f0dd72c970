/* gk_searchsorted, gk_isin and gk_runs against loops that are written as plainly as
 * possible, for every type and number of threads. */
#include <math.h>
#include <string.h>

#include "base/isa.h"
#include "check.h"
#include "kernels/search/searchsorted.h"
#include "kernels/search/membership.h"
#include "kernels/search/runs.h"
#include "kernels/sort/sort.h"
#include "leaf_sorts.h"

enum { N = 70001, M = 3000 };

static uint64_t items[N], elements[N];
static int64_t places[N], starts[N], numbers[N], offsets[N / GK_RUNS_CHUNK + 2];
static uint8_t found[N];

static void fill(void *to, int64_t n, gk_type type, int pattern)
{
    int64_t size = gk_itemsize(type);
    for (int64_t i = 0; i < n; i++) {
        uint64_t x = pattern == 0 ? next() % 50 : pattern == 1 ? next() % 5000 : next() << 3;
        double d = pattern == 2 ? (double)(int64_t)x : (double)x / 4 - 3;
        float f;
        if (next() % 20 == 0)
            d = next() % 2 ? NAN : -0.0;
        f = (float)d;
        if (type == GK_BOOL)
            x &= 1;
        memcpy((char *)to + i * size, type == GK_FLOAT64 ? (void *)&d : type == GK_FLOAT32 ? (void *)&f : (void *)&x,
               (size_t)size);
    }
}

/* The item as a number; exact for the numbers of fill(). */
static double value(const void *x, int64_t i, gk_type type)
{
    switch (type) {
#define CASE(constant, T) \
    case constant: return (double)((const T *)x)[i];
        GK_EACH_INTEGER(CASE)
        GK_EACH_FLOAT(CASE)
#undef CASE
    default: return ((const uint8_t *)x)[i];
    }
}

/* NaN comes last. */
static int before(double a, double b)
{
    return a < b || (isnan(b) && !isnan(a));
}

static void check(gk_type type, int64_t n, int64_t m, int threads)
{
    gk_options options = {.threads = threads};
    CHECK(gk_isin(items, n, elements, m, type, threads > 1, found, &options) == GK_OK);
    for (int64_t i = 0; i < n; i += 1 + n / 60) {
        int is_in = 0;
        for (int64_t k = 0; k < m; k++)
            is_in |= gk_is_float(type) ? value(items, i, type) == value(elements, k, type)
                                       : memcmp((char *)items + i * gk_itemsize(type),
                                                (char *)elements + k * gk_itemsize(type),
                                                (size_t)gk_itemsize(type)) == 0;
        CHECK((found[i] ^ (threads > 1)) == is_in);
    }

    CHECK(gk_sort_long(elements, elements, m, type, &leaves, &options) == GK_OK);
    for (int right = 0; right < 2 && gk_itemsize(type) >= 4; right++) {
        CHECK(gk_searchsorted(elements, m, items, n, type, right, places, &options) == GK_OK);
        for (int64_t i = 0; i < n; i++) {
            double key = value(items, i, type);
            int64_t at = places[i];
            CHECK(at >= 0 && at <= m);
            CHECK(at == 0 || (right ? !before(key, value(elements, at - 1, type)) : before(value(elements, at - 1, type), key)));
            CHECK(at == m || (right ? before(key, value(elements, at, type)) : !before(value(elements, at, type), key)));
        }
    }

    CHECK(gk_sort_long(items, items, n, type, &leaves, &options) == GK_OK);
    gk_runs runs = {items, n, type, threads > 1, offsets};
    CHECK(gk_runs_count(&runs, &options) == GK_OK);
    CHECK(gk_runs_write(&runs, elements, starts, NULL, numbers, &options) == GK_OK);
    int64_t number = -1;
    for (int64_t i = 0; i < n; i++) {
        double x = value(items, i, type), y = i > 0 ? value(items, i - 1, type) : 0;
        int equal = i > 0 && (x == y || (isnan(x) && isnan(y) && threads == 1));
        if (!equal) {
            number++;
            CHECK(starts[number] == i);
            CHECK(memcmp((char *)elements + number * gk_itemsize(type), (char *)items + i * gk_itemsize(type),
                         (size_t)gk_itemsize(type)) == 0);
        }
        CHECK(numbers[i] == number);
    }
    CHECK(offsets[(n + GK_RUNS_CHUNK - 1) / GK_RUNS_CHUNK] == number + 1);
    /* The same without the numbers, each output alone, in the same order and with nothing behind it. */
    static uint64_t firsts[N + 1];
    memset(firsts, 0xab, sizeof firsts);
    size_t bytes = (size_t)((number + 1) * gk_itemsize(type));
    CHECK(gk_runs_write(&runs, firsts, NULL, NULL, NULL, &options) == GK_OK);
    CHECK(memcmp(firsts, elements, bytes) == 0 && ((unsigned char *)firsts)[bytes] == 0xab);
    memset(firsts, 0xab, sizeof firsts);
    CHECK(gk_runs_write(&runs, NULL, (int64_t *)firsts, NULL, NULL, &options) == GK_OK);
    CHECK(memcmp(firsts, starts, (size_t)(number + 1) * 8) == 0 && firsts[number + 1] == UINT64_C(0xabababababababab));
}

/* Elements that a hash function puts next to each other: at an equal distance, and by dividing by its factor. */
static void check_clusters(void)
{
    const uint64_t inverse = UINT64_C(0xf1de83e19937733d); /* of 0x9e3779b97f4a7c15 */
    for (int64_t i = 0; i < M; i++) {
        uint64_t x = (uint64_t)i * inverse;
        elements[i] = x ^ x >> 32;
        elements[M + i] = (uint64_t)i * 196418;
    }
    for (int k = 0; k < 2; k++) {
        for (int64_t i = 0; i < N; i++)
            items[i] = elements[k * M + i % M] + (uint64_t)(i % 3 == 0);
        CHECK(gk_isin(items, N, elements + k * M, M, GK_UINT64, 0, found, NULL) == GK_OK);
        for (int64_t i = 0; i < N; i++)
            CHECK(found[i] == (i % 3 != 0));
    }
}

int main(void)
{
    for (int type = 0; type < GK_TYPES; type++)
        for (int pattern = 0; pattern < 3; pattern++)
            for (int threads = 1; threads <= 3; threads += 2) {
                static const int64_t sizes[][2] = {{N, M}, {N, 1}, {1, M}, {17, 16}, {GK_RUNS_CHUNK, 40}};
                for (int k = 0; k < 5; k++) {
                    fill(items, sizes[k][0], (gk_type)type, pattern);
                    fill(elements, sizes[k][1], (gk_type)type, pattern);
                    if (gk_itemsize((gk_type)type) == 8 && pattern == 2 && !gk_is_float((gk_type)type))
                        for (int64_t i = 0; i < sizes[k][0]; i++)
                            items[i] &= UINT64_C(0x1ffffffffffff8), elements[i % sizes[k][1]] &= UINT64_C(0x1ffffffffffff8);
                    check((gk_type)type, sizes[k][0], sizes[k][1], threads);
                }
            }
    /* Few elements, and runs, which each instruction set compares. */
    for (int level = 0; level <= (int)gk_isa_best(); level++) {
        CHECK(gk_set_isa((gk_isa_level)level) == 0);
        for (int type = 0; type < GK_TYPES; type++)
            for (int pattern = 0; pattern < 3; pattern++) {
                fill(items, N, (gk_type)type, pattern);
                fill(elements, 16, (gk_type)type, pattern);
                check((gk_type)type, N, pattern == 0 ? 16 : 5, 2);
            }
    }
    check_clusters();
    /* Nothing to look for, and nothing to look in. */
    CHECK(gk_isin(items, 5, elements, 0, GK_INT64, 0, found, NULL) == GK_OK && !found[0] && !found[4]);
    CHECK(gk_isin(items, 5, elements, 0, GK_INT64, 1, found, NULL) == GK_OK && found[0] && found[4]);
    CHECK(gk_searchsorted(elements, 0, items, 3, GK_INT64, 1, places, NULL) == GK_OK && places[2] == 0);
    return 0;
}
