#include "sync/lock.h"

#include <stddef.h>

#include "sync/spin.h"

#ifdef _WIN32
#  define WIN32_LEAN_AND_MEAN
#  include <windows.h>
#else
#  include <pthread.h>
#endif

enum { HELD = GK_LOCK_HELD, WAITERS = GK_LOCK_WAITERS };

/* Any thread that finds HELD clear may set it. WAITERS changes only under the
 * queue_lock, and is set while the queue is not empty. */

static int try_keeping_waiters(gk_lock *l)
{
    uint32_t seen = atomic_load_explicit(&l->state, memory_order_relaxed);
    while (!(seen & HELD))
        if (atomic_compare_exchange_weak_explicit(&l->state, &seen, seen | HELD, memory_order_acquire,
                                                  memory_order_relaxed))
            return 1;
    return 0;
}

static int try_for_a_while(gk_lock *l)
{
    int rounds = gk_spin_begin(), taken = 0;
    /* Checks rarely, and ever more so. Each check takes the cache line away from the
     * holder, which needs it for the release, and can reacquire the lock quickly while
     * it has the line. */
    for (int i = 0, pause = 4; i < rounds && !taken; i += pause, pause += pause < 64 ? pause : 0) {
        for (int k = 0; k < pause; k++)
            gk_cpu_relax();
        taken = try_keeping_waiters(l);
    }
    gk_spin_end(rounds);
    return taken;
}

/* Takes the lock if it is free by now, else joins the queue. */
static int take_or_queue(gk_lock *l, gk_waiter *w)
{
    gk_queue_lock(&l->queue);
    uint32_t seen = atomic_load_explicit(&l->state, memory_order_relaxed);
    for (;;) {
        uint32_t wanted = seen & HELD ? HELD | WAITERS : seen | HELD;
        if (!atomic_compare_exchange_weak_explicit(&l->state, &seen, wanted, memory_order_acquire,
                                                   memory_order_relaxed))
            continue;
        if (!(seen & HELD)) {
            gk_queue_unlock(&l->queue);
            return 1;
        }
        if (w->since == 0) {
            w->since = gk_now();
            gk_queue_push(&l->queue, w);
        } else {
            gk_queue_push_front(&l->queue, w);
        }
        gk_queue_unlock(&l->queue);
        return 0;
    }
}

/* Leaves the queue; 0 if the waiter was signalled before. */
static int leave(gk_lock *l, gk_waiter *w)
{
    gk_queue_lock(&l->queue);
    int removed = gk_queue_remove(&l->queue, w);
    if (l->queue.first == NULL)
        atomic_fetch_and_explicit(&l->state, ~(uint32_t)WAITERS, memory_order_relaxed);
    gk_queue_unlock(&l->queue);
    return removed;
}

static int wait_for_lock(gk_lock *l, gk_waiter *w, const gk_wait_options *p)
{
    for (;;) {
        /* A waiter woken to retry must make this attempt before it gives up, since no
         * other waiter was woken in its place. */
        if ((!gk_wait_switches(p) && try_for_a_while(l)) || take_or_queue(l, w))
            return GK_OK;
        int why = gk_waiter_sleep(w, p);
        if (why != GK_SLEEP_SIGNALLED && leave(l, w)) {
            if (why == GK_SLEEP_EXPIRED)
                return GK_TIMEOUT;
            /* Not in the queue while the signal handler runs: the handler may want this
             * very lock, and a release would signal the thread's outer wait instead. */
            if (why == GK_SLEEP_RAISED || p->poll(p->context) != 0)
                return GK_INTERRUPTED;
            continue;
        }
        if (why == GK_SLEEP_FORKED)
            w->since = 0; /* in the child, the waiters queue up again in their order */
        int granted = atomic_load_explicit(&w->state, memory_order_acquire) == GK_WAITER_GRANTED;
        if (why == GK_SLEEP_RAISED) {
            /* Signalled at the same moment: pass the lock, or the attempt, to the next waiter. */
            if (granted || try_keeping_waiters(l))
                gk_lock_release(l);
            return GK_INTERRUPTED;
        }
        if (granted)
            return GK_OK;
    }
}

int gk_lock_acquire(gk_lock *l, const gk_wait_options *p)
{
    if (try_keeping_waiters(l))
        return GK_OK;
    if (gk_must_not_wait(p))
        return GK_TIMEOUT;
    gk_waiter here, *w = gk_waiter_place(&here, p);
    if (w == NULL)
        return GK_NO_MEMORY;
    int status = wait_for_lock(l, w, p);
    gk_waiter_drop(w, &here);
    return status;
}

int gk_lock_release(gk_lock *l)
{
    uint32_t seen = HELD;
    if (atomic_compare_exchange_strong_explicit(&l->state, &seen, 0, memory_order_release,
                                                memory_order_relaxed))
        return GK_OK;
    if (!(seen & HELD))
        return GK_NOT_HELD;

    gk_queue_lock(&l->queue);
    /* Checked again: while there are waiters, every release comes through here, and
     * another thread may have released the lock first. */
    if (!gk_lock_is_held(l)) {
        gk_queue_unlock(&l->queue);
        return GK_NOT_HELD;
    }
    gk_waiter *w = l->queue.first;
    _Atomic uint32_t *asleep = NULL;
    int hand_over = w != NULL && gk_now() - w->since >= GK_LOCK_HANDOVER_AFTER;
    if (!hand_over)
        atomic_fetch_and_explicit(&l->state, ~(uint32_t)HELD, memory_order_release);
    if (w != NULL)
        gk_queue_signal(&l->queue, w, hand_over ? GK_WAITER_GRANTED : GK_WAITER_RETRY, &asleep);
    if (l->queue.first == NULL)
        atomic_fetch_and_explicit(&l->state, ~(uint32_t)WAITERS, memory_order_release);
    gk_queue_unlock_and_wake(&l->queue, asleep);
    return GK_OK;
}

/* The recursive lock. */

uintptr_t gk_thread_ident(void)
{
#ifdef _WIN32
    return (uintptr_t)GetCurrentThreadId();
#else
    return (uintptr_t)pthread_self();
#endif
}

/* Only the owner ever finds its own name there, so relaxed is enough. */

int gk_rlock_acquire_as(gk_rlock *l, uintptr_t self, const gk_wait_options *p)
{
    if (gk_rlock_owner(l) != self)
        return gk_rlock_acquire_again_as(l, self, 1, p);
    uintptr_t count = gk_rlock_count(l);
    if (count == UINTPTR_MAX)
        return GK_OVERFLOW;
    gk_rlock_set_count(l, count + 1);
    return GK_OK;
}

int gk_rlock_acquire_again_as(gk_rlock *l, uintptr_t self, uintptr_t count, const gk_wait_options *p)
{
    int status = gk_lock_acquire(&l->lock, p);
    if (status == GK_OK) {
        atomic_store_explicit(&l->owner, self, memory_order_relaxed);
        gk_rlock_set_count(l, count);
    }
    return status;
}

int gk_rlock_release_as(gk_rlock *l, uintptr_t self)
{
    if (gk_rlock_owner(l) != self)
        return GK_NOT_HELD;
    uintptr_t left = gk_rlock_count(l) - 1;
    gk_rlock_set_count(l, left);
    if (left > 0)
        return GK_OK;
    atomic_store_explicit(&l->owner, 0, memory_order_relaxed);
    return gk_lock_release(&l->lock);
}

uintptr_t gk_rlock_release_all_as(gk_rlock *l, uintptr_t self)
{
    if (gk_rlock_owner(l) != self)
        return 0;
    uintptr_t count = gk_rlock_count(l);
    gk_rlock_set_count(l, 0);
    atomic_store_explicit(&l->owner, 0, memory_order_relaxed);
    gk_lock_release(&l->lock);
    return count;
}
