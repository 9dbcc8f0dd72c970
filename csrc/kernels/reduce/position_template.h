/* The accumulators (accumulators.h) of the position of the minimum or the maximum of one type. minmax_types.h includes
 * this file and says what it may use.
 *
 * An accumulator has the best value so far, and the number of the first row that has it. Rows are numbered within blocks
 * of few rows, so that the numbers are as wide as the values and one instruction selects as many of either. */

/* Whether x replaces y. A NaN replaces any other value, and is never replaced. */
#define BETTER(x, y) (ORDERED(x, y) | (IS_NAN(x) & ((y) == (y))))

TARGET static void TYPED(start)(gk_accumulators *accumulators, int64_t width)
{
    T *best = (T *)(void *)accumulators->state[0];
    int64_t *position = (int64_t *)(void *)accumulators->state[1];
    for (int64_t i = 0; i < width; i++) {
        best[i] = NEUTRAL_OF(LOWEST, HIGHEST);
        position[i] = -1;
    }
    accumulators->rows = 0;
}

TARGET GK_INLINE void TYPED(rows_of)(gk_accumulators *accumulators, const T *GK_RESTRICT x, int64_t stride,
                                     int64_t rows, int64_t width)
{
    enum { BLOCK = 124 }; /* fits an int8_t */
    T *GK_RESTRICT extremes = (T *)(void *)accumulators->state[0];
    int64_t *GK_RESTRICT position = (int64_t *)(void *)accumulators->state[1];
    while (rows > 0) {
        int64_t block = rows < BLOCK ? rows : BLOCK, r = 0;
        INDEX first[GK_ACCUMULATORS], has_nan[GK_ACCUMULATORS];
        for (int64_t i = 0; i < width; i++) {
            first[i] = -1;
            has_nan[i] = 0;
        }
        for (; r < block; r++)
            GK_NO_UNROLL
            for (int64_t i = 0; i < width; i++) {
                T value = x[i + r * stride];
                first[i] = ORDERED(value, extremes[i]) ? (INDEX)r : first[i];
                extremes[i] = ORDERED(value, extremes[i]) ? value : extremes[i];
                has_nan[i] = IS_NAN(value) ? 1 : has_nan[i];
            }
        INDEX any_better = 0, any_nan = 0;
        for (int64_t i = 0; i < width; i++) {
            any_better |= first[i] >= 0;
            any_nan |= has_nan[i];
        }
        for (int64_t i = 0; any_better && i < width; i++)
            position[i] = first[i] < 0 ? position[i] : accumulators->rows + first[i];
        for (int64_t i = 0; any_nan && i < width; i++) /* no comparison finds a NaN */
            if (has_nan[i] && !IS_NAN(extremes[i])) {
                for (r = 0; r < block && !IS_NAN(x[i + r * stride]); r++)
                    continue;
                if (r == block) /* another thread has written over it meanwhile */
                    continue;
                extremes[i] = x[i + r * stride];
                position[i] = accumulators->rows + r;
            }
        accumulators->rows += block;
        rows -= block;
        x += block * stride;
    }
}

TARGET static GK_NOINLINE void TYPED(rows)(gk_accumulators *accumulators, const void *x, int64_t stride, int64_t rows,
                               int64_t width)
{
    enum { USUAL = GK_ACCUMULATOR_BYTES / sizeof(T) };
    if (width == USUAL)
        TYPED(rows_of)(accumulators, x, stride, rows, USUAL);
    else
        TYPED(rows_of)(accumulators, x, stride, rows, width);
}

TARGET static void TYPED(tail)(gk_accumulators *accumulators, const void *x, int64_t width)
{
    TYPED(rows)(accumulators, x, 0, 1, width);
}

/* Replaces the best element so far if the other one is better, or equal and earlier. -1, for none, comes last. Not inlined,
 * because SIMD versions of the loops below would be as large as that of the rows. */
static GK_NOINLINE void TYPED(replace)(T *best, int64_t *position, T other, int64_t other_position)
{
    int earlier = (uint64_t)other_position < (uint64_t)*position;
    if (BETTER(other, *best) || (earlier && !BETTER(*best, other))) {
        *best = other;
        *position = other_position;
    }
}

static void TYPED(merge)(gk_part into, int64_t into_count, gk_part from, int64_t from_count, int64_t k)
{
    (void)from_count;
    const int64_t *position = (const int64_t *)(const void *)from.b;
    for (int64_t i = 0; i < k; i++)
        TYPED(replace)((T *)into.a + i, (int64_t *)(void *)into.b + i, ((const T *)from.a)[i],
                       position[i] < 0 ? -1 : into_count + position[i]);
}

static void TYPED(fold)(gk_accumulators *accumulators, int64_t groups, int64_t k, gk_part part)
{
    const T *best = (const T *)(void *)accumulators->state[0];
    const int64_t *row = (const int64_t *)(void *)accumulators->state[1];
    T *out = part.a;
    int64_t *position = (int64_t *)(void *)part.b;
    for (int64_t i = 0; i < k; i++) {
        out[i] = best[i];
        position[i] = row[i] < 0 ? -1 : row[i] * groups;
    }
    for (int64_t group = 1; group < groups; group++)
        for (int64_t i = 0; i < k; i++) {
            int64_t lane = group * k + i;
            if (row[lane] >= 0)
                TYPED(replace)(&out[i], &position[i], best[lane], row[lane] * groups + group);
        }
}

/* Whether no later element can be better. */
TARGET static int TYPED(settled)(const gk_accumulators *accumulators, int64_t width)
{
    const T *best = (const T *)(const void *)accumulators->state[0];
    INDEX settled = 0;
    for (int64_t i = 0; i < width; i++)
        settled |= NOTHING_REPLACES(best[i]);
    return settled != 0;
}

static const gk_accumulator_ops TYPED(ops) = {TYPED(start), TYPED(rows),  TYPED(tail), TYPED(fold),
                                              TYPED(merge), NULL, TYPED(settled)};

#undef BETTER
#undef T
#undef INDEX
#undef TYPED
#undef LOWEST
#undef HIGHEST
