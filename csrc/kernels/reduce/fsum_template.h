/* Sums without rounding errors of blocks of doubles; for base/foreach_isa.h.
 * n is a multiple of LANES; the loops over lanes are
 * plain, and compilers vectorise them. */

/* The bits of the largest magnitude. NaN is larger than infinity. */
TARGET static int64_t NAME(largest)(const double *GK_RESTRICT x, int64_t n)
{
    int64_t lane[LANES] = {0};
    for (int64_t i = 0; i < n; i += LANES)
        for (int l = 0; l < LANES; l++) {
            int64_t bits;
            memcpy(&bits, &x[i + l], sizeof bits);
            bits &= INT64_MAX;
            lane[l] = bits > lane[l] ? bits : lane[l];
        }
    int64_t largest = 0;
    for (int l = 0; l < LANES; l++)
        largest = lane[l] > largest ? lane[l] : largest;
    return largest;
}

/* Cuts off the bits above those of `first`, then those above `second`: their
 * sums, which are exact. Returns whether something is left. */
TARGET static int NAME(cut_twice)(const double *GK_RESTRICT x, int64_t n, double first,
                                  double second, double sums[2])
{
    double sum1[LANES] = {0}, sum2[LANES] = {0}, left[LANES] = {0};
    for (int64_t i = 0; i < n; i += LANES)
        for (int l = 0; l < LANES; l++) {
            double high = (first + x[i + l]) - first;
            double rest = x[i + l] - high;
            double low = (second + rest) - second;
            sum1[l] += high;
            sum2[l] += low;
            left[l] += fabs(rest - low);
        }
    double any = 0;
    sums[0] = sums[1] = 0;
    for (int l = 0; l < LANES; l++) {
        sums[0] += sum1[l];
        sums[1] += sum2[l];
        any += left[l];
    }
    return any != 0;
}

/* Cuts the bits above those of `sigma` off and returns their sum. */
TARGET static double NAME(cut_off)(const double *from, double *rest, int64_t n, double sigma)
{
    double sum[LANES] = {0}, total = 0;
    for (int64_t i = 0; i < n; i += LANES)
        for (int l = 0; l < LANES; l++) {
            double high = (sigma + from[i + l]) - sigma;
            rest[i + l] = from[i + l] - high;
            sum[l] += high;
        }
    for (int l = 0; l < LANES; l++)
        total += sum[l];
    return total;
}
