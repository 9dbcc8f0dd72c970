/* Exact sums of blocks of doubles, included by base/foreach_isa.h for each
 * instruction set. n is a multiple of WIDTH. Compilers vectorise these loops. */

/* The bits of the largest magnitude. NaN is larger than infinity. */
TARGET static int64_t NAME(largest)(const double *GK_RESTRICT x, int64_t n)
{
    int64_t largest_of[WIDTH] = {0};
    for (int64_t i = 0; i < n; i += WIDTH)
        for (int l = 0; l < WIDTH; l++) {
            int64_t bits;
            memcpy(&bits, &x[i + l], sizeof bits);
            bits &= INT64_MAX;
            largest_of[l] = bits > largest_of[l] ? bits : largest_of[l];
        }
    int64_t largest = 0;
    for (int l = 0; l < WIDTH; l++)
        largest = largest_of[l] > largest ? largest_of[l] : largest;
    return largest;
}

/* Splits the leading bits of each element off with `first`, and the next ones
 * with `second`. Writes the two sums of these parts, which are exact, and returns
 * whether a nonzero remainder is left. */
TARGET static int NAME(cut_twice)(const double *GK_RESTRICT x, int64_t n, double first,
                                  double second, double sums[2])
{
    double sum1[WIDTH] = {0}, sum2[WIDTH] = {0}, left[WIDTH] = {0};
    for (int64_t i = 0; i < n; i += WIDTH)
        for (int l = 0; l < WIDTH; l++) {
            double high = (first + x[i + l]) - first;
            double rest = x[i + l] - high;
            double low = (second + rest) - second;
            sum1[l] += high;
            sum2[l] += low;
            left[l] += fabs(rest - low);
        }
    double any = 0;
    sums[0] = sums[1] = 0;
    for (int l = 0; l < WIDTH; l++) {
        sums[0] += sum1[l];
        sums[1] += sum2[l];
        any += left[l];
    }
    return any != 0;
}

/* Splits the leading bits of each element off with `sigma`. Writes the remainders
 * to `rest` and returns the sum of the leading parts, which is exact. */
TARGET static double NAME(cut_off)(const double *from, double *rest, int64_t n, double sigma)
{
    double sum[WIDTH] = {0}, total = 0;
    for (int64_t i = 0; i < n; i += WIDTH)
        for (int l = 0; l < WIDTH; l++) {
            double high = (sigma + from[i + l]) - sigma;
            rest[i + l] = from[i + l] - high;
            sum[l] += high;
        }
    for (int l = 0; l < WIDTH; l++)
        total += sum[l];
    return total;
}
