/* on_enter and on_exit run once per participant, on its thread, around all of its chunks. */
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "check.h"
#include "runtime/parallel.h"

static GK_THREAD_LOCAL int inside;

struct region {
    _Atomic int entered, left, chunks;
    int caller_declines, helpers_decline;
};

static void *enter(void *data)
{
    struct region *region = data;
    CHECK(inside == 0);
    if (gk_participant() == 0 ? region->caller_declines : region->helpers_decline)
        return NULL;
    inside = 1 + gk_participant();
    atomic_fetch_add(&region->entered, 1);
    return &inside;
}

static void leave(void *data, void *entered)
{
    struct region *region = data;
    CHECK(entered == &inside && inside == 1 + gk_participant());
    inside = 0;
    atomic_fetch_add(&region->left, 1);
}

static void body(int64_t begin, int64_t end, void *data)
{
    struct region *region = data;
    CHECK(inside == 1 + gk_participant());
    CHECK(end == begin + 1);
    atomic_fetch_add(&region->chunks, 1);
    int64_t until = gk_now() + GK_MICROSECOND;
    while (gk_now() < until)
        gk_cpu_relax();
}

static int run(struct region *region, int64_t n, int threads)
{
    int status = gk_parallel_for(
        n, body, region, &(gk_options){.grain = 1, .threads = threads, .eager = 1, .on_enter = enter, .on_exit = leave});
    CHECK(inside == 0);
    CHECK(atomic_load(&region->entered) == atomic_load(&region->left));
    return status;
}

static void nested(int64_t begin, int64_t end, void *data)
{
    (void)begin, (void)end, (void)data;
    struct region inner = {0};
    int outer = inside;
    inside = 0;
    CHECK(run(&inner, 50, 3) == GK_OK);
    CHECK(atomic_load(&inner.chunks) == 50);
    inside = outer;
}

int main(void)
{
    for (int threads = 1; threads <= 8; threads++) {
        for (int64_t n = 1; n < 3000; n = n * 3 + 1) {
            struct region region = {0};
            CHECK(run(&region, n, threads) == GK_OK);
            CHECK(atomic_load(&region.chunks) == n);
            CHECK(atomic_load(&region.entered) >= 1 && atomic_load(&region.entered) <= threads);
        }
    }
    struct region alone = {.helpers_decline = 1};
    CHECK(run(&alone, 1000, 4) == GK_OK);
    CHECK(atomic_load(&alone.chunks) == 1000 && atomic_load(&alone.entered) == 1);

    struct region nobody = {.helpers_decline = 1, .caller_declines = 1};
    CHECK(run(&nobody, 1000, 4) == GK_NO_MEMORY);
    CHECK(atomic_load(&nobody.chunks) == 0);

    struct region outer = {0};
    CHECK(gk_parallel_for(100, nested, &outer,
                          &(gk_options){.grain = 1, .threads = 4, .on_enter = enter, .on_exit = leave}) == GK_OK);
    CHECK(atomic_load(&outer.entered) == atomic_load(&outer.left));
    CHECK(gk_pool_stop());
    puts("test_on_enter_on_exit: 1 passed");
    return 0;
}
