/* First-in-first-out queues of waiting threads, in which the threads of every gilkit
 * lock sleep.
 *
 * A waiter is on the stack of the waiting thread, or on the heap if the wait switches
 * greenlets. It is removed from the queue before it is signalled, so a signalled waiter may
 * return at once and its memory may be reused.
 *
 * fork: the child has none of the parent's other threads, so the waiters it inherits do
 * not exist, and a queue_lock may be held by a thread that does not exist. Queue locks
 * carry the number of forks; the first thread that finds an older number empties the queue.
 */
#ifndef GK_SYNC_QUEUE_H
#define GK_SYNC_QUEUE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/status.h"

enum {
    GK_WAITER_AWAKE,
    GK_WAITER_ASLEEP,
    GK_WAITER_GRANTED,
    GK_WAITER_RETRY,
    GK_WAITER_BROKEN,
    GK_WAITER_BROADCAST
};

typedef struct gk_waiter {
    struct gk_waiter *next, *previous;
    _Atomic uint32_t state; /* AWAKE or ASLEEP until signalled with one of the others */
    uint32_t generation;    /* the number of forks when it was queued */
    int queued;             /* valid only if `generation` is current */
    int64_t since;          /* when it began to wait; 0: not yet */
    int signaller_core;     /* gk_current_cpu() of the thread that signalled it */
    uint64_t tag;           /* for use by the lock */
} gk_waiter;

/* All zero is an empty queue. */
typedef struct {
    _Atomic uint32_t queue_lock; /* forks << 2 | has sleepers << 1 | held */
    _Atomic uint32_t count; /* waiters; changed under the queue_lock, read by any thread */
    gk_waiter *first, *last;
} gk_queue;

/* The queue_lock is held for a few pointer operations, never during a wait. */
void gk_queue_lock(gk_queue *queue);
void gk_queue_unlock(gk_queue *queue);

/* Under the queue_lock. */
void gk_queue_push(gk_queue *queue, gk_waiter *waiter);
/* For a waiter that has waited before and lost the race. */
void gk_queue_push_front(gk_queue *queue, gk_waiter *waiter);
/* Returns 0 if it is not in the queue, which means that it was signalled. */
int gk_queue_remove(gk_queue *queue, gk_waiter *waiter);

/* Removes a waiter from the queue and signals it; it may no longer exist afterwards.
 * If waiters are asleep, the last one signalled is woken by gk_queue_unlock_and_wake(),
 * because a wake-up takes some microseconds and should not happen under the queue_lock.
 * Set *asleep to NULL before the first call. */
void gk_queue_signal(gk_queue *queue, gk_waiter *waiter, uint32_t signal, _Atomic uint32_t **asleep);
void gk_queue_unlock_and_wake(gk_queue *queue, _Atomic uint32_t *asleep);

/* Returns a zeroed waiter: *here, or one on the heap if the wait switches greenlets and
 * thus stacks. NULL: no memory. Ends with gk_waiter_drop(). */
gk_waiter *gk_waiter_place(gk_waiter *here, const gk_wait_options *wait_options);
void gk_waiter_drop(gk_waiter *waiter, const gk_waiter *here);

int gk_waiter_signalled(gk_waiter *waiter);

/* Why gk_waiter_sleep() returned. The last two occur only if the wait switches greenlets. */
enum {
    GK_SLEEP_SIGNALLED,
    GK_SLEEP_EXPIRED,
    GK_SLEEP_POLL,
    GK_SLEEP_RAISED, /* an exception was thrown into the greenlet; perhaps it was signalled, too */
    GK_SLEEP_FORKED, /* the queue was emptied in this child; the waiter must join it again */
};

/* Sleeps until the waiter is signalled, its deadline passes, or a poll is due. */
int gk_waiter_sleep(gk_waiter *waiter, const gk_wait_options *wait_options);
/* The same, after spinning for a signal (see spin.h). */
int gk_waiter_spin_and_sleep(gk_waiter *waiter, const gk_wait_options *wait_options);

/* Waits for the signal of a queued waiter and returns it. On timeout or interruption,
 * removes the waiter and returns a status below 0. The waiter keeps its place in the
 * queue while it polls, so this is only for locks whose waiters may do so while a
 * signal handler runs. */
int gk_waiter_wait(gk_queue *queue, gk_waiter *waiter, const gk_wait_options *wait_options);

#endif
