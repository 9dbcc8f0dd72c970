/* The hazard: a region is offered just as the last worker falls asleep, and no worker is
 * woken. The chunks of each region here wait for one another, so it ends only if a helper
 * comes. The callers' pauses let workers reach every stage of falling asleep. */
#include <stdatomic.h>

#include "base/clock.h"
#include "base/thread.h"
#include "check.h"
#include "runtime/parallel.h"
#include "stress.h"

static void meet(int64_t begin, int64_t end, void *data)
{
    _Atomic int *arrived = data;
    CHECK(end == begin + 1);
    atomic_fetch_add(arrived, 1);
    int64_t limit = gk_now() + 20 * GK_SECOND;
    while (atomic_load(arrived) < 2) {
        CHECK(gk_now() < limit);
        gk_thread_yield();
    }
}

static void pairs(int64_t spin)
{
    gk_pool_set_spin(spin);
    for (int i = 0; i < rounds(2000); i++) {
        _Atomic int arrived = 0;
        CHECK(gk_parallel_for(2, meet, &arrived, &(gk_options){.grain = 1, .threads = 2, .eager = 1}) == GK_OK);
        burn(random_below(40) * 500);
    }
}

int main(void)
{
    time_limit(300);
    gk_set_num_threads(2);
    pairs(0);                    /* asleep at once */
    pairs(5 * GK_MICROSECOND);   /* asleep about when the next region comes */
    pairs(GK_MILLISECOND);       /* never asleep */
    CHECK(gk_pool_workers() == 1);
    CHECK(gk_pool_stop());
    return 0;
}
