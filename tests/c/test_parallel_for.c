/* gk_parallel_for visits every item once, for any size, grain and number of threads, also
 * nested, with many callers, when cancelled, and when no thread can be started. */
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "check.h"
#include "runtime/parallel.h"

enum { MOST = 100000 };

static void count(int64_t begin, int64_t end, void *data)
{
    unsigned char *seen = data;
    for (int64_t i = begin; i < end; i++)
        seen[i]++;
}

static void every_item_once(int64_t n, const gk_options *options)
{
    unsigned char *seen = calloc(MOST + 1, 1);
    CHECK(seen != NULL);
    CHECK(gk_parallel_for(n, count, seen, options) == GK_OK);
    for (int64_t i = 0; i < n; i++)
        CHECK(seen[i] == 1);
    for (int64_t i = n; i <= MOST; i++)
        CHECK(seen[i] == 0);
    free(seen);
}

static void test_sizes(void)
{
    int64_t sizes[] = {0, 1, 2, 3, 255, 256, 257, 1000, 65536, 65537, MOST};
    int64_t grains[] = {0, 1, 7, 1000, MOST * 2};
    int threads[] = {0, 1, 2, 3, 8, 64};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t g = 0; g < sizeof grains / sizeof *grains; g++)
            for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
                gk_options options = {.grain = grains[g], .threads = threads[t], .eager = (int)(s % 2)};
                every_item_once(sizes[s], &options);
            }
    every_item_once(1000, NULL);
    CHECK(gk_parallel_for(-5, count, NULL, NULL) == GK_OK);
}

static _Atomic int64_t leaves;

static void leaf(int64_t begin, int64_t end, void *data)
{
    (void)data;
    atomic_fetch_add(&leaves, end - begin);
}

static void nest(int64_t begin, int64_t end, void *data)
{
    int depth = *(int *)data - 1;
    for (int64_t i = begin; i < end; i++) {
        int participant = gk_participant();
        if (depth == 0)
            CHECK(gk_parallel_for(10, leaf, NULL, NULL) == GK_OK);
        else
            CHECK(gk_parallel_for(10, nest, &depth, NULL) == GK_OK);
        CHECK(gk_participant() == participant);
    }
}

static void test_nesting(void)
{
    int depth = 4;
    atomic_store(&leaves, 0);
    CHECK(gk_parallel_for(10, nest, &depth, &(gk_options){.eager = 1, .threads = 4}) == GK_OK);
    CHECK(atomic_load(&leaves) == 100000);
}

static void call_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 200; i++) {
        int64_t n = 1 + i * 37 % 3000;
        every_item_once(n, &(gk_options){.threads = 1 + i % 5, .eager = i % 2});
    }
}

static void test_many_callers(void)
{
    enum { CALLERS = 60 }; /* more than there are slots */
    gk_thread *callers[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = gk_thread_start(call_often, NULL, "caller");
        CHECK(callers[i] != NULL);
    }
    for (int i = 0; i < CALLERS; i++)
        gk_thread_join(callers[i]);
}

static void cancel_in_the_middle(int64_t begin, int64_t end, void *data)
{
    (void)end;
    atomic_fetch_add((_Atomic int *)data, 1);
    if (begin >= 100) {
        gk_cancel((int)begin);
        CHECK(gk_cancelled());
    }
}

static void outer_cancels(int64_t begin, int64_t end, void *data)
{
    (void)begin, (void)end, (void)data;
    gk_cancel(7);
    CHECK(gk_parallel_for(10, leaf, NULL, NULL) == GK_CANCELLED);
}

static int always(void *context)
{
    ++*(int *)context;
    return 1;
}

static void slow(int64_t begin, int64_t end, void *data)
{
    (void)begin, (void)end, (void)data;
    int64_t until = gk_now() + GK_MILLISECOND;
    while (gk_now() < until)
        ;
}

/* The end of a region is nothing to short work inside it that must not be interrupted. */
static void never_cancelled(int64_t begin, int64_t end, void *data)
{
    CHECK(begin == 0 && end == 5 && !gk_cancelled());
    ++*(int *)data;
}

static void run_here_inside(int64_t begin, int64_t end, void *data)
{
    (void)begin, (void)end;
    gk_cancel(7);
    CHECK(gk_run_here(5, never_cancelled, data, &(gk_options){.uninterruptible = 1}) == GK_OK);
    CHECK(gk_cancelled());
}

static void test_cancellation(void)
{
    int times = 0;
    CHECK(gk_parallel_for(1, run_here_inside, &times, NULL) == 7);
    CHECK(gk_run_here(5, never_cancelled, &times, &(gk_options){.uninterruptible = 1}) == GK_OK);
    CHECK(times == 2);

    _Atomic int chunks = 0;
    int code = gk_parallel_for(1000000, cancel_in_the_middle, &chunks, &(gk_options){.grain = 1});
    CHECK(code >= 100 && code < 1000000);
    CHECK(atomic_load(&chunks) < 1000000);
    CHECK(gk_parallel_for(1, outer_cancels, NULL, NULL) == 7);

    gk_cancel_token token = {0};
    gk_cancel_token_set(&token, GK_CANCELLED);
    gk_cancel_token_set(&token, GK_TIMEOUT); /* the first reason stays */
    CHECK(gk_parallel_for(1000, leaf, NULL, &(gk_options){.token = &token}) == GK_CANCELLED);

    for (int threads = 1; threads <= 3; threads++) {
        int64_t start = gk_now();
        CHECK(gk_parallel_for(5000, slow, NULL,
                              &(gk_options){.grain = 1, .threads = threads, .deadline = start + 5 * GK_MILLISECOND}) ==
              GK_TIMEOUT);
        int polled = 0;
        CHECK(gk_parallel_for(5000, slow, NULL,
                              &(gk_options){.grain = 1, .threads = threads, .poll = always, .poll_context = &polled}) ==
              GK_INTERRUPTED);
        CHECK(polled == 1);
    }
    CHECK(!gk_cancelled()); /* outside of any region */
    every_item_once(1000, NULL);
}

/* A helper begins a region while the caller polls. The outer region's end ends it, too;
 * only regions that the poll itself begins are independent. */

typedef struct {
    _Atomic int polling, helping, ended; /* `ended`: the reason plus one */
} meeting;

static void help(int64_t begin, int64_t end, void *data)
{
    (void)begin, (void)end;
    meeting *m = data;
    atomic_store(&m->helping, 1);
    gk_thread_yield();
}

static int poll_until_helped(void *data)
{
    meeting *m = data;
    atomic_store(&m->polling, 1);
    while (!atomic_load(&m->helping))
        gk_thread_yield();
    return 1;
}

static void meet(int64_t begin, int64_t end, void *data)
{
    (void)begin, (void)end;
    meeting *m = data;
    if (gk_participant() == 0) {
        while (!gk_cancelled())
            gk_thread_yield();
        return;
    }
    while (!atomic_load(&m->polling))
        gk_thread_yield();
    gk_options options = {.grain = 1, .threads = 1, .deadline = gk_now() + 10 * GK_SECOND};
    atomic_store(&m->ended, 1 + gk_parallel_for(INT64_MAX, help, m, &options));
}

static void test_helper_begins_a_region_while_the_caller_polls(void)
{
    for (int i = 0; i < 20; i++) {
        meeting m = {0};
        gk_options options = {.grain = 1, .threads = 2, .eager = 1, .poll = poll_until_helped, .poll_context = &m};
        CHECK(gk_parallel_for(2, meet, &m, &options) == GK_INTERRUPTED);
        CHECK(atomic_load(&m.ended) == 1 + GK_CANCELLED);
    }
}

static void test_exhaustion(void)
{
    CHECK(gk_pool_stop());
    CHECK(gk_pool_workers() == 0);
    gk_thread_inject_failures(1000);
    every_item_once(MOST, &(gk_options){.threads = 8, .eager = 1});
    CHECK(gk_pool_workers() == 0);
    gk_thread_inject_failures(0);
    every_item_once(MOST, &(gk_options){.threads = 8, .eager = 1});
}

static void test_idle_workers_sleep(void)
{
    every_item_once(MOST, &(gk_options){.threads = 4, .eager = 1});
    for (int i = 0; i < 2000 && gk_pool_sleepers() < gk_pool_workers(); i++) {
        int64_t until = gk_now() + GK_MILLISECOND;
        while (gk_now() < until)
            gk_thread_yield();
    }
    CHECK(gk_pool_sleepers() == gk_pool_workers());
}

int main(void)
{
    gk_set_num_threads(4);
    CHECK(gk_num_threads() == 4);
    test_sizes();
    test_nesting();
    test_many_callers();
    test_cancellation();
    test_helper_begins_a_region_while_the_caller_polls();
    test_exhaustion();
    test_idle_workers_sleep();
    CHECK(gk_pool_stop());
    puts("test_parallel_for: 1 passed");
    return 0;
}
