/* The hazard: when threads cannot be started, sometimes or always, a region hangs or loses
 * chunks, or the pool never recovers. */
#include <stdatomic.h>

#include "base/clock.h"
#include "base/thread.h"
#include "check.h"
#include "runtime/parallel.h"
#include "stress.h"

static void add(int64_t begin, int64_t end, void *data)
{
    burn(500);
    atomic_fetch_add((_Atomic int64_t *)data, (begin + end - 1) * (end - begin) / 2);
}

static void region(int threads)
{
    _Atomic int64_t sum = 0;
    int64_t n = 1 + random_below(3000);
    CHECK(gk_parallel_for(n, add, &sum, &(gk_options){.threads = threads, .eager = 1, .grain = 10}) == GK_OK);
    CHECK(atomic_load(&sum) == n * (n - 1) / 2);
}

int main(void)
{
    time_limit(300);
    /* Workers exist again once threads can be started again. */
    for (int failures = 0; failures <= 2; failures++) {
        CHECK(gk_pool_stop());
        gk_thread_inject_failures(failures);
        for (int i = 0; i < rounds(50); i++)
            region(6);
        if (failures > 0)
            CHECK(gk_pool_workers() == 0); /* a start is not retried at once */
        gk_thread_inject_failures(0);
        int64_t limit = gk_now() + 20 * GK_SECOND;
        while (gk_pool_workers() == 0) {
            region(6); /* ... but after a second */
            CHECK(gk_now() < limit);
        }
    }
    CHECK(gk_pool_stop());
    return 0;
}
