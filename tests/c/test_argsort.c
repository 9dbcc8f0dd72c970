/* gk_argsort on keys that agree in their leading bits, where a word has no room for both
 * the key and a position: runs of equal words are sorted again by the following bits.
 * Every type, few and many items, and several threads. */
#include <stdint.h>
#include <string.h>

#include "base/isa.h"
#include "check.h"
#include "kernels/sort/sort.h"
#include "leaf_sorts.h"

#define EACH(X) X(GK_BOOL, uint8_t) GK_EACH_INTEGER(X) GK_EACH_FLOAT(X)

/* Whether item i may come directly before item j: less, or equal and earlier. */
#define BEFORE(constant, T)                             \
    case constant: {                                    \
        T x = ((const T *)items)[i], y = ((const T *)items)[j]; \
        return x < y || (x == y && i < j);              \
    }

static int before(const void *items, int64_t i, int64_t j, gk_type type)
{
    switch (type) {
        EACH(BEFORE)
    default: return 0;
    }
}

#define FILL(constant, T)       \
    case constant:              \
        ((T *)items)[i] = (T)value; \
        break;

/* Values with at most `groups` different leading parts. The first and last of a 64-bit
 * type are far apart, so no leading bits can be skipped. */
static void fill(void *items, int64_t n, gk_type type, uint64_t groups)
{
    for (int64_t i = 0; i < n; i++) {
        uint64_t small = next() & 0xffff, group = next() % groups;
        uint64_t value = gk_itemsize(type) == 8 ? (group << 45) + small : small % 100;
        if (gk_itemsize(type) == 8 && i < 2)
            value = i == 0 ? 0 : UINT64_C(1) << 62;
        switch (type) {
        case GK_BOOL: ((uint8_t *)items)[i] = value & 1; break;
        GK_EACH_INTEGER(FILL)
        case GK_FLOAT64: /* as bits: magnitudes whose leading bits agree */
            value |= UINT64_C(0x3000000000000000);
            memcpy((char *)items + 8 * i, &value, 8);
            break;
        default: ((float *)items)[i] = (float)value - 50; break;
        }
    }
}

static void check(int64_t n, gk_type type, uint64_t groups, int threads)
{
    void *items = calloc((size_t)n, 8);
    int64_t *order = malloc((size_t)n * sizeof *order);
    char *seen = calloc((size_t)n, 1);
    CHECK(items != NULL && order != NULL && seen != NULL);
    fill(items, n, type, groups);
    gk_slices lines = {.length = n, .src_step = gk_itemsize(type), .dst_step = 8};
    gk_options options = {.threads = threads};
    CHECK(gk_argsort(items, (char *)order, &lines, type, &leaves, &options) == GK_OK);
    for (int64_t i = 0; i < n; i++) {
        CHECK(order[i] >= 0 && order[i] < n && !seen[order[i]]);
        seen[order[i]] = 1;
        CHECK(i == 0 || before(items, order[i - 1], order[i], type));
    }
    free(seen);
    free(order);
    free(items);
}

int main(void)
{
    for (int level = 0; level <= (int)gk_isa_best(); level++) {
        CHECK(gk_set_isa((gk_isa_level)level) == 0);
        for (int type = 0; type < GK_TYPES; type++)
            for (int threads = 1; threads <= 3; threads += 2) {
                check(1, (gk_type)type, 1, threads);
                check(300, (gk_type)type, 3, threads);
                check(20000, (gk_type)type, 2500, threads); /* short runs */
                check(100000, (gk_type)type, 50, threads);
            }
        check(150000, GK_UINT64, 1, 2); /* nearly all in one long run */
        check(150000, GK_FLOAT64, 1, 3);
    }
    return 0;
}
