/* The loops of gk_dot, included by base/foreach_isa.h for each instruction set.
 * Compilers vectorise these plain loops. */

/* Adds rows * WIDTH products to the accumulators. */
TARGET static void NAME(products)(accumulators *a, const double *GK_RESTRICT x, const double *GK_RESTRICT y,
                                  int64_t rows)
{
    for (; rows >= 4; rows -= 4, x += 4 * WIDTH, y += 4 * WIDTH)
        for (int i = 0; i < WIDTH; i++) {
            double sum = (x[i] * y[i] + x[i + WIDTH] * y[i + WIDTH]) +
                         (x[i + 2 * WIDTH] * y[i + 2 * WIDTH] + x[i + 3 * WIDTH] * y[i + 3 * WIDTH]);
            double total = a->total[i] + sum, taken = total - a->total[i];
            a->error[i] += (a->total[i] - (total - taken)) + (sum - taken);
            a->total[i] = total;
        }
    for (; rows > 0; rows--, x += WIDTH, y += WIDTH)
        for (int i = 0; i < WIDTH; i++) {
            double sum = x[i] * y[i], total = a->total[i] + sum, taken = total - a->total[i];
            a->error[i] += (a->total[i] - (total - taken)) + (sum - taken);
            a->total[i] = total;
        }
}

TARGET static uint64_t NAME(integer_products)(const uint64_t *GK_RESTRICT x,
                                              const uint64_t *GK_RESTRICT y, int64_t n)
{
    uint64_t sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}
