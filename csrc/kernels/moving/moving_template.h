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

/* to[i] is the extreme of x[i]..x[i + window - 1], for short windows. */
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
SHORT(short_minima, y[i] < to[i] ? y[i] : to[i])
SHORT(short_maxima, y[i] > to[i] ? y[i] : to[i])
#undef SHORT

/* Sums of short windows are computed in groups that stay in registers. */
#if ISA == 0
typedef double NAME(vector);
#else
typedef double NAME(vector) __attribute__((vector_size(ISA == 5 ? 64 : ISA == 2 ? 32 : 16), aligned(8), may_alias));
#endif
#define VEC NAME(vector)
#define VECTORS 4
#define GROUP (VECTORS * (int64_t)(sizeof(VEC) / sizeof(double)))
#define EACH for (int v = 0; v < VECTORS; v++)
#define ITEM(k) ((const VEC *)(const void *)(x + (k)))[v] /* item k of each window */

GK_INLINE TARGET void NAME(add_items)(const double *x, int64_t window, VEC *sum)
{
    EACH sum[v] = ITEM(0);
    for (int64_t k = 1; k < window; k++)
        EACH sum[v] += ITEM(k);
}

GK_INLINE TARGET void NAME(group_sums)(const double *x, int64_t window, double *to)
{
    VEC sum[VECTORS];
    NAME(add_items)(x, window, sum);
    EACH ((VEC *)(void *)to)[v] = sum[v];
}

/* Squared deviations from the mean. */
GK_INLINE TARGET void NAME(group_squares)(const double *x, int64_t window, double *to)
{
    VEC mean[VECTORS], squares[VECTORS];
    NAME(add_items)(x, window, mean);
    EACH mean[v] *= 1 / (double)window;
    EACH squares[v] = (ITEM(0) - mean[v]) * (ITEM(0) - mean[v]);
    for (int64_t k = 1; k < window; k++)
        EACH squares[v] += (ITEM(k) - mean[v]) * (ITEM(k) - mean[v]);
    EACH ((VEC *)(void *)to)[v] = squares[v];
}

/* to[i] is the result of x[i]..x[i + window - 1]. The last group overlaps the one before. */
#define IN_GROUPS(name, group)                                                                          \
    static TARGET void NAME(name)(const double *GK_RESTRICT x, int64_t n, int64_t window, double *GK_RESTRICT to) \
    {                                                                                                   \
        if (n < GROUP) {                                                                                \
            double padded[GROUP + GK_MOVE_SHORT] = {0}, results[GROUP];                                 \
            memcpy(padded, x, (size_t)(n + window - 1) * sizeof *x);                                    \
            group(padded, window, results);                                                             \
            memcpy(to, results, (size_t)n * sizeof *to);                                                \
            return;                                                                                     \
        }                                                                                               \
        for (int64_t i = 0; i < n; i += GROUP) {                                                        \
            int64_t begin = i <= n - GROUP ? i : n - GROUP;                                             \
            group(x + begin, window, to + begin);                                                       \
        }                                                                                               \
    }
IN_GROUPS(short_sums, NAME(group_sums))
IN_GROUPS(short_squares, NAME(group_squares))
#undef IN_GROUPS
#undef ITEM
#undef EACH
#undef GROUP
#undef VECTORS
#undef VEC

/* The sum of the squared deviations of the valid items from mean[i]. */
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
    int64_t i = 0;
/* Compilers do not vectorise sqrt(), which may set errno. */
#if ISA == 5
    for (; i + 8 <= n; i += 8)
        _mm512_storeu_pd(x + i, _mm512_sqrt_pd(_mm512_loadu_pd(x + i)));
#elif ISA == 2
    for (; i + 4 <= n; i += 4)
        _mm256_storeu_pd(x + i, _mm256_sqrt_pd(_mm256_loadu_pd(x + i)));
#elif ISA == 1
    for (; i + 2 <= n; i += 2)
        vst1q_f64(x + i, vsqrtq_f64(vld1q_f64(x + i)));
#endif
    for (; i < n; i++)
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
        double between = delta * delta * (a_count[i] * b_count[i] / (count > 0 ? count : 1));
        to[i] = a_squares[i] + b_squares[i] + (a_count[i] * b_count[i] > 0 ? between : 0);
    }
}

/* From the sums of the deviations of n windows' items from one item, and of their squares, in two parts each: the squared
 * deviations from the windows' means. inverse is 1 / the number of items. Returns whether most digits of a difference
 * were lost, or squares overflowed: the item is far from a window's mean. */
static TARGET int64_t NAME(join_full_squares)(const double *GK_RESTRICT a_sums, const double *GK_RESTRICT a_squares,
                                           const double *GK_RESTRICT b_sums, const double *GK_RESTRICT b_squares,
                                           int64_t n, double inverse, double *GK_RESTRICT to)
{
    int64_t is_far = 0;
    for (int64_t i = 0; i < n; i++) {
        double sum = a_sums[i] + b_sums[i], squares = a_squares[i] + b_squares[i], rest = squares - sum * (sum * inverse);
        is_far |= !(rest * 64 >= squares) & (squares != 0);
        to[i] = rest > 0 ? rest : 0;
    }
    return is_far;
}

/* The same for windows of one part, of which the first has `count` items and each later one an item more. */
static TARGET int64_t NAME(centre)(const double *GK_RESTRICT sums, double *GK_RESTRICT squares, int64_t n, int64_t count)
{
    int64_t is_far = 0;
    for (int64_t i = 0; i < n; i++) {
        double rest = squares[i] - sums[i] * (sums[i] / (double)(count + i));
        is_far |= !(rest * 64 >= squares[i]) & (squares[i] != 0);
        squares[i] = rest > 0 ? rest : 0;
    }
    return is_far;
}
