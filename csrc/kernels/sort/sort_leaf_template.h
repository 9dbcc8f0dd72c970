/* What a leaf sort of floats needs besides NumPy's, for one width and
 * instruction set; BITS and SIZED(name) are those of foreach_width.h.
 * Plain loops without branches: compilers vectorise them.
 */
static TARGET void SIZED(to_keys)(void *items, int64_t n, gk_sort_order order)
{
    GK_SORT_UINT *x = items;
    for (int64_t i = 0; i < n; i++)
        x[i] = (GK_SORT_UINT)GK_SORT_KEY(x[i], order);
}

static TARGET void SIZED(from_keys)(void *items, int64_t n, gk_sort_order order)
{
    GK_SORT_UINT *x = items;
    for (int64_t i = 0; i < n; i++)
        x[i] = GK_SORT_UNKEY((GK_SORT_INT)x[i], order);
}

/* Is there a -0.0 or a NaN among these floats? -0.0 is the least of them as a
 * signed integer; without the sign bit NaNs are greater than infinity. */
static TARGET int SIZED(has_special)(const void *items, int64_t n)
{
    const GK_SORT_INT magnitude = (GK_SORT_INT)(~(GK_SORT_UINT)0 >> 1);
    const GK_SORT_INT infinity = BITS == 64 ? (GK_SORT_INT)INT64_C(0x7ff0000000000000)
                                               : (GK_SORT_INT)INT32_C(0x7f800000);
    const GK_SORT_INT *x = items;
    for (int64_t begin = 0; begin < n; begin += 4096) {
        int64_t end = begin + 4096 < n ? begin + 4096 : n;
        GK_SORT_INT least = 0, most = 0;
        for (int64_t i = begin; i < end; i++) {
            GK_SORT_INT size = x[i] & magnitude;
            least = x[i] < least ? x[i] : least;
            most = size > most ? size : most;
        }
        if (least == -magnitude - 1 || most > infinity)
            return 1;
    }
    return 0;
}
