/* The steps that leaf sorts of floats need besides NumPy's sort, for one width and instruction set.
 * foreach_width.h defines BITS and SIZED(name). Compilers vectorise these loops.
 */
static TARGET void SIZED(to_keys)(void *items, int64_t n, gk_sort_order order)
{
    GK_SORT_UINT *x = items;
    for (int64_t i = 0; i < n; i++)
        x[i] = GK_SORT_KEY(x[i], order);
}

static TARGET void SIZED(from_keys)(void *items, int64_t n, gk_sort_order order)
{
    GK_SORT_UINT *x = items;
    for (int64_t i = 0; i < n; i++)
        x[i] = GK_SORT_UNKEY(x[i], order);
}

/* Whether there is a -0.0 or a NaN among these floats. As a signed integer, -0.0 is the
 * smallest, and without the sign bit NaNs are greater than infinity. */
static TARGET int SIZED(has_special)(const void *items, int64_t n)
{
    const GK_SORT_INT magnitude = (GK_SORT_INT)(~(GK_SORT_UINT)0 >> 1);
    const GK_SORT_INT infinity = BITS == 64 ? (GK_SORT_INT)INT64_C(0x7ff0000000000000)
                                               : (GK_SORT_INT)INT32_C(0x7f800000);
    const GK_SORT_INT *x = items;
    for (int64_t begin = 0; begin < n; begin += 4096) {
        int64_t end = begin + 4096 < n ? begin + 4096 : n;
        GK_SORT_INT min = 0, max = 0;
        for (int64_t i = begin; i < end; i++) {
            GK_SORT_INT size = x[i] & magnitude;
            min = x[i] < min ? x[i] : min;
            max = size > max ? size : max;
        }
        if (min == -magnitude - 1 || max > infinity)
            return 1;
    }
    return 0;
}
