/* The hazard: while a caller polls, its stack is moved, as greenlets do it, and a helper still
 * reads or writes the region there. Here the poll sets its regions aside, overwrites them, computes
 * something else, and restores them. */
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "check.h"
#include "runtime/parallel.h"
#include "runtime/region.h"
#include "runtime/slots.h"
#include "stress.h"

enum { ITEMS = 400, LEVELS = 3 };

typedef struct {
    _Atomic int runs[ITEMS];
    int depth; /* regions around this one on the calling thread */
    int polls;
} work;

static int same_work(work *w)
{
    for (int i = 0; i < ITEMS; i++)
        if (atomic_load(&w->runs[i]) != 1)
            return 0;
    return 1;
}

static void count(int64_t begin, int64_t end, void *data)
{
    for (int64_t i = begin; i < end; i++)
        atomic_fetch_add(&((work *)data)->runs[i], 1);
    burn(random_below(300000));
}

static int move_stack(void *context)
{
    ((work *)context)->polls++;
    gk_region *regions[LEVELS], saved[LEVELS];
    work *works[LEVELS], saved_works[LEVELS];
    int inside = 0;
    for (gk_region *r = gk_self.region; r != NULL; r = r->parent, inside++) {
        CHECK(inside < LEVELS);
        regions[inside] = r;
        works[inside] = r->data;
    }
    gk_regions_aside aside;
    gk_set_regions_aside(&aside);
    CHECK(!gk_inside() && gk_participant() == 0);
    for (int i = 0; i < inside; i++) {
        memcpy(&saved[i], regions[i], sizeof saved[i]);
        memcpy(&saved_works[i], works[i], sizeof saved_works[i]);
        memset((void *)regions[i], 0xa5, sizeof *regions[i]);
        memset((void *)works[i], 0xa5, sizeof *works[i]);
    }
    work other = {.depth = 0};
    CHECK(gk_parallel_for(ITEMS, count, &other, &(gk_options){.grain = 1, .threads = 4, .eager = 1}) == GK_OK);
    CHECK(same_work(&other));
    for (int i = 0; i < inside; i++) {
        memcpy((void *)regions[i], &saved[i], sizeof saved[i]);
        memcpy((void *)works[i], &saved_works[i], sizeof saved_works[i]);
    }
    gk_resume_regions(&aside);
    return 0;
}

/* On the calling thread, some chunks compute in a region of their own. */
static void nested(int64_t begin, int64_t end, void *data)
{
    count(begin, end, data);
    work *w = data;
    if (gk_participant() == 0 && w->depth < LEVELS - 1 && random_below(100) == 0) {
        work inner = {.depth = w->depth + 1};
        CHECK(gk_parallel_for(ITEMS, nested, &inner, &(gk_options){.grain = 1, .threads = 4, .eager = 1}) == GK_OK);
        CHECK(same_work(&inner));
    }
}

int main(void)
{
    time_limit(300);
    int polls = 0;
    for (int i = 0; i < rounds(10); i++) {
        work w = {.depth = 0};
        gk_options options = {.grain = 1, .threads = 4, .eager = 1, .poll = move_stack, .poll_context = &w};
        while (w.polls == 0 && gk_parallel_for(ITEMS, nested, &w, &options) == GK_OK) {
            CHECK(same_work(&w));
            memset((void *)w.runs, 0, sizeof w.runs);
        }
        polls += w.polls;
    }
    CHECK(polls >= rounds(10));
    CHECK(gk_callers() == 0 && !gk_helpers_inside() && gk_offers() == 0);
    CHECK(gk_pool_stop());
    return 0;
}
