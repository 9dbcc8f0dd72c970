/* gk_fsum against known sums: numbers of every magnitude that cancel exactly, in every
 * order, and rounding at ties. */
#include "base/isa.h"
#include "check.h"
#include "kernels/reduce/fsum.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 1;

static uint64_t next(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return state >> 33;
}

static gk_layout layout_of(const double *x, int64_t n)
{
    gk_layout layout;
    int64_t stride = sizeof *x;
    char reduced = 1;
    gk_layout_init(&layout, GK_FLOAT64, (const char *)x, 1, &n, &stride, &reduced);
    return layout;
}

static gk_fsum_result fsum(const double *x, int64_t n)
{
    gk_layout layout = layout_of(x, n);
    gk_fsum_result result;
    CHECK(gk_fsum(&layout, NULL, &result) == GK_OK);
    return result;
}

/* Partial sums are exact: together with those of the negated numbers they add up to 0. */
static void in_parts(double *x, int64_t n)
{
    gk_layout layout = layout_of(x, n);
    gk_fsum_result result;
    double all[2 * GK_FSUM_PARTS];
    int count, more;
    CHECK(gk_fsum_parts(&layout, NULL, &result, all, &count) == GK_OK && result.kind == GK_FSUM_EXACT);
    CHECK(count <= GK_FSUM_PARTS && result.sum == fsum(x, n).sum);
    for (int i = 1; i < count; i++)
        CHECK(all[i] != 0 && fabs(all[i]) <= ldexp(fabs(all[i - 1]), -53));
    for (int64_t i = 0; i < n; i++)
        x[i] = -x[i];
    CHECK(gk_fsum_parts(&layout, NULL, &result, all + count, &more) == GK_OK && more == count);
    if (count > 0)
        CHECK(fsum(all, 2 * count).sum == 0);
}

static void test_parts(void)
{
    enum { MOST = 100000 };
    static double x[MOST];
    static const int64_t sizes[] = {1, 2, 100, 3000, MOST};
    for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int exponents = 0; exponents <= 1000; exponents += 250) {
            for (int64_t i = 0; i < sizes[s]; i++)
                x[i] = ldexp((double)next() - 0x1p30, (int)(next() % (uint64_t)(2 * exponents + 1)) - exponents - 30);
            in_parts(x, sizes[s]);
        }
    in_parts((double[]){5e-324, 0x1p900, -1}, 3);
    in_parts((double[]){1, -1}, 2);
    in_parts((double[]){0}, 1);
}

static void shuffle(double *x, int64_t n)
{
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)(next() % (uint64_t)(i + 1));
        double swapped = x[i];
        x[i] = x[j];
        x[j] = swapped;
    }
}

/* n pairs x, -x and one more number, which is the sum. */
static void cancelling(int64_t n, int exponents, double expected)
{
    double *x = malloc((size_t)(2 * n + 1) * sizeof *x);
    CHECK(x != NULL);
    for (int64_t i = 0; i < n; i++) {
        double magnitude = ldexp((double)next() + 0.5, (int)(next() % (uint64_t)(2 * exponents + 1)) - exponents);
        x[2 * i] = magnitude;
        x[2 * i + 1] = -magnitude;
    }
    x[2 * n] = expected;
    shuffle(x, 2 * n + 1);
    gk_fsum_result result = fsum(x, 2 * n + 1);
    CHECK(result.kind == GK_FSUM_EXACT && result.sum == expected);
    free(x);
}

static void exactly(double expected, int64_t n, const double *x)
{
    gk_fsum_result result = fsum(x, n);
    CHECK(result.kind == GK_FSUM_EXACT && result.sum == expected);
}

int main(void)
{
    static const double numbers[] = {1, -3.25, 5e-324, -2.5e-310, 1e300, 0x1.fffffffffffffp-1};
    for (int level = 0; level <= (int)gk_isa_best(); level++) {
        CHECK(gk_set_isa((gk_isa_level)level) == 0);
        for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
            cancelling(10, 900, numbers[i]);
            cancelling(5000, 5, numbers[i]);
            cancelling(5000, 50, numbers[i]);
            cancelling(50000, 900, numbers[i]);
        }
        /* Halfway between two doubles rounds to even; the slightest difference decides. */
        exactly(1, 2, (double[]){1, 0x1p-53});
        exactly(1 + 2 * DBL_EPSILON, 2, (double[]){1 + DBL_EPSILON, 0x1p-53});
        exactly(1 + DBL_EPSILON, 3, (double[]){1, 0x1p-53, 5e-324});
        exactly(1, 3, (double[]){1, 0x1p-53, -5e-324});
        exactly(-1 - DBL_EPSILON, 3, (double[]){-1, -0x1p-53, -0x1p-200});
        exactly(0x1p53, 2, (double[]){0x1.fffffffffffffp52, 0.75});
        exactly(1.5e-323, 3, (double[]){5e-324, 5e-324, 5e-324});
        exactly(0, 2, (double[]){1e-310, -1e-310});

        test_parts();
        CHECK(fsum((double[]){1, INFINITY}, 2).seen == GK_FSUM_PLUS);
        CHECK(fsum((double[]){-INFINITY, INFINITY, NAN}, 3).seen == (GK_FSUM_PLUS | GK_FSUM_MINUS | GK_FSUM_NAN));
        CHECK(fsum((double[]){NAN}, 1).kind == GK_FSUM_NOT_FINITE);
        CHECK(fsum((double[]){DBL_MAX, -DBL_MAX}, 2).kind == GK_FSUM_LARGE);
    }
    gk_pool_stop();
    puts("fsum: ok");
    return 0;
}
