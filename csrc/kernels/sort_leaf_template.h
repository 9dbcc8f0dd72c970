/* What a leaf sort of floats needs besides NumPy's, for one width and
 * instruction set: BITS (32 or 64), TEMPLATE(name), TARGET.
 * Plain loops without branches: compilers vectorise them.
 */
#define UINT_(bits) uint##bits##_t
#define UINT(bits) UINT_(bits)
#define INT_(bits) int##bits##_t
#define INT(bits) INT_(bits)
#define KEY_(bits) gk_sort_key##bits
#define KEY(bits) KEY_(bits)
#define UNKEY_(bits) gk_sort_unkey##bits
#define UNKEY(bits) UNKEY_(bits)

static TARGET void TEMPLATE(to_keys)(void *items, int64_t n, gk_sort_order order)
{
    UINT(BITS) *x = items;
    for (int64_t i = 0; i < n; i++)
        x[i] = (UINT(BITS))KEY(BITS)(x[i], order);
}

static TARGET void TEMPLATE(from_keys)(void *items, int64_t n, gk_sort_order order)
{
    UINT(BITS) *x = items;
    for (int64_t i = 0; i < n; i++)
        x[i] = UNKEY(BITS)((INT(BITS))x[i], order);
}

/* Is there a -0.0 or a NaN among these floats? -0.0 is the least of them as a
 * signed integer; without the sign bit NaNs are greater than infinity. */
static TARGET int TEMPLATE(has_special)(const void *items, int64_t n)
{
    const INT(BITS) magnitude = (INT(BITS))(~(UINT(BITS))0 >> 1);
    const INT(BITS) infinity = BITS == 64 ? (INT(BITS))INT64_C(0x7ff0000000000000)
                                          : (INT(BITS))INT32_C(0x7f800000);
    const INT(BITS) *x = items;
    for (int64_t begin = 0; begin < n; begin += 4096) {
        int64_t end = begin + 4096 < n ? begin + 4096 : n;
        INT(BITS) least = 0, most = 0;
        for (int64_t i = begin; i < end; i++) {
            INT(BITS) size = x[i] & magnitude;
            least = x[i] < least ? x[i] : least;
            most = size > most ? size : most;
        }
        if (least == -magnitude - 1 || most > infinity)
            return 1;
    }
    return 0;
}

#undef UINT_
#undef UINT
#undef INT_
#undef INT
#undef KEY_
#undef KEY
#undef UNKEY_
#undef UNKEY
#undef BITS
#undef TEMPLATE
#undef TARGET
