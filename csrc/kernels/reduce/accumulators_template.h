/* Accumulators of sums, products and variances (accumulators.h), included by
 * base/foreach_isa.h for each instruction set. The accumulators are independent,
 * so compilers vectorise the loops over them, and every vector length gives the
 * same bits.
 *
 * Rows of the most common width are adjacent, and are read one after the other:
 * AMD's Zen 4 reads memory twice as fast in this order as several rows at a time,
 * column by column. Other rows may lie far apart, and then the latter is faster. */

/* Compiles a faster loop for the most common width. */
#define CONSTANT_WIDTH(function, usual, accumulators, x, stride, rows, width, flag) \
    do {                                                                          \
        if ((width) == (usual))                                                   \
            function(accumulators, x, stride, rows, usual, flag);                 \
        else                                                                      \
            function(accumulators, x, stride, rows, width, flag);                 \
    } while (0)

/* Adds x to total, and the exact rounding error of this to error. */
TARGET GK_INLINE void NAME(two_sum)(double *total, double *error, double x)
{
    double sum = *total + x;
    double taken = sum - *total;
    *error += (*total - (sum - taken)) + (x - taken);
    *total = sum;
}

/* Sums of doubles: of all, or of those that are not NaN, which are counted. `without_nans` is a constant wherever this
 * is called. */

TARGET static void NAME(sum_start)(gk_accumulators *accumulators, int64_t width)
{
    for (int i = 0; i < 3; i++)
        memset(accumulators->state[i], 0, (size_t)width * sizeof(double));
}

TARGET GK_INLINE void NAME(sum_rows_of)(gk_accumulators *accumulators, const double *GK_RESTRICT x, int64_t stride,
                                        int64_t rows, int64_t width, int without_nans)
{
    double *GK_RESTRICT total = accumulators->state[0], *GK_RESTRICT error = accumulators->state[1];
    double *GK_RESTRICT count = accumulators->state[2];
    for (; rows >= 8; rows -= 8, x += 8 * stride)
        for (int64_t i = 0; i < width; i++) {
            double sum = 0, nans = 0;
            for (int j = 0; j < 8; j++) {
                double value = x[i + j * stride];
                int is_left_out = without_nans && value != value;
                value = is_left_out ? 0 : value;
                sum = j == 0 ? value : sum + value;
                nans += is_left_out ? 1.0 : 0.0;
            }
            if (without_nans)
                count[i] += 8 - nans;
            NAME(two_sum)(&total[i], &error[i], sum);
        }
    for (; rows > 0; rows--, x += stride)
        for (int64_t i = 0; i < width; i++) {
            int is_left_out = without_nans && x[i] != x[i];
            if (without_nans)
                count[i] += is_left_out ? 0.0 : 1.0;
            NAME(two_sum)(&total[i], &error[i], is_left_out ? 0 : x[i]);
        }
}

/* The same for rows of the most common width, read in the order of memory. */
TARGET GK_INLINE void NAME(sum_usual_rows)(gk_accumulators *accumulators, const double *GK_RESTRICT x, int64_t stride,
                                           int64_t rows, int without_nans)
{
    enum { WIDTH = 32 };
    for (; rows >= 8; rows -= 8) {
        double sum[WIDTH] = {0};
        GK_NO_UNROLL
        for (int j = 0; j < 8; j++, x += stride)
            for (int i = 0; i < WIDTH; i++) {
                int is_left_out = without_nans && x[i] != x[i];
                sum[i] += is_left_out ? 0 : x[i];
                if (without_nans)
                    accumulators->state[2][i] += is_left_out ? 0.0 : 1.0;
            }
        for (int i = 0; i < WIDTH; i++)
            NAME(two_sum)(&accumulators->state[0][i], &accumulators->state[1][i], sum[i]);
    }
    NAME(sum_rows_of)(accumulators, x, stride, rows, WIDTH, without_nans);
}

TARGET static void NAME(sum_rows)(gk_accumulators *accumulators, const void *x, int64_t stride, int64_t rows,
                                  int64_t width)
{
    if (width == 32)
        NAME(sum_usual_rows)(accumulators, x, stride, rows, 0);
    else
        NAME(sum_rows_of)(accumulators, x, stride, rows, width, 0);
}

TARGET static void NAME(nansum_rows)(gk_accumulators *accumulators, const void *x, int64_t stride, int64_t rows,
                                     int64_t width)
{
    if (width == 32)
        NAME(sum_usual_rows)(accumulators, x, stride, rows, 1);
    else
        NAME(sum_rows_of)(accumulators, x, stride, rows, width, 1);
}

TARGET static void NAME(sum_fold)(gk_accumulators *accumulators, int64_t groups, int64_t k, gk_part part)
{
    double *GK_RESTRICT total = accumulators->state[0], *GK_RESTRICT error = accumulators->state[1];
    for (int64_t half = groups / 2 * k; half >= k; half /= 2)
        for (int64_t i = 0; i < half; i++) {
            NAME(two_sum)(&total[i], &error[i], total[i + half]);
            error[i] += error[i + half];
        }
    memcpy(part.a, total, (size_t)k * sizeof *total);
    memcpy(part.b, error, (size_t)k * sizeof *error);
}

/* Uses only as many accumulators as fit in registers. */
TARGET static void NAME(sum_row)(const void *x_, int64_t n, gk_part part)
{
    enum { WIDTH = 8 };
    const double *x = x_;
    double total[WIDTH] = {0}, error[WIDTH] = {0}, rest[WIDTH] = {0};
    for (; n >= 8 * WIDTH; n -= 8 * WIDTH, x += 8 * WIDTH)
        for (int i = 0; i < WIDTH; i++) {
            const double *p = x + i;
            double even = (p[0] + p[2 * WIDTH]) + (p[4 * WIDTH] + p[6 * WIDTH]);
            double odd = (p[WIDTH] + p[3 * WIDTH]) + (p[5 * WIDTH] + p[7 * WIDTH]);
            NAME(two_sum)(&total[i], &error[i], even + odd);
        }
    memcpy(rest, x + n / WIDTH * WIDTH, (size_t)(n % WIDTH) * sizeof *x);
    for (; n >= WIDTH; n -= WIDTH, x += WIDTH)
        for (int i = 0; i < WIDTH; i++)
            rest[i] += x[i];
    for (int i = 0; i < WIDTH; i++)
        NAME(two_sum)(&total[i], &error[i], rest[i]);
    for (int half = WIDTH / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) {
            NAME(two_sum)(&total[i], &error[i], total[i + half]);
            error[i] += error[i + half];
        }
    *(double *)part.a = total[0];
    *part.b = error[0];
}

TARGET static void NAME(nansum_fold)(gk_accumulators *accumulators, int64_t groups, int64_t k, gk_part part)
{
    double *count = accumulators->state[2];
    NAME(sum_fold)(accumulators, groups, k, part);
    for (int64_t half = groups / 2 * k; half >= k; half /= 2)
        for (int64_t i = 0; i < half; i++)
            count[i] += count[i + half];
    memcpy(part.c, count, (size_t)k * sizeof *count);
}

/* Sums and products of integers modulo 2^64. `multiply` is a constant wherever this is called. */

TARGET GK_INLINE void NAME(integers_start)(gk_accumulators *accumulators, int64_t width, int multiply)
{
    uint64_t *total = (uint64_t *)(void *)accumulators->state[0];
    for (int64_t i = 0; i < width; i++)
        total[i] = (uint64_t)multiply;
}

TARGET GK_INLINE void NAME(integers_rows_of)(gk_accumulators *accumulators, const uint64_t *GK_RESTRICT x,
                                             int64_t stride, int64_t rows, int64_t width, int multiply)
{
    uint64_t *GK_RESTRICT total = (uint64_t *)(void *)accumulators->state[0];
    for (; rows >= 4 && width != 32; rows -= 4, x += 4 * stride) /* the loop below reads adjacent rows in order */
        for (int64_t i = 0; i < width; i++) {
            const uint64_t *p = x + i;
            if (multiply)
                total[i] *= (p[0] * p[stride]) * (p[2 * stride] * p[3 * stride]);
            else
                total[i] += (p[0] + p[stride]) + (p[2 * stride] + p[3 * stride]);
        }
    for (; rows > 0; rows--, x += stride)
        for (int64_t i = 0; i < width; i++)
            total[i] = multiply ? total[i] * x[i] : total[i] + x[i];
}

TARGET GK_INLINE void NAME(integers_merge)(gk_part into, gk_part from, int64_t k, int multiply)
{
    uint64_t *GK_RESTRICT total = into.a;
    const uint64_t *GK_RESTRICT other = from.a;
    for (int64_t i = 0; i < k; i++)
        total[i] = multiply ? total[i] * other[i] : total[i] + other[i];
}

TARGET GK_INLINE void NAME(integers_fold)(gk_accumulators *accumulators, int64_t groups, int64_t k, gk_part part,
                                          int multiply)
{
    uint64_t *total = (uint64_t *)(void *)accumulators->state[0];
    for (int64_t half = groups / 2 * k; half >= k; half /= 2)
        NAME(integers_merge)((gk_part){.a = total}, (gk_part){.a = total + half}, half, multiply);
    memcpy(part.a, total, (size_t)k * sizeof *total);
}

#define INTEGERS(name, multiply)                                                                                       \
    TARGET static void NAME(name##_start)(gk_accumulators *accumulators, int64_t width)                                \
    {                                                                                                                  \
        NAME(integers_start)(accumulators, width, multiply);                                                           \
    }                                                                                                                  \
    TARGET static void NAME(name##_rows)(gk_accumulators *accumulators, const void *x, int64_t stride, int64_t rows,   \
                                         int64_t width)                                                                \
    {                                                                                                                  \
        CONSTANT_WIDTH(NAME(integers_rows_of), 32, accumulators, x, stride, rows, width, multiply);                    \
    }                                                                                                                  \
    TARGET static void NAME(name##_fold)(gk_accumulators *accumulators, int64_t groups, int64_t k, gk_part part)       \
    {                                                                                                                  \
        NAME(integers_fold)(accumulators, groups, k, part, multiply);                                                  \
    }                                                                                                                  \
    TARGET static void NAME(name##_merge)(gk_part into, int64_t into_count, gk_part from, int64_t from_count,          \
                                          int64_t k)                                                                   \
    {                                                                                                                  \
        (void)into_count;                                                                                              \
        (void)from_count;                                                                                              \
        NAME(integers_merge)(into, from, k, multiply);                                                                 \
    }
INTEGERS(isum, 0)
INTEGERS(iprod, 1)
#undef INTEGERS

/* Products of doubles. Mantissas are multiplied and exponents added, so that no intermediate product overflows or
 * underflows. Scaling by powers of two does not change how products are rounded. */

/* Returns x as a mantissa of 1 <= |mantissa| < 2, and adds its exponent. Zeros, infinities and NaNs are their own
 * mantissas. */
TARGET GK_INLINE double NAME(mantissa)(double x, int64_t *exponent)
{
    int subnormal = fabs(x) < DBL_MIN;
    double scaled = subnormal ? x * 0x1p64 : x;
    uint64_t bits;
    memcpy(&bits, &scaled, sizeof bits);
    int64_t biased = (int64_t)(bits >> 52 & 0x7ff);
    int regular = (biased != 0) & (biased != 0x7ff);
    *exponent += regular ? biased - (subnormal ? 1023 + 64 : 1023) : 0;
    bits = regular ? (bits & UINT64_C(0x800fffffffffffff)) | UINT64_C(0x3ff0000000000000) : bits;
    memcpy(&scaled, &bits, sizeof bits);
    return scaled;
}

TARGET static void NAME(prod_start)(gk_accumulators *accumulators, int64_t width)
{
    for (int64_t i = 0; i < width; i++)
        accumulators->state[0][i] = 1;
    memset(accumulators->state[1], 0, (size_t)width * sizeof(int64_t));
}

TARGET GK_INLINE void NAME(prod_rows_of)(gk_accumulators *accumulators, const double *GK_RESTRICT x, int64_t stride,
                                         int64_t rows, int64_t width, int without_nans)
{
    enum { BLOCK = 512 }; /* the product of this many mantissas does not overflow */
    double *GK_RESTRICT product = accumulators->state[0];
    int64_t *GK_RESTRICT exponent = (int64_t *)(void *)accumulators->state[1];
    while (rows > 0) {
        int64_t block = rows < BLOCK ? rows : BLOCK, r = 0;
        rows -= block;
        for (; r + 4 <= block; r += 4, x += 4 * stride)
            for (int64_t i = 0; i < width; i++) {
                double y[4];
                for (int j = 0; j < 4; j++) {
                    y[j] = NAME(mantissa)(x[i + j * stride], &exponent[i]);
                    y[j] = without_nans && y[j] != y[j] ? 1 : y[j];
                }
                product[i] *= (y[0] * y[1]) * (y[2] * y[3]);
            }
        for (; r < block; r++, x += stride)
            for (int64_t i = 0; i < width; i++) {
                double y = NAME(mantissa)(x[i], &exponent[i]);
                product[i] *= without_nans && y != y ? 1 : y;
            }
        for (int64_t i = 0; i < width; i++)
            product[i] = NAME(mantissa)(product[i], &exponent[i]);
    }
}

TARGET static void NAME(prod_rows)(gk_accumulators *accumulators, const void *x, int64_t stride, int64_t rows,
                                   int64_t width)
{
    CONSTANT_WIDTH(NAME(prod_rows_of), 32, accumulators, x, stride, rows, width, 0);
}

TARGET static void NAME(nanprod_rows)(gk_accumulators *accumulators, const void *x, int64_t stride, int64_t rows,
                                      int64_t width)
{
    CONSTANT_WIDTH(NAME(prod_rows_of), 32, accumulators, x, stride, rows, width, 1);
}

TARGET static void NAME(prod_merge)(gk_part into, int64_t into_count, gk_part from, int64_t from_count, int64_t k)
{
    (void)into_count;
    (void)from_count;
    double *GK_RESTRICT product = into.a;
    const double *GK_RESTRICT other = from.a;
    int64_t *GK_RESTRICT exponent = (int64_t *)(void *)into.b;
    const int64_t *GK_RESTRICT other_exponent = (const int64_t *)(void *)from.b;
    for (int64_t i = 0; i < k; i++) {
        exponent[i] += other_exponent[i];
        product[i] = NAME(mantissa)(product[i] * other[i], &exponent[i]);
    }
}

TARGET static void NAME(prod_fold)(gk_accumulators *accumulators, int64_t groups, int64_t k, gk_part part)
{
    double *product = accumulators->state[0], *exponent = accumulators->state[1];
    for (int64_t half = groups / 2 * k; half >= k; half /= 2)
        NAME(prod_merge)((gk_part){.a = product, .b = exponent}, 0,
                         (gk_part){.a = product + half, .b = exponent + half}, 0, half);
    memcpy(part.a, product, (size_t)k * sizeof *product);
    memcpy(part.b, exponent, (size_t)k * sizeof *exponent);
}

/* Variances. */

/* Merges the moments of n more numbers into those of *count numbers. Either may be 0. */
TARGET GK_INLINE void NAME(merge_moments)(double *count, double *mean, double *mean_error, double *m2,
                                          double *m2_error, double n, double other, double other_error, double other_m2)
{
    double all = *count + n, share = n / (all > 0 ? all : 1), weight = *count * share;
    double delta = (other - *mean) + (other_error - *mean_error);
    double merged = *mean, merged_error = *mean_error;
    NAME(two_sum)(&merged, &merged_error, delta * share);
    *mean = *count > 0 ? merged : other;
    *mean_error = *count > 0 ? merged_error : other_error;
    NAME(two_sum)(m2, m2_error, other_m2 + (weight > 0 ? delta * delta * weight : 0)); /* delta * delta may be infinite */
    *count = all;
}

TARGET static void NAME(var_start)(gk_accumulators *accumulators, int64_t width)
{
    for (int i = 0; i < 5; i++)
        memset(accumulators->state[i], 0, (size_t)width * sizeof(double));
}

/* A block is read twice, so it must fit in the first-level cache. `without_nans` is a constant wherever this is called. */
TARGET GK_INLINE void NAME(var_block)(gk_accumulators *accumulators, const double *GK_RESTRICT x, int64_t stride,
                                      int64_t rows, int64_t width, int without_nans)
{
#define IS_LEFT_OUT(x) (without_nans && (x) != (x))
    double n[GK_ACCUMULATORS], sum[GK_ACCUMULATORS], deviation[GK_ACCUMULATORS], square[GK_ACCUMULATORS];
    for (int64_t i = 0; i < width; i++) {
        n[i] = (double)rows;
        sum[i] = deviation[i] = square[i] = 0;
    }
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4)
        for (int64_t i = 0; i < width; i++) {
            double y[4], left_out = 0;
            for (int j = 0; j < 4; j++) {
                double value = x[(r + j) * stride + i];
                y[j] = IS_LEFT_OUT(value) ? 0 : value;
                left_out += IS_LEFT_OUT(value) ? 1.0 : 0.0;
            }
            sum[i] += (y[0] + y[1]) + (y[2] + y[3]);
            n[i] -= left_out;
        }
    for (; r < rows; r++)
        for (int64_t i = 0; i < width; i++) {
            double value = x[r * stride + i];
            sum[i] += IS_LEFT_OUT(value) ? 0 : value;
            n[i] -= IS_LEFT_OUT(value) ? 1.0 : 0.0;
        }
    for (int64_t i = 0; i < width; i++)
        sum[i] /= n[i] > 0 ? n[i] : 1; /* now the mean, up to rounding, which `deviation` corrects */
    for (r = 0; r + 4 <= rows; r += 4)
        for (int64_t i = 0; i < width; i++) {
            double d[4];
            for (int j = 0; j < 4; j++) {
                double value = x[(r + j) * stride + i];
                d[j] = IS_LEFT_OUT(value) ? 0 : value - sum[i];
            }
            deviation[i] += (d[0] + d[1]) + (d[2] + d[3]);
            square[i] += (d[0] * d[0] + d[1] * d[1]) + (d[2] * d[2] + d[3] * d[3]);
        }
    for (; r < rows; r++)
        for (int64_t i = 0; i < width; i++) {
            double value = x[r * stride + i], d = IS_LEFT_OUT(value) ? 0 : value - sum[i];
            deviation[i] += d;
            square[i] += d * d;
        }
    double *GK_RESTRICT mean = accumulators->state[0], *GK_RESTRICT mean_error = accumulators->state[1];
    double *GK_RESTRICT m2 = accumulators->state[2], *GK_RESTRICT m2_error = accumulators->state[3];
    double *GK_RESTRICT count = accumulators->state[4];
    for (int64_t i = 0; i < width; i++) {
        double shift = deviation[i] / (n[i] > 0 ? n[i] : 1);
        NAME(merge_moments)(&count[i], &mean[i], &mean_error[i], &m2[i], &m2_error[i], n[i], sum[i], shift,
                            square[i] - deviation[i] * shift);
    }
#undef IS_LEFT_OUT
}

TARGET GK_INLINE void NAME(var_rows_of)(gk_accumulators *accumulators, const double *x, int64_t stride, int64_t rows,
                                        int64_t width, int without_nans)
{
    int64_t block = width <= 32 ? 128 : 4096 / width;
    for (; rows > 0; rows -= block, x += block * stride) {
        if (block > rows)
            block = rows;
        CONSTANT_WIDTH(NAME(var_block), 32, accumulators, x, stride, block, width, without_nans);
    }
}

TARGET static void NAME(var_rows)(gk_accumulators *accumulators, const void *x, int64_t stride, int64_t rows,
                                  int64_t width)
{
    NAME(var_rows_of)(accumulators, x, stride, rows, width, 0);
}

TARGET static void NAME(nanvar_rows)(gk_accumulators *accumulators, const void *x, int64_t stride, int64_t rows,
                                     int64_t width)
{
    NAME(var_rows_of)(accumulators, x, stride, rows, width, 1);
}

TARGET static void NAME(var_merge)(gk_part into, int64_t into_count, gk_part from, int64_t from_count, int64_t k)
{
    (void)into_count;
    (void)from_count;
    double *GK_RESTRICT mean = into.a, *GK_RESTRICT mean_error = into.b, *GK_RESTRICT m2 = into.c;
    double *GK_RESTRICT count = into.d;
    const double *GK_RESTRICT other = from.a;
    for (int64_t i = 0; i < k; i++) {
        double m2_error = 0;
        NAME(merge_moments)(&count[i], &mean[i], &mean_error[i], &m2[i], &m2_error, from.d[i], other[i], from.b[i],
                            from.c[i]);
        m2[i] += m2_error;
    }
}

TARGET static void NAME(var_fold)(gk_accumulators *accumulators, int64_t groups, int64_t k, gk_part part)
{
    double *mean = accumulators->state[0], *mean_error = accumulators->state[1];
    double *m2 = accumulators->state[2], *m2_error = accumulators->state[3], *count = accumulators->state[4];
    for (int64_t i = 0; i < groups * k; i++)
        m2[i] += m2_error[i];
    for (int64_t half = groups / 2 * k; half >= k; half /= 2)
        NAME(var_merge)((gk_part){mean, mean_error, m2, count}, 0,
                        (gk_part){mean + half, mean_error + half, m2 + half, count + half}, 0, half);
    memcpy(part.a, mean, (size_t)k * sizeof *mean);
    memcpy(part.b, mean_error, (size_t)k * sizeof *mean_error);
    memcpy(part.c, m2, (size_t)k * sizeof *m2);
    memcpy(part.d, count, (size_t)k * sizeof *count);
}

/* A last, incomplete row is one row of fewer accumulators. */
#define TAIL(name)                                                                                  \
    TARGET static void NAME(name##_tail)(gk_accumulators *accumulators, const void *x, int64_t width) \
    {                                                                                               \
        NAME(name##_rows)(accumulators, x, 0, 1, width);                                            \
    }
TAIL(sum)
TAIL(nansum)
TAIL(isum)
TAIL(prod)
TAIL(nanprod)
TAIL(iprod)
TAIL(var)
TAIL(nanvar)
#undef TAIL
#undef CONSTANT_WIDTH

static const gk_accumulator_ops NAME(sum_ops) = {NAME(sum_start), NAME(sum_rows), NAME(sum_tail),
                                                 NAME(sum_fold), merge_sum, NAME(sum_row), NULL};
static const gk_accumulator_ops NAME(nansum_ops) = {NAME(sum_start), NAME(nansum_rows), NAME(nansum_tail),
                                                    NAME(nansum_fold), merge_nansum, NULL, NULL};
static const gk_accumulator_ops NAME(isum_ops) = {NAME(isum_start), NAME(isum_rows), NAME(isum_tail),
                                                  NAME(isum_fold), NAME(isum_merge), NULL, NULL};
static const gk_accumulator_ops NAME(prod_ops) = {NAME(prod_start), NAME(prod_rows), NAME(prod_tail),
                                                  NAME(prod_fold), NAME(prod_merge), NULL, NULL};
static const gk_accumulator_ops NAME(nanprod_ops) = {NAME(prod_start), NAME(nanprod_rows), NAME(nanprod_tail),
                                                     NAME(prod_fold), NAME(prod_merge), NULL, NULL};
static const gk_accumulator_ops NAME(iprod_ops) = {NAME(iprod_start), NAME(iprod_rows), NAME(iprod_tail),
                                                   NAME(iprod_fold), NAME(iprod_merge), NULL, NULL};
static const gk_accumulator_ops NAME(var_ops) = {NAME(var_start), NAME(var_rows), NAME(var_tail),
                                                 NAME(var_fold), NAME(var_merge), NULL, NULL};
static const gk_accumulator_ops NAME(nanvar_ops) = {NAME(var_start), NAME(nanvar_rows), NAME(nanvar_tail),
                                                    NAME(var_fold), NAME(var_merge), NULL, NULL};
