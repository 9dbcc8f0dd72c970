/* Sorts stably. Only zeros of different sign and NaNs are equal without having the same bits. The sort of sort.h puts
 * these side by side, so it only remains to copy them to their positions once more, in the order of
 * the source. */
#include "kernels/sort/sort.h"

#include <string.h>

#include "base/fp_control.h"
#include "kernels/array/memory.h"
#include "kernels/sort/sort_key.h"
#include "runtime/reduce.h"

enum {
    LONG = 1 << 12,  /* shorter slices are not searched for runs */
    MAX_RUNS = 16,   /* merging as many takes less time than sorting */
    BLOCK = 1 << 16, /* items between two checks for the end of the call */
};

typedef struct {
    gk_type type;
    const gk_leaf_sorts *leaves;
    const gk_leaf_sorts *stable; /* NumPy's stable sorts, which merge runs that are in order */
} sorting;

/* The key without regard to equality: the bits decide. */
static uint64_t total_key(const void *items, int64_t i, gk_type type)
{
    return type == GK_FLOAT64 ? gk_sort_key64(((const uint64_t *)items)[i], gk_sort_order_of(type))
                              : gk_sort_key32(((const uint32_t *)items)[i], gk_sort_order_of(type));
}

/* The number of sorted items with smaller keys. */
static int64_t lower_bound(const void *sorted, int64_t n, gk_type type, uint64_t key)
{
    int64_t low = 0, high = n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (total_key(sorted, middle, type) < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

typedef struct {
    int64_t at, end; /* empty if the items have the same bits */
} run;

/* The run of items from this key on. */
static run run_from(const void *sorted, int64_t end, gk_type type, uint64_t key)
{
    run r = {lower_bound(sorted, end, type, key), end};
    if (r.end - r.at > 0 && total_key(sorted, r.at, type) == total_key(sorted, r.end - 1, type))
        r.end = r.at;
    return r;
}

#define RESTORE(uint, sign, infinity)                              \
    for (int64_t i = begin; i < end; i++) {                        \
        uint x = ((const uint *)src)[i], size = x & ~(uint)(sign); \
        if (size == 0 && zeros.at < zeros.end)                     \
            ((uint *)dst)[zeros.at++] = x;                         \
        else if (size > (infinity) && nans.at < nans.end)          \
            ((uint *)dst)[nans.at++] = x;                          \
    }

/* Puts zeros and NaNs in the order of src. */
static int restore(const void *src, void *dst, int64_t n, gk_type type)
{
    gk_sort_order order = gk_sort_order_of(type);
    uint64_t negative, positive, infinity;
    if (type == GK_FLOAT64) {
        negative = gk_sort_key64(GK_SIGN64, order);
        positive = gk_sort_key64(0, order);
        infinity = gk_sort_key64(UINT64_C(0x7ff0000000000000), order);
    } else {
        negative = gk_sort_key32((uint32_t)GK_SIGN32, order);
        positive = gk_sort_key32(0, order);
        infinity = gk_sort_key32(UINT32_C(0x7f800000), order);
    }
    run zeros = run_from(dst, lower_bound(dst, n, type, positive + 1), type, negative);
    run nans = run_from(dst, n, type, infinity + 1);
    for (int64_t begin = 0; begin < n && (zeros.at < zeros.end || nans.at < nans.end); begin += BLOCK) {
        int64_t end = n - begin < BLOCK ? n : begin + BLOCK;
        if (type == GK_FLOAT64)
            RESTORE(uint64_t, GK_SIGN64, UINT64_C(0x7ff0000000000000))
        else
            RESTORE(uint32_t, GK_SIGN32, UINT32_C(0x7f800000))
        if (gk_cancelled())
            return GK_CANCELLED;
    }
    return GK_OK;
}

int gk_sort_runs(const void *items, int64_t n, gk_type type, int max)
{
    int runs = n > 0, descends = 0;
    switch (type) {
#define CASE(t)                                                     \
    case t: {                                                       \
        uint64_t before = n > 0 ? gk_sort_item_key(items, 0, t) : 0; \
        for (int64_t i = 1; i < n && runs <= max; i++) {            \
            uint64_t key = gk_sort_item_key(items, i, t);           \
            runs += (key < before) != descends;                     \
            descends = key < before;                                \
            before = key;                                           \
        }                                                           \
        break;                                                      \
    }
        GK_SORT_EACH_TYPE(CASE)
#undef CASE
    default: break;
    }
    return runs;
}

typedef struct {
    const void *items;
    gk_type type;
} checking;

static void count_descents(int64_t begin, int64_t end, void *data, void *partial)
{
    const checking *c = data;
    int64_t found = 0;
    switch (c->type) {
#define CASE(t)                                                                                                \
    case t:                                                                                                    \
        for (int64_t i = begin + (begin == 0); i < end; i++)                                                   \
            found += gk_sort_item_key(c->items, i, t) < gk_sort_item_key(c->items, i - 1, t);                  \
        break;
        GK_SORT_EACH_TYPE(CASE)
#undef CASE
    default: break;
    }
    *(int64_t *)partial += found;
}

static void add(void *into, const void *from, void *data)
{
    (void)data;
    *(int64_t *)into += *(const int64_t *)from;
}

int gk_sort_in_order(const void *items, int64_t n, gk_type type, int *in_order, const gk_options *options)
{
    enum { FEW = 1 << 10, GRAIN = 1 << 15 };
    checking c = {items, type};
    int64_t descents = 0;
    count_descents(0, n < FEW ? n : FEW, &c, &descents);
    int status = GK_OK;
    if (descents == 0 && n > FEW) {
        gk_options mine = options != NULL ? *options : (gk_options){0};
        mine.grain = GRAIN;
        status = gk_parallel_reduce(n, sizeof descents, count_descents, add, &c, &descents, &mine);
    }
    *in_order = descents == 0;
    return status;
}

/* Sorts a slice that consists of a few runs, and sets *done, or does nothing. */
static int merge_runs(const void *src, void *dst, int64_t n, const sorting *s, int *done, const gk_options *options)
{
    *done = 0;
    if (gk_itemsize(s->type) <= 2 || n < LONG || n > GK_SLICE_UNINTERRUPTED)
        return GK_OK;
    int in_order, status = gk_sort_in_order(src, n, s->type, &in_order, options);
    if (status != GK_OK || (!in_order && gk_sort_runs(src, n, s->type, MAX_RUNS) > MAX_RUNS))
        return status;
    *done = 1;
    status = src != dst ? gk_copy(dst, src, n * gk_itemsize(s->type), options) : GK_OK;
    if (status == GK_OK && !in_order && s->stable->of[s->type](dst, (intptr_t)n, NULL) != 0)
        return GK_NO_MEMORY;
    return status;
}

static int sort_on_one_thread(const void *src, void *dst, int64_t n, const void *data)
{
    const sorting *s = data;
    int done, status = merge_runs(src, dst, n, s, &done, &(gk_options){.threads = 1});
    if (status != GK_OK || done)
        return status;
    gk_sort_copy(src, dst, n, s->type, s->leaves);
    return gk_is_float(s->type) ? restore(src, dst, n, s->type) : GK_OK;
}

static int sort_on_all_threads(const void *src, void *dst, int64_t n, const void *data, const gk_options *options)
{
    const sorting *s = data;
    int done, status = merge_runs(src, dst, n, s, &done, options);
    if (status != GK_OK || done)
        return status;
    status = gk_sort_long(src, dst, n, s->type, s->leaves, options);
    return status == GK_OK && gk_is_float(s->type) ? restore(src, dst, n, s->type) : status;
}

int gk_sort_stable(const char *src, char *dst, const gk_slices *slices, gk_type type, const gk_leaf_sorts *leaves,
                   const gk_leaf_sorts *stable, const gk_options *options)
{
    sorting s = {type, leaves, stable};
    gk_slice_kernel kernel = {
        .src_size = gk_itemsize(type),
        .dst_size = gk_itemsize(type),
        .cost = 5,
        .on_one_thread = sort_on_one_thread,
        .on_all_threads = sort_on_all_threads,
        .long_from = gk_itemsize(type) < 8 ? 2 * GK_SORT_LONG : GK_SORT_LONG,
    };
    /* As in gk_sort: subnormals must not be flushed to 0. */
    gk_fp_saved saved = gk_fp_use_default();
    int status = gk_slices_apply(&kernel, &s, src, dst, slices, options);
    gk_fp_restore(saved);
    return status;
}
