/* Waits that switch greenlets. Here each greenlet is a thread (thread_hub.h). The hazards: a wake-up, a permit, a notification or a lock is lost, above all when the
 * exception comes at the moment of the signal; and two get what only one may have. The locks guard
 * plain memory, so ThreadSanitizer detects a missing barrier. */
#include "base/hub.h"

#include "sync/barrier.h"
#include "sync/condition.h"
#include "sync/deadlock.h"
#include "sync/event.h"
#include "sync/fork.h"
#include "sync/lock.h"
#include "sync/rwlock.h"
#include "sync/semaphore.h"

#include "thread_group.h"
#include "thread_hub.h"

#ifndef _WIN32
#  include <sys/wait.h>
#  include <unistd.h>
#endif

enum { THREADS = 4, TURNS = 3000 };

/* Some waits have a deadline, and some threads block: they wait side by side with greenlets. */
static gk_wait_options options_of(int i)
{
    uint32_t chance = next_random();
    return (gk_wait_options){.deadline = chance % 4 == 0 ? gk_now() + chance % 50 * GK_MICROSECOND : GK_NO_DEADLINE,
                             .sleep = i == 0 ? NULL : sleep_in_hub};
}

static struct {
    gk_lock lock;
    gk_rwlock rwlock;
    gk_semaphore semaphore;
    gk_event event;
    gk_condition condition;
    gk_barrier barrier;
    int64_t plain, tokens;
    _Atomic int64_t expected, inside;
} all;

static void use_lock(int i, void *data)
{
    begin(i, *(int *)data);
    for (int k = 0; k < TURNS; k++) {
        gk_wait_options p = options_of(i);
        if (gk_lock_acquire(&all.lock, &p) == GK_OK) {
            all.plain++;
            if (k % 16 == 0)
                gk_thread_yield();
            atomic_fetch_add(&all.expected, 1);
            CHECK(gk_lock_release(&all.lock) == GK_OK);
        }
    }
}

static void use_rwlock(int i, void *data)
{
    begin(i, *(int *)data);
    for (int k = 0; k < TURNS; k++) {
        gk_wait_options p = options_of(i);
        uintptr_t owner = 2 * (uintptr_t)i + 1; /* a greenlet's name */
        if (k % 2 == 0 && gk_rwlock_acquire_write_as(&all.rwlock, owner, &p) == GK_OK) {
            CHECK(gk_rwlock_is_written_by(&all.rwlock, owner));
            all.plain++;
            atomic_fetch_add(&all.expected, 1);
            CHECK(gk_rwlock_release_write_as(&all.rwlock, owner + 2) == GK_NOT_HELD);
            CHECK(gk_rwlock_release_write_as(&all.rwlock, owner) == GK_OK);
        } else if (k % 2 == 1 && gk_rwlock_acquire_read_as(&all.rwlock, owner, &p) == GK_OK) {
            CHECK(all.plain == atomic_load(&all.expected));
            CHECK(gk_rwlock_reads_of(&all.rwlock, owner) == 1 && gk_rwlock_reads_of(&all.rwlock, owner + 2) == 0);
            CHECK(gk_rwlock_is_held_beside(&all.rwlock, owner + 2, 1) && !gk_rwlock_is_held_beside(&all.rwlock, owner, 1));
            CHECK(gk_rwlock_release_read_as(&all.rwlock, owner) == GK_OK);
        }
    }
}

static void use_semaphore(int i, void *data)
{
    begin(i, *(int *)data);
    for (int k = 0; k < TURNS; k++) {
        gk_wait_options p = options_of(i);
        if (gk_semaphore_acquire(&all.semaphore, &p) == GK_OK) {
            CHECK(atomic_fetch_add(&all.inside, 1) < 2);
            gk_thread_yield();
            atomic_fetch_sub(&all.inside, 1);
            CHECK(gk_semaphore_release(&all.semaphore, 1) == GK_OK);
        }
    }
}

/* Each token is announced by one notification, so a lost one would leave a token for good. */
static void use_condition(int i, void *data)
{
    begin(i, *(int *)data);
    for (int k = 0; k < TURNS / 4; k++) {
        gk_lock_acquire(&all.lock, NULL);
        if (i < THREADS / 2) {
            all.tokens++;
            gk_condition_notify(&all.condition, 1);
        } else {
            while (all.tokens == 0) {
                gk_waiter *w = malloc(sizeof *w);
                CHECK(w != NULL);
                gk_wait_options p = {.sleep = sleep_in_hub};
                gk_condition_enter(&all.condition, w);
                gk_lock_release(&all.lock);
                int status = gk_condition_sleep(&all.condition, w, &p);
                CHECK(status == GK_OK || status == GK_INTERRUPTED);
                free(w);
                gk_lock_acquire(&all.lock, NULL);
            }
            all.tokens--;
        }
        gk_lock_release(&all.lock);
    }
}

static void use_event(int i, void *data)
{
    begin(i, *(int *)data);
    for (int k = 0; k < TURNS / 4; k++) {
        gk_wait_options p = {.sleep = sleep_in_hub};
        if (i == 0) {
            gk_event_set(&all.event);
            gk_thread_yield();
            if (k < TURNS / 4 - 1)
                gk_event_clear(&all.event);
        } else {
            int status = gk_event_wait(&all.event, &p);
            CHECK(status == GK_OK || status == GK_INTERRUPTED);
        }
    }
}

static void use_barrier(int i, void *data)
{
    begin(i, *(int *)data);
    for (int k = 0; k < TURNS / 8; k++) {
        gk_wait_options p = {.sleep = i == 0 ? NULL : sleep_in_hub};
        gk_arrival a;
        CHECK(gk_barrier_wait(&all.barrier, &p, &a) == GK_OK);
        if (a.index == THREADS - 1)
            CHECK(gk_barrier_open(&all.barrier, &a) == GK_OK);
    }
}

static void test_locks(int raises)
{
    memset(&all, 0, sizeof all);
    gk_rwlock_init(&all.rwlock);
    gk_semaphore_init(&all.semaphore, 2, 2);
    gk_barrier_init(&all.barrier, THREADS);
    thread_group(THREADS, use_lock, &raises);
    CHECK(all.plain == all.expected && !gk_lock_is_held(&all.lock) && all.lock.queue.first == NULL);
    all.plain = 0;
    atomic_store(&all.expected, 0);
    thread_group(THREADS, use_rwlock, &raises);
    CHECK(all.plain == all.expected && all.rwlock.state == 0 && all.rwlock.queue.first == NULL);
    thread_group(THREADS, use_semaphore, &raises);
    CHECK(gk_semaphore_value(&all.semaphore) == 2 && all.semaphore.queue.first == NULL);
    thread_group(THREADS, use_condition, &raises);
    CHECK(all.tokens == 0 && all.condition.queue.first == NULL);
    thread_group(THREADS, use_event, &raises);
    int none = 0;
    thread_group(THREADS, use_barrier, &none);
    CHECK(all.barrier.queue.first == NULL);
}

/* Exceptions at the very moment of the signal, in one thread: the sleep signals its own waiter and raises. */

static int (*at_sleep)(void);

static int signal_and_raise(_Atomic uint32_t *word, uint32_t expected, int64_t deadline)
{
    (void)word, (void)expected, (void)deadline;
    CHECK(at_sleep() == GK_OK);
    return GK_RAISED;
}

static int release_lock(void)
{
    return gk_lock_release(&all.lock);
}

static int hand_over_lock(void)
{
    for (int64_t until = gk_now() + 2 * GK_LOCK_HANDOVER_AFTER; gk_now() < until;)
        gk_thread_yield();
    return gk_lock_release(&all.lock);
}

static int release_permit(void)
{
    return gk_semaphore_release(&all.semaphore, 1);
}

static int release_write(void)
{
    return gk_rwlock_release_write_as(&all.rwlock, 3);
}

static int notify(void)
{
    gk_condition_notify(&all.condition, 1);
    return GK_OK;
}

static int notify_all(void)
{
    gk_condition_notify(&all.condition, -1);
    return GK_OK;
}

static void test_raises_at_the_signal(void)
{
    gk_wait_options p = {.sleep = signal_and_raise};
    memset(&all, 0, sizeof all);
    gk_rwlock_init(&all.rwlock);
    for (int k = 0; k < 2; k++) {
        CHECK(gk_lock_try(&all.lock));
        at_sleep = k == 0 ? release_lock : hand_over_lock;
        CHECK(gk_lock_acquire(&all.lock, &p) == GK_INTERRUPTED);
        CHECK(!gk_lock_is_held(&all.lock) && all.lock.queue.first == NULL);
    }
    gk_semaphore_init(&all.semaphore, 0, 1);
    at_sleep = release_permit;
    CHECK(gk_semaphore_acquire(&all.semaphore, &p) == GK_INTERRUPTED);
    CHECK(gk_semaphore_value(&all.semaphore) == 1);

    at_sleep = release_write;
    for (int k = 0; k < 2; k++) {
        CHECK(gk_rwlock_acquire_write_as(&all.rwlock, 3, NULL) == GK_OK);
        CHECK((k == 0 ? gk_rwlock_acquire_read_as : gk_rwlock_acquire_write_as)(&all.rwlock, 5, &p) == GK_INTERRUPTED);
        CHECK(all.rwlock.state == 0 && all.rwlock.queue.first == NULL);
    }

    for (int k = 0; k < 2; k++) { /* the next waiter gets a notification, but none that was for all */
        gk_waiter first, second;
        at_sleep = k == 0 ? notify : notify_all;
        gk_condition_enter(&all.condition, &first);
        gk_condition_enter(&all.condition, &second);
        if (k == 1)
            gk_condition_leave(&all.condition, &second);
        CHECK(gk_condition_sleep(&all.condition, &first, &p) == GK_INTERRUPTED);
        CHECK(gk_waiter_signalled(&second) == (k == 0) && all.condition.queue.first == NULL);
    }
}

/* ---- The detector: greenlets of one thread */

static void retain(void *object)
{
    (void)object;
}

static gk_claim *claim(int lock, uintptr_t owner, int switches)
{
    static char locks[4], place;
    gk_claim *c = gk_claim_new(0, GK_CLAIM_LOCK, &locks[lock], &place, owner);
    CHECK(c != NULL);
    c->switches = switches;
    return c;
}

static int would_never_end(gk_claim *wait)
{
    gk_deadlock_link *cycle;
    int count;
    CHECK(gk_claim_wait(wait, retain, &cycle, &count) == GK_OK);
    int found = cycle != NULL;
    free(cycle);
    return found;
}

static void test_deadlocks_of_greenlets(void)
{
    enum { ONE = 3, TWO = 5 };
    gk_claim *first = claim(0, ONE, 0), *second = claim(1, TWO, 0);
    CHECK(gk_claim_hold(first) == NULL && gk_claim_hold(second) == NULL);
    /* While this waits, the other greenlet can release the lock; but not if the wait blocks the thread. */
    gk_claim *blocking = claim(1, ONE, 0), *wait = claim(1, ONE, 1), *back = claim(0, TWO, 1);
    CHECK(would_never_end(blocking));
    CHECK(!would_never_end(wait));
    CHECK(would_never_end(back)); /* each waits for the other */
    gk_claim_withdraw(wait);
    CHECK(!would_never_end(back));
    gk_claim_withdraw(back);
    gk_claim copies[2];
    CHECK(gk_claims_of(0, ONE, NULL, copies, 2, retain) == 1 && copies[0].lock == first->lock);
    CHECK(gk_claim_release(0, GK_CLAIM_LOCK, first->lock, TWO) == first); /* any owner may release a lock */
    CHECK(gk_claim_release(0, GK_CLAIM_LOCK, second->lock, TWO) == second);
    gk_claim *made[] = {first, second, blocking, wait, back};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        gk_claim_free(made[i]);
}

/* ---- A fork while another thread has locked the lists */

#if !defined(_WIN32) && !defined(SANITIZED)
static _Atomic uint32_t words[2];
static _Atomic int locked, forked;

static void keep_locked(gk_hub *hub)
{
    (void)hub;
    atomic_store(&locked, 1);
    while (!atomic_load(&forked))
        gk_thread_yield();
}

static void set_first(void *unused)
{
    (void)unused;
    atomic_store(&words[0], 1);
    gk_wake(&words[0], 1);
}

static void test_fork(void)
{
    gk_hub hub = {.notify = keep_locked};
    gk_sleeper woken, other;
    gk_fork_watch();
    CHECK(gk_hub_sleep(&hub, &woken, &words[0], 0) && gk_hub_sleep(&hub, &other, &words[1], 0));
    gk_thread *thread = gk_thread_start(set_first, NULL, "waker");
    CHECK(thread != NULL);
    while (!atomic_load(&locked))
        gk_thread_yield();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        CHECK(gk_hub_wake(&words[1]) == 0); /* nothing sleeps here */
        gk_hub_leave(&woken);
        gk_hub_leave(&other);
        hub = (gk_hub){.notify = keep_locked};
        CHECK(gk_hub_sleep(&hub, &other, &words[0], 1) && gk_hub_next(&hub) == NULL);
        gk_hub_leave(&other);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    atomic_store(&forked, 1);
    gk_thread_join(thread);
    CHECK(gk_hub_next(&hub) == &woken && gk_hub_next(&hub) == NULL);
    gk_hub_leave(&woken);
    gk_hub_leave(&other);
}
#endif

int main(void)
{
#if !defined(_WIN32) && !defined(SANITIZED)
    test_fork();
#endif
    test_locks(0);
    test_locks(3);
    test_raises_at_the_signal();
    test_deadlocks_of_greenlets();
    return 0;
}
