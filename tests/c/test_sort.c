/* gk_sort and gk_argsort against qsort, for every type, layout, instruction set and number
 * of threads, on data that is hard to partition. */
#include <stdint.h>
#include <string.h>

#include "base/isa.h"
#include "check.h"
#include "kernels/sort/sort.h"
#include "leaf_sorts.h"

/* The rank of an item in the order that sort.h promises, written as plainly as possible. */
static uint64_t rank(const void *items, int64_t i, gk_type type)
{
    int64_t size = gk_itemsize(type);
    uint64_t x = 0, top = UINT64_C(1) << (8 * size - 1);
    memcpy(&x, (const char *)items + i * size, (size_t)size);
    if (type == GK_BOOL || type == GK_UINT8 || type == GK_UINT16 || type == GK_UINT32 || type == GK_UINT64)
        return x;
    if (!gk_is_float(type))
        return x ^ top;
    uint64_t infinity = size == 8 ? UINT64_C(0x7ff0000000000000) : UINT64_C(0x7f800000);
    if (x <= infinity)
        return x + infinity + 1; /* 0.0 and up */
    if (x < top)
        return x + infinity + 1; /* NaN */
    if (x - top <= infinity)
        return infinity - (x - top); /* -infinity is 0, -0.0 is infinity */
    return 2 * top + infinity - (x - top); /* NaN with a sign bit */
}

static void fill(char *items, int64_t n, gk_type type, int pattern)
{
    int64_t size = gk_itemsize(type);
    for (int64_t i = 0; i < n; i++) {
        uint64_t x = next();
        if (pattern == 1)
            x = 7;
        if (pattern == 2)
            x %= 5;
        if (pattern == 3)
            x = (uint64_t)i;
        if (pattern == 4)
            x = (uint64_t)(n - i);
        if (pattern == 5) /* zeros and NaNs of both signs */
            x = (x & 1) << (8 * size - 1) | (x & 2 ? UINT64_MAX >> (65 - 8 * size) : 0);
        memcpy(items + i * size, &x, (size_t)size);
        if (type == GK_BOOL)
            items[i] &= 1;
    }
}

static void check_lines(gk_type type, int64_t rows, int64_t columns, int along_columns, int pattern, int threads)
{
    int64_t size = gk_itemsize(type), n = along_columns ? rows : columns, count = along_columns ? columns : rows;
    size_t bytes = (size_t)(rows * columns * size);
    char *src = malloc(bytes + 1), *dst = malloc(bytes + 1), *copy = malloc(bytes + 1);
    int64_t *order = malloc((size_t)(rows * columns) * 8 + 1);
    CHECK(src != NULL && dst != NULL && copy != NULL && order != NULL);
    fill(src, rows * columns, type, pattern);
    memcpy(copy, src, bytes);
    int64_t row = columns * size, step = along_columns ? row : size, across = along_columns ? size : row;
    gk_slices lines = {.length = n, .src_step = step, .dst_step = step,
                       .src = {1, {count}, {across}}, .dst = {1, {count}, {across}}};
    gk_options options = {.threads = threads};
    CHECK(gk_sort(src, dst, &lines, type, &leaves, &options) == GK_OK);
    CHECK(memcmp(src, copy, bytes) == 0);
    gk_slices positions = lines;
    positions.dst_step = step / size * 8;
    positions.dst.stride[0] = across / size * 8;
    CHECK(gk_argsort(src, (char *)order, &positions, type, &leaves, &options) == GK_OK);
    for (int64_t line = 0; line < count; line++) {
        uint64_t sum = 0;
        for (int64_t i = 0; i < n; i++) {
            int64_t at = (along_columns ? i * columns + line : line * columns + i);
            int64_t before = at - (along_columns ? columns : 1);
            sum += rank(src, at, type) * UINT64_C(0x9e3779b97f4a7c15) - rank(dst, at, type) * UINT64_C(0x9e3779b97f4a7c15);
            int64_t from = along_columns ? order[at] * columns + line : line * columns + order[at];
            CHECK(order[at] >= 0 && order[at] < n);
            if (i == 0)
                continue;
            CHECK(rank(dst, before, type) <= rank(dst, at, type));
            int64_t previous = along_columns ? order[before] * columns + line : line * columns + order[before];
            if (!gk_is_float(type)) {
                uint64_t x = rank(src, previous, type), y = rank(src, from, type);
                CHECK(x < y || (x == y && order[before] < order[at]));
            }
        }
        CHECK(sum == 0); /* the same items */
    }
    CHECK(gk_sort(src, src, &lines, type, &leaves, &options) == GK_OK);
    CHECK(memcmp(src, dst, bytes) == 0);
    free(order);
    free(copy);
    free(dst);
    free(src);
}

int main(void)
{
    for (int level = 0; level <= (int)gk_isa_best(); level++) {
        CHECK(gk_set_isa((gk_isa_level)level) == 0);
        for (int type = 0; type < GK_TYPES; type++)
            for (int pattern = 0; pattern < 6; pattern++) {
                /* On one thread or three in turn, since sanitizers are slow. */
                check_lines((gk_type)type, 1, 2 * GK_SORT_LONG + 4321, 0, pattern, (level + type + pattern) % 2 ? 3 : 1);
                check_lines((gk_type)type, 33, 47, 0, pattern, 2);
                check_lines((gk_type)type, 33, 47, 1, pattern, 2);
                check_lines((gk_type)type, 1, 1, 0, pattern, 2);
            }
        check_lines(level % 2 ? GK_FLOAT64 : GK_INT32, 1, 1200345, 0, 0, 2); /* chunks of the greatest size */
        /* All threads copy a long slice that is not contiguous, sort it and copy it back. */
        for (int type = level; type < GK_TYPES; type += (int)gk_isa_best() + 1)
            check_lines((gk_type)type, 2 * GK_SORT_LONG + 4321, 2, 1, 0, 3);
    }
    return 0;
}
