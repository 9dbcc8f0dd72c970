/* Mutual exclusion, timeouts, fairness, ownership and fork. The locks guard plain memory,
 * so ThreadSanitizer detects a missing barrier. */
#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#  define _GNU_SOURCE 1
#endif
#include "sync/barrier.h"
#include "sync/condition.h"
#include "sync/event.h"
#include "sync/lock.h"
#include "sync/rwlock.h"
#include "sync/semaphore.h"

#include "thread_group.h"

#ifndef _WIN32
#  include <signal.h>
#  include <pthread.h>
#  include <sys/wait.h>
#  include <unistd.h>
#endif

enum { TURNS = 2000 };

static const gk_wait_options do_not_wait = {.deadline = GK_DO_NOT_WAIT};

static gk_wait_options wait_options(int64_t nanoseconds)
{
    return (gk_wait_options){.deadline = gk_now() + nanoseconds};
}

static void nap(int64_t nanoseconds)
{
    gk_event never = {0};
    gk_wait_options p = wait_options(nanoseconds);
    CHECK(gk_event_wait(&never, &p) == GK_TIMEOUT);
}

/* Lock. */

static struct {
    gk_lock lock;
    gk_rlock rlock;
    int64_t plain;
} mutual;

static void add_under_lock(int i, void *data)
{
    (void)data;
    for (int k = 0; k < TURNS; k++) {
        if ((i + k) % 3 == 0) {
            while (!gk_lock_try(&mutual.lock))
                gk_thread_yield();
        } else if ((i + k) % 3 == 1) {
            gk_wait_options p = wait_options(20 * GK_MICROSECOND);
            while (gk_lock_acquire(&mutual.lock, &p) == GK_TIMEOUT)
                p.deadline = gk_now() + 20 * GK_MICROSECOND;
        } else {
            CHECK(gk_lock_acquire(&mutual.lock, NULL) == GK_OK);
        }
        mutual.plain++;
        CHECK(gk_lock_release(&mutual.lock) == GK_OK);
    }
}

static void add_under_rlock(int i, void *data)
{
    (void)data;
    for (int k = 0; k < TURNS; k++) {
        CHECK(gk_rlock_count(&mutual.rlock) <= 3); /* any thread may read it */
        for (int depth = 0; depth < 1 + (i + k) % 3; depth++)
            CHECK(gk_rlock_acquire(&mutual.rlock, NULL) == GK_OK);
        mutual.plain++;
        for (int depth = 0; depth < 1 + (i + k) % 3; depth++)
            CHECK(gk_rlock_release(&mutual.rlock) == GK_OK);
        CHECK(gk_rlock_release(&mutual.rlock) == GK_NOT_HELD);
    }
}

static void test_mutual_exclusion(void)
{
    static const int sizes[] = {1, 2, 3, 8, 64};
    for (int c = 0; c < 5; c++) {
        mutual.plain = 0;
        thread_group(sizes[c], add_under_lock, NULL);
        CHECK(mutual.plain == (int64_t)sizes[c] * TURNS);
        CHECK(!gk_lock_is_held(&mutual.lock) && atomic_load(&mutual.lock.state) == 0);
        mutual.plain = 0;
        thread_group(sizes[c], add_under_rlock, NULL);
        CHECK(mutual.plain == (int64_t)sizes[c] * TURNS);
    }
}

static void test_lock_alone(void)
{
    gk_lock l = {0};
    CHECK(gk_lock_release(&l) == GK_NOT_HELD);
    CHECK(gk_lock_acquire(&l, &do_not_wait) == GK_OK);
    CHECK(gk_lock_acquire(&l, &do_not_wait) == GK_TIMEOUT);
    int64_t begin = gk_now();
    gk_wait_options p = wait_options(20 * GK_MILLISECOND);
    CHECK(gk_lock_acquire(&l, &p) == GK_TIMEOUT);
    CHECK(gk_now() - begin >= 20 * GK_MILLISECOND);
    p.deadline = -5;
    CHECK(gk_lock_acquire(&l, &p) == GK_TIMEOUT);
    CHECK(gk_lock_release(&l) == GK_OK);
    CHECK(gk_lock_release(&l) == GK_NOT_HELD);
    CHECK(atomic_load(&l.state) == 0);
}

/* One thread acquires and releases without pause. Another must reliably get the lock each
 * time, within GK_LOCK_HANDOVER_AFTER and a scheduling delay. */

static struct {
    gk_lock lock;
    _Atomic int stop;
    int64_t longest;
} greedy;

static void be_greedy(int i, void *data)
{
    (void)data;
    if (i == 0) {
        while (!atomic_load(&greedy.stop)) {
            gk_lock_acquire(&greedy.lock, NULL);
            for (int64_t until = gk_now() + 50 * GK_MICROSECOND; gk_now() < until;)
                ;
            gk_lock_release(&greedy.lock);
        }
        return;
    }
    for (int k = 0; k < 50; k++) {
        int64_t begin = gk_now();
        gk_lock_acquire(&greedy.lock, NULL);
        int64_t waited = gk_now() - begin;
        greedy.longest = waited > greedy.longest ? waited : greedy.longest;
        gk_lock_release(&greedy.lock);
        nap(200 * GK_MICROSECOND);
    }
    atomic_store(&greedy.stop, 1);
}

static void test_fairness(void)
{
    thread_group(2, be_greedy, NULL);
    CHECK(greedy.longest < GK_SECOND);
}

/* Polling. */

static int polls;

static int poll_three_times(void *lock)
{
    /* The waiter is not in the queue while it polls, so a handler may use the lock. */
    CHECK(lock == NULL || atomic_load(&((gk_lock *)lock)->queue.count) == 0);
    return ++polls == 3;
}

static void test_poll(void)
{
    gk_lock l = {0};
    gk_event e = {0};
    gk_semaphore s;
    gk_semaphore_init(&s, 0, INT64_MAX);
    CHECK(gk_lock_try(&l));
    gk_wait_options p = {.poll = poll_three_times, .context = &l};
    CHECK(gk_lock_acquire(&l, &p) == GK_INTERRUPTED && polls == 3);
    CHECK(gk_lock_release(&l) == GK_OK && atomic_load(&l.state) == 0);
    p.context = NULL;
    polls = 0;
    int64_t begin = gk_now();
    CHECK(gk_event_wait(&e, &p) == GK_INTERRUPTED && polls == 3);
    CHECK(gk_now() - begin < 10 * GK_WAIT_POLL_INTERVAL);
    polls = 0;
    CHECK(gk_semaphore_acquire(&s, &p) == GK_INTERRUPTED && polls == 3);
    CHECK(gk_semaphore_release(&s, 1) == GK_OK && gk_semaphore_try(&s));
}

/* Semaphore. */

enum { PERMITS = 3 };

static struct {
    gk_semaphore semaphore;
    _Atomic int inside, most;
} room;

static void enter_room(int i, void *data)
{
    (void)data;
    for (int k = 0; k < TURNS / 4; k++) {
        gk_wait_options p = wait_options(30 * GK_MICROSECOND);
        while (gk_semaphore_acquire(&room.semaphore, (i + k) % 2 ? &p : NULL) != GK_OK)
            p = wait_options(30 * GK_MICROSECOND);
        int inside = atomic_fetch_add(&room.inside, 1) + 1;
        CHECK(inside <= PERMITS);
        int most = atomic_load(&room.most);
        while (inside > most && !atomic_compare_exchange_weak(&room.most, &most, inside))
            ;
        gk_cpu_relax();
        atomic_fetch_sub(&room.inside, 1);
        CHECK(gk_semaphore_release(&room.semaphore, 1) == GK_OK);
    }
}

static void test_semaphore(void)
{
    gk_semaphore_init(&room.semaphore, PERMITS, PERMITS);
    thread_group(8, enter_room, NULL);
    CHECK(atomic_load(&room.semaphore.value) == PERMITS);
    CHECK(gk_semaphore_release(&room.semaphore, 1) == GK_OVERFLOW);
    CHECK(gk_semaphore_acquire(&room.semaphore, NULL) == GK_OK);
    CHECK(gk_semaphore_release(&room.semaphore, 2) == GK_OVERFLOW);
    CHECK(gk_semaphore_release(&room.semaphore, 1) == GK_OK);
}

/* Condition: a buffer of one between producers and consumers. */

static struct {
    gk_rlock lock;
    gk_condition filled, emptied;
    int full;
    int64_t value, sum;
} buffer;

static void produce_or_consume(int i, void *data)
{
    (void)data;
    for (int k = 1; k <= TURNS / 4; k++) {
        gk_rlock_acquire(&buffer.lock, NULL);
        if (i % 2 == 0) {
            while (buffer.full)
                gk_condition_wait_rlock(&buffer.emptied, &buffer.lock, NULL);
            buffer.full = 1;
            buffer.value = k;
            gk_condition_notify(&buffer.filled, 1);
        } else {
            while (!buffer.full)
                gk_condition_wait_rlock(&buffer.filled, &buffer.lock, NULL);
            buffer.full = 0;
            buffer.sum += buffer.value;
            gk_condition_notify(&buffer.emptied, 1);
        }
        gk_rlock_release(&buffer.lock);
    }
}

static void test_condition(void)
{
    thread_group(6, produce_or_consume, NULL);
    int64_t n = TURNS / 4;
    CHECK(buffer.sum == 3 * n * (n + 1) / 2);
    gk_lock l = {0};
    gk_condition c = {0};
    gk_lock_acquire(&l, NULL);
    gk_wait_options p = wait_options(5 * GK_MILLISECOND);
    CHECK(gk_condition_wait(&c, &l, &p) == GK_TIMEOUT);
    CHECK(gk_lock_is_held(&l) && atomic_load(&c.queue.count) == 0);
    gk_lock_release(&l);
}

/* Event: a waiter continues although the event is cleared at once. */

static gk_event starting_shot;
static gk_latch waiting, passed;

static void await_shot(int i, void *data)
{
    (void)i, (void)data;
    gk_latch_count_down(&waiting, 1);
    CHECK(gk_event_wait(&starting_shot, NULL) == GK_OK);
    gk_latch_count_down(&passed, 1);
}

static void test_event_and_latch(void)
{
    thread_group_member members[8];
    gk_latch_init(&waiting, 8);
    gk_latch_init(&passed, 8);
    thread_group_start(members, 8, await_shot, NULL);
    gk_latch_wait(&waiting, NULL);
    gk_wait_options p = wait_options(20 * GK_MILLISECOND);
    CHECK(gk_latch_wait(&passed, &p) == GK_TIMEOUT); /* time for them to fall asleep */
    gk_event_set(&starting_shot);
    gk_event_clear(&starting_shot);
    CHECK(!gk_event_is_set(&starting_shot));
    CHECK(gk_latch_wait(&passed, NULL) == GK_OK);
    thread_group_join(members, 8);
    CHECK(gk_latch_count_down(&passed, 1) == GK_OVERFLOW);
    CHECK(gk_latch_count_down(&passed, 0) == GK_OK);
}

/* Barrier: no thread is in round k + 1 before all have been in round k. */

enum { PARTIES = 5, ROUNDS = 300 };

static struct {
    gk_barrier barrier;
    int64_t marks[PARTIES];
    int64_t actions;
} meeting;

static void meet(int i, void *data)
{
    (void)data;
    for (int64_t round = 1; round <= ROUNDS; round++) {
        meeting.marks[i] = round;
        gk_arrival arrival;
        CHECK(gk_barrier_wait(&meeting.barrier, NULL, &arrival) == GK_OK);
        if (arrival.index == PARTIES - 1) {
            for (int k = 0; k < PARTIES; k++)
                CHECK(meeting.marks[k] == round);
            meeting.actions++; /* plain, since only one thread at a time runs it */
            CHECK(gk_barrier_open(&meeting.barrier, &arrival) == GK_OK);
        }
    }
}

static void break_in(int i, void *data)
{
    (void)data;
    gk_arrival arrival;
    gk_wait_options p = wait_options(10 * GK_MILLISECOND);
    int status = gk_barrier_wait(&meeting.barrier, i == 0 ? &p : NULL, &arrival);
    CHECK(i == 0 ? status == GK_TIMEOUT : status == GK_BROKEN);
}

static void test_barrier(void)
{
    gk_barrier_init(&meeting.barrier, PARTIES);
    thread_group(PARTIES, meet, NULL);
    CHECK(meeting.actions == ROUNDS);
    thread_group(PARTIES - 1, break_in, NULL);
    gk_arrival arrival;
    CHECK(gk_barrier_wait(&meeting.barrier, NULL, &arrival) == GK_BROKEN);
    gk_barrier_reset(&meeting.barrier);
    meeting.actions = 0;
    thread_group(PARTIES, meet, NULL);
    CHECK(meeting.actions == ROUNDS);
}

/* RWLock: readers see both halves equal; a waiting writer is not starved. */

static struct {
    gk_rwlock lock;
    int64_t left, right;
    _Atomic int readers, most_readers;
} page;

static void read_or_write(int i, void *data)
{
    (void)data;
    for (int k = 0; k < TURNS / 2; k++) {
        gk_wait_options p = wait_options(50 * GK_MICROSECOND);
        if ((i + k) % 4 == 0) {
            if (gk_rwlock_acquire_write(&page.lock, k % 3 ? NULL : &p) != GK_OK)
                continue;
            CHECK(gk_rwlock_acquire_write(&page.lock, NULL) == GK_OWNED);
            CHECK(gk_rwlock_acquire_read(&page.lock, NULL) == GK_OWNED);
            CHECK(gk_rwlock_release_read(&page.lock) == GK_NOT_HELD);
            page.left++;
            page.right++;
            CHECK(gk_rwlock_release_write(&page.lock) == GK_OK);
            continue;
        }
        if (gk_rwlock_acquire_read(&page.lock, k % 3 ? NULL : &p) != GK_OK)
            continue;
        int readers = atomic_fetch_add(&page.readers, 1) + 1;
        int most = atomic_load(&page.most_readers);
        while (readers > most && !atomic_compare_exchange_weak(&page.most_readers, &most, readers))
            ;
        CHECK(page.left == page.right);
        CHECK(gk_rwlock_acquire_write(&page.lock, NULL) == GK_OWNED);
        CHECK(gk_rwlock_release_write(&page.lock) == GK_NOT_HELD);
        /* Reads again, without queueing behind a writer that may be waiting. */
        CHECK(gk_rwlock_acquire_read(&page.lock, NULL) == GK_OK);
        CHECK(gk_rwlock_reads_of(&page.lock, gk_thread_ident()) == 2);
        CHECK(gk_rwlock_release_read(&page.lock) == GK_OK);
        atomic_fetch_sub(&page.readers, 1);
        CHECK(gk_rwlock_release_read(&page.lock) == GK_OK);
    }
}

static void read_on(int i, void *stop)
{
    if (i == 0) { /* the writer, against readers that always overlap */
        nap(20 * GK_MILLISECOND);
        int64_t begin = gk_now();
        CHECK(gk_rwlock_acquire_write(&page.lock, NULL) == GK_OK);
        CHECK(gk_now() - begin < GK_SECOND);
        gk_rwlock_release_write(&page.lock);
        atomic_store((_Atomic int *)stop, 1);
        return;
    }
    while (!atomic_load((_Atomic int *)stop)) {
        gk_rwlock_acquire_read(&page.lock, NULL);
        nap(GK_MILLISECOND);
        gk_rwlock_release_read(&page.lock);
    }
}

static void give_up_writing(int i, void *data)
{
    (void)i, (void)data;
    gk_wait_options p = wait_options(30 * GK_MILLISECOND);
    CHECK(gk_rwlock_acquire_write(&page.lock, &p) == GK_TIMEOUT);
}

static void read_behind(int i, void *data)
{
    (void)i, (void)data;
    CHECK(gk_rwlock_acquire_read(&page.lock, NULL) == GK_OK);
    CHECK(gk_rwlock_release_read(&page.lock) == GK_OK);
}

static void test_rwlock(void)
{
    gk_rwlock_init(&page.lock);
    thread_group(8, read_or_write, NULL);
    CHECK(page.left == page.right && page.left > 0);
    CHECK(atomic_load(&page.lock.state) == 0);
    _Atomic int stop = 0;
    thread_group(4, read_on, &stop);
    CHECK(atomic_load(&page.lock.state) == 0);

    /* A writer that gives up admits the readers that waited only behind it. */
    thread_group_member writer[1], reader[1];
    CHECK(gk_rwlock_acquire_read(&page.lock, NULL) == GK_OK);
    thread_group_start(writer, 1, give_up_writing, NULL);
    while (atomic_load(&page.lock.queue.count) == 0)
        gk_thread_yield();
    thread_group_start(reader, 1, read_behind, NULL);
    thread_group_join(writer, 1);
    thread_group_join(reader, 1);
    CHECK(gk_rwlock_release_read(&page.lock) == GK_OK);

    /* More locks than fit into a thread's initial list. */
    static gk_rwlock many[40];
    for (int i = 0; i < 40; i++) {
        gk_rwlock_init(&many[i]);
        CHECK(gk_rwlock_acquire_read(&many[i], NULL) == GK_OK);
    }
    for (int i = 0; i < 40; i++)
        CHECK(gk_rwlock_release_read(&many[(i * 7) % 40]) == GK_OK);
    CHECK(gk_rwlock_release_read(&many[0]) == GK_NOT_HELD);
}

#ifndef _WIN32

/* Fork: the child has neither the holder nor the waiters. */

static struct {
    gk_lock lock;
    gk_semaphore semaphore;
    gk_event done;
} before_fork;

static void hold_or_wait(int i, void *data)
{
    (void)data;
    if (i == 0)
        CHECK(gk_semaphore_acquire(&before_fork.semaphore, NULL) == GK_OK);
    CHECK(gk_lock_acquire(&before_fork.lock, NULL) == GK_OK);
    gk_lock_release(&before_fork.lock);
}

static void test_fork(void)
{
    gk_semaphore_init(&before_fork.semaphore, 0, INT64_MAX);
    gk_lock_acquire(&before_fork.lock, NULL);
    thread_group_member members[3];
    thread_group_start(members, 3, hold_or_wait, NULL);
    while (atomic_load(&before_fork.lock.queue.count) < 2 ||
           atomic_load(&before_fork.semaphore.queue.count) < 1)
        gk_thread_yield();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        /* This thread holds the lock; the queued waiters do not exist here. */
        int ok = gk_lock_acquire(&before_fork.lock, &do_not_wait) == GK_TIMEOUT;
        ok = ok && gk_lock_release(&before_fork.lock) == GK_OK;
        for (int k = 0; k < 100 && ok; k++)
            ok = gk_lock_acquire(&before_fork.lock, NULL) == GK_OK &&
                 gk_lock_release(&before_fork.lock) == GK_OK;
        ok = ok && gk_semaphore_release(&before_fork.semaphore, 1) == GK_OK;
        ok = ok && gk_semaphore_acquire(&before_fork.semaphore, NULL) == GK_OK;
        _exit(ok ? 0 : 1);
    }
    int result;
    CHECK(waitpid(child, &result, 0) == child);
    CHECK(WIFEXITED(result) && WEXITSTATUS(result) == 0);
    gk_lock_release(&before_fork.lock);
    gk_semaphore_release(&before_fork.semaphore, 1);
    thread_group_join(members, 3);
}

/* A signal to a waiting thread makes it poll at once. */

static _Atomic int64_t poll_time;

static int note_poll(void *context)
{
    (void)context;
    atomic_store(&poll_time, gk_now());
    return 1;
}

static void ignore_signal(int number)
{
    (void)number;
}

static void send_signal(int i, void *thread)
{
    (void)i;
    nap(15 * GK_MILLISECOND);
    pthread_kill(*(pthread_t *)thread, SIGUSR1);
}

static void test_signal(void)
{
    struct sigaction action = {.sa_handler = ignore_signal};
    sigaction(SIGUSR1, &action, NULL);
    pthread_t self = pthread_self();
    thread_group_member member[1];
    gk_lock l = {0};
    gk_lock_try(&l);
    gk_wait_options p = {.poll = note_poll};
    thread_group_start(member, 1, send_signal, &self);
    int64_t begin = gk_now();
    CHECK(gk_lock_acquire(&l, &p) == GK_INTERRUPTED);
    CHECK(atomic_load(&poll_time) - begin < 100 * GK_MILLISECOND);
    thread_group_join(member, 1);
}

#else
static void test_fork(void) {}
static void test_signal(void) {}
#endif

int main(void)
{
    test_lock_alone();
    test_mutual_exclusion();
    test_fairness();
    test_poll();
    test_semaphore();
    test_condition();
    test_event_and_latch();
    test_barrier();
    test_rwlock();
    test_fork();
    test_signal();
    return 0;
}
