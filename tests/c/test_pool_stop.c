/* The hazard: when the pool is shut down while callers come and go, a worker sleeps through
 * it, the shutdown never ends, or a region loses a chunk. */
#include <stdatomic.h>

#include "base/clock.h"
#include "check.h"
#include "thread_group.h"
#include "runtime/parallel.h"
#include "stress.h"

static _Atomic int callers_left, stops;

static void add(int64_t begin, int64_t end, void *data)
{
    atomic_fetch_add((_Atomic int64_t *)data, (begin + end - 1) * (end - begin) / 2);
}

/* On a busy machine the callers may be done before the stoppers get a turn, so they go on until
 * the pool was stopped once. */
static void caller(void)
{
    for (int i = 0; i < rounds(1500) || atomic_load(&stops) == 0; i++) {
        _Atomic int64_t sum = 0;
        int64_t n = 1 + random_below(1000);
        CHECK(gk_parallel_for(n, add, &sum, &(gk_options){.threads = 3, .eager = i % 2}) == GK_OK);
        CHECK(atomic_load(&sum) == n * (n - 1) / 2);
        burn(random_below(20) * 1000);
    }
    atomic_fetch_sub(&callers_left, 1);
}

static void stopper(void)
{
    while (atomic_load(&callers_left) > 0) {
        if (gk_pool_stop())
            atomic_fetch_add(&stops, 1);
        burn(random_below(20) * 1000);
    }
}

static void either(int i, void *unused)
{
    (void)unused;
    (i < 2 ? caller : stopper)();
}

/* No other thread wakes the workers, so each must notice the shutdown by itself, at any
 * stage of falling asleep. */
static void stop_alone(void)
{
    for (int i = 0; i < rounds(1000); i++) {
        _Atomic int64_t sum = 0;
        CHECK(gk_parallel_for(100, add, &sum, &(gk_options){.threads = 3, .eager = 1}) == GK_OK);
        burn(random_below(20) * 1000);
        CHECK(gk_pool_stop());
    }
}

/* The pool is not idle while a region runs, whatever surrounds the region. */
static void stop_in_body(int64_t begin, int64_t end, void *data)
{
    (void)begin, (void)end, (void)data;
    CHECK(!gk_pool_stop());
}

static void nest(int64_t begin, int64_t end, void *data)
{
    (void)begin, (void)end;
    CHECK(gk_parallel_for(100, stop_in_body, data, &(gk_options){.threads = 3, .grain = 1}) == GK_OK);
}

int main(void)
{
    time_limit(300);
    gk_set_num_threads(3);
    for (int64_t spin = 0; spin <= 50 * GK_MICROSECOND; spin += 50 * GK_MICROSECOND) {
        gk_pool_set_spin(spin);
        atomic_store(&callers_left, 2);
        thread_group(4, either, NULL); /* two of each */
        stop_alone();
    }
    nest(0, 1, NULL);
    CHECK(gk_parallel_for(2, nest, NULL, &(gk_options){.threads = 1, .grain = 1}) == GK_OK);
    CHECK(gk_pool_stop());
    CHECK(gk_pool_workers() == 0 && gk_pool_sleepers() == 0);
    return 0;
}
