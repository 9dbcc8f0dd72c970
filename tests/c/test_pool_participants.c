/* The hazard: two threads inside a region have the same number, or one has a number not
 * below the region's number of threads, so scratch memory is shared or overrun. */
#include <stdatomic.h>

#include "check.h"
#include "thread_group.h"
#include "runtime/parallel.h"
#include "stress.h"

enum { THREADS = 6, CHUNKS = 200 };

struct region {
    _Atomic int inside[THREADS];
    int64_t scratch[THREADS]; /* plain, so ThreadSanitizer sees whether two threads share a number */
};

static void body(int64_t begin, int64_t end, void *data)
{
    struct region *region = data;
    int place = gk_participant();
    CHECK(place >= 0 && place < THREADS);
    CHECK(atomic_fetch_add(&region->inside[place], 1) == 0);
    region->scratch[place] += end - begin;
    burn(random_below(1000));
    atomic_fetch_sub(&region->inside[place], 1);
}

static void caller(int me, void *unused)
{
    (void)me, (void)unused;
    for (int i = 0; i < rounds(200); i++) {
        struct region region = {0};
        gk_options options = {.grain = 1, .threads = THREADS, .eager = i % 2};
        CHECK(gk_participants(&options) == THREADS);
        CHECK(gk_parallel_for(CHUNKS, body, &region, &options) == GK_OK);
        int64_t sum = 0;
        for (int place = 0; place < THREADS; place++)
            sum += region.scratch[place];
        CHECK(sum == CHUNKS);
    }
}

int main(void)
{
    time_limit(300);
    gk_set_num_threads(THREADS);
    thread_group(1, caller, NULL);
    thread_group(3, caller, NULL);
    CHECK(gk_pool_stop());
    return 0;
}
