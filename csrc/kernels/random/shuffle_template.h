/* Moving items of one size. shuffle.c defines
 *   ITEM         the type
 *   SIZED(name)  the name with the size */

/* Writes each of n items to the next free position of bucket lanes[i] >> shift. */
static void SIZED(scatter)(const void *from, void *to, int64_t n, const uint16_t *lanes, int shift, int64_t *next)
{
    const ITEM *items = from;
    ITEM *out = to;
    for (int64_t i = 0; i < n; i++)
        out[next[lanes[i] >> shift]++] = items[i];
}

/* Swaps item `last` with item others[0], item last - 1 with item others[1], and so on. */
static void SIZED(swap)(void *items, int64_t last, int64_t n, const uint32_t *others)
{
    ITEM *x = items;
    for (int64_t k = 0; k < n; k++) {
        ITEM item = x[last - k];
        x[last - k] = x[others[k]];
        x[others[k]] = item;
    }
}
