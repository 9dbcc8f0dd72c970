/* Sorts one slice on the calling thread with NumPy's own sort. */
#include "kernels/sort/sort.h"

#include <stdatomic.h>
#include <string.h>

#include "base/compiler.h"
#include "base/isa.h"
#include "kernels/sort/sort_key.h"

#define FOREACH_WIDTH "kernels/sort/sort_leaf_template.h"
#define FOREACH_ISA "kernels/sort/foreach_width.h"
#include "base/foreach_isa.h"

/* NumPy's sorts of floats treat -0.0 and 0.0 as equal, and all NaNs, and may write one
 * in place of another. */
static int has_special(const void *items, int64_t n, gk_type type)
{
    return (type == GK_FLOAT64 && GK_DISPATCH(has_special64)(items, n)) ||
           (type == GK_FLOAT32 && GK_DISPATCH(has_special32)(items, n));
}

typedef struct {
    const char *items;
    int64_t stride;
    gk_type type;
    atomic_int found;
} search;

static void look_for_special(int64_t begin, int64_t end, void *data)
{
    enum { BLOCK = 1024 };
    search *s = data;
    int64_t size = gk_itemsize(s->type);
    for (int64_t i = begin; i < end; i += BLOCK) {
        int64_t n = end - i < BLOCK ? end - i : BLOCK;
        const char *items = s->items + i * s->stride;
        uint64_t copy[BLOCK];
        if (atomic_load_explicit(&s->found, memory_order_relaxed))
            return;
        if (s->stride != size) {
            for (int64_t k = 0; k < n; k++)
                memcpy((char *)copy + k * size, items + k * s->stride, (size_t)size);
            items = (const char *)copy;
        }
        if (has_special(items, n, s->type))
            atomic_store_explicit(&s->found, 1, memory_order_relaxed);
    }
}

int gk_sort_has_ambiguous(const char *items, int64_t stride, int64_t n, gk_type type, int *found, const gk_options *options)
{
    search s = {items, stride, type, 0};
    int status = gk_parallel_for(n, look_for_special, &s, options);
    *found = atomic_load_explicit(&s.found, memory_order_relaxed);
    return status;
}

static void sort_plain_or_special(void *items, int64_t n, gk_type type, int special, const gk_leaf_sorts *leaves)
{
    /* Sorted as integers, they keep their bits. */
    gk_sort_order order = gk_sort_signed_order_of(type);
    if (!special) {
        leaves->of[type](items, (intptr_t)n, NULL);
    } else if (type == GK_FLOAT64) {
        GK_DISPATCH(to_keys64)(items, n, order);
        leaves->of[GK_INT64](items, (intptr_t)n, NULL);
        GK_DISPATCH(from_keys64)(items, n, order);
    } else {
        GK_DISPATCH(to_keys32)(items, n, order);
        leaves->of[GK_INT32](items, (intptr_t)n, NULL);
        GK_DISPATCH(from_keys32)(items, n, order);
    }
}

void gk_sort_leaf(void *items, int64_t n, gk_type type, const gk_leaf_sorts *leaves)
{
    if (n < 2)
        return;
    if (gk_itemsize(type) == 1)
        gk_sort_counting8(items, n, type);
    else
        sort_plain_or_special(items, n, type, has_special(items, n, type), leaves);
}

void gk_sort_copy(const void *src, void *dst, int64_t n, gk_type type, const gk_leaf_sorts *leaves)
{
    enum { BLOCK = 1 << 16 };
    int64_t size = gk_itemsize(type), bytes = n * size;
    if (src == dst || n < 2 || (type != GK_FLOAT64 && type != GK_FLOAT32)) {
        if (src != dst)
            memcpy(dst, src, (size_t)bytes);
        gk_sort_leaf(dst, n, type, leaves);
        return;
    }
    /* Check each block while it is still in the cache. */
    int special = 0;
    for (int64_t at = 0; at < bytes; at += BLOCK) {
        int64_t step = bytes - at < BLOCK ? bytes - at : BLOCK;
        memcpy((char *)dst + at, (const char *)src + at, (size_t)step);
        special |= has_special((const char *)dst + at, step / size, type);
    }
    sort_plain_or_special(dst, n, type, special, leaves);
}
