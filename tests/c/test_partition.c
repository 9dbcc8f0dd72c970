/* gk_partition and gk_topk agree with sorts, for every type, instruction set, number of threads and length, on data that
 * is hard to divide. */
#include <string.h>

#include "base/isa.h"
#include "check.h"
#include "kernels/sort/select.h"
#include "kernels/sort/sort_key.h"
#include "leaf_sorts.h"
#include "misleading_items.h"

enum { N = 50000, RANKS = 5 };

static uint64_t items[N], sorted[N], result[N], again[N];
static int64_t order[N], positions[N];

static void fill(int64_t n, gk_type type, int pattern)
{
    int64_t size = gk_itemsize(type);
    for (int64_t i = 0; i < n; i++) {
        uint64_t x = next();
        x = pattern == 1 ? 7 : pattern == 2 ? x % 5 : pattern == 3 ? (uint64_t)(n - i) : x;
        if (pattern == 4) /* nearly all equal */
            x = x % 1000 ? 3 : x;
        if (type == GK_BOOL)
            x &= 1;
        memcpy((char *)items + i * size, &x, (size_t)size);
    }
}

static void check_partition(gk_type type, int64_t n, int threads)
{
    gk_options options = {.threads = threads};
    int64_t size = gk_itemsize(type), ranks[RANKS] = {0, n / 100, n / 3, n / 3, n - 1};
    gk_slices slices = {.length = n, .src_step = size, .dst_step = size};
    CHECK(gk_sort_long(items, sorted, n, type, &leaves, &options) == GK_OK);
    CHECK(gk_partition((char *)items, (char *)result, &slices, type, 0, ranks, RANKS, &leaves, &options) == GK_OK);
    for (int64_t k = 0; k < RANKS; k++)
        CHECK(memcmp((char *)result + ranks[k] * size, (char *)sorted + ranks[k] * size, (size_t)size) == 0);
    for (int64_t k = 0, begin = 0; k <= RANKS; k++) { /* the parts between the ranks contain the
                                                         same items */
        int64_t end = k < RANKS ? ranks[k] : n;
        if (end > begin)
            CHECK(gk_sort_long((char *)result + begin * size, again, end - begin, type, &leaves, &options) == GK_OK &&
                  memcmp(again, (char *)sorted + begin * size, (size_t)((end - begin) * size)) == 0);
        begin = end;
    }
    slices.dst_step = 8;
    CHECK(gk_partition((char *)items, (char *)positions, &slices, type, 1, ranks, RANKS, &leaves, &options) == GK_OK);
    memset(sorted, 0, (size_t)n * 8);
    for (int64_t i = 0; i < n; i++)
        CHECK(positions[i] >= 0 && positions[i] < n && sorted[positions[i]]++ == 0);
    CHECK(gk_argsort_long(items, order, n, type, &leaves, &options) == GK_OK);
    for (int64_t k = 0; k < RANKS; k++)
        CHECK(gk_sort_item_key(items, positions[ranks[k]], type) == gk_sort_item_key(items, order[ranks[k]], type));
}

static void check_topk(gk_type type, int64_t n, int64_t k, int threads)
{
    gk_options options = {.threads = threads};
    gk_slices slices = {.length = n, .src_step = gk_itemsize(type), .dst_step = 8};
    CHECK(gk_argsort_long(items, order, n, type, &leaves, &options) == GK_OK);
    CHECK(gk_topk((char *)items, (char *)positions, &slices, type, k, 0, 1, &leaves, &options) == GK_OK);
    CHECK(memcmp(positions, order, (size_t)k * 8) == 0);
    CHECK(gk_topk((char *)items, (char *)positions, &slices, type, k, 1, 0, &leaves, &options) == GK_OK);
    uint64_t least = gk_sort_item_key(items, order[n - k], type);
    for (int64_t i = 0; i < k; i++)
        CHECK(gk_sort_item_key(items, positions[i], type) >= least && (i == 0 || positions[i] > positions[i - 1]));
}

int main(void)
{
    for (int level = 0; level <= (int)gk_isa_best(); level++) {
        CHECK(gk_set_isa((gk_isa_level)level) == 0);
        for (int type = 0; type < GK_TYPES; type++)
            for (int pattern = 0; pattern < 5; pattern++) {
                int64_t few = 1 + (int64_t)(next() % 100);
                fill(N, (gk_type)type, pattern);
                check_partition((gk_type)type, N, pattern % 3 + 1);
                check_partition((gk_type)type, few, 3);
                check_topk((gk_type)type, N, 100, pattern % 3 + 1);
                check_topk((gk_type)type, N, N / 2 + 1, 2);
                check_topk((gk_type)type, few, few, 2);
            }
        for (int type = 0; type < GK_TYPES; type++)
            if (gk_itemsize((gk_type)type) >= 4) {
                mislead(items, N, (gk_type)type, 16 * 32, 3, 0); /* no sample divides these items */
                check_partition((gk_type)type, N, 3);
                for (int reversed = 0; reversed < 2; reversed++) { /* too few items are below the bound */
                    mislead(items, N, (gk_type)type, 256, 1, reversed);
                    check_topk((gk_type)type, N, 100, 3);
                }
            }
    }
    /* Cancelled. */
    gk_cancel_token token = {0};
    gk_cancel_token_set(&token, 77);
    gk_options options = {.token = &token};
    gk_slices slices = {.length = N, .src_step = 8, .dst_step = 8};
    int64_t rank = N / 2;
    for (int what = 0; what < 2; what++)
        CHECK(gk_partition((char *)items, (char *)positions, &slices, GK_FLOAT64, what, &rank, 1, &leaves, &options) == 77);
    CHECK(gk_topk((char *)items, (char *)positions, &slices, GK_FLOAT64, 9, 1, 1, &leaves, &options) == 77);
    return 0;
}
