/* The bodies of lanes.h for one extreme of one type; included for each of
 * them, from extreme_types.h, with
 *   NAME(x)       x with the suffixes of extreme, type and instruction set
 *   TARGET        the function attribute of the instruction set
 *   T             the type
 *   NEUTRAL       the value that no other is worse than
 *   BETTER(x, y)  whether x replaces y; a NaN replaces anything, and nothing a NaN
 * of which NEUTRAL, T and NAME are undefined at the end. */

TARGET static void NAME(start)(gk_lanes *lanes, int64_t width)
{
    T *best = (T *)(void *)lanes->state;
    for (int64_t i = 0; i < width; i++)
        best[i] = NEUTRAL;
}

TARGET GK_INLINE void NAME(rows_of)(gk_lanes *lanes, const T *GK_RESTRICT x, int64_t stride,
                                    int64_t rows, int64_t width)
{
    T *GK_RESTRICT lane = (T *)(void *)lanes->state;
    for (; rows >= 4; rows -= 4, x += 4 * stride)
        for (int64_t i = 0; i < width; i++) {
            T best = lane[i];
            T a = x[i], b = x[i + stride], c = x[i + 2 * stride], d = x[i + 3 * stride];
            best = BETTER(a, best) ? a : best;
            best = BETTER(b, best) ? b : best;
            best = BETTER(c, best) ? c : best;
            best = BETTER(d, best) ? d : best;
            lane[i] = best;
        }
    for (; rows > 0; rows--, x += stride)
        for (int64_t i = 0; i < width; i++)
            lane[i] = BETTER(x[i], lane[i]) ? x[i] : lane[i];
}

TARGET static void NAME(rows)(gk_lanes *lanes, const void *x, int64_t stride, int64_t rows,
                              int64_t width)
{
    enum { USUAL = GK_LANE_BYTES / sizeof(T) };
    if (width == USUAL)
        NAME(rows_of)(lanes, x, stride, rows, USUAL);
    else
        NAME(rows_of)(lanes, x, stride, rows, width);
}

TARGET static void NAME(tail)(gk_lanes *lanes, const void *x, int64_t width)
{
    NAME(rows_of)(lanes, x, 0, 1, width);
}

TARGET static void NAME(merge)(gk_part into, int64_t into_count, gk_part from, int64_t from_count,
                               int64_t k)
{
    (void)into_count;
    (void)from_count;
    T *GK_RESTRICT a = into.a;
    const T *GK_RESTRICT b = from.a;
    for (int64_t i = 0; i < k; i++)
        a[i] = BETTER(b[i], a[i]) ? b[i] : a[i];
}

TARGET static void NAME(fold)(gk_lanes *lanes, int64_t groups, int64_t k, gk_part part)
{
    T *lane = (T *)(void *)lanes->state;
    for (int64_t half = groups / 2 * k; half >= k; half /= 2)
        NAME(merge)((gk_part){.a = lane}, 0, (gk_part){.a = lane + half}, 0, half);
    memcpy(part.a, lane, (size_t)k * sizeof(T));
}

static const gk_lane_ops NAME(ops) = {NAME(start), NAME(rows), NAME(tail), NAME(fold), NAME(merge), NULL};

#undef NAME
#undef T
#undef NEUTRAL
