/* Empty regions of the pool, for bench_region.py: compiled when the benchmark runs, against the table of functions that
 * the installed gilkit exports.
 */
#include <stdatomic.h>
#include <stddef.h>

#include "exports.h"

static void nothing(int64_t begin, int64_t end, void *data)
{
    (void)begin;
    (void)end;
    (void)data;
}

static void count(int64_t begin, int64_t end, void *data)
{
    atomic_fetch_add((_Atomic int64_t *)data, end - begin);
}

/* How many items one region computes: `threads`, if it works. */
int64_t region_items(const gk_exports *gilkit, int threads)
{
    _Atomic int64_t items = 0;
    gk_options options = {.threads = threads, .grain = 1};
    gilkit->gk_parallel_for(threads, count, &items, &options);
    return items;
}

/* Regions one after another, each after `pause` nanoseconds of nothing: what they took in all, in nanoseconds. */
int64_t region_run(const gk_exports *gilkit, int threads, int64_t regions, int64_t pause)
{
    gk_options options = {.threads = threads, .grain = 1};
    int64_t taken = 0;
    for (int64_t region = 0; region < regions; region++) {
        int64_t start = gilkit->gk_now();
        if (pause > 0) {
            while (gilkit->gk_now() < start + pause)
                ;
            start = gilkit->gk_now();
        }
        gilkit->gk_parallel_for(threads, nothing, NULL, &options);
        taken += gilkit->gk_now() - start;
    }
    return taken;
}
