/* The loops of gk_dot, included by base/foreach_isa.h for each instruction set.
 * Compilers vectorise these plain loops. */

/* Adds rows * WIDTH products to the accumulators. */
TARGET static void NAME(products)(accumulators *a, const double *GK_RESTRICT x, const double *GK_RESTRICT y,
                                  int64_t rows)
{
    for (; rows >= 4; rows -= 4, x += 4 * WIDTH, y += 4 * WIDTH) {
        double pairs[2][WIDTH] = {{0}};
        GK_NO_UNROLL
        for (int j = 0; j < 4; j++)
            for (int i = 0; i < WIDTH; i++)
                pairs[j / 2][i] += x[i + j * WIDTH] * y[i + j * WIDTH];
        for (int i = 0; i < WIDTH; i++) {
            double sum = pairs[0][i] + pairs[1][i], total = a->total[i] + sum, taken = total - a->total[i];
            a->error[i] += (a->total[i] - (total - taken)) + (sum - taken);
            a->total[i] = total;
        }
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
