/* The hazard: a region's first chunk blocks on the calling thread before a worker has been
 * woken, for whatever reason, so the caller never asks for one again. Here the first chunk of
 * a foreign region ends only if another thread runs the second. */
#include <stdatomic.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/park.h"
#include "base/thread.h"
#include "check.h"
#include "runtime/parallel.h"
#include "stress.h"
#include "thread_group.h"

#if !defined(_WIN32)
#  include <sys/wait.h>
#  include <unistd.h>
#endif

enum { MANY = 1000 };

typedef struct {
    _Atomic int arrived;
    int expected; /* 0: the chunks do nothing */
    _Atomic int *begun;
} meeting;

static void chunk(int64_t begin, int64_t end, void *data)
{
    (void)begin, (void)end;
    meeting *m = data;
    if (m->begun != NULL)
        atomic_store(m->begun, 1);
    if (m->expected == 0)
        return;
    atomic_fetch_add(&m->arrived, 1);
    int64_t limit = gk_now() + 20 * GK_SECOND;
    while (atomic_load(&m->arrived) < m->expected) {
        CHECK(gk_now() < limit);
        gk_thread_yield();
    }
}

static void meet(int threads, int64_t n, size_t stack_size)
{
    meeting m = {.expected = threads};
    gk_options options = {.grain = 1, .threads = threads, .foreign = 1, .stack_size = stack_size};
    CHECK(gk_parallel_for(n, chunk, &m, &options) == GK_OK);
}

static void short_regions(int count)
{
    for (int i = 0; i < count; i++) {
        meeting nobody = {.expected = 0};
        CHECK(gk_parallel_for(2, chunk, &nobody, &(gk_options){.grain = 1, .threads = 2, .foreign = 1}) == GK_OK);
    }
}

/* The same body took no time so far. */
static void known_to_be_short(void)
{
    short_regions(50);
    meet(2, 2, 0);
    short_regions(50);
    burn(random_below(300000));
    meet(4, 4, 0);
    short_regions(50);
    if (random_below(10) == 0) {
        static _Atomic uint32_t never;
        gk_wait(&never, 0, gk_now() + 30 * GK_MILLISECOND); /* longer than a worker keeps watch */
    }
    meet(3, MANY, 0);
}

/* The time of the body is not known yet, and there are enough chunks for the first ones to show
 * it. */
static void unknown(void)
{
    CHECK(gk_pool_stop());
    meet(4, MANY, 0);
}

/* ---- While enough other threads compute ---- */

static _Atomic int inside, over;

static void compute(int64_t begin, int64_t end, void *data)
{
    (void)begin, (void)end, (void)data;
    atomic_fetch_add(&inside, 1);
    while (atomic_load(&over) == 0)
        gk_thread_yield();
}

static void compute_alone(int i, void *data)
{
    (void)i, (void)data;
    /* One chunk for the caller, and one that is taken by it or a worker. */
    gk_parallel_for(2, compute, NULL, &(gk_options){.grain = 1, .threads = 2});
}

static void end_later(int i, void *data)
{
    (void)i;
    while (atomic_load((_Atomic int *)data) == 0)
        gk_thread_yield();
    burn(random_below(3000000));
    atomic_store(&over, 1);
}

static void among_callers(int workers_exist, int callers)
{
    CHECK(gk_pool_stop());
    if (workers_exist)
        meet(2, 2, 0);
    thread_group_member others[4], ender;
    _Atomic int begun = 0;
    atomic_store(&inside, 0);
    atomic_store(&over, 0);
    thread_group_start(others, callers, compute_alone, NULL);
    while (atomic_load(&inside) < callers)
        gk_thread_yield();
    thread_group_start(&ender, 1, end_later, &begun);
    meeting m = {.expected = 2, .begun = &begun};
    CHECK(gk_parallel_for(2, chunk, &m, &(gk_options){.grain = 1, .threads = 2, .foreign = 1}) == GK_OK);
    thread_group_join(&ender, 1);
    thread_group_join(others, callers);
}

/* ---- After a thread could not be started ---- */

static void after_a_failed_start(void)
{
    CHECK(gk_pool_stop());
    gk_thread_inject_failures(1);
    gk_parallel_for(2, compute, NULL, &(gk_options){.grain = 1, .threads = 2, .eager = 1});
    gk_thread_inject_failures(0);
    meet(4, 4, 0);
    /* Nor with a larger stack. */
    meeting nobody = {.expected = 0};
    gk_options larger = {.grain = 1, .threads = 4, .foreign = 1, .eager = 1, .stack_size = (size_t)32 << 20};
    gk_thread_inject_failures(3);
    CHECK(gk_parallel_for(MANY, chunk, &nobody, &larger) == GK_OK);
    gk_thread_inject_failures(0);
    meet(4, 4, (size_t)32 << 20);
}

/* ---- While another thread stops the pool or forks ---- */

static void stop_often(int i, void *data)
{
    (void)i;
    while (atomic_load((_Atomic int *)data) == 0) {
        gk_pool_stop();
        burn(random_below(20000));
    }
}

static void fork_often(int i, void *data)
{
    (void)i;
    (void)data;
#if !defined(_WIN32)
    while (atomic_load((_Atomic int *)data) == 0) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        CHECK(child > 0 && waitpid(child, NULL, 0) == child);
        burn(random_below(20000));
    }
#endif
}

static void during(void (*disturb)(int, void *), int count)
{
    thread_group_member disturber;
    _Atomic int ended = 0;
    thread_group_start(&disturber, 1, disturb, &ended);
    for (int i = 0; i < count; i++) {
        meet(2 + random_below(3), MANY, 0);
        short_regions(random_below(10));
        burn(random_below(10000));
    }
    atomic_store(&ended, 1);
    thread_group_join(&disturber, 1);
}

int main(void)
{
    time_limit(300);
    for (int i = 0; i < rounds(100); i++) {
        known_to_be_short();
        unknown();
        among_callers(i % 2, 1 + i % 4);
    }
    atomic_store(&over, 1);
    for (int i = 0; i < rounds(20); i++)
        after_a_failed_start();
    during(stop_often, rounds(2000));
    during(fork_often, rounds(200));
    CHECK(gk_pool_stop());
    return 0;
}
