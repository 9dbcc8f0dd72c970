/* Accumulators of sums and variances (accumulators.h), included by
 * base/foreach_isa.h for each instruction set. The accumulators are independent,
 * so compilers vectorise the loops over them, and every vector length gives the
 * same bits. */

/* Compiles a faster loop for the most common width. */
#define CONSTANT_WIDTH(function, usual, accumulators, x, stride, rows, width) \
    do {                                                               \
        if ((width) == (usual))                                        \
            function(accumulators, x, stride, rows, usual);                   \
        else                                                           \
            function(accumulators, x, stride, rows, width);                   \
    } while (0)

/* Adds x to total, and the exact rounding error of this to error. */
TARGET GK_INLINE void NAME(two_sum)(double *total, double *error, double x)
{
    double sum = *total + x;
    double taken = sum - *total;
    *error += (*total - (sum - taken)) + (x - taken);
    *total = sum;
}

/* Sums of doubles. */

TARGET static void NAME(sum_start)(gk_accumulators *accumulators, int64_t width)
{
    memset(accumulators->state[0], 0, (size_t)width * sizeof(double));
    memset(accumulators->state[1], 0, (size_t)width * sizeof(double));
}

TARGET GK_INLINE void NAME(sum_rows_of)(gk_accumulators *accumulators, const double *GK_RESTRICT x, int64_t stride,
                                        int64_t rows, int64_t width)
{
    double *GK_RESTRICT total = accumulators->state[0], *GK_RESTRICT error = accumulators->state[1];
    for (; rows >= 8; rows -= 8, x += 8 * stride)
        for (int64_t i = 0; i < width; i++) {
            const double *p = x + i;
            double sum = p[0] + p[stride];
            sum += p[2 * stride];
            sum += p[3 * stride];
            sum += p[4 * stride];
            sum += p[5 * stride];
            sum += p[6 * stride];
            sum += p[7 * stride];
            NAME(two_sum)(&total[i], &error[i], sum);
        }
    for (; rows > 0; rows--, x += stride)
        for (int64_t i = 0; i < width; i++)
            NAME(two_sum)(&total[i], &error[i], x[i]);
}

TARGET static void NAME(sum_rows)(gk_accumulators *accumulators, const void *x, int64_t stride, int64_t rows,
                                  int64_t width)
{
    CONSTANT_WIDTH(NAME(sum_rows_of), 32, accumulators, x, stride, rows, width);
}

TARGET static void NAME(sum_tail)(gk_accumulators *accumulators, const void *x, int64_t width)
{
    NAME(sum_rows_of)(accumulators, x, 0, 1, width);
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

/* Sums of the doubles that are not NaN, and their number. */

TARGET static void NAME(nansum_start)(gk_accumulators *accumulators, int64_t width)
{
    for (int i = 0; i < 3; i++)
        memset(accumulators->state[i], 0, (size_t)width * sizeof(double));
}

TARGET GK_INLINE void NAME(nansum_rows_of)(gk_accumulators *accumulators, const double *GK_RESTRICT x, int64_t stride,
                                           int64_t rows, int64_t width)
{
    double *GK_RESTRICT total = accumulators->state[0], *GK_RESTRICT error = accumulators->state[1];
    double *GK_RESTRICT count = accumulators->state[2];
    for (; rows >= 8; rows -= 8, x += 8 * stride)
        for (int64_t i = 0; i < width; i++) {
            double sum = 0, values = 0;
            for (int j = 0; j < 8; j++) {
                double value = x[i + j * stride];
                sum += value == value ? value : 0;
                values += value == value ? 1.0 : 0.0;
            }
            count[i] += values;
            NAME(two_sum)(&total[i], &error[i], sum);
        }
    for (; rows > 0; rows--, x += stride)
        for (int64_t i = 0; i < width; i++) {
            count[i] += x[i] == x[i] ? 1.0 : 0.0;
            NAME(two_sum)(&total[i], &error[i], x[i] == x[i] ? x[i] : 0);
        }
}

TARGET static void NAME(nansum_rows)(gk_accumulators *accumulators, const void *x, int64_t stride, int64_t rows,
                                     int64_t width)
{
    CONSTANT_WIDTH(NAME(nansum_rows_of), 32, accumulators, x, stride, rows, width);
}

TARGET static void NAME(nansum_tail)(gk_accumulators *accumulators, const void *x, int64_t width)
{
    NAME(nansum_rows_of)(accumulators, x, 0, 1, width);
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

/* Sums of integers modulo 2^64. */

TARGET static void NAME(isum_start)(gk_accumulators *accumulators, int64_t width)
{
    memset(accumulators->state[0], 0, (size_t)width * sizeof(uint64_t));
}

TARGET GK_INLINE void NAME(isum_rows_of)(gk_accumulators *accumulators, const uint64_t *GK_RESTRICT x,
                                         int64_t stride, int64_t rows, int64_t width)
{
    uint64_t *GK_RESTRICT total = (uint64_t *)(void *)accumulators->state[0];
    for (; rows >= 4; rows -= 4, x += 4 * stride)
        for (int64_t i = 0; i < width; i++)
            total[i] += x[i] + x[i + stride] + x[i + 2 * stride] + x[i + 3 * stride];
    for (; rows > 0; rows--, x += stride)
        for (int64_t i = 0; i < width; i++)
            total[i] += x[i];
}

TARGET static void NAME(isum_rows)(gk_accumulators *accumulators, const void *x, int64_t stride, int64_t rows,
                                   int64_t width)
{
    CONSTANT_WIDTH(NAME(isum_rows_of), 32, accumulators, x, stride, rows, width);
}

TARGET static void NAME(isum_tail)(gk_accumulators *accumulators, const void *x, int64_t width)
{
    NAME(isum_rows_of)(accumulators, x, 0, 1, width);
}

TARGET static void NAME(isum_fold)(gk_accumulators *accumulators, int64_t groups, int64_t k, gk_part part)
{
    uint64_t *total = (uint64_t *)(void *)accumulators->state[0];
    for (int64_t half = groups / 2 * k; half >= k; half /= 2)
        for (int64_t i = 0; i < half; i++)
            total[i] += total[i + half];
    memcpy(part.a, total, (size_t)k * sizeof *total);
}

/* Variances. */

TARGET static void NAME(var_start)(gk_accumulators *accumulators, int64_t width)
{
    for (int i = 0; i < 4; i++)
        memset(accumulators->state[i], 0, (size_t)width * sizeof(double));
    accumulators->count = accumulators->tail_count = 0;
}

/* A block is read twice, so it must fit in the first-level cache. */
TARGET GK_INLINE void NAME(var_block)(gk_accumulators *accumulators, const double *GK_RESTRICT x, int64_t stride,
                                      int64_t rows, int64_t width)
{
    double sum[GK_ACCUMULATORS], deviation[GK_ACCUMULATORS], square[GK_ACCUMULATORS];
    for (int64_t i = 0; i < width; i++)
        sum[i] = deviation[i] = square[i] = 0;
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4)
        for (int64_t i = 0; i < width; i++) {
            const double *p = x + r * stride + i;
            sum[i] += (p[0] + p[stride]) + (p[2 * stride] + p[3 * stride]);
        }
    for (; r < rows; r++)
        for (int64_t i = 0; i < width; i++)
            sum[i] += x[r * stride + i];
    double n = (double)rows;
    for (int64_t i = 0; i < width; i++)
        sum[i] /= n; /* now the mean, up to rounding, which `deviation` corrects */
    for (r = 0; r + 4 <= rows; r += 4)
        for (int64_t i = 0; i < width; i++) {
            const double *p = x + r * stride + i;
            double d0 = p[0] - sum[i], d1 = p[stride] - sum[i];
            double d2 = p[2 * stride] - sum[i], d3 = p[3 * stride] - sum[i];
            deviation[i] += (d0 + d1) + (d2 + d3);
            square[i] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3);
        }
    for (; r < rows; r++)
        for (int64_t i = 0; i < width; i++) {
            double d = x[r * stride + i] - sum[i];
            deviation[i] += d;
            square[i] += d * d;
        }
    double *GK_RESTRICT mean = accumulators->state[0], *GK_RESTRICT mean_error = accumulators->state[1];
    double *GK_RESTRICT m2 = accumulators->state[2], *GK_RESTRICT m2_error = accumulators->state[3];
    if (accumulators->count == 0) {
        for (int64_t i = 0; i < width; i++) {
            mean[i] = sum[i];
            mean_error[i] = deviation[i] / n;
            m2[i] = square[i] - deviation[i] * (deviation[i] / n);
        }
    } else {
        double share = n / (double)(accumulators->count + rows);
        double weight = (double)accumulators->count * share;
        for (int64_t i = 0; i < width; i++) {
            double shift = deviation[i] / n;
            double delta = ((sum[i] - mean[i]) - mean_error[i]) + shift;
            NAME(two_sum)(&mean[i], &mean_error[i], delta * share);
            NAME(two_sum)(&m2[i], &m2_error[i],
                          (square[i] - deviation[i] * shift) + delta * delta * weight);
        }
    }
    accumulators->count += rows;
}

TARGET static void NAME(var_rows)(gk_accumulators *accumulators, const void *x_, int64_t stride, int64_t rows,
                                  int64_t width)
{
    const double *x = x_;
    int64_t block = width <= 32 ? 128 : 4096 / width;
    for (; rows > 0; rows -= block, x += block * stride) {
        if (block > rows)
            block = rows;
        CONSTANT_WIDTH(NAME(var_block), 32, accumulators, x, stride, block, width);
    }
}

TARGET static void NAME(var_tail)(gk_accumulators *accumulators, const void *x, int64_t width)
{
    memcpy(accumulators->tail, x, (size_t)width * sizeof(double));
    accumulators->tail_count = width;
}

TARGET static void NAME(var_fold)(gk_accumulators *accumulators, int64_t groups, int64_t k, gk_part part)
{
    double *GK_RESTRICT mean = accumulators->state[0], *GK_RESTRICT mean_error = accumulators->state[1];
    double *GK_RESTRICT m2 = accumulators->state[2], *GK_RESTRICT m2_error = accumulators->state[3];
    double n = (double)accumulators->count; /* elements in each accumulator */
    for (int64_t half = groups / 2 * k; half >= k; half /= 2, n *= 2)
        for (int64_t i = 0; i < half; i++) {
            double delta = (mean[i + half] - mean[i]) + (mean_error[i + half] - mean_error[i]);
            NAME(two_sum)(&mean[i], &mean_error[i], delta / 2);
            m2_error[i] += m2_error[i + half];
            NAME(two_sum)(&m2[i], &m2_error[i], m2[i + half] + delta * delta * (n / 2));
        }
    for (int64_t i = 0; i < k; i++)
        m2[i] += m2_error[i];
    memcpy(part.a, mean, (size_t)k * sizeof *mean);
    memcpy(part.b, mean_error, (size_t)k * sizeof *mean_error);
    memcpy(part.c, m2, (size_t)k * sizeof *m2);
    if (accumulators->tail_count > 0)
        fold_var_tail(accumulators, accumulators->count * groups, k, part);
}

#undef CONSTANT_WIDTH

static const gk_accumulator_ops NAME(sum_ops) = {NAME(sum_start), NAME(sum_rows), NAME(sum_tail),
                                          NAME(sum_fold), merge_sum, NAME(sum_row)};
static const gk_accumulator_ops NAME(nansum_ops) = {NAME(nansum_start), NAME(nansum_rows), NAME(nansum_tail),
                                                    NAME(nansum_fold), merge_nansum, NULL};
static const gk_accumulator_ops NAME(isum_ops) = {NAME(isum_start), NAME(isum_rows), NAME(isum_tail),
                                           NAME(isum_fold), merge_isum, NULL};
static const gk_accumulator_ops NAME(var_ops) = {NAME(var_start), NAME(var_rows), NAME(var_tail),
                                          NAME(var_fold), merge_var, NULL};
