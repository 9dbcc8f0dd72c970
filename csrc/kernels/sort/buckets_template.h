/* classify() for one width and instruction set. foreach_width.h defines BITS and
 * SIZED(name). Compilers vectorise these branch-free loops.
 */
#if ISA != 5 /* buckets_avx512.h has a faster one */
/* Sets ids[i] to the number of pivots that are <= the key of item i. The pivots form a
 * search tree: the root is node 1, the children of node b are 2b and 2b + 1, and the
 * buckets follow the last level. No branch depends on the items. Eight items descend
 * together, because each step waits for the one before. */
static TARGET void SIZED(classify)(const void *items, int64_t n, const gk_sort_order *order,
                                   const int64_t *tree, int levels, uint8_t *GK_RESTRICT ids)
{
    enum { TOGETHER = 8 };
    const GK_SORT_UINT *GK_RESTRICT x = items;
    const gk_sort_order kept = *order;
    GK_SORT_INT own[GK_MAX_BUCKETS];
    for (int b = 0; b < 1 << levels; b++)
        own[b] = (GK_SORT_INT)tree[b];
    for (int64_t i = 0; i < n; i += TOGETHER) {
        GK_SORT_INT key[TOGETHER];
        unsigned node[TOGETHER];
        int64_t last = n - 1; /* the last group repeats the last item */
        for (int j = 0; j < TOGETHER; j++) {
            key[j] = (GK_SORT_INT)GK_SORT_KEY(x[i + j < n ? i + j : last], kept);
            node[j] = 1;
        }
        for (int level = 0; level < levels; level++)
            for (int j = 0; j < TOGETHER; j++)
                node[j] = 2 * node[j] + (own[node[j]] <= key[j]);
        for (int j = 0; j < TOGETHER && i + j < n; j++)
            ids[i + j] = (uint8_t)(node[j] - (1u << levels));
    }
}
#endif
