/* The accumulators (accumulators.h) of the minimum or the maximum of one type. minmax_types.h includes this file and
 * says what it may use. */

#define BETTER(x, y) (ORDERED(x, y) | IS_NAN(x))

TARGET static void TYPED(start)(gk_accumulators *accumulators, int64_t width)
{
    T *best = (T *)(void *)accumulators->state;
    for (int64_t i = 0; i < width; i++)
        best[i] = NEUTRAL_OF(LOWEST, HIGHEST);
}

TARGET GK_INLINE void TYPED(rows_of)(gk_accumulators *accumulators, const T *GK_RESTRICT x, int64_t stride,
                                     int64_t rows, int64_t width, int is_usual)
{
    T *GK_RESTRICT extremes = (T *)(void *)accumulators->state;
    for (; rows >= 4 && !is_usual; rows -= 4, x += 4 * stride)
        for (int64_t i = 0; i < width; i++) {
            T best = extremes[i];
            T a = x[i], b = x[i + stride], c = x[i + 2 * stride], d = x[i + 3 * stride];
            best = BETTER(a, best) ? a : best;
            best = BETTER(b, best) ? b : best;
            best = BETTER(c, best) ? c : best;
            best = BETTER(d, best) ? d : best;
            extremes[i] = best;
        }
    for (; rows > 0; rows--, x += stride)
        for (int64_t i = 0; i < width; i++)
            extremes[i] = BETTER(x[i], extremes[i]) ? x[i] : extremes[i];
}

TARGET static GK_NOINLINE void TYPED(rows)(gk_accumulators *accumulators, const void *x, int64_t stride, int64_t rows,
                               int64_t width)
{
    enum { USUAL = GK_ACCUMULATOR_BYTES / sizeof(T) };
    if (width == USUAL)
        TYPED(rows_of)(accumulators, x, stride, rows, USUAL, 1);
    else
        TYPED(rows_of)(accumulators, x, stride, rows, width, 0);
}

TARGET static void TYPED(tail)(gk_accumulators *accumulators, const void *x, int64_t width)
{
    TYPED(rows)(accumulators, x, 0, 1, width);
}

TARGET static void TYPED(merge)(gk_part into, int64_t into_count, gk_part from, int64_t from_count,
                                int64_t k)
{
    (void)into_count;
    (void)from_count;
    T *GK_RESTRICT a = into.a;
    const T *GK_RESTRICT b = from.a;
    for (int64_t i = 0; i < k; i++)
        a[i] = BETTER(b[i], a[i]) ? b[i] : a[i];
}

TARGET static void TYPED(fold)(gk_accumulators *accumulators, int64_t groups, int64_t k, gk_part part)
{
    T *extremes = (T *)(void *)accumulators->state;
    for (int64_t half = groups / 2 * k; half >= k; half /= 2)
        TYPED(merge)((gk_part){.a = extremes}, 0, (gk_part){.a = extremes + half}, 0, half);
    memcpy(part.a, extremes, (size_t)k * sizeof(T));
}

static const gk_accumulator_ops TYPED(ops) = {TYPED(start), TYPED(rows), TYPED(tail), TYPED(fold), TYPED(merge), NULL, NULL};

#undef BETTER
#undef T
#undef INDEX
#undef TYPED
#undef LOWEST
#undef HIGHEST
