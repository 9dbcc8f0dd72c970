/* gk_move against plain loops over each window, for every operation, and the same bits for any number of threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "kernels/moving/moving.h"
#include "leaf_sorts.h"

enum { N = 300000 };

static double items[N], result[N], again[N], sorted[N];
static float singles[N], single_result[N];


static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Insertion and merging, without a shared state: several threads sort at once. */
static int argsort(void *items_, intptr_t *order, intptr_t n, void *unused)
{
    double *x = items_;
    intptr_t *buffer = malloc((size_t)n * sizeof *buffer + 1);
    (void)unused;
    if (buffer == NULL)
        return -1;
    for (intptr_t width = 1; width < n; width *= 2) {
        for (intptr_t low = 0; low < n; low += 2 * width) {
            intptr_t middle = low + width < n ? low + width : n, high = low + 2 * width < n ? low + 2 * width : n;
            for (intptr_t i = low, j = middle, k = low; k < high; k++)
                buffer[k] = j >= high || (i < middle && x[order[i]] <= x[order[j]]) ? order[i++] : order[j++];
        }
        memcpy(order, buffer, (size_t)n * sizeof *order);
    }
    free(buffer);
    return 0;
}

static void fill(int pattern, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double x = (double)(next() % 1000) / 8;
        if (pattern == 1 && next() % 7 == 0)
            x = NAN;
        if (pattern == 2)
            x = next() % 50 == 0 ? INFINITY : next() % 50 == 0 ? -INFINITY : next() % 3 == 0 ? NAN : x;
        if (pattern == 3)
            x = next() % 100 == 0 ? 1e15 : x;
        items[i] = x;
        singles[i] = (float)x;
    }
}

static double expected(const gk_moving *m, int64_t i)
{
    int64_t first = i - m->window + 1 > 0 ? i - m->window + 1 : 0, count = 0;
    double sum = 0, squares = 0, least = INFINITY, most = -INFINITY;
    for (int64_t k = first; k <= i; k++)
        if (items[k] == items[k]) {
            sorted[count++] = items[k];
            sum += items[k];
            least = items[k] < least ? items[k] : least;
            most = items[k] > most ? items[k] : most;
        }
    if (count < m->min_count)
        return NAN;
    double mean = sum / (double)count;
    for (int64_t k = 0; k < count; k++)
        squares += (sorted[k] - mean) * (sorted[k] - mean);
    double var = squares / ((double)count - m->ddof);
    switch (m->what) {
    case GK_MOVE_SUM: return sum;
    case GK_MOVE_MEAN: return mean;
    case GK_MOVE_VAR: return var;
    case GK_MOVE_STD: return sqrt(var);
    case GK_MOVE_MIN: return least;
    case GK_MOVE_MAX: return most;
    default:
        qsort(sorted, (size_t)count, sizeof *sorted, compare_doubles);
        return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
    }
}

static void check(gk_moving *m, int64_t n, int64_t step)
{
    gk_options options = {.threads = 3}, one = {.threads = 1};
    gk_slices slices = {.length = n, .src_step = 8, .dst_step = 8};
    CHECK(gk_move(m, (char *)items, (char *)result, &slices, &options) == GK_OK);
    CHECK(gk_move(m, (char *)items, (char *)again, &slices, &one) == GK_OK);
    CHECK(memcmp(result, again, (size_t)n * sizeof *result) == 0);
    for (int64_t i = 0; i < n; i += 1 + (int64_t)(next() % (uint64_t)step)) {
        double x = expected(m, i), slack = 1e-12 * (1 + fabs(x)) * (m->what == GK_MOVE_VAR || m->what == GK_MOVE_STD ? 10 : 1);
        CHECK(result[i] == x || (isnan(x) && isnan(result[i])) || fabs(result[i] - x) <= slack ||
              (x < 1e-9 && result[i] < 1e-6 && m->what == GK_MOVE_STD));
    }
    gk_type type = m->type;
    m->type = GK_FLOAT32;
    slices.src_step = slices.dst_step = 4;
    CHECK(gk_move(m, (char *)singles, (char *)single_result, &slices, &options) == GK_OK);
    for (int64_t i = 0; i < n; i++)
        CHECK(single_result[i] == (float)result[i] || (isnan(single_result[i]) && isnan((float)result[i])) ||
              m->what >= GK_MOVE_VAR || singles[i] != items[i] || fabs(result[i]) > 1e9);
    m->type = type;
}

int main(void)
{
    static const int64_t shapes[][2] = {/* items, window */
        {1, 1}, {7, 1}, {7, 3}, {7, 7}, {40, 24}, {40, 25}, {40, 40}, {3000, 5}, {3000, 700}, {3000, 1500}, {3000, 2999},
        {N, 10}, {N, 60}, {N, 2000}, {N, 100000}, {N, N}};
    for (int what = GK_MOVE_SUM; what <= GK_MOVE_MEDIAN; what++)
        for (int pattern = 0; pattern < 4; pattern++)
            for (int s = 0; s < (int)(sizeof shapes / sizeof *shapes); s++) {
                int64_t n = shapes[s][0], window = shapes[s][1];
                if (n == N && pattern != (s + what) % 4) /* sanitizers are slow */
                    continue;
                fill(pattern, n);
                gk_moving m = {(gk_move_operation)what, GK_FLOAT64, window, s % 3 == 0 ? 1 : s % 3 == 1 ? window : (window + 1) / 2,
                               s % 2, argsort};
                check(&m, n, n * window > 1000000 ? n * window / 1000000 : 1);
            }

    /* Rows and columns of a matrix. */
    enum { ROWS = 60, COLUMNS = 500 };
    fill(1, ROWS * COLUMNS);
    gk_moving m = {GK_MOVE_MEAN, GK_FLOAT64, 9, 4, 0, argsort};
    for (int along = 0; along < 2; along++) {
        gk_slices slices = {.length = along ? COLUMNS : ROWS, .src_step = along ? 8 : 8 * COLUMNS,
                            .dst_step = along ? 8 : 8 * COLUMNS};
        int64_t count = along ? ROWS : COLUMNS, stride = along ? 8 * COLUMNS : 8;
        gk_dims_append(&slices.src, count, stride);
        gk_dims_append(&slices.dst, count, stride);
        CHECK(gk_move(&m, (char *)items, (char *)result, &slices, NULL) == GK_OK);
        for (int64_t i = 0; i < ROWS * COLUMNS; i++) {
            int64_t place = along ? i % COLUMNS : i / COLUMNS, step = along ? 1 : COLUMNS, found = 0;
            double sum = 0;
            for (int64_t k = 0; k < 9 && k <= place; k++)
                if (items[i - k * step] == items[i - k * step]) {
                    sum += items[i - k * step];
                    found++;
                }
            CHECK(found < 4 ? isnan(result[i]) : fabs(result[i] - sum / (double)found) < 1e-9);
        }
    }
    return 0;
}
