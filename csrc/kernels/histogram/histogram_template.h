/* The bins of a block of numbers, included by base/foreach_isa.h for each instruction set. */

/* Bins of equal width: the position in units of bins, truncated. If the position is
 * so close to an integer that rounding may have crossed an edge, compare with the
 * edges themselves, for all STEP numbers. */
static TARGET void NAME(uniform)(const double *GK_RESTRICT x, int64_t n, const gk_histogram *h,
                                     uint32_t *GK_RESTRICT index)
{
    enum { STEP = 64 };
    const double *GK_RESTRICT edges = h->edges;
    const int32_t bins = (int32_t)h->bins;
    const double first = edges[0], last = edges[bins], scale = (double)bins / (last - first);
    const double low = h->slack, high = 1 - h->slack;
    const double outside = (double)bins + 0.5; /* NaN gets this position too; it is never close to an edge */
    for (int64_t begin = 0; begin < n; begin += STEP) {
        int64_t end = begin + STEP < n ? begin + STEP : n;
        double places[STEP];
        for (int64_t i = begin; i < end; i++) {
            double place = (x[i] - first) * scale;
            place = x[i] >= first ? place : outside;
            places[i - begin] = x[i] <= last ? place : outside;
        }
        int32_t near = 0;
        for (int64_t i = begin; i < end; i++) {
            int32_t b = (int32_t)places[i - begin];
            double rest = places[i - begin] - (double)b;
            near |= (rest < low) | (rest > high);
            index[i] = (uint32_t)b;
        }
        if (near)
            for (int64_t i = begin; i < end; i++) {
                int32_t b = (int32_t)index[i];
                if (b == bins && !(x[i] >= first && x[i] <= last))
                    continue;
                b = b < bins ? b : bins - 1;
                b -= x[i] < edges[b];
                b += x[i] >= edges[b + 1] && b < bins - 1;
                index[i] = (uint32_t)b;
            }
    }
}

/* Arbitrary edges: branch-free binary search of several numbers at a time. */
static TARGET void NAME(search)(const double *GK_RESTRICT x, int64_t n, const gk_histogram *h,
                                    uint32_t *GK_RESTRICT index)
{
    enum { TOGETHER = 8 };
    const double *GK_RESTRICT edges = h->edges;
    const uint32_t bins = (uint32_t)h->bins;
    const double first = edges[0], last = edges[bins];
    for (int64_t i = 0; i < n; i += TOGETHER) {
        double key[TOGETHER];
        uint32_t at[TOGETHER] = {0}; /* edges[at] <= key, for keys within the edges */
        for (int j = 0; j < TOGETHER; j++)
            key[j] = x[i + j < n ? i + j : n - 1];
        for (uint32_t left = bins + 1; left > 1;) {
            uint32_t half = left / 2;
            for (int j = 0; j < TOGETHER; j++)
                at[j] += edges[at[j] + half] <= key[j] ? half : 0;
            left -= half;
        }
        for (int j = 0; j < TOGETHER && i + j < n; j++) {
            uint32_t b = at[j] < bins ? at[j] : bins - 1;
            index[i + j] = key[j] >= first && key[j] <= last ? b : bins;
        }
    }
}

/* Numbers that are their own index. */
static TARGET void NAME(narrow)(const int64_t *GK_RESTRICT x, int64_t n, int64_t bins,
                                    uint32_t *GK_RESTRICT index)
{
    for (int64_t i = 0; i < n; i++)
        index[i] = (uint32_t)((uint64_t)x[i] < (uint64_t)bins ? x[i] : bins);
}

/* The minimum and the maximum in one pass. Those of the family reduce keep the bits of
 * each NaN, and reading a block twice with them would take up to twice as long for
 * doubles. Several rows at a time, because the running values are in memory. */
TARGET GK_INLINE void NAME(minmax_of_rows)(const double *GK_RESTRICT x, double *GK_RESTRICT min,
                                               double *GK_RESTRICT max, double *GK_RESTRICT nan)
{
    for (int j = 0; j < WIDTH; j++) {
        double low = min[j], high = max[j], odd = nan[j];
        for (int row = 0; row < ROWS; row++) {
            double item = x[row * WIDTH + j];
            low = item < low ? item : low;
            high = item > high ? item : high;
            odd = item == item ? odd : item;
        }
        min[j] = low;
        max[j] = high;
        nan[j] = odd;
    }
}

static TARGET gk_minmax NAME(minmax)(const double *GK_RESTRICT x, int64_t n)
{
    enum { STEP = ROWS * WIDTH };
    double min[WIDTH], max[WIDTH], nan[WIDTH], rest[STEP];
    for (int j = 0; j < WIDTH; j++)
        min[j] = max[j] = nan[j] = x[0];
    int64_t i = 0;
    for (; i + STEP <= n; i += STEP)
        NAME(minmax_of_rows)(x + i, min, max, nan);
    if (i < n) {
        for (int j = 0; j < STEP; j++)
            rest[j] = x[0];
        memcpy(rest, x + i, (size_t)(n - i) * sizeof *x);
        NAME(minmax_of_rows)(rest, min, max, nan);
    }
    for (int half = WIDTH / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++) {
            min[j] = min[j + half] < min[j] ? min[j + half] : min[j];
            max[j] = max[j + half] > max[j] ? max[j + half] : max[j];
            nan[j] = nan[j] == nan[j] ? nan[j + half] : nan[j];
        }
    if (isnan(nan[0]))
        return (gk_minmax){NAN, NAN};
    return (gk_minmax){min[0], max[0]};
}
