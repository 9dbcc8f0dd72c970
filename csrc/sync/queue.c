#include "sync/queue.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/cores.h"
#include "base/park.h"
#include "sync/fork.h"
#include "sync/spin.h"
#include "sync/watchers.h"

/* The queue_lock: held, and slept on while a thread waits for it. */

enum { HELD = 1, SLEPT_ON = 2, FORKS_SHIFT = 2 };

#ifndef GK_QUEUE_LOCK_SPINS /* 0 where a model checker has to see the sleep */
#  define GK_QUEUE_LOCK_SPINS 50
#endif

void gk_queue_lock(gk_queue *q)
{
    gk_fork_watch();
    uint32_t free = gk_fork_generation() << FORKS_SHIFT, mine = free | HELD;
    for (int spins = 0;;) {
        uint32_t seen = atomic_load_explicit(&q->queue_lock, memory_order_relaxed);
        if (seen == free) {
            if (atomic_compare_exchange_weak_explicit(&q->queue_lock, &seen, mine, memory_order_acquire,
                                                      memory_order_relaxed))
                return;
        } else if ((seen & ~(uint32_t)(HELD | SLEPT_ON)) != free) {
            /* Last used before a fork: its holder and waiters do not exist here. */
            if (atomic_compare_exchange_weak_explicit(&q->queue_lock, &seen, mine, memory_order_acquire,
                                                      memory_order_relaxed)) {
                q->first = q->last = NULL;
                atomic_store_explicit(&q->count, 0, memory_order_relaxed);
                return;
            }
        } else if (spins < GK_QUEUE_LOCK_SPINS) {
            spins++;
            gk_cpu_relax();
        } else if ((seen & SLEPT_ON) ||
                   atomic_compare_exchange_weak_explicit(&q->queue_lock, &seen, seen | SLEPT_ON,
                                                         memory_order_relaxed, memory_order_relaxed)) {
            gk_wait(&q->queue_lock, free | HELD | SLEPT_ON, GK_FOREVER);
            /* There may be more sleepers, so a thread that has slept takes the lock with
             * SLEPT_ON set, and wakes the next one when it unlocks. */
            mine = free | HELD | SLEPT_ON;
        }
    }
}

void gk_queue_unlock(gk_queue *q)
{
    uint32_t free = gk_fork_generation() << FORKS_SHIFT;
    if (atomic_exchange_explicit(&q->queue_lock, free, memory_order_release) & SLEPT_ON)
        gk_wake(&q->queue_lock, 1);
}

/* The list. */

static void added(gk_queue *q, gk_waiter *w)
{
    w->queued = 1;
    w->generation = gk_fork_generation();
    atomic_store_explicit(&w->state, GK_WAITER_AWAKE, memory_order_relaxed);
    /* Ordered against the state of the lock: see semaphore.c. */
    atomic_fetch_add(&q->count, 1);
}

void gk_queue_push(gk_queue *q, gk_waiter *w)
{
    w->next = NULL;
    w->previous = q->last;
    *(q->last ? &q->last->next : &q->first) = w;
    q->last = w;
    added(q, w);
}

void gk_queue_push_front(gk_queue *q, gk_waiter *w)
{
    w->previous = NULL;
    w->next = q->first;
    *(q->first ? &q->first->previous : &q->last) = w;
    q->first = w;
    added(q, w);
}

int gk_queue_remove(gk_queue *q, gk_waiter *w)
{
    if (!w->queued || w->generation != gk_fork_generation())
        return 0;
    *(w->previous ? &w->previous->next : &q->first) = w->next;
    *(w->next ? &w->next->previous : &q->last) = w->previous;
    w->queued = 0;
    atomic_fetch_sub_explicit(&q->count, 1, memory_order_relaxed);
    return 1;
}

void gk_queue_signal(gk_queue *q, gk_waiter *w, uint32_t signal, _Atomic uint32_t **asleep)
{
    gk_queue_remove(q, w);
    _Atomic uint32_t *word = &w->state;
    w->signaller_core = gk_current_cpu();
    if (atomic_exchange_explicit(word, signal, memory_order_acq_rel) != GK_WAITER_ASLEEP)
        return;
    /* The waiter may have seen the signal and no longer exist. Its address is woken but
     * not read; a later sleeper on that address sees a spurious wake-up. */
    if (*asleep != NULL)
        gk_wake(*asleep, 1);
    *asleep = word;
}

void gk_queue_unlock_and_wake(gk_queue *q, _Atomic uint32_t *asleep)
{
    gk_queue_unlock(q);
    if (asleep != NULL)
        gk_wake(asleep, 1);
}

/* Sleeping. */

gk_waiter *gk_waiter_place(gk_waiter *here, const gk_wait_options *p)
{
    *here = (gk_waiter){0};
    return gk_wait_switches(p) ? calloc(1, sizeof *here) : here;
}

void gk_waiter_drop(gk_waiter *w, const gk_waiter *here)
{
    if (w != here)
        free(w);
}

static int signalled(gk_waiter *w)
{
    return atomic_load_explicit(&w->state, memory_order_acquire) >= GK_WAITER_GRANTED;
}

int gk_waiter_signalled(gk_waiter *w)
{
    return signalled(w);
}

static void spin_until_signalled(gk_waiter *w)
{
    gk_spin spin = gk_spin_for_signal();
    while (!signalled(w) && gk_spin_again(&spin))
        ;
    gk_spin_stop(&spin);
}

/* A greenlet keeps its place in the queue while it sleeps, and other greenlets run. */
static int switch_until_signalled(gk_waiter *w, const gk_wait_options *p)
{
    for (;;) {
        uint32_t seen = GK_WAITER_AWAKE;
        atomic_compare_exchange_strong_explicit(&w->state, &seen, GK_WAITER_ASLEEP, memory_order_relaxed,
                                                memory_order_relaxed);
        if (signalled(w))
            return GK_SLEEP_SIGNALLED;
        int result = p->sleep(&w->state, GK_WAITER_ASLEEP, gk_wait_until(p));
        if (result == GK_RAISED)
            return GK_SLEEP_RAISED;
        if (signalled(w))
            return GK_SLEEP_SIGNALLED;
        /* First, because "not in the queue" means "signalled" only for a current waiter. */
        if (w->generation != gk_fork_generation())
            return GK_SLEEP_FORKED;
        if (result == GK_TIMED_OUT)
            return GK_SLEEP_EXPIRED;
    }
}

static int sleep_until_signalled(gk_waiter *w, const gk_wait_options *p)
{
    if (gk_wait_switches(p))
        return switch_until_signalled(w, p);
    int64_t deadline = gk_wait_until(p), until = deadline;
    if (p && p->poll) {
        int64_t next_poll = gk_now() + GK_WAIT_POLL_INTERVAL;
        if (next_poll < until)
            until = next_poll;
    }
    for (;;) {
        uint32_t seen = GK_WAITER_AWAKE;
        atomic_compare_exchange_strong(&w->state, &seen, GK_WAITER_ASLEEP);
        if (signalled(w))
            return GK_SLEEP_SIGNALLED;
        gk_wait_result result = gk_wait(&w->state, GK_WAITER_ASLEEP, until);
        if (signalled(w))
            return GK_SLEEP_SIGNALLED;
        if (result == GK_TIMED_OUT)
            return until == deadline ? GK_SLEEP_EXPIRED : GK_SLEEP_POLL;
        /* Woken for another reason, perhaps by a signal to this thread. */
        if (p && p->poll)
            return GK_SLEEP_POLL;
    }
}

int gk_waiter_sleep(gk_waiter *w, const gk_wait_options *p)
{
    return signalled(w) ? GK_SLEEP_SIGNALLED : sleep_until_signalled(w, p);
}

int gk_waiter_spin_and_sleep(gk_waiter *w, const gk_wait_options *p)
{
    if (gk_wait_switches(p))
        return gk_waiter_sleep(w, p);
    if (!gk_must_not_wait(p))
        spin_until_signalled(w);
    int64_t begin = 0;
    int why = GK_SLEEP_SIGNALLED;
    if (!signalled(w)) {
        begin = gk_now();
        why = sleep_until_signalled(w, p);
    }
    if (why == GK_SLEEP_SIGNALLED)
        gk_spin_record_cost(begin ? gk_now() - begin : 0, w->signaller_core);
    return why;
}

/* Gives a waiter's place in the queue, or the signal that it got, to another waiter. */
static void move(gk_queue *q, gk_waiter *from, gk_waiter *to)
{
    gk_queue_lock(q);
    memcpy((void *)to, (void *)from, sizeof *to); /* signals come under the queue_lock */
    if (to->queued && to->generation == gk_fork_generation()) {
        *(to->previous ? &to->previous->next : &q->first) = to;
        *(to->next ? &to->next->previous : &q->last) = to;
    }
    gk_queue_unlock(q);
}

/* If a signal handler switches greenlets, the stack of this wait is moved elsewhere. The waiter
 * is therefore on the heap meanwhile. */
static int poll_in_queue(gk_queue *q, gk_waiter *w, const gk_wait_options *p)
{
    if ((atomic_load_explicit(&gk_sync_watchers, memory_order_relaxed) & GK_SYNC_GREENLETS) == 0)
        return p->poll(p->context);
    gk_waiter *moved = malloc(sizeof *moved);
    if (moved == NULL)
        return 0; /* later */
    move(q, w, moved);
    int end = p->poll(p->context);
    move(q, moved, w);
    free(moved);
    return end;
}

/* In a child that was forked during the wait, by another greenlet or by a signal handler, the queue is empty. */
static void rejoin_after_fork(gk_queue *q, gk_waiter *w)
{
    if (w->generation != gk_fork_generation() && !signalled(w)) {
        gk_queue_lock(q);
        gk_queue_push(q, w);
        gk_queue_unlock(q);
    }
}

int gk_waiter_wait(gk_queue *q, gk_waiter *w, const gk_wait_options *p)
{
    for (int spin = 1;; spin = 0) {
        int why = spin ? gk_waiter_spin_and_sleep(w, p) : gk_waiter_sleep(w, p);
        int status = GK_TIMEOUT;
        if (why == GK_SLEEP_RAISED || (why == GK_SLEEP_POLL && poll_in_queue(q, w, p) != 0)) {
            status = GK_INTERRUPTED;
        } else if (why == GK_SLEEP_POLL || why == GK_SLEEP_FORKED) {
            rejoin_after_fork(q, w);
            continue;
        }
        if (why != GK_SLEEP_SIGNALLED) {
            gk_queue_lock(q);
            int removed = gk_queue_remove(q, w);
            gk_queue_unlock(q);
            /* An exception goes before a signal that came at the same moment. */
            if (removed || status == GK_INTERRUPTED || !signalled(w))
                return status;
        }
        return (int)atomic_load_explicit(&w->state, memory_order_acquire);
    }
}
