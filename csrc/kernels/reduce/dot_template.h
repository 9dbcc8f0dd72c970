/* The bodies of gk_dot; for base/foreach_isa.h.
 * The loops over lanes are plain, and compilers
 * vectorise them. */

/* Adds rows * LANES products to the lanes. */
TARGET static void NAME(products)(lanes *a, const double *GK_RESTRICT x, const double *GK_RESTRICT y,
                                  int64_t rows)
{
    for (; rows >= 4; rows -= 4, x += 4 * LANES, y += 4 * LANES)
        for (int i = 0; i < LANES; i++) {
            double sum = (x[i] * y[i] + x[i + LANES] * y[i + LANES]) +
                         (x[i + 2 * LANES] * y[i + 2 * LANES] + x[i + 3 * LANES] * y[i + 3 * LANES]);
            double total = a->total[i] + sum, taken = total - a->total[i];
            a->error[i] += (a->total[i] - (total - taken)) + (sum - taken);
            a->total[i] = total;
        }
    for (; rows > 0; rows--, x += LANES, y += LANES)
        for (int i = 0; i < LANES; i++) {
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
