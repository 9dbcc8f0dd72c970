/* The parts of moving.c that compilers vectorise, included by base/foreach_isa.h for each instruction set. */

/* Copies items and replaces NaNs. Returns their number. */
static TARGET int64_t NAME(replace_nans)(const double *GK_RESTRICT x, int64_t n, double by, double *GK_RESTRICT to)
{
    int64_t nans = 0;
    for (int64_t i = 0; i < n; i++) {
        nans += x[i] != x[i];
        to[i] = x[i] == x[i] ? x[i] : by;
    }
    return nans;
}

static TARGET int NAME(has_nans)(const double *GK_RESTRICT x, int64_t n)
{
    int64_t nans = 0;
    for (int64_t i = 0; i < n; i++)
        nans |= x[i] != x[i];
    return nans != 0;
}

/* valid[i] is 1 if item i is not NaN, else 0. */
static TARGET void NAME(find_valid)(const double *GK_RESTRICT x, int64_t n, double *GK_RESTRICT valid)
{
    for (int64_t i = 0; i < n; i++)
        valid[i] = x[i] == x[i];
}

/* to[i] combines x[i]..x[i + window - 1], in this order, for short windows. */
#define SHORT(name, combined)                                                                           \
    static TARGET void NAME(name)(const double *GK_RESTRICT x, int64_t n, int64_t window, double *GK_RESTRICT to) \
    {                                                                                                   \
        for (int64_t i = 0; i < n; i++)                                                                 \
            to[i] = x[i];                                                                               \
        for (int64_t k = 1; k < window; k++) {                                                          \
            const double *GK_RESTRICT y = x + k;                                                        \
            for (int64_t i = 0; i < n; i++)                                                             \
                to[i] = combined;                                                                       \
        }                                                                                               \
    }
SHORT(short_sums, to[i] + y[i])
SHORT(short_minima, y[i] < to[i] ? y[i] : to[i])
SHORT(short_maxima, y[i] > to[i] ? y[i] : to[i])
#undef SHORT

/* to[i] is the sum of the squared deviations of x[i]..x[i + window - 1] from mean[i]. */
static TARGET void NAME(short_squares)(const double *GK_RESTRICT x, int64_t n, int64_t window,
                                       const double *GK_RESTRICT mean, double *GK_RESTRICT to)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = 0;
    for (int64_t k = 0; k < window; k++)
        for (int64_t i = 0; i < n; i++)
            to[i] += (x[i + k] - mean[i]) * (x[i + k] - mean[i]);
}

/* The same for those items that are valid. */
static TARGET void NAME(short_valid_squares)(const double *GK_RESTRICT x, const double *GK_RESTRICT valid, int64_t n,
                                             int64_t window, const double *GK_RESTRICT mean, double *GK_RESTRICT to)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = 0;
    for (int64_t k = 0; k < window; k++)
        for (int64_t i = 0; i < n; i++) {
            double deviation = x[i + k] - mean[i];
            to[i] += valid[i + k] != 0 ? deviation * deviation : 0;
        }
}

static TARGET void NAME(scale)(double *GK_RESTRICT x, int64_t n, double by)
{
    for (int64_t i = 0; i < n; i++)
        x[i] *= by;
}

/* The same by the number of items in each window, with the same rounding. */
static TARGET void NAME(divide)(double *GK_RESTRICT x, const double *GK_RESTRICT count, int64_t n, double ddof)
{
    for (int64_t i = 0; i < n; i++)
        x[i] *= 1 / (count[i] - ddof);
}

static TARGET void NAME(take_roots)(double *GK_RESTRICT x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = sqrt(x[i]);
}

static TARGET void NAME(require)(double *GK_RESTRICT x, const double *GK_RESTRICT count, int64_t n, double min_count)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = count[i] >= min_count ? x[i] : NAN;
}

static TARGET void NAME(to_float32)(const double *GK_RESTRICT x, int64_t n, float *GK_RESTRICT to)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = (float)x[i];
}

/* Joins the end of one block with the beginning of the next: counts and, for variances, means and
 * squared deviations (Chan, Golub and LeVeque). */
static TARGET void NAME(join_counts)(const double *GK_RESTRICT a, const double *GK_RESTRICT b, int64_t n,
                                     double *GK_RESTRICT to)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = a[i] + b[i];
}

static TARGET void NAME(join_squares)(const double *GK_RESTRICT a_count, const double *GK_RESTRICT a_mean,
                                      const double *GK_RESTRICT a_squares, const double *GK_RESTRICT b_count,
                                      const double *GK_RESTRICT b_mean, const double *GK_RESTRICT b_squares, int64_t n,
                                      double *GK_RESTRICT to)
{
    for (int64_t i = 0; i < n; i++) {
        double delta = a_mean[i] - b_mean[i], count = a_count[i] + b_count[i];
        double between = delta * delta * (a_count[i] * b_count[i]) / (count > 0 ? count : 1);
        to[i] = a_squares[i] + b_squares[i] + (a_count[i] * b_count[i] > 0 ? between : 0);
    }
}

/* Sums of deviations from an item become means, and sums of their squares become squared deviations from
 * the means. inverse[i] is 1 / the number of items. */
static TARGET void NAME(centre)(double *GK_RESTRICT sums, double *GK_RESTRICT squares,
                                const double *GK_RESTRICT inverse, int64_t n, double from)
{
    for (int64_t i = 0; i < n; i++) {
        double shift = sums[i] * inverse[i], rest = squares[i] - sums[i] * shift;
        squares[i] = rest > 0 ? rest : rest != rest ? rest : 0;
        sums[i] = from + shift;
    }
}

/* join_squares() for blocks without NaNs. */
static TARGET void NAME(join_all_squares)(const double *GK_RESTRICT a_mean, const double *GK_RESTRICT a_squares,
                                          const double *GK_RESTRICT b_mean, const double *GK_RESTRICT b_squares,
                                          const double *GK_RESTRICT weight, int64_t n, double *GK_RESTRICT to)
{
    for (int64_t i = 0; i < n; i++) {
        double delta = a_mean[i] - b_mean[i];
        to[i] = a_squares[i] + b_squares[i] + (weight[i] > 0 ? delta * delta * weight[i] : 0);
    }
}
