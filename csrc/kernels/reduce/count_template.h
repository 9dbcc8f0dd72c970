/* The accumulators (accumulators.h) of the number of nonzero elements of one type. count_isa.h includes this file and
 * defines
 *   T, INDEX   the type, and the signed integer of the same size
 *   TYPED(x)   x with the suffixes of type and instruction set
 * This file undefines them at its end. */

TARGET GK_INLINE void TYPED(rows_of)(gk_accumulators *accumulators, const T *GK_RESTRICT x, int64_t stride,
                                     int64_t rows, int64_t width)
{
    enum { BLOCK = 124 }; /* fits an int8_t */
    int64_t *GK_RESTRICT count = (int64_t *)(void *)accumulators->state[0];
    accumulators->rows += rows;
    while (rows > 0) {
        int64_t block = rows < BLOCK ? rows : BLOCK, r = 0;
        /* Counters as wide as the elements, so that one vector of comparisons is added to one
         * vector of counters. */
        INDEX some[GK_ACCUMULATORS];
        for (int64_t i = 0; i < width; i++)
            some[i] = 0;
        for (; r < block; r++, x += stride)
            for (int64_t i = 0; i < width; i++)
                some[i] = (INDEX)(some[i] + (x[i] != 0));
        for (int64_t i = 0; i < width; i++)
            count[i] += some[i];
        rows -= block;
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

static const gk_accumulator_ops TYPED(count_ops) = {count_start, TYPED(rows), TYPED(tail), count_fold,
                                                    count_merge, NULL,        NULL};
static const gk_accumulator_ops TYPED(any_ops) = {count_start, TYPED(rows), TYPED(tail), count_fold,
                                                  count_merge, NULL,        any_settled};
static const gk_accumulator_ops TYPED(all_ops) = {count_start, TYPED(rows), TYPED(tail), count_fold,
                                                  count_merge, NULL,        all_settled};

#undef T
#undef INDEX
#undef TYPED
