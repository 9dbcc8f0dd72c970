/* gk_sort_stable keeps the order of zeros of different sign and of NaNs, for every length and number of threads, and
 * gk_sort_runs counts. */
#include <string.h>

#include "check.h"
#include "kernels/sort/select.h"
#include "kernels/sort/sort_key.h"
#include "leaf_sorts.h"

enum { N = 50000 };

static uint64_t items[N], sorted[N];
static int64_t order[N];

static void check(gk_type type, int64_t n, int threads)
{
    gk_options options = {.threads = threads};
    int64_t size = gk_itemsize(type);
    gk_slices slices = {.length = n, .src_step = size, .dst_step = size};
    CHECK(gk_argsort_long(items, order, n, type, &leaves, &options) == GK_OK);
    /* qsort is not stable, so runs are not merged here: the items are in no order. */
    CHECK(gk_sort_stable((char *)items, (char *)sorted, &slices, type, &leaves, &leaves, &options) == GK_OK);
    for (int64_t i = 0; i < n; i++)
        CHECK(memcmp((char *)sorted + i * size, (char *)items + order[i] * size, (size_t)size) == 0);
}

static void fill(int64_t n, gk_type type, int special)
{
    static const double few[] = {0.0, -0.0, 1.0, -1.0};
    for (int64_t i = 0; i < n; i++) {
        uint64_t x = next(), nan64 = UINT64_C(0x7ff8000000000000) | (x & GK_SIGN64) | x % 9;
        double d = few[x % 4];
        float f = (float)d;
        uint32_t nan32 = (uint32_t)(0x7fc00000 | (x & GK_SIGN32) | x % 9);
        if (type == GK_FLOAT64)
            memcpy(&items[i], special ? (x % 5 ? (void *)&d : (void *)&nan64) : (void *)&x, 8);
        else if (type == GK_FLOAT32)
            memcpy((char *)items + i * 4, special ? (x % 5 ? (void *)&f : (void *)&nan32) : (void *)&x, 4);
        else
            memcpy((char *)items + i * gk_itemsize(type), &x, (size_t)gk_itemsize(type));
    }
}

int main(void)
{
    for (int type = GK_INT8; type < GK_TYPES; type++)
        for (int special = 0; special < 2; special++)
            for (int threads = 1; threads < 4; threads++) {
                int64_t few = 1 + (int64_t)(next() % 100);
                fill(N, (gk_type)type, special);
                check((gk_type)type, N, threads);
                check((gk_type)type, few, threads);
            }
    static const double runs[] = {1, 2, 2, 5, 4, 3, 3, 7, 0};
    static const int counts[] = {0, 1, 1, 1, 1, 2, 2, 3, 3, 4};
    for (int64_t n = 0; n < 10; n++)
        CHECK(gk_sort_runs(runs, n, GK_FLOAT64, 9) == counts[n]);
    CHECK(gk_sort_runs(runs, 9, GK_FLOAT64, 1) == 2);
    for (int64_t i = 0; i < N; i++)
        items[i] = (uint64_t)(i / 3);
    for (int64_t at = N; at > 0; at = at > N / 2 ? at - 9999 : at / 7) { /* one item is not in order */
        int in_order;
        if (at < N)
            items[at] -= 2 * (items[at] > 1);
        CHECK(gk_sort_in_order(items, N, GK_UINT64, &in_order, NULL) == GK_OK && in_order == (at == N));
    }
    /* Cancelled. */
    gk_cancel_token token = {0};
    gk_cancel_token_set(&token, 77);
    gk_options options = {.token = &token};
    gk_slices slices = {.length = N, .src_step = 8, .dst_step = 8};
    fill(N, GK_FLOAT64, 1);
    CHECK(gk_sort_stable((char *)items, (char *)sorted, &slices, GK_FLOAT64, &leaves, &leaves, &options) == 77);
    return 0;
}
