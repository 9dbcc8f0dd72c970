/* The hazard: callers inside bodies, nested three deep and in many threads, wait for
 * helpers that wait for them; or more workers start than the pool may have. */
#include <stdatomic.h>

#include "check.h"
#include "thread_group.h"
#include "runtime/parallel.h"
#include "stress.h"

enum { MOST_THREADS = 5 };

struct level {
    int depth;
    _Atomic int64_t *leaves;
};

static void descend(int64_t begin, int64_t end, void *data)
{
    struct level *level = data;
    CHECK(gk_pool_workers() < MOST_THREADS);
    for (int64_t i = begin; i < end; i++) {
        if (level->depth == 0) {
            atomic_fetch_add_explicit(level->leaves, 1, memory_order_relaxed);
            continue;
        }
        struct level inner = {level->depth - 1, level->leaves};
        int place = gk_participant();
        gk_options options = {.grain = 1 + random_below(3), .threads = (int)random_below(MOST_THREADS + 1), .eager = random_below(4) == 0};
        CHECK(gk_parallel_for(6, descend, &inner, &options) == GK_OK);
        CHECK(gk_participant() == place);
    }
}

static void caller(int me, void *unused)
{
    (void)me, (void)unused;
    for (int i = 0; i < rounds(12); i++) {
        _Atomic int64_t leaves = 0;
        struct level level = {3, &leaves};
        gk_set_num_threads(1 + (int)random_below(MOST_THREADS)); /* changes while others compute */
        CHECK(gk_parallel_for(5, descend, &level, NULL) == GK_OK);
        CHECK(atomic_load(&leaves) == 5 * 6 * 6 * 6);
    }
}

int main(void)
{
    time_limit(300);
    gk_set_num_threads(MOST_THREADS);
    thread_group(1, caller, NULL);
    thread_group(16, caller, NULL);
    CHECK(gk_pool_stop());
    return 0;
}
