/* gk_mask, gk_take and gk_choose against plain loops, for items of every size. Memory ends
 * where the items end, so that AddressSanitizer sees a byte too many. */
#include <math.h>
#include <string.h>

#include "base/isa.h"
#include "check.h"
#include "kernels/index/choose.h"
#include "kernels/index/mask.h"
#include "kernels/index/take.h"

static uint64_t state = 1;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static void *bytes_of(int64_t n)
{
    char *p = malloc((size_t)n + (n == 0));
    CHECK(p != NULL);
    for (int64_t i = 0; i < n; i += 8) {
        uint64_t word = next();
        memcpy(p + i, &word, (size_t)(n - i < 8 ? n - i : 8));
    }
    return p;
}

static const int64_t sizes[] = {1, 2, 4, 8, 16, 3, 24};

static void assign(const gk_mask *mask, gk_mask_values which, int64_t size, const int64_t *where, int64_t count,
                   const gk_options *options)
{
    int64_t given = which == GK_MASK_ONE ? 1 : which == GK_MASK_EACH ? mask->n : count;
    char *values = bytes_of(given * size), *items = bytes_of(mask->n * size), *expected = bytes_of(mask->n * size);
    memcpy(expected, items, (size_t)(mask->n * size));
    for (int64_t i = 0; i < count; i++) {
        int64_t k = which == GK_MASK_ONE ? 0 : which == GK_MASK_EACH ? where[i] : i;
        memcpy(expected + where[i] * size, values + k * size, (size_t)size);
    }
    CHECK(gk_mask_assign(mask, which, values, size, items, options) == GK_OK);
    CHECK(memcmp(items, expected, (size_t)(mask->n * size)) == 0);
    free(values);
    free(items);
    free(expected);
}

static void masks(gk_type type, int64_t n, unsigned percent, int64_t columns)
{
    int64_t itemsize = gk_itemsize(type), count = 0;
    char *mask = bytes_of(n * itemsize);
    int64_t *offsets = bytes_of((n / GK_MASK_CHUNK + 2) * 8), *where = bytes_of(n * 8);
    for (int64_t i = 0; i < n; i++) {
        char *item = mask + i * itemsize;
        memset(item, 0, (size_t)itemsize);
        if (next() % 100 < percent)
            item[type == GK_BOOL ? 0 : itemsize - 1] = type == GK_BOOL ? 3 : 0x40, where[count++] = i;
        else if (gk_is_float(type))
            item[itemsize - 1] = (char)0x80; /* -0.0 */
    }
    for (int threads = 1; threads <= 3; threads += 2) {
        gk_options options = {.threads = threads};
        gk_mask m = {mask, type, n, offsets};
        CHECK(gk_mask_count(&m, &options) == GK_OK);
        CHECK(offsets[(n + GK_MASK_CHUNK - 1) / GK_MASK_CHUNK] == count);
        for (int s = 0; s < 7; s++) {
            int64_t size = sizes[s];
            char *items = bytes_of(n * size), *selected = bytes_of(count * size);
            CHECK(gk_mask_copy(&m, items, size, selected, &options) == GK_OK);
            for (int64_t i = 0; i < count; i++)
                CHECK(memcmp(selected + i * size, items + where[i] * size, (size_t)size) == 0);
            free(items);
            free(selected);
        }
        for (int s = 0; s < 5; s++)
            for (int which = GK_MASK_ONE; which <= GK_MASK_NEXT; which++)
                assign(&m, (gk_mask_values)which, sizes[s], where, count, &options);
        int64_t shape[3] = {n / columns / 2, 2, columns};
        int64_t *indices[3] = {bytes_of(count * 8), bytes_of(count * 8), bytes_of(count * 8)};
        CHECK(gk_mask_indices(&m, 1, &n, indices, &options) == GK_OK);
        for (int64_t i = 0; i < count; i++)
            CHECK(indices[0][i] == where[i]);
        CHECK(gk_mask_indices(&m, 3, shape, indices, &options) == GK_OK);
        for (int64_t i = 0; i < count; i++)
            CHECK((indices[0][i] * 2 + indices[1][i]) * columns + indices[2][i] == where[i] && indices[2][i] < columns);
        /* A mask that has changed since it was counted: nothing is written outside. */
        memset(mask, 0x40, (size_t)(n * itemsize));
        CHECK(gk_mask_indices(&m, 1, &n, indices, &options) == GK_OK);
        for (int s = 0; s < 7; s++) {
            char *items = bytes_of(n * sizes[s]), *selected = bytes_of(count * sizes[s]);
            CHECK(gk_mask_copy(&m, items, sizes[s], selected, &options) == GK_OK);
            if (sizes[s] <= 16 && sizes[s] != 3)
                CHECK(gk_mask_assign(&m, GK_MASK_NEXT, selected, sizes[s], items, &options) == GK_OK);
            free(items);
            free(selected);
        }
        memset(mask, 0, (size_t)(n * itemsize));
        for (int64_t i = 0; i < count; i++)
            mask[where[i] * itemsize] = 1;
        for (int d = 0; d < 3; d++)
            free(indices[d]);
    }
    free(mask);
    free(offsets);
    free(where);
}

static void take(int64_t outer, int64_t n, int64_t size, int64_t m, gk_take_mode mode, gk_type type, int threads)
{
    gk_options options = {.threads = threads};
    char *items = bytes_of(outer * n * size), *taken = bytes_of(outer * m * size);
    int64_t *index = bytes_of(m * 8), itemsize = gk_itemsize(type), reach = mode == GK_TAKE_RAISE ? n : 3 * n;
    int8_t *narrow = bytes_of(m);
    for (int64_t i = 0; i < m; i++) {
        index[i] = (int64_t)(next() % (uint64_t)(2 * reach)) - reach;
        narrow[i] = (int8_t)(index[i] = itemsize == 1 ? index[i] % 100 : index[i]);
    }
    if (mode != GK_TAKE_RAISE && itemsize == 8 && m > 2)
        index[0] = INT64_MIN, index[1] = INT64_MAX;
    gk_take_source source = {items, outer, n, size, itemsize == 1 ? (void *)narrow : (void *)index, type, m, mode};
    int outside = -1;
    CHECK(gk_take(&source, taken, &options, &outside) == GK_OK && outside == 0);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < m; i++) {
            int64_t at = index[i];
            if (mode == GK_TAKE_CLIP)
                at = at < 0 ? 0 : at < n ? at : n - 1;
            else
                at = at % n < 0 ? at % n + n : at % n;
            CHECK(memcmp(taken + (o * m + i) * size, items + (o * n + at) * size, (size_t)size) == 0);
        }
    if (mode == GK_TAKE_RAISE && itemsize == 8) {
        index[m / 2] = m % 2 ? n : -n - 1;
        CHECK(gk_take(&source, taken, &options, &outside) == GK_OK && outside == 1);
    }
    free(items);
    free(taken);
    free(index);
    free(narrow);
}

/* Rows and columns of operands that are contiguous, strided or repeated. */
static void choose(int64_t rows, int64_t columns, int64_t size, int layout, int threads)
{
    gk_options options = {.threads = threads};
    int64_t shape[2] = {rows, columns}, stride[3][2], extent[3];
    char *data[3], *chosen = bytes_of(rows * columns * size);
    gk_choice choices[3];
    for (int k = 0; k < 3; k++, layout /= 4) {
        int64_t item = k == 0 ? 1 : size;
        int64_t kinds[4][2] = {{columns * item, item}, {item, rows * item}, {0, item}, {item, 0}};
        memcpy(stride[k], kinds[layout % 4], sizeof stride[k]);
        extent[k] = (rows - 1) * stride[k][0] + (columns - 1) * stride[k][1] + item;
        data[k] = bytes_of(extent[k]);
        for (int64_t i = 0; k == 0 && i < extent[k]; i++)
            data[k][i] = (char)(next() % 3);
        choices[k] = (gk_choice){data[k], stride[k], GK_TYPES};
    }
    CHECK(gk_choose(2, shape, &choices[0], &choices[1], &choices[2], size, GK_TYPES, chosen, &options) == GK_OK);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++) {
            int from = data[0][r * stride[0][0] + c * stride[0][1]] != 0 ? 1 : 2;
            CHECK(memcmp(chosen + (r * columns + c) * size, data[from] + r * stride[from][0] + c * stride[from][1],
                         (size_t)size) == 0);
        }
    free(chosen);
    for (int k = 0; k < 3; k++)
        free(data[k]);
}

static void choose_converted(void)
{
    enum { N = 100003 };
    static uint8_t condition[N];
    static int16_t x[N];
    static double chosen[N];
    static const int64_t shape = N, ones = 1, twos = 2, none = 0;
    const float y = 0.5f;
    for (int i = 0; i < N; i++)
        condition[i] = next() % 2, x[i] = (int16_t)next();
    gk_choice c = {(char *)condition, &ones, GK_TYPES}, from_x = {(char *)x, &twos, GK_INT16},
              from_y = {(const char *)&y, &none, GK_FLOAT32};
    CHECK(gk_choose(1, &shape, &c, &from_x, &from_y, 8, GK_FLOAT64, chosen, NULL) == GK_OK);
    for (int i = 0; i < N; i++)
        CHECK(chosen[i] == (condition[i] ? x[i] : 0.5));
}

/* Each instruction set has code of its own for masks and choices. All but the best run some types only, because
 * sanitizers are slow. */
static void masks_and_choices(gk_isa_level level)
{
    int best = level == gk_isa_best();
    CHECK(gk_set_isa(level) == 0);
    for (int type = 0; type < GK_TYPES; type++) {
        if (!best && type != GK_BOOL && type != GK_INT16 && type != GK_FLOAT32 && type != GK_FLOAT64)
            continue;
        for (unsigned percent = 0; percent <= 100; percent += best ? 25 : 50) {
            masks((gk_type)type, 66000, percent, 3);
            masks((gk_type)type, GK_MASK_CHUNK, percent, 128);
            masks((gk_type)type, 70, percent, 5);
        }
    }
    for (int s = 0; s < 7; s++)
        for (int threads = 1; threads <= 3; threads += 2)
            for (int layout = 0; layout < 64; layout++) {
                choose(1, 1, sizes[s], layout, threads);
                if (layout % 7 == s) /* all layouts and all sizes, but not each with each */
                    choose(300, 257, sizes[s], layout, threads);
            }
    choose_converted();
}

int main(void)
{
    for (int level = 0; level <= (int)gk_isa_best(); level++)
        masks_and_choices((gk_isa_level)level);
    for (int s = 0; s < 7; s++)
        for (int threads = 1; threads <= 3; threads += 2)
            for (int mode = GK_TAKE_CLIP; mode <= GK_TAKE_RAISE; mode++) {
                take(1, 1000, sizes[s], 60001, (gk_take_mode)mode, GK_INT64, threads);
                take(300, 129, sizes[s], 100, (gk_take_mode)mode, GK_INT64, threads);
                take(7, 129, sizes[s], 7000, (gk_take_mode)mode, GK_INT8, threads);
                take(2, 3, sizes[s] * 200000, 4, (gk_take_mode)mode, GK_INT64, threads);
            }
    gk_pool_stop();
    puts("index: ok");
    return 0;
}
