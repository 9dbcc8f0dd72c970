/* The values in the order of their groups, for medians and quantiles. */
#include <stdlib.h>

#include "base/compiler.h"
#include "kernels/array/memory.h"
#include "kernels/histogram/group_call.h"

typedef struct {
    gk_group_call *of;
    gk_binning binning;
    const int64_t *starts;
    int64_t *next; /* where the next value of each result goes */
    char *gathered;
    int64_t parts;
} gathering;

/* If another thread changes labels meanwhile, there may be more values than were counted. */
#define SCATTER(type)                                                                                \
    for (int64_t k = 0; k < n; k++) {                                                                \
        int64_t r = index[mine[k]], at = a->next[r];                                                 \
        if (GK_LIKELY(at < a->starts[r + 1])) {                                                      \
            ((type *)(void *)a->gathered)[at] = ((const type *)(const void *)from)[mine[k]];         \
            a->next[r] = at + 1;                                                                     \
        }                                                                                            \
    }

static void scatter(const gathering *a, const char *from, const uint32_t *index, const uint32_t *mine, int64_t n)
{
    switch (gk_itemsize(a->of->g->type)) {
    case 1: SCATTER(uint8_t); break;
    case 2: SCATTER(uint16_t); break;
    case 4: SCATTER(uint32_t); break;
    default: SCATTER(uint64_t); break;
    }
}

static void gather_parts(int64_t begin, int64_t end, void *data)
{
    const gathering *a = data;
    uint32_t index[GK_BINNING_BLOCK], mine[GK_BINNING_BLOCK];
    int64_t size = gk_itemsize(a->of->g->type);
    for (int64_t part = begin; part < end; part++) {
        uint32_t low = (uint32_t)(a->of->results * part / a->parts);
        uint32_t high = (uint32_t)(a->of->results * (part + 1) / a->parts);
        for (int64_t i = 0; i < a->of->items; i += GK_BINNING_BLOCK) {
            int64_t found = gk_binning_block_of_part(&a->binning, i, low, high, index, mine);
            scatter(a, (const char *)a->of->g->values + i * size, index, mine, found);
            if (i % GK_GROUP_POLL_EVERY == 0 && gk_cancelled())
                return;
        }
    }
}

int gk_group_gather(const gk_grouping *g, int64_t *starts, void *gathered, int *out_of_range,
                    const gk_options *options)
{
    atomic_int too_large = 0, ambiguous = 0;
    gk_group_call of = {g, g->outer * g->n * g->inner, g->outer * g->groups * g->inner, &too_large, &ambiguous};
    gathering a = {.of = &of, .binning = gk_group_binning(&of), .starts = starts, .gathered = gathered, .parts = 1};
    gk_options mine = options != NULL ? *options : (gk_options){0};
    starts[0] = 0;
    int status = gk_binning_counts(&a.binning, starts + 1, &mine);
    if (status != GK_OK)
        return status;
    for (int64_t r = 0; r <= of.results; r++)
        starts[r + 1] += starts[r];
    if ((a.next = gk_allocate(of.results + 1, sizeof *a.next)) == NULL)
        return GK_NO_MEMORY;
    status = gk_copy(a.next, starts, (of.results + 1) * (int64_t)sizeof *a.next, &mine);
    if (status == GK_OK) {
        int threads = of.items > GK_GROUP_FEW ? gk_participants(&mine) : 1;
        a.parts = threads < GK_BINNING_MAX_PARTS ? threads : GK_BINNING_MAX_PARTS;
        mine.grain = 1;
        mine.eager = of.items > 1 << 18;
        status = gk_parallel_for(a.parts, gather_parts, &a, &mine);
    }
    free(a.next);
    *out_of_range = atomic_load_explicit(&too_large, memory_order_relaxed);
    return status;
}

typedef struct {
    char *gathered;
    const int64_t *starts;
    int64_t size, max_length;
    gk_group_sort_function *sort;
} sorting;

static void sort_groups(int64_t begin, int64_t end, void *data)
{
    const sorting *s = data;
    for (int64_t r = begin; r < end; r++) {
        int64_t n = s->starts[r + 1] - s->starts[r];
        if (n < 2 || n > s->max_length)
            continue;
        if (s->sort(s->gathered + s->starts[r] * s->size, (intptr_t)n, NULL) < 0)
            gk_cancel(GK_NO_MEMORY);
        if (gk_cancelled())
            return;
    }
}

int gk_group_sort(void *gathered, const int64_t *starts, int64_t results, int64_t itemsize, int64_t max_length,
                  gk_group_sort_function *sort, const gk_options *options)
{
    sorting s = {gathered, starts, itemsize, max_length, sort};
    gk_options mine = options != NULL ? *options : (gk_options){0};
    int64_t items = starts[results];
    mine.grain = items == 0 ? results : gk_ceil_div(results * (1 << 13), items);
    mine.grain = mine.grain > 0 ? mine.grain : 1;
    mine.eager = items > 1 << 16;
    return gk_parallel_for(results, sort_groups, &s, &mine);
}
