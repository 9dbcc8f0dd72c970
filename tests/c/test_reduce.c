/* gk_reduce against plain loops, with random types, layouts and axes, every instruction
 * set, and all kinds of pieces and buffers. */
#include "base/isa.h"
#include "check.h"
#include "kernels/reduce/reduce.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 1;

static uint64_t next(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return state >> 33;
}

static int64_t below(int64_t n)
{
    return (int64_t)(next() % (uint64_t)n);
}

static double element(gk_type type, const char *at)
{
    switch (type) {
    case GK_BOOL: return *(const uint8_t *)at != 0;
    case GK_FLOAT32: return *(const float *)(const void *)at;
    case GK_FLOAT64: return *(const double *)(const void *)at;
#define ELEMENT(constant, T) \
    case constant: return (double)*(const T *)(const void *)at;
    GK_EACH_INTEGER(ELEMENT)
    default: abort();
    }
}

static void set_element(gk_type type, char *at, int64_t value)
{
    switch (type) {
    case GK_BOOL: *(uint8_t *)at = value & 1; break;
    case GK_FLOAT32: *(float *)(void *)at = (float)value; break;
    case GK_FLOAT64: *(double *)(void *)at = (double)value; break;
#define SET(constant, T) \
    case constant: *(T *)(void *)at = (T)value; break;
    GK_EACH_INTEGER(SET)
    default: abort();
    }
}

static void set_nan(gk_type type, char *at)
{
    float single = NAN;
    double number = NAN;
    memcpy(at, type == GK_FLOAT32 ? (void *)&single : (void *)&number, (size_t)gk_itemsize(type));
}

static void check_counts(const gk_layout *layout, const int64_t *nonzero, char *out, const gk_options *options)
{
    CHECK(gk_reduce(GK_COUNT_NONZERO, layout, 0, out, options) == GK_OK);
    CHECK(memcmp(out, nonzero, (size_t)layout->n_outputs * sizeof *nonzero) == 0);
    CHECK(gk_reduce(GK_ANY, layout, 0, out, options) == GK_OK);
    for (int64_t i = 0; i < layout->n_outputs; i++)
        CHECK(out[i] == (nonzero[i] > 0));
    CHECK(gk_reduce(GK_ALL, layout, 0, out, options) == GK_OK);
    for (int64_t i = 0; i < layout->n_outputs; i++)
        CHECK(out[i] == (nonzero[i] == layout->n_reduced));
}

/* first: the positions of the first minima or maxima, and of the first NaNs, or -1. */
static void check_positions(gk_reduction what, gk_reduction without_nans, const gk_layout *layout, const int64_t *first,
                            const int64_t *first_nan, char *out, const gk_options *options)
{
    const int64_t *got = (const int64_t *)(void *)out;
    CHECK(gk_reduce(what, layout, 0, out, options) == GK_OK);
    for (int64_t i = 0; i < layout->n_outputs; i++)
        CHECK(got[i] == (first_nan[i] >= 0 ? first_nan[i] : first[i]));
    CHECK(gk_reduce(without_nans, layout, 0, out, options) == GK_OK);
    for (int64_t i = 0; i < layout->n_outputs; i++)
        CHECK(got[i] == first[i]);
}

/* One random array and reduction. All numbers are small integers, so sums are
 * exact in doubles and floats. */
static void random_reduction(int64_t size)
{
    /* At most two axes are long; other tests use gigabytes. */
    int ndim = (int)below(size > 100 ? 2 : 4) + 1;
    gk_type type = (gk_type)below(GK_TYPES);
    int64_t item = gk_itemsize(type), shape[4], stride[4], step = item;
    char reduced[4];
    int64_t outputs = 1, n_reduced = 1, first = 0;
    for (int d = 0; d < ndim; d++) {
        shape[d] = below(5) == 0 ? 1 : below(d == 0 ? size : 40) + 1;
        reduced[d] = (char)below(2);
        *(reduced[d] ? &n_reduced : &outputs) *= shape[d];
    }
    int along = 0, reduced_axes = 0; /* the axis of positions */
    for (int d = 0; d < ndim; d++)
        if (reduced[d]) {
            along = d;
            reduced_axes++;
        }
    int order[4] = {0, 1, 2, 3};
    for (int d = ndim - 1; d > 0; d--) {
        int other = (int)below(d + 1), swapped = order[d];
        order[d] = order[other];
        order[other] = swapped;
    }
    for (int d = 0; d < ndim; d++) {
        int axis = order[d];
        stride[axis] = step * (1 + (below(4) == 0));
        step = stride[axis] * shape[axis];
        if (below(3) == 0) {
            first += stride[axis] * (shape[axis] - 1);
            stride[axis] = -stride[axis];
        }
    }
    char *memory = malloc((size_t)step);
    CHECK(memory != NULL);
    for (int64_t i = 0; i < step; i += item)
        set_element(type, memory + i, below(100));

    gk_layout layout;
    gk_layout_init(&layout, type, memory + first, ndim, shape, stride, reduced);
    CHECK(layout.n_outputs == outputs && layout.n_reduced == n_reduced);
    double *sums = malloc((size_t)outputs * sizeof *sums), *squares = malloc((size_t)outputs * sizeof *squares);
    double *low = malloc((size_t)outputs * sizeof *low), *high = malloc((size_t)outputs * sizeof *high);
    double *counts = malloc((size_t)outputs * sizeof *counts), *products = malloc((size_t)outputs * sizeof *products);
    uint64_t *wrapped = malloc((size_t)outputs * sizeof *wrapped);
    int64_t *first_low = malloc((size_t)outputs * sizeof *first_low), *nonzero = malloc((size_t)outputs * sizeof *nonzero);
    int64_t *first_high = malloc((size_t)outputs * sizeof *first_high), *first_nan = malloc((size_t)outputs * sizeof *first_nan);
    int64_t *exponents = malloc((size_t)outputs * sizeof *exponents);
    char *out = malloc((size_t)outputs * 8);
    CHECK(sums != NULL && squares != NULL && low != NULL && high != NULL && counts != NULL && out != NULL);
    CHECK(products != NULL && wrapped != NULL && exponents != NULL);
    CHECK(first_low != NULL && first_high != NULL && first_nan != NULL && nonzero != NULL);
    for (int with_nans = 0; with_nans <= gk_is_float(type); with_nans++) {
        for (int64_t i = 0; i < step && with_nans; i += item)
            if (below(5) == 0)
                set_nan(type, memory + i);
        int64_t index[4] = {0}, total = outputs * n_reduced;
        for (int64_t i = 0; i < outputs; i++) {
            sums[i] = squares[i] = counts[i] = 0;
            products[i] = 1;
            wrapped[i] = 1;
            exponents[i] = nonzero[i] = 0;
            first_low[i] = first_high[i] = first_nan[i] = -1;
            low[i] = HUGE_VAL;
            high[i] = -HUGE_VAL;
        }
        for (int64_t i = 0; i < total; i++) {
            int64_t output = 0, offset = first;
            for (int k = 0; k < layout.n_retained_axes; k++)
                output = output * shape[layout.retained_axes[k]] + index[layout.retained_axes[k]];
            for (int d = 0; d < ndim; d++)
                offset += index[d] * stride[d];
            double x = element(type, memory + offset);
            nonzero[output] += x != 0;
            if (isnan(x) && first_nan[output] < 0)
                first_nan[output] = index[along];
            if (x < low[output])
                first_low[output] = index[along];
            if (x > high[output])
                first_high[output] = index[along];
            if (!isnan(x)) {
                sums[output] += x;
                squares[output] += x * x;
                counts[output]++;
                wrapped[output] *= (uint64_t)(int64_t)x;
                int exponent;
                products[output] = frexp(products[output] * x, &exponent);
                exponents[output] += exponent;
                low[output] = fmin(low[output], x);
                high[output] = fmax(high[output], x);
            }
            for (int d = ndim - 1; d >= 0 && ++index[d] == shape[d]; d--)
                index[d] = 0;
        }

        for (int threads = 1; threads <= 3; threads += 2) {
            gk_options options = {.threads = threads};
            int64_t wide = gk_is_float(type) ? item : 8;
            gk_type sum_type = gk_is_float(type) ? type : GK_INT64;
            gk_type mean_type = gk_is_float(type) ? type : GK_FLOAT64;
            /* With NaNs, only the reductions that leave them out. */
            for (int nan = with_nans; nan <= 1; nan++) {
                CHECK(gk_reduce(nan ? GK_NANSUM : GK_SUM, &layout, 0, out, &options) == GK_OK);
                for (int64_t i = 0; i < outputs; i++)
                    CHECK(element(sum_type, out + i * wide) == (type == GK_FLOAT32 ? (float)sums[i] : sums[i]));
                CHECK(gk_reduce(nan ? GK_NANPROD : GK_PROD, &layout, 0, out, &options) == GK_OK);
                for (int64_t i = 0; i < outputs; i++) {
                    int exponent = (int)(exponents[i] < 3000 ? exponents[i] : 3000);
                    double product = ldexp(products[i], exponent), got = element(mean_type, out + i * wide);
                    if (!gk_is_float(type))
                        CHECK(memcmp(out + i * 8, &wrapped[i], 8) == 0);
                    else if (type == GK_FLOAT32)
                        CHECK(got == (float)product || fabs(got - product) <= 1e-6 * product);
                    else
                        CHECK(got == product || fabs(got - product) <= 1e-11 * product);
                }
                CHECK(gk_reduce(nan ? GK_NANMEAN : GK_MEAN, &layout, 0, out, &options) == GK_OK);
                for (int64_t i = 0; i < outputs; i++) {
                    double mean = element(mean_type, out + i * wide);
                    CHECK(counts[i] > 0 ? fabs(mean - sums[i] / counts[i]) <= 1e-5 : isnan(mean));
                }
                CHECK(gk_reduce(nan ? GK_NANMIN : GK_MIN, &layout, 0, out, &options) == GK_OK);
                for (int64_t i = 0; i < outputs; i++)
                    CHECK(element(type, out + i * item) == low[i]);
                CHECK(gk_reduce(nan ? GK_NANMAX : GK_MAX, &layout, 0, out, &options) == GK_OK);
                for (int64_t i = 0; i < outputs; i++)
                    CHECK(element(type, out + i * item) == high[i]);
            }
            check_counts(&layout, nonzero, out, &options);
            if (reduced_axes == 1) {
                gk_layout forwards;
                reduced[along] = GK_REDUCED_FORWARDS;
                gk_layout_init(&forwards, type, memory + first, ndim, shape, stride, reduced);
                check_positions(GK_ARGMIN, GK_NANARGMIN, &forwards, first_low, first_nan, out, &options);
                check_positions(GK_ARGMAX, GK_NANARGMAX, &forwards, first_high, first_nan, out, &options);
            }
            for (int nan = with_nans; nan <= 1; nan++) {
                CHECK(gk_reduce(nan ? GK_NANVAR : GK_VAR, &layout, 0, out, &options) == GK_OK);
                for (int64_t i = 0; i < outputs; i++) {
                    double n = counts[i], expected = squares[i] / n - sums[i] / n * (sums[i] / n);
                    double got = element(mean_type, out + i * wide);
                    CHECK(n > 0 ? fabs(got - expected) <= 1e-4 * (1 + expected) : isnan(got));
                }
            }
        }
    }
    free(memory);
    free(out);
    free(sums);
    free(squares);
    free(low);
    free(high);
    free(counts);
    free(products);
    free(wrapped);
    free(exponents);
    free(first_low);
    free(first_high);
    free(first_nan);
    free(nonzero);
}

/* Short contiguous arrays have a path of their own, which must give the same bits. */
static void check_serial(gk_type type, int64_t n)
{
    int64_t item = gk_itemsize(type), stride[1] = {item};
    char *memory = malloc((size_t)(n * item)), reduced[1];
    CHECK(memory != NULL);
    for (int64_t i = 0; i < n; i++)
        set_element(type, memory + i * item, below(100));
    for (int with_nans = 0; with_nans <= gk_is_float(type); with_nans++) {
        for (int64_t i = 0; i < n && with_nans; i++)
            if (below(5) == 0)
                set_nan(type, memory + i * item);
        for (int what = 0; what <= GK_ALL; what++) {
            gk_layout layout;
            reduced[0] = GK_REDUCED_FORWARDS;
            gk_layout_init(&layout, type, memory, 1, &n, stride, reduced);
            double expected = 0, got = 0;
            CHECK(gk_reduce((gk_reduction)what, &layout, 0, &expected, NULL) == GK_OK);
            gk_reduce_serial((gk_reduction)what, type, memory, n, 0, &got);
            CHECK(memcmp(&got, &expected, sizeof got) == 0);
        }
    }
    free(memory);
}

int main(void)
{
    for (int level = 0; level <= (int)gk_isa_best(); level++) {
        CHECK(gk_set_isa((gk_isa_level)level) == 0);
        for (int i = 0; i < 150; i++)
            random_reduction(40);
        for (int i = 0; i < 10; i++)
            random_reduction(3000);
        for (int type = 0; type < GK_TYPES; type++) {
            for (int64_t n = 1; n <= 70; n++)
                check_serial((gk_type)type, n);
            check_serial((gk_type)type, 5000 + below(5000));
            check_serial((gk_type)type, GK_REDUCE_SERIAL);
        }
    }
    gk_pool_stop();
    puts("reduce: ok");
    return 0;
}
