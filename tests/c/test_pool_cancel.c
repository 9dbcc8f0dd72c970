/* The hazard: a region cancelled from outside, at any moment, returns while a body still
 * runs, reports a reason other than the first, or leaves the pool unusable. */
#include <stdatomic.h>

#include "base/clock.h"
#include "base/thread.h"
#include "check.h"
#include "runtime/parallel.h"
#include "stress.h"

static const int64_t ENDLESS = INT64_C(1) << 40; /* in chunks; no region completes this many */

struct region {
    _Atomic int running, chunks;
    gk_cancel_token token;
    _Atomic int go;
};

static void body(int64_t begin, int64_t end, void *data)
{
    struct region *region = data;
    atomic_fetch_add(&region->running, 1);
    atomic_fetch_add(&region->chunks, (int)(end - begin));
    atomic_store(&region->go, 1);
    burn(random_below(2000));
    atomic_fetch_sub(&region->running, 1);
}

static void nesting(int64_t begin, int64_t end, void *data)
{
    for (int64_t i = begin; i < end; i++)
        gk_parallel_for(50, body, data, &(gk_options){.grain = 1});
}

static void canceller(void *data)
{
    struct region *region = data;
    while (!atomic_load(&region->go))
        gk_thread_yield();
    burn(random_below(50000));
    gk_cancel_token_set(&region->token, 42);
    gk_cancel_token_set(&region->token, 43);
}

static void cancelled_regions(gk_body *work)
{
    for (int i = 0; i < rounds(40); i++) {
        struct region region = {0};
        gk_thread *thread = gk_thread_start(canceller, &region, "canceller");
        CHECK(thread != NULL);
        int status = gk_parallel_for(ENDLESS, work, &region, &(gk_options){.grain = 1, .threads = 3, .token = &region.token, .eager = i % 2});
        CHECK(atomic_load(&region.running) == 0);
        CHECK(status == 42);
        gk_thread_join(thread);
    }
}

/* Each of several tokens ends the region, wherever it is in the list. */
static void outer_tokens(gk_body *work)
{
    for (int i = 0; i < rounds(40); i++) {
        struct region region = {0};
        gk_cancel_token quiet[3] = {{0}};
        gk_token_list list[3] = {{&quiet[1], &list[1]}, {&quiet[2], &list[2]}, {&region.token, NULL}};
        gk_options options = {.grain = 1, .threads = 3, .token = &quiet[0], .outer_tokens = &list[i % 3]};
        gk_thread *thread = gk_thread_start(canceller, &region, "canceller");
        CHECK(thread != NULL);
        int status = gk_parallel_for(ENDLESS, work, &region, &options);
        CHECK(atomic_load(&region.running) == 0);
        CHECK(status == 42);
        gk_thread_join(thread);
    }
}

static void deadlines(void)
{
    for (int i = 0; i < rounds(100); i++) {
        struct region region = {0};
        int64_t start = gk_now(), allowed = random_below(1000) * GK_MICROSECOND;
        gk_options options = {.grain = 1, .threads = 3, .deadline = start + allowed, .eager = 1};
        CHECK(gk_parallel_for(ENDLESS, body, &region, &options) == GK_TIMEOUT);
        CHECK(atomic_load(&region.running) == 0);
        CHECK(gk_now() - start >= allowed);
    }
}

int main(void)
{
    time_limit(300);
    gk_set_num_threads(3);
    cancelled_regions(body);
    cancelled_regions(nesting);
    outer_tokens(body);
    outer_tokens(nesting);
    deadlines();
    struct region region = {0};
    CHECK(gk_parallel_for(1000, body, &region, &(gk_options){.threads = 3}) == GK_OK);
    CHECK(atomic_load(&region.chunks) == 1000);
    CHECK(gk_pool_stop());
    return 0;
}
