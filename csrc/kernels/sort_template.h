/* The vectorised passes of the sort, for one width and instruction set.
 *
 * The including file defines BITS (32 or 64), TEMPLATE(name) and TARGET, and
 * OWN_CLASSIFY where it has a better classify().
 * Plain loops without branches: compilers vectorise them.
 */
#define UINT_(bits) uint##bits##_t
#define UINT(bits) UINT_(bits)
#define INT_(bits) int##bits##_t
#define INT(bits) INT_(bits)

GK_INLINE TARGET INT(BITS) TEMPLATE(key)(UINT(BITS) x, UINT(BITS) fold, UINT(BITS) invert,
                                         UINT(BITS) rotate)
{
    /* 0 - (x >> top) is all ones where the sign bit is set. */
    UINT(BITS) negative = (UINT(BITS))0 - (x >> (BITS - 1));
    return (INT(BITS))((x ^ (negative & fold) ^ invert) - rotate);
}

static TARGET void TEMPLATE(to_keys)(void *items, int64_t n, const gk_sort_order *order)
{
    UINT(BITS) *x = items;
    UINT(BITS) fold = (UINT(BITS))order->fold, invert = (UINT(BITS))order->invert,
               rotate = (UINT(BITS))order->rotate;
    for (int64_t i = 0; i < n; i++)
        x[i] = (UINT(BITS))TEMPLATE(key)(x[i], fold, invert, rotate);
}

static TARGET void TEMPLATE(from_keys)(void *items, int64_t n, const gk_sort_order *order)
{
    UINT(BITS) *x = items;
    UINT(BITS) fold = (UINT(BITS))order->fold, invert = (UINT(BITS))order->invert,
               rotate = (UINT(BITS))order->rotate;
    for (int64_t i = 0; i < n; i++) {
        UINT(BITS) u = (UINT(BITS))(x[i] + rotate) ^ invert;
        x[i] = u ^ (((UINT(BITS))0 - (u >> (BITS - 1))) & fold);
    }
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

#ifndef OWN_CLASSIFY
/* ids[i]: how many pivots are <= the key of item i. The pivots stand in a tree:
 * the children of node b are 2b and 2b + 1; the root is 1; behind the
 * last level come the buckets. No branch depends on the items, and eight of them
 * go down side by side, since each step waits for the one before. */
static TARGET void TEMPLATE(classify)(const void *items, int64_t n, const gk_sort_order *order,
                                      const int64_t *tree, int levels, uint8_t *GK_RESTRICT ids)
{
    enum { ABREAST = 8 };
    const UINT(BITS) *GK_RESTRICT x = items;
    UINT(BITS) fold = (UINT(BITS))order->fold, invert = (UINT(BITS))order->invert,
               rotate = (UINT(BITS))order->rotate;
    INT(BITS) own[MAX_BUCKETS];
    for (int b = 0; b < 1 << levels; b++)
        own[b] = (INT(BITS))tree[b];
    for (int64_t i = 0; i < n; i += ABREAST) {
        INT(BITS) key[ABREAST];
        unsigned node[ABREAST];
        int64_t last = n - 1; /* a short end repeats its last item */
        for (int j = 0; j < ABREAST; j++) {
            key[j] = TEMPLATE(key)(x[i + j < n ? i + j : last], fold, invert, rotate);
            node[j] = 1;
        }
        for (int level = 0; level < levels; level++)
            for (int j = 0; j < ABREAST; j++)
                node[j] = 2 * node[j] + (own[node[j]] <= key[j]);
        for (int j = 0; j < ABREAST && i + j < n; j++)
            ids[i + j] = (uint8_t)(node[j] - (1u << levels));
    }
}
#endif

#undef UINT_
#undef UINT
#undef INT_
#undef INT
#undef BITS
#undef TEMPLATE
#undef TARGET
#undef OWN_CLASSIFY
