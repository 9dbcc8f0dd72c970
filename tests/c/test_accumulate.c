/* gk_accumulate against a plain loop, for every operation and type: rows, columns, pieces, in
 * place, and the floating-point status. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "kernels/scan/accumulate.h"

static uint64_t state = 1;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* Numbers that doubles hold; NaN and zeros of both signs among the floats. */
static void fill(char *to, int64_t n, gk_type type)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t x = (int64_t)(next() % 7) - (type == GK_BOOL || type % 2 == 0 ? 0 : 3);
        double d = next() % 5000 == 0 ? NAN : next() % 9 == 0 ? -0.0 : 1 + (double)x / 1024;
        float f = (float)d;
        if (type == GK_BOOL)
            x &= 1;
        memcpy(to + i * gk_itemsize(type), type == GK_FLOAT64 ? (void *)&d : type == GK_FLOAT32 ? (void *)&f : (void *)&x,
               (size_t)gk_itemsize(type));
    }
}

static int64_t integer(const char *at, gk_type type)
{
    switch (type) {
#define CASE(constant, T) \
    case constant: { T x; memcpy(&x, at, sizeof x); return (int64_t)x; }
        GK_EACH_INTEGER(CASE)
#undef CASE
    default: return *(const uint8_t *)at;
    }
}

static double real(const char *at, gk_type type)
{
    float f;
    double d;
    if (type == GK_FLOAT64)
        return memcpy(&d, at, sizeof d), d;
    return memcpy(&f, at, sizeof f), f;
}

static void check_item(gk_accumulation op, gk_type type, const char *in, const char *before, const char *out)
{
    int is_wide = op == GK_CUMPROD && !gk_is_float(type);
    if (gk_is_float(type)) {
        double x = real(in, type), y = real(out, type), last = before != NULL ? real(before, type) : x, expected = x;
        if (before != NULL && op == GK_CUMPROD)
            expected = type == GK_FLOAT32 ? (double)((float)last * (float)x) : last * x;
        else if (before != NULL)
            expected = isnan(last) || (op == GK_CUMMAX ? last > x : last < x) ? last : x;
        CHECK(y == expected ? signbit(y) == signbit(expected) : isnan(y) && isnan(expected));
    } else {
        gk_type result = is_wide ? GK_INT64 : type;
        int64_t x = integer(in, type), y = integer(out, result), expected = x;
        if (before != NULL) {
            int64_t last = integer(before, result);
            expected = op == GK_CUMPROD ? (int64_t)((uint64_t)last * (uint64_t)x)
                       : (op == GK_CUMMAX ? last > x : last < x) ? last : x;
        }
        CHECK(y == expected);
    }
}

static void matrix(gk_accumulation op, gk_type type, int64_t rows, int64_t columns, int threads, int in_place)
{
    gk_options options = {.threads = threads};
    int64_t n = rows * columns, size = gk_itemsize(type), out_size = op == GK_CUMPROD && !gk_is_float(type) ? 8 : size;
    int64_t shape[2] = {rows, columns}, stride[2] = {columns * size, size}, out_stride[2] = {columns * out_size, out_size};
    char *in = malloc((size_t)(n * size)), *out = malloc((size_t)(n * out_size));
    CHECK(in != NULL && out != NULL);
    fill(in, n, type);
    for (int axis = 0; axis < 2; axis++) {
        int status = -1;
        char *from = in;
        if (in_place && out_size == size)
            from = memcpy(out, in, (size_t)(n * size));
        CHECK(gk_accumulate(op, type, 2, shape, axis, from, stride, out, out_stride, 0, &options, &status) == GK_OK);
        CHECK(status == 0);
        for (int64_t i = 0; i < n; i++) {
            int is_first = axis == 0 ? i < columns : i % columns == 0;
            const char *before = is_first ? NULL : out + (i - (axis == 0 ? columns : 1)) * out_size;
            check_item(op, type, in + i * size, before, out + i * out_size);
        }
    }
    free(in);
    free(out);
}

static int status_of(int64_t n, int64_t columns, double a, double b, int without_nans)
{
    int64_t shape[2] = {n, columns}, stride[2] = {8 * columns, 8};
    double *x = malloc((size_t)(n * columns) * sizeof *x);
    int status = -1;
    CHECK(x != NULL);
    for (int64_t i = 0; i < n * columns; i++)
        x[i] = 1;
    x[n / 3 * columns] = a;
    x[n / 2 * columns] = b;
    CHECK(gk_accumulate(GK_CUMPROD, GK_FLOAT64, 2, shape, 0, (char *)x, stride, (char *)x, stride, without_nans, NULL,
                        &status) == GK_OK);
    double last = x[(n - 1) * columns], expected = without_nans && isnan(a) ? b : a * b;
    CHECK(last == expected || (isnan(last) && isnan(expected)));
    free(x);
    return status;
}

int main(void)
{
    static const int64_t sizes[][2] = {{1, 1}, {3, 700}, {700, 3}, {300, 300}, {40, 513}, {2, 280000}, {280000, 2}};
    for (int op = GK_CUMPROD; op <= GK_CUMMIN; op++)
        for (int type = 0; type < GK_TYPES; type++)
            for (int k = 0; k < 7; k++)
                for (int threads = k < 5 ? 1 : 3; threads <= 3; threads += 2) /* long ones only once: sanitizers are slow */
                    matrix((gk_accumulation)op, (gk_type)type, sizes[k][0], sizes[k][1], threads, k % 2);
    for (int64_t n = 10; n < 10000; n *= 7)
        for (int64_t columns = 1; columns < 40; columns += 19) {
            CHECK(status_of(n, columns, 2, 3, 0) == 0);
            CHECK(status_of(n, columns, 1e300, 1e300, 0) == GK_SCAN_OVERFLOW);
            CHECK(status_of(n, columns, INFINITY, 0, 0) == GK_SCAN_INVALID);
            CHECK(status_of(n, columns, INFINITY, 2, 0) == 0);
            CHECK(status_of(n, columns, NAN, INFINITY, 0) == 0);
            CHECK(status_of(n, columns, NAN, 5, 1) == 0);
        }
    gk_pool_stop();
    puts("accumulate: ok");
    return 0;
}
