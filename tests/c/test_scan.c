/* gk_cumsum against a plain loop: rows, columns, pieces, in place, and the floating-point
 * status. */
#include "check.h"
#include "kernels/scan/scan.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A (rows, columns) array of small integers along either axis. */
static void matrix(int64_t rows, int64_t columns, int in_place)
{
    int64_t n = rows * columns, shape[2] = {rows, columns}, stride[2] = {columns * 8, 8};
    double *x = malloc((size_t)n * sizeof *x), *y = malloc((size_t)n * sizeof *y);
    int64_t *z = malloc((size_t)n * sizeof *z);
    int8_t *small = malloc((size_t)n);
    CHECK(x != NULL && y != NULL && z != NULL && small != NULL);
    for (int axis = 0; axis < 2; axis++)
        for (int threads = 1; threads <= 4; threads += 3) {
            gk_options options = {.threads = threads};
            int noticed = -1;
            int64_t small_stride[2] = {columns, 1};
            for (int64_t i = 0; i < n; i++)
                x[i] = small[i] = (int8_t)(i * 37 % 101 - 50);
            double *out = in_place ? memcpy(y, x, (size_t)n * sizeof *x) : y;
            const double *in = in_place ? y : x;
            CHECK(gk_cumsum(GK_FLOAT64, 2, shape, axis, (const char *)in, stride, (char *)out, stride,
                            0, &options, &noticed) == GK_OK);
            CHECK(noticed == 0);
            CHECK(gk_cumsum(GK_INT8, 2, shape, axis, (const char *)small, small_stride, (char *)z, stride,
                            0, &options, &noticed) == GK_OK);
            for (int64_t i = 0; i < n; i++) {
                int first = axis == 0 ? i < columns : i % columns == 0;
                double expected = x[i] + (first ? 0 : y[axis == 0 ? i - columns : i - 1]);
                CHECK(y[i] == expected && (double)z[i] == expected);
            }
        }
    free(x);
    free(y);
    free(z);
    free(small);
}

static int noticed_of(int64_t n, double a, double b)
{
    double *x = calloc((size_t)n, sizeof *x);
    CHECK(x != NULL);
    int64_t stride = 8;
    int noticed;
    x[n / 3] = a;
    x[n / 2] = b;
    CHECK(gk_cumsum(GK_FLOAT64, 1, &n, 0, (char *)x, &stride, (char *)x, &stride, 0, NULL, &noticed) == GK_OK);
    double last = x[n - 1], expected = a + b;
    CHECK(last == expected || (isnan(last) && isnan(expected)));
    free(x);
    return noticed;
}

/* A sum of floats that is finite as a double. */
static int noticed_of_floats(int64_t n, float a, float b, int64_t columns)
{
    float *x = calloc((size_t)(n * columns), sizeof *x);
    CHECK(x != NULL);
    int64_t shape[2] = {n, columns}, strides[2] = {4 * columns, 4};
    int noticed;
    x[n / 3 * columns] = a;
    x[n / 2 * columns] = b;
    CHECK(gk_cumsum(GK_FLOAT32, 2, shape, 0, (char *)x, strides, (char *)x, strides, 0, NULL, &noticed) == GK_OK);
    free(x);
    return noticed;
}

int main(void)
{
    static const int64_t sizes[] = {1, 3, 15, 16, 100, 300, 2048, 2049};
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++)
            matrix(sizes[i], sizes[j], (i + j) % 2);
    matrix(2, 300000, 0);
    matrix(300000, 2, 1);
    for (int64_t n = 10; n < 1000000; n *= 7) {
        CHECK(noticed_of(n, 1, 2) == 0);
        CHECK(noticed_of(n, INFINITY, 1) == 0);
        CHECK(noticed_of(n, NAN, 1) == 0);
        CHECK(noticed_of(n, INFINITY, -INFINITY) == GK_SCAN_INVALID);
        CHECK(noticed_of(n, DBL_MAX, DBL_MAX) == GK_SCAN_OVERFLOW);
        CHECK(noticed_of(n, DBL_MAX, -1) == 0);
        for (int64_t columns = 1; columns < 40; columns += 19) {
            CHECK(noticed_of_floats(n, FLT_MAX, FLT_MAX, columns) == GK_SCAN_OVERFLOW);
            CHECK(noticed_of_floats(n, FLT_MAX, 1, columns) == 0);
            CHECK(noticed_of_floats(n, INFINITY, FLT_MAX, columns) == 0);
            CHECK(noticed_of_floats(n, -INFINITY, INFINITY, columns) == GK_SCAN_INVALID);
        }
    }
    gk_pool_stop();
    puts("scan: ok");
    return 0;
}
