/* gk_group_reduce and gk_group_gather against plain loops, for every type, operation, way to
 * divide the values, and number of threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "kernels/histogram/group.h"
#include "leaf_sorts.h"

enum { N = 150000 };

static int32_t labels[N];
static uint64_t values[N];
static double items[N]; /* the values as numbers */
static uint64_t result[N + 200000], again[N + 200000], gathered[N];
static uint8_t empty[N + 200000], empty_again[N + 200000];
static int64_t starts[N + 200002];
static double sums[N + 200000], means[N + 200000], squares[N + 200000], products[N + 200000], smallest[N + 200000],
    largest[N + 200000];
static int64_t counts[N + 200000], first[N + 200000], last[N + 200000];

static void fill(gk_type type, int64_t n, int64_t groups)
{
    int64_t size = gk_itemsize(type);
    for (int64_t i = 0; i < N; i++) {
        uint64_t x = type == GK_BOOL ? next() % 2 : next() % 50;
        double d = (double)x / 4 - 3;
        if (gk_is_float(type) && next() % 5000 == 0)
            d = NAN;
        float f = (float)d;
        memcpy((char *)values + i * size, type == GK_FLOAT64 ? (void *)&d : type == GK_FLOAT32 ? (void *)&f : (void *)&x,
               (size_t)size);
        items[i] = gk_is_float(type) ? d : (double)x;
        labels[i] = i < n ? (int32_t)(next() % (uint64_t)(groups + 1)) - 1 : 0;
    }
}

/* The same in the simplest way. */
static void compute(const gk_grouping *g, int64_t results)
{
    for (int64_t r = 0; r < results; r++) {
        sums[r] = squares[r] = 0;
        products[r] = 1;
        smallest[r] = INFINITY;
        largest[r] = -INFINITY;
        counts[r] = 0;
        first[r] = last[r] = -1;
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < g->outer * g->n * g->inner; i++) {
            int32_t label = labels[i / g->inner % g->n];
            double x = items[i];
            if (label < 0 || (g->skip_nans && isnan(x)))
                continue;
            int64_t r = (i / (g->n * g->inner) * g->groups + label) * g->inner + i % g->inner;
            if (pass == 1) {
                squares[r] += (x - means[r]) * (x - means[r]);
                continue;
            }
            sums[r] += x;
            products[r] *= gk_is_float(g->type) ? x : 1;
            smallest[r] = x < smallest[r] || isnan(x) ? x : smallest[r];
            largest[r] = x > largest[r] || isnan(x) ? x : largest[r];
            counts[r]++;
            first[r] = first[r] < 0 ? i : first[r];
            last[r] = i;
        }
        for (int64_t r = 0; r < results && pass == 0; r++)
            means[r] = sums[r] / (double)counts[r];
    }
}

static int close_to(double a, double b, double tolerance)
{
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance * (1 + fabs(b));
}

static double number(const void *x, int64_t i, gk_type type)
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

static void check(gk_grouping *g, int threads)
{
    gk_options options = {.threads = threads}, one = {.threads = 1};
    int64_t results = g->outer * g->groups * g->inner, size = gk_itemsize(g->type);
    gk_type wide = gk_is_float(g->type) ? g->type : GK_INT64, real = g->type == GK_FLOAT32 ? GK_FLOAT32 : GK_FLOAT64;
    double tolerance = g->type == GK_FLOAT32 ? 1e-6 : 1e-12;
    int out_of_range;
    compute(g, results);
    for (int what = 0; what < GK_GROUP_OPERATIONS; what++) {
        CHECK(gk_group_reduce(g, (gk_group_operation)what, result, empty, &out_of_range, &options) == GK_OK && !out_of_range);
        CHECK(gk_group_reduce(g, (gk_group_operation)what, again, empty_again, &out_of_range, &one) == GK_OK);
        for (int64_t r = 0; r < results; r++) {
            double count = (double)counts[r], var = squares[r] / (count > g->ddof ? count - g->ddof : 0);
            if (count <= g->ddof && g->skip_nans)
                var = NAN;
            if (what >= GK_GROUP_MIN) {
                CHECK(empty[r] == (counts[r] == 0) && empty_again[r] == empty[r]);
                if (empty[r])
                    continue;
            }
            gk_type type = what == GK_GROUP_COUNT ? GK_INT64 : what <= GK_GROUP_PROD ? wide : what <= GK_GROUP_STD ? real : g->type;
            CHECK(memcmp((char *)result + r * gk_itemsize(type), (char *)again + r * gk_itemsize(type),
                         (size_t)gk_itemsize(type)) == 0);
            double x = number(result, r, type);
            switch ((gk_group_operation)what) {
            case GK_GROUP_COUNT: CHECK(x == count); break;
            case GK_GROUP_SUM: CHECK(close_to(x, sums[r], tolerance)); break;
            case GK_GROUP_PROD: /* products of many values overflow, in an order of their own */
                CHECK(!gk_is_float(g->type) || count > 50 || close_to(x, products[r], 1e-4));
                break;
            case GK_GROUP_MEAN: CHECK(close_to(x, means[r], tolerance)); break;
            case GK_GROUP_VAR: CHECK(close_to(x, var, tolerance * 10)); break;
            case GK_GROUP_STD: CHECK(close_to(x, sqrt(var), tolerance * 10)); break;
            case GK_GROUP_MIN: CHECK(close_to(x, smallest[r], 0)); break;
            case GK_GROUP_MAX: CHECK(close_to(x, largest[r], 0)); break;
            case GK_GROUP_FIRST: CHECK(close_to(x, items[first[r]], 0)); break;
            default: CHECK(close_to(x, items[last[r]], 0)); break;
            }
        }
    }
    CHECK(gk_group_gather(g, starts, gathered, &out_of_range, &options) == GK_OK && !out_of_range);
    for (int64_t r = 0; r < results; r++) {
        CHECK(starts[r + 1] - starts[r] == counts[r]);
        if (counts[r] > 0) {
            CHECK(memcmp((char *)gathered + starts[r] * size, (char *)values + first[r] * size, (size_t)size) == 0);
            CHECK(memcmp((char *)gathered + (starts[r + 1] - 1) * size, (char *)values + last[r] * size, (size_t)size) == 0);
        }
    }
}

/* Values are their own positions. If there are few groups, each has its first or last value after some of the
 * stretches, and the rest are only checked; the last group has two values. If there are many, tables have maps. */
static void first_and_last(int64_t groups)
{
    enum { MANY = 600000 };
    static int32_t label[MANY];
    static int64_t value[MANY];
    for (int64_t i = 0; i < MANY; i++) {
        value[i] = i;
        int alone = i == MANY / 5 || i == MANY - MANY / 5;
        label[i] = alone ? (int32_t)groups - 1 : (int32_t)(next() % (uint64_t)groups) - 1;
    }
    for (int64_t r = 0; r < groups; r++)
        first[r] = last[r] = -1;
    for (int64_t i = 0; i < MANY; i++)
        if (label[i] >= 0) {
            first[label[i]] = first[label[i]] < 0 ? i : first[label[i]];
            last[label[i]] = i;
        }
    int out_of_range;
    gk_grouping g = {label, GK_INT32, value, GK_INT64, 1, MANY, 1, groups, 0, 0};
    for (int what = GK_GROUP_FIRST; what <= GK_GROUP_LAST; what++)
        for (int threads = 1; threads <= 3; threads += 2) {
            gk_options options = {.threads = threads};
            int64_t far = what == GK_GROUP_FIRST ? MANY - 1 : 0, kept = label[far];
            CHECK(gk_group_reduce(&g, (gk_group_operation)what, result, empty, &out_of_range, &options) == GK_OK);
            CHECK(!out_of_range);
            for (int64_t r = 0; r < groups; r++) {
                int64_t expected = what == GK_GROUP_FIRST ? first[r] : last[r];
                CHECK(empty[r] == (expected < 0) && (empty[r] || (int64_t)result[r] == expected));
            }
            label[far] = (int32_t)groups; /* in the stretch that is read last */
            CHECK(gk_group_reduce(&g, (gk_group_operation)what, result, empty, &out_of_range, &options) == GK_OK);
            CHECK(out_of_range);
            label[far] = (int32_t)kept;
        }
}

static int sort_bytes(void *bytes, intptr_t n, void *unused)
{
    uint8_t *x = bytes;
    (void)unused;
    for (intptr_t i = 1; i < n; i++)
        for (intptr_t k = i; k > 0 && x[k] < x[k - 1]; k--) {
            uint8_t swapped = x[k];
            x[k] = x[k - 1];
            x[k - 1] = swapped;
        }
    return 0;
}

int main(void)
{
    static const int64_t shapes[][4] = { /* outer, n, inner, groups */
        {1, N, 1, 3}, {1, N, 1, 700}, {1, N, 1, 5000}, {1, N, 1, 100000}, {1, 1, 1, 1}, {1, 0, 1, 4}, {1, 257, 1, 9},
        {3, 7000, 1, 5}, {300, 400, 1, 300}, {1, 500, 300, 20}, {7, 40, 500, 3}, {1000, 3, 40, 2}, {1, 30, 5000, 20}};
    for (int type = 0; type < GK_TYPES; type++)
        for (int s = 0; s < (int)(sizeof shapes / sizeof *shapes); s++) {
            const int64_t *shape = shapes[s];
            gk_grouping g = {labels, GK_INT32, values, (gk_type)type, shape[0], shape[1], shape[2], shape[3], s % 2, s % 3};
            if (type > GK_UINT8 && type < GK_INT64)
                s += 3; /* the other widths differ only in loading and storing */
            fill(g.type, g.n, g.groups);
            check(&g, 2 + s % 3);
        }

    first_and_last(1);
    first_and_last(5);
    first_and_last(3000);
    first_and_last(70000);

    /* A label that is too large, at the end, and as an unsigned number. */
    int out_of_range;
    gk_grouping g = {labels, GK_INT32, values, GK_FLOAT64, 1, N, 1, 3, 0, 0};
    memset(labels, 0, sizeof labels);
    labels[N - 1] = 3;
    CHECK(gk_group_reduce(&g, GK_GROUP_SUM, result, empty, &out_of_range, NULL) == GK_OK && out_of_range);
    CHECK(gk_group_gather(&g, starts, gathered, &out_of_range, NULL) == GK_OK && out_of_range);
    g.label_type = GK_UINT32;
    labels[N - 1] = -1;
    CHECK(gk_group_reduce(&g, GK_GROUP_COUNT, result, empty, &out_of_range, NULL) == GK_OK && out_of_range);
    labels[N - 1] = labels[N - 2] = -1;
    g.label_type = GK_UINT64;
    g.n = N / 2;
    CHECK(gk_group_reduce(&g, GK_GROUP_MIN, result, empty, &out_of_range, NULL) == GK_OK && out_of_range);

    uint8_t bytes[] = {3, 1, 2, 9, 8, 7, 6};
    int64_t ends[] = {0, 3, 3, 7};
    CHECK(gk_group_sort(bytes, ends, 3, 1, 3, sort_bytes, NULL) == GK_OK);
    CHECK(memcmp(bytes, "\1\2\3\11\10\7\6", 7) == 0); /* the other group is longer than 3 */
    return 0;
}
