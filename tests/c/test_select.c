/* gk_select returns the items that gk_sort_long puts at the same positions, for every type,
 * instruction set, number of threads and length, on data that is hard to divide. */
#include <string.h>

#include "base/isa.h"
#include "check.h"
#include "kernels/sort/select.h"
#include "leaf_sorts.h"
#include "misleading_items.h"

enum { N = 100000, RANKS = 9 };

static uint64_t items[N], sorted[N];

static void fill(int64_t n, gk_type type, int pattern)
{
    int64_t size = gk_itemsize(type);
    for (int64_t i = 0; i < n; i++) {
        uint64_t x = next();
        x = pattern == 1 ? 7 : pattern == 2 ? x % 5 : pattern == 3 ? (uint64_t)i : pattern == 4 ? (uint64_t)(n - i) : x;
        if (pattern == 5) /* nearly all equal */
            x = x % 1000 ? 3 : x;
        if (type == GK_BOOL)
            x &= 1;
        memcpy((char *)items + i * size, &x, (size_t)size);
    }
}

static void check(gk_type type, int64_t n, int threads)
{
    gk_options options = {.threads = threads};
    int64_t size = gk_itemsize(type);
    CHECK(gk_sort_long(items, sorted, n, type, &leaves, &options) == GK_OK);
    int64_t ranks[RANKS] = {0, 0, n / 1000, n / 3, n / 2, n / 2, n - 1 - n / 7, n - 1, n - 1};
    char values[RANKS * 8];
    for (int first = 0; first < RANKS; first += 4) {
        CHECK(gk_select(items, n, type, ranks + first, RANKS - first, values, &leaves, &options) == GK_OK);
        for (int k = first; k < RANKS; k++)
            CHECK(memcmp(values + (k - first) * size, (char *)sorted + ranks[k] * size, (size_t)size) == 0);
    }
    int64_t nans = 0, expected = 0;
    if (gk_is_float(type)) {
        CHECK(gk_count_nans(items, n, type, &nans, &options) == GK_OK);
        for (int64_t i = 0; i < n; i++)
            expected += type == GK_FLOAT64 ? ((double *)items)[i] != ((double *)items)[i]
                                           : ((float *)items)[i] != ((float *)items)[i];
        CHECK(nans == expected);
    }
}

static int stop(void *context)
{
    (void)context;
    return 1;
}

int main(void)
{
    for (int level = 0; level <= (int)gk_isa_best(); level++) {
        CHECK(gk_set_isa((gk_isa_level)level) == 0);
        for (int type = 0; type < GK_TYPES; type++)
            for (int pattern = 0; pattern < 6; pattern++) {
                fill(N, (gk_type)type, pattern);
                check((gk_type)type, N, pattern % 3 + 1);
                check((gk_type)type, 1 + (int64_t)(next() % 100), 3);
            }
        for (int type = 0; type < GK_TYPES; type++)
            if (gk_itemsize((gk_type)type) >= 4) { /* no sample divides these items */
                mislead(items, N, (gk_type)type, 16 * 32, 3, 0);
                check((gk_type)type, N, 3);
            }
    }
    /* Cancelled. */
    gk_cancel_token token = {0};
    gk_cancel_token_set(&token, 77);
    gk_options options = {.token = &token, .poll = stop};
    int64_t rank = N / 2;
    fill(N, GK_FLOAT64, 0);
    CHECK(gk_select(items, N, GK_FLOAT64, &rank, 1, sorted, &leaves, &options) == 77);
    return 0;
}
