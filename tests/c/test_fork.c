/* fork outside and inside regions, by callers and by helpers. The child computes, or
 * learns that its region cannot be completed. */
#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include "check.h"

#if defined(_WIN32) || defined(__SANITIZE_THREAD__)
/* ThreadSanitizer does not support threads in a child forked from a multi-threaded process. */
int main(void)
{
    puts("test_fork: skipped here");
    return 0;
}
#else

#  include <string.h>
#  include <sys/wait.h>
#  include <unistd.h>

#  include "base/clock.h"
#  include "base/thread.h"
#  include "runtime/parallel.h"

static void count(int64_t begin, int64_t end, void *data)
{
    atomic_fetch_add((_Atomic int64_t *)data, end - begin);
}

static int computes(void)
{
    _Atomic int64_t counted = 0;
    gk_options options = {.threads = 4, .eager = 1, .grain = 100};
    return gk_parallel_for(100000, count, &counted, &options) == GK_OK && atomic_load(&counted) == 100000;
}

/* Reads the child's exit status. If the child hangs, its alarm() ends it. */
static int status_of(pid_t child)
{
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static pid_t fork_with_alarm(void)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        alarm(60);
    return child;
}

static void fork_and_compute(void)
{
    pid_t child = fork_with_alarm();
    if (child == 0)
        _exit(computes() ? 0 : 1);
    CHECK(status_of(child) == 0);
    CHECK(computes());
}

static void test_idle(void)
{
    for (int i = 0; i < 100; i++) {
        CHECK(computes());
        fork_and_compute();
    }
}

static _Atomic int ended;

static void keep_calling(void *unused)
{
    (void)unused;
    while (!atomic_load(&ended))
        CHECK(computes());
}

static void test_beside_callers(void)
{
    gk_thread *callers[3];
    atomic_store(&ended, 0);
    for (int i = 0; i < 3; i++)
        CHECK((callers[i] = gk_thread_start(keep_calling, NULL, "caller")) != NULL);
    for (int i = 0; i < 100; i++)
        fork_and_compute();
    atomic_store(&ended, 1);
    for (int i = 0; i < 3; i++)
        gk_thread_join(callers[i]);
}

struct inside {
    _Atomic int64_t counted;
    _Atomic int forked, helpers_here;
    int by_helper;
    pid_t parent;
    pid_t child;
};

/* Forks once, in the caller's or a helper's chunk, while others are inside. */
static void fork_inside(int64_t begin, int64_t end, void *data)
{
    struct inside *t = data;
    int helper = gk_participant() != 0;
    if (helper)
        atomic_store(&t->helpers_here, 1);
    int64_t until = gk_now() + GK_MILLISECOND;
    while (gk_now() < until)
        ;
    if (helper == t->by_helper && (helper || t->helpers_here) && !atomic_exchange(&t->forked, 1)) {
        t->child = fork_with_alarm();
    }
    if (getpid() != t->parent && gk_participant() != 0) {
        /* The only thread here is a helper, without its caller. */
        CHECK(gk_cancelled());
        _exit(computes() ? 42 : 1);
    }
    atomic_fetch_add(&t->counted, end - begin);
}

static void test_inside_a_shared_region(int by_helper)
{
    struct inside t = {.by_helper = by_helper};
    pid_t me = getpid();
    gk_options options = {.threads = 3, .eager = 1, .grain = 1};
    int status = GK_OK;
    for (int tries = 0; tries < 50 && !t.forked; tries++) {
        memset(&t, 0, sizeof t);
        t.by_helper = by_helper;
        t.parent = me;
        status = gk_parallel_for(300, fork_inside, &t, &options);
    }
    CHECK(t.forked);
    if (getpid() != me) {
        CHECK(!by_helper && status == GK_FORKED);
        _exit(computes() ? 42 : 1);
    }
    CHECK(status == GK_OK && atomic_load(&t.counted) == 300);
    CHECK(status_of(t.child) == 42);
    CHECK(computes());
}

static void fork_alone(int64_t begin, int64_t end, void *data)
{
    struct inside *t = data;
    if (begin == 100) {
        t->child = fork_with_alarm();
        t->forked = t->child == 0;
        CHECK(computes()); /* nested, in parent and child */
    }
    atomic_fetch_add(&t->counted, end - begin);
}

/* The child also completes a region without helpers. */
static void test_inside_a_region_alone(void)
{
    struct inside t = {0};
    gk_options options = {.threads = 1, .grain = 1};
    CHECK(gk_parallel_for(300, fork_alone, &t, &options) == GK_OK);
    CHECK(atomic_load(&t.counted) == 300);
    if (t.forked)
        _exit(computes() ? 0 : 1);
    CHECK(status_of(t.child) == 0);
}

static int needs_helper;
static _Atomic int has_helper;

static int forking_poll(void *context)
{
    struct inside *t = context;
    if (needs_helper && !atomic_load(&has_helper))
        return 0; /* on a busy machine the first poll may come before any helper */
    if (!atomic_exchange(&t->forked, 1)) {
        t->child = fork_with_alarm();
        CHECK(computes()); /* as a signal handler may */
    }
    return 0;
}

static void sleepy(int64_t begin, int64_t end, void *data)
{
    int64_t until = gk_now() + GK_MILLISECOND;
    while (gk_now() < until)
        ;
    if (gk_participant() > 0)
        atomic_store(&has_helper, 1);
    atomic_fetch_add((_Atomic int64_t *)data, end - begin);
}

static void test_inside_a_poll(int threads)
{
    needs_helper = threads > 1;
    struct inside t = {0};
    gk_options options = {
        .threads = threads, .grain = 1, .eager = 1, .poll = forking_poll, .poll_context = &t};
    int status = gk_parallel_for(300, sleepy, &t.counted, &options);
    CHECK(t.forked);
    if (t.child == 0)
        _exit((threads == 1 ? status == GK_OK && t.counted == 300 : status == GK_FORKED) && computes() ? 0 : 1);
    CHECK(t.forked && status == GK_OK && t.counted == 300);
    CHECK(status_of(t.child) == 0);
}

int main(void)
{
    gk_set_num_threads(4);
    fork_and_compute();
    test_idle();
    test_beside_callers();
    test_inside_a_shared_region(0);
    test_inside_a_shared_region(1);
    test_inside_a_region_alone();
    test_inside_a_poll(1);
    test_inside_a_poll(3);
    CHECK(gk_pool_stop());
    puts("test_fork: 1 passed");
    return 0;
}

#endif
