/* gk_jacobi gives the same bits as the plain loop, for all kinds of tiles and passes, in
 * place, and on every instruction set. */
#include "base/isa.h"
#include "check.h"
#include "kernels/demo/jacobi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void plain_sweep(int64_t rows, int64_t columns, const double *from, double *to)
{
    memcpy(to, from, (size_t)(rows * columns) * sizeof *to);
    for (int64_t i = 1; i < rows - 1; i++)
        for (int64_t j = 1; j < columns - 1; j++) {
            const double *x = from + i * columns + j;
            to[i * columns + j] = 0.25 * ((x[-columns] + x[columns]) + (x[-1] + x[1]));
        }
}

static void grid(int64_t rows, int64_t columns, int sweeps)
{
    size_t n = (size_t)(rows * columns);
    double *in = malloc(n * sizeof *in), *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b);
    double *out = malloc(n * sizeof *out);
    CHECK(in != NULL && a != NULL && b != NULL && out != NULL);
    for (size_t i = 0; i < n; i++)
        in[i] = (double)(i * 7919 % 1009) / 3;
    memcpy(a, in, n * sizeof *in);
    for (int i = 0; i < sweeps; i++) {
        plain_sweep(rows, columns, a, b);
        double *swapped = a;
        a = b;
        b = swapped;
    }
    for (int threads = 1; threads <= 4; threads += 3) {
        gk_options options = {.threads = threads};
        CHECK(gk_jacobi(GK_FLOAT64, rows, columns, in, out, sweeps, &options) == GK_OK);
        CHECK(memcmp(out, a, n * sizeof *a) == 0);
        memcpy(out, in, n * sizeof *in);
        CHECK(gk_jacobi(GK_FLOAT64, rows, columns, out, out, sweeps, &options) == GK_OK);
        CHECK(memcmp(out, a, n * sizeof *a) == 0);
    }
    free(in);
    free(a);
    free(b);
    free(out);
}

int main(void)
{
    for (int level = 0; level <= (int)gk_isa_best(); level++) {
        CHECK(gk_set_isa((gk_isa_level)level) == 0);
        for (int sweeps = 0; sweeps < 40; sweeps += 7) {
            grid(1, 1, sweeps);
            grid(3, 3, sweeps);
            grid(3, 600, sweeps);
            grid(600, 3, sweeps);
            grid(530, 1030, sweeps);
        }
        grid(20, 30, 1000);
    }
    gk_pool_stop();
    puts("jacobi: ok");
    return 0;
}
