/* One operation on items of one type, included by accumulate_template.h, which defines
 *
 *   T           the type
 *   F(x)        the name of a function
 *   OP(a, b)    the result of a, which is earlier, and b
 *   NEUTRAL     OP(NEUTRAL, b) is b
 *   STAYS(a)    whether a is the result whatever follows: the first NaN of a maximum or minimum
 *   IN_ORDER(a) whether the bits of a depend on the order of its items: 0, which has two signs */

/* Writes the running results of *acc and n items, and leaves the last one in *acc. */
static TARGET void F(run)(const void *items, int64_t n, void *acc, void *results)
{
    const T *x = items;
    T *y = results, last = *(T *)acc;
    int stays = STAYS(last);
    for (int64_t i = 0; i < n; i++)
        stays |= STAYS(x[i]);
    if (!stays)
        for (int64_t i = 0; i < n; i++)
            y[i] = last = OP(last, x[i]);
    else
        for (int64_t i = 0; i < n; i++)
            y[i] = last = STAYS(last) ? last : OP(last, x[i]);
    *(T *)acc = last;
}

/* Sets acc[i] to the result of acc[i] and x[i]. */
static TARGET void F(row)(const void *items, int64_t n, void *acc)
{
    const T *GK_RESTRICT x = items;
    T *GK_RESTRICT last = acc;
    for (int64_t i = 0; i < n; i++)
        last[i] = STAYS(last[i]) ? last[i] : OP(last[i], x[i]);
}

/* Sets *acc to the result of *acc and n items, in several chains if the order
 * makes no difference. */
static TARGET void F(fold)(const void *items, int64_t n, void *acc)
{
    const T *x = items;
    T last = *(T *)acc, result = NEUTRAL, of[CHAINS], odd[CHAINS];
    int64_t whole = n - n % CHAINS;
    int stays = STAYS(last);
    for (int k = 0; k < CHAINS; k++)
        of[k] = odd[k] = NEUTRAL;
    for (int64_t i = 0; i < whole; i += CHAINS)
        for (int k = 0; k < CHAINS; k++) {
            odd[k] = STAYS(x[i + k]) ? x[i + k] : odd[k];
            of[k] = OP(of[k], x[i + k]);
        }
    for (int k = 0; k < CHAINS; k++) {
        stays |= STAYS(odd[k]);
        result = OP(result, of[k]);
    }
    if (stays || IN_ORDER(result))
        whole = 0;
    else if (whole > 0)
        last = OP(last, result);
    for (int64_t i = whole; i < n; i++)
        last = STAYS(last) ? last : OP(last, x[i]);
    *(T *)acc = last;
}

#undef T
#undef F
#undef NEUTRAL
