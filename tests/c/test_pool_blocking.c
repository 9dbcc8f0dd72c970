/* The hazard: fewer threads take part than the region asks for. If the first chunks block,
 * no thread claims another chunk and asks for more workers, so the thread that starts or
 * wakes the others must not give up, even if all cores are busy. */
#include <stdatomic.h>

#include "base/thread.h"
#include "check.h"
#include "thread_group.h"
#include "runtime/parallel.h"
#include "stress.h"

enum { THREADS = 8, BURNERS = 2 };

/* Ends only when every thread is inside a different chunk. */
static void meet(int64_t begin, int64_t end, void *data)
{
    _Atomic int64_t *met = data;
    atomic_fetch_add(met, end - begin);
    while (atomic_load(met) < THREADS)
        gk_thread_yield();
}

static void region(void)
{
    _Atomic int64_t met = 0;
    CHECK(gk_parallel_for(THREADS, meet, &met, &(gk_options){.threads = THREADS, .grain = 1, .eager = 1}) == GK_OK);
    CHECK(atomic_load(&met) == THREADS);
}

static void keep_busy(int i, void *data)
{
    (void)i;
    while (atomic_load((_Atomic int *)data) == 0)
        burn(100000);
}

int main(void)
{
    time_limit(300);
    static _Atomic int over;
    thread_group_member burners[BURNERS];
    thread_group_start(burners, BURNERS, keep_busy, &over);
    for (int i = 0; i < rounds(50); i++) {
        region(); /* starts workers */
        region(); /* finds some workers awake and some asleep */
        burn(random_below(200000));
        region();
        CHECK(gk_pool_workers() == THREADS - 1);
        CHECK(gk_pool_stop());
    }
    atomic_store(&over, 1);
    thread_group_join(burners, BURNERS);
    return 0;
}
