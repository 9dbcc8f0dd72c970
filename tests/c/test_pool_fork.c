/* The hazard: a child inherits regions, workers and locks of threads that it does not have,
 * and hangs; or the fork itself waits for something that cannot end. */
#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#ifdef _WIN32
int main(void)
{
    return 0; /* no fork here */
}
#else

#  include <stdatomic.h>
#  include <sys/wait.h>
#  include <unistd.h>

#  include "base/clock.h"
#  include "base/thread.h"
#  include "check.h"
#  include "thread_group.h"
#  include "runtime/parallel.h"
#  include "stress.h"

static void add(int64_t begin, int64_t end, void *data)
{
    burn(1000);
    atomic_fetch_add((_Atomic int64_t *)data, (begin + end - 1) * (end - begin) / 2);
}

static void region(int eager)
{
    _Atomic int64_t sum = 0;
    CHECK(gk_parallel_for(100, add, &sum, &(gk_options){.threads = 3, .eager = eager, .grain = 1}) == GK_OK);
    CHECK(atomic_load(&sum) == 4950);
}

static void meet(int64_t begin, int64_t end, void *data)
{
    (void)begin, (void)end;
    atomic_fetch_add((_Atomic int *)data, 1);
    int64_t limit = gk_now() + 20 * GK_SECOND;
    while (atomic_load((_Atomic int *)data) < 2) {
        CHECK(gk_now() < limit);
        gk_thread_yield();
    }
}

/* The child computes with helpers and ends; the parent waits for it. */
static void fork_once(void)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        region(1);
        _Atomic int arrived = 0;
        CHECK(gk_parallel_for(2, meet, &arrived, &(gk_options){.threads = 2, .eager = 1, .grain = 1}) == GK_OK);
        CHECK(gk_pool_stop());
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void idle(void)
{
    for (int i = 0; i < rounds(100); i++) {
        region(1);
        fork_once();
    }
}

static _Atomic int forkers;

static void compute(void)
{
    while (atomic_load(&forkers) > 0)
        region((int)random_below(2));
}

static void fork_often(void)
{
    for (int i = 0; i < rounds(50); i++)
        fork_once();
    atomic_fetch_sub(&forkers, 1);
}

static void either(int i, void *unused)
{
    (void)unused;
    (i % 2 == 0 ? compute : fork_often)();
}

static void beside_regions(void)
{
    atomic_store(&forkers, 2);
    thread_group(4, either, NULL);
}

/* From inside a body, on the caller's thread or a helper's. */
static void fork_in_body(int64_t begin, int64_t end, void *data)
{
    (void)begin, (void)end;
    burn(100000);
    if (atomic_fetch_add((_Atomic int *)data, 1) % 7 == 3)
        fork_once();
}

static void nested_fork(int64_t begin, int64_t end, void *data)
{
    (void)begin, (void)end;
    CHECK(gk_parallel_for(10, fork_in_body, data, &(gk_options){.threads = 3, .grain = 1, .eager = 1}) == GK_OK);
}

static void in_bodies(int me, void *unused)
{
    (void)me, (void)unused;
    for (int i = 0; i < rounds(20); i++) {
        _Atomic int count = 0;
        CHECK(gk_parallel_for(20, fork_in_body, &count, &(gk_options){.threads = 3, .grain = 1, .eager = 1}) == GK_OK);
        /* The outer region still counts its caller, so the pool must not appear idle. */
        CHECK(gk_parallel_for(2, nested_fork, &count, &(gk_options){.threads = 1, .grain = 1}) == GK_OK);
    }
}

static void fork_bodies(void)
{
    for (int i = 0; i < rounds(30); i++) {
        _Atomic int count = 0;
        CHECK(gk_parallel_for(10, fork_in_body, &count, &(gk_options){.threads = 3, .grain = 1, .eager = 1}) == GK_OK);
        burn(random_below(50000));
    }
    atomic_fetch_sub(&forkers, 1);
}

static void stop_often(void)
{
    while (atomic_load(&forkers) > 0) {
        gk_pool_stop();
        burn(random_below(20000));
    }
}

static void fork_bodies_or_stop(int i, void *unused)
{
    (void)unused;
    (i == 0 ? fork_bodies : stop_often)();
}

/* A shutdown waits for a worker whose body forks. */
static void in_bodies_beside_stop(void)
{
    atomic_store(&forkers, 1);
    thread_group(2, fork_bodies_or_stop, NULL);
}

int main(void)
{
    time_limit(300);
    gk_set_num_threads(3);
    idle();
#  ifndef SANITIZED
    beside_regions();
    in_bodies(0, NULL);
    thread_group(1, in_bodies, NULL); /* on a thread whose stack a child may reuse */
    in_bodies_beside_stop();
#  else
    (void)beside_regions, (void)in_bodies, (void)in_bodies_beside_stop;
#  endif
    region(1);
    CHECK(gk_pool_stop());
    return 0;
}
#endif
