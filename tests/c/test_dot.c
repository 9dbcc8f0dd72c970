/* gk_dot: every pair of types, strides of both signs, various lengths, and every
 * instruction set give the same bits for any number of threads, and the sum computed with
 * long double or arithmetic modulo 2^64. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/isa.h"
#include "check.h"
#include "kernels/reduce/dot.h"

enum { N = 70001 };

static unsigned char x[(size_t)N * 8], y[sizeof x];

static uint64_t next(void)
{
    static uint64_t state = 1;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Floats of many magnitudes and both signs; integers with random bits. */
static void put(unsigned char *at, gk_type type)
{
    uint64_t bits = next();
    double number = ldexp((double)(int64_t)bits, (int)(next() % 32) - 80);
    float single = (float)number;
    if (type == GK_BOOL)
        *at = bits >> 63;
    else if (type == GK_FLOAT64)
        memcpy(at, &number, sizeof number);
    else if (type == GK_FLOAT32)
        memcpy(at, &single, sizeof single);
    else
        memcpy(at, &bits, (size_t)gk_itemsize(type));
}

#define GET(constant, T) \
    case constant: {     \
        T item;          \
        memcpy(&item, at, sizeof item); \
        *integer = (uint64_t)item;      \
        return (double)item;            \
    }

static double get(const unsigned char *at, gk_type type, uint64_t *integer)
{
    switch (type) {
        GET(GK_BOOL, uint8_t)
        GET(GK_INT8, int8_t)
        GET(GK_UINT8, uint8_t)
        GET(GK_INT16, int16_t)
        GET(GK_UINT16, uint16_t)
        GET(GK_INT32, int32_t)
        GET(GK_UINT32, uint32_t)
        GET(GK_INT64, int64_t)
        GET(GK_UINT64, uint64_t)
    case GK_FLOAT32: {
        float item;
        memcpy(&item, at, sizeof item);
        return (double)item;
    }
    default: {
        double item;
        memcpy(&item, at, sizeof item);
        return item;
    }
    }
}

static void check(int64_t n, gk_type x_type, int x_stride, gk_type y_type, int y_stride)
{
    int as_float = gk_is_float(x_type) || gk_is_float(y_type);
    const unsigned char *from_x = x, *from_y = y;
    int64_t step_x = x_stride * gk_itemsize(x_type), step_y = y_stride * gk_itemsize(y_type);
    if (x_stride < 0)
        from_x -= (n - 1) * step_x;
    if (y_stride < 0)
        from_y -= (n - 1) * step_y;
    long double sum = 0, magnitude = 0;
    uint64_t whole = 0;
    for (int64_t i = 0; i < n; i++) {
        uint64_t a = 0, b = 0;
        double product = get(from_x + i * step_x, x_type, &a) * get(from_y + i * step_y, y_type, &b);
        sum += product;
        magnitude += fabs(product);
        whole += a * b;
    }
    uint64_t first = 0;
    for (int threads = 1; threads <= 3; threads++) {
        gk_options options = {.threads = threads};
        uint64_t bits = 0;
        CHECK(gk_dot(as_float, n, x_type, (const char *)from_x, step_x, y_type, (const char *)from_y, step_y, &options,
                     &bits) == GK_OK);
        if (threads == 1)
            first = bits;
        CHECK(bits == first);
    }
    if (!as_float) {
        CHECK(first == whole);
        return;
    }
    double result;
    memcpy(&result, &first, sizeof result);
    CHECK(fabsl(result - sum) <= 8 * 0x1p-53L * magnitude);
}

static void check_infinities(void)
{
    double a[] = {1, INFINITY, 3}, b[] = {1, 1, 1}, c[] = {1, -INFINITY, INFINITY}, result;
    CHECK(gk_dot(1, 3, GK_FLOAT64, (char *)a, 8, GK_FLOAT64, (char *)b, 8, NULL, &result) == GK_OK);
    CHECK(result == INFINITY);
    CHECK(gk_dot(1, 3, GK_FLOAT64, (char *)c, 8, GK_FLOAT64, (char *)b, 8, NULL, &result) == GK_OK);
    CHECK(isnan(result));
}

int main(void)
{
    static const int64_t lengths[] = {1, 2, 7, 33, 1000, 4097};
    for (int level = 0; level <= (int)gk_isa_best(); level++) {
        CHECK(gk_set_isa((gk_isa_level)level) == 0);
        for (int s = 0; s < GK_TYPES; s++)
            for (int t = 0; t < GK_TYPES; t++) {
                int most = s == t ? N : 3 * 4097;
                for (int i = 0; i < most; i++) {
                    put(x + i * gk_itemsize((gk_type)s), (gk_type)s);
                    put(y + i * gk_itemsize((gk_type)t), (gk_type)t);
                }
                for (int i = 0; i < 6; i++) {
                    check(lengths[i], (gk_type)s, 1, (gk_type)t, 1);
                    check(lengths[i], (gk_type)s, -2, (gk_type)t, 3);
                }
                if (s == t)
                    check(N, (gk_type)s, 1, (gk_type)t, -1);
            }
    }
    check_infinities();
    return 0;
}
