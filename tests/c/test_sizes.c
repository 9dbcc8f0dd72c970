/* Sizes at the limits of 64 bits, and calls that end in the middle of large blocks of memory. */
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "kernels/reduce/dot.h"
#include "kernels/reduce/fsum.h"
#include "kernels/demo/jacobi.h"
#include "kernels/array/memory.h"
#include "kernels/cluster/nearest.h"
#include "kernels/reduce/reduce.h"
#include "kernels/scan/scan.h"
#include "kernels/sort/sort.h"
#include "kernels/demo/spin.h"
#include "kernels/histogram/binning.h"
#include "runtime/reduce.h"

enum { LARGE = 5 << 20 };

static void check_arithmetic(void)
{
    CHECK(gk_times(0, INT64_MAX) == 0 && gk_times(INT64_MAX, 0) == 0);
    CHECK(gk_times(INT64_MAX, 1) == INT64_MAX && gk_times(1, INT64_MAX) == INT64_MAX);
    CHECK(gk_times(INT64_C(1) << 31, INT64_C(1) << 31) == INT64_C(1) << 62);
    CHECK(gk_times(INT64_C(1) << 32, INT64_C(1) << 31) == INT64_MAX);
    CHECK(gk_ceil_div(0, 5) == 0 && gk_ceil_div(1, 5) == 1 && gk_ceil_div(5, 5) == 1 && gk_ceil_div(6, 5) == 2);
    CHECK(gk_ceil_div(INT64_MAX, 1) == INT64_MAX && gk_ceil_div(INT64_MAX, 2) == INT64_C(1) << 62);
    CHECK(gk_allocate(INT64_C(1) << 60, 16) == NULL && gk_allocate(INT64_MAX, 1) == NULL);
    void *nothing = gk_allocate(0, 8);
    CHECK(nothing != NULL);
    free(nothing);
}

static void check_memory(void)
{
    char *a = malloc(LARGE), *b = malloc(LARGE);
    CHECK(a != NULL && b != NULL);
    static const int64_t sizes[] = {0, 1, 1 << 18, (1 << 20) + 1, LARGE - 1};
    for (int i = 0; i < 5; i++)
        for (int threads = 1; threads <= 3; threads++) {
            gk_options options = {.threads = threads};
            memset(a, 1, LARGE);
            memset(b, 2, LARGE);
            CHECK(gk_clear(a, sizes[i], &options) == GK_OK);
            CHECK(gk_copy(b, a, sizes[i], &options) == GK_OK);
            for (int64_t k = 0; k < LARGE; k++)
                CHECK(a[k] == (k < sizes[i] ? 0 : 1) && b[k] == (k < sizes[i] ? 0 : 2));
        }
    gk_cancel_token token = {GK_OK};
    gk_cancel_token_set(&token, GK_CANCELLED);
    gk_options options = {.threads = 2, .token = &token};
    memset(a, 1, LARGE);
    memset(b, 2, LARGE);
    CHECK(gk_clear(a, LARGE, &options) == GK_CANCELLED);
    CHECK(gk_copy(b, a, LARGE, &options) == GK_CANCELLED);
    CHECK(a[0] == 1 && a[LARGE - 1] == 1 && b[0] == 2);
    free(b);
    free(a);
}

/* A call that ends early does not touch what it has not reached, which here is everything. */
static void check_tables_are_left(void)
{
    enum { BINS = 3 << 20 };
    static const int64_t x[1] = {1};
    static const double weight[1] = {1};
    int64_t *counts = malloc((BINS + 1) * sizeof *counts);
    double *sums = malloc(BINS * sizeof *sums);
    CHECK(counts != NULL && sums != NULL);
    memset(counts, 1, (BINS + 1) * sizeof *counts);
    memset(sums, 1, BINS * sizeof *sums);
    gk_cancel_token token = {GK_OK};
    gk_cancel_token_set(&token, GK_CANCELLED);
    gk_options options = {.threads = 2, .token = &token};
    CHECK(gk_bincount_counts(x, GK_INT64, 1, BINS, counts, &options) == GK_CANCELLED);
    CHECK(gk_bincount_weights(x, GK_INT64, 1, BINS, weight, sums, &options) == GK_CANCELLED);
    CHECK(counts[0] != 0 && counts[BINS] != 0 && sums[0] != 0 && sums[BINS - 1] != 0);
    free(sums);
    free(counts);
}

/* If tables are larger than the data, the participants share one. */
static void check_shared_table(void)
{
    enum { BINS = 1 << 20, N = 100000 };
    int32_t *x = malloc(N * sizeof *x);
    int64_t *one = malloc((BINS + 1) * sizeof *one), *many = malloc((BINS + 1) * sizeof *many);
    CHECK(x != NULL && one != NULL && many != NULL);
    for (int i = 0; i < N; i++)
        x[i] = (int32_t)((uint32_t)i * 2654435761u % (BINS + 7)) - 3;
    for (int threads = 1; threads <= 64; threads = threads * 2 + 1) {
        gk_options options = {.threads = threads};
        CHECK(gk_bincount_counts(x, GK_INT32, N, BINS, threads == 1 ? one : many, &options) == GK_OK);
        CHECK(threads == 1 || memcmp(one, many, (BINS + 1) * sizeof *one) == 0);
    }
    free(many);
    free(one);
    free(x);
}

static void end_at_once(int64_t begin, int64_t end, void *data)
{
    CHECK(begin < end && begin >= 0);
    (void)data;
    gk_cancel(7);
}

static void whole(int64_t begin, int64_t end, void *data)
{
    CHECK(begin < end);
    int64_t *last = data;
    if (end > *last)
        *last = end;
}

static void fold(int64_t begin, int64_t end, void *data, void *partial)
{
    (void)data;
    *(int64_t *)partial += end - begin;
}

static void combine(void *into, const void *from, void *data)
{
    (void)data;
    *(int64_t *)into += *(const int64_t *)from;
}

static void check_regions(void)
{
    int64_t last = 0, sum = 0;
    CHECK(gk_default_grain(INT64_MAX) == INT64_C(1) << 53);
    CHECK(gk_default_grain(1) == 1 && gk_default_grain(1 << 14) == 64);
    CHECK(gk_parallel_for(INT64_MAX, end_at_once, NULL, NULL) == 7);
    gk_options one = {.grain = 1, .threads = 3}, all = {.grain = INT64_MAX}, half = {.grain = INT64_C(1) << 62, .threads = 1};
    CHECK(gk_parallel_for(INT64_MAX, end_at_once, NULL, &one) == 7);
    CHECK(gk_parallel_for(INT64_MAX, whole, &last, &all) == GK_OK && last == INT64_MAX);
    last = 0;
    CHECK(gk_parallel_for(INT64_MAX, whole, &last, &half) == GK_OK && last == INT64_MAX);
    CHECK(gk_parallel_reduce(INT64_MAX, sizeof sum, fold, combine, NULL, &sum, NULL) == GK_OK && sum == INT64_MAX);
    CHECK(gk_parallel_reduce(INT64_MAX, sizeof sum, fold, combine, NULL, &sum, &one) == GK_NO_MEMORY);
}

/* Arrays with stride 0: however many items they have, the call begins, and ends by its deadline. */
static void check_virtual_arrays(void)
{
    static const int8_t item = 1;
    static const char reduced[2] = {1, 0}, all[2] = {1, 1};
    static const int64_t shapes[][2] = {{INT64_MAX, 1}, {1, INT64_MAX}, {INT64_MAX / 256, 256}, {INT64_C(1) << 61, 3}};
    static const int64_t none[2] = {0, 0}, odd[2] = {0, INT64_MIN};
    const char *at = (const char *)&item;
    gk_options options = {.threads = 2, .deadline = gk_now() + 5 * GK_MILLISECOND};
    for (int i = 0; i < 4; i++)
        for (int what = GK_SUM; what <= GK_MAX; what++) {
            gk_layout layout;
            double out[256];
            gk_layout_init(&layout, GK_INT8, at, 2, shapes[i], i == 0 ? odd : none, i == 1 ? all : reduced);
            CHECK(gk_reduce((gk_reduction)what, &layout, 0, out, &options) == GK_TIMEOUT);
        }
    gk_layout layout;
    gk_layout_init(&layout, GK_INT8, at, 2, shapes[0], none, all);
    gk_fsum_result sum;
    CHECK(gk_fsum(&layout, &options, &sum) == GK_TIMEOUT);
    uint64_t product;
    CHECK(gk_dot(0, INT64_MAX, GK_INT8, at, 0, GK_INT8, at, 0, &options, &product) == GK_TIMEOUT);
    CHECK(gk_dot(1, INT64_MAX, GK_INT8, at, 0, GK_INT8, at, 0, &options, &product) == GK_TIMEOUT);
    uint64_t x;
    CHECK(gk_spin(INT64_MAX, &options, &x) == GK_TIMEOUT);

    int64_t to, noticed_n = INT64_MAX / 8;
    int noticed = 0, status = gk_cumsum(GK_INT8, 1, &noticed_n, 0, at, none, (char *)&to, none, 0, &options, &noticed);
    CHECK(status == GK_TIMEOUT || status == GK_NO_MEMORY);
    static const gk_leaf_sorts leaves;
    gk_slices lines = {.length = INT64_MAX};
    CHECK(gk_sort(at, (char *)&to, &lines, GK_INT8, &leaves, &options) == GK_NO_MEMORY);
    CHECK(gk_argsort(at, (char *)&to, &lines, GK_INT8, &leaves, &options) == GK_NO_MEMORY);
}

static void check_arguments(void)
{
    double grid[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, out[9];
    gk_options options = {.threads = 1, .deadline = gk_now() + 2 * GK_MILLISECOND};
    CHECK(gk_jacobi(GK_FLOAT64, 3, 3, grid, out, INT64_MAX, &options) == GK_TIMEOUT);
    gk_nearest_input wide = {GK_FLOAT64, 1, 1, INT64_MAX / 8, grid, grid};
    int64_t index;
    CHECK(gk_nearest(&wide, &index, out, NULL) == GK_NO_MEMORY);
    wide = (gk_nearest_input){GK_FLOAT64, 1, INT64_C(1) << 30, INT64_C(1) << 40, grid, grid};
    CHECK(gk_cluster_sums(&wide, &index, out, &index, NULL) == GK_NO_MEMORY);
}

int main(void)
{
    check_arithmetic();
    check_memory();
    check_tables_are_left();
    check_shared_table();
    check_regions();
    check_virtual_arrays();
    check_arguments();
    return 0;
}
