/* First-in-first-out queues of waiting threads: what every lock of gilkit puts
 * its threads to sleep in.
 *
 * A waiter lives on the stack of the thread that waits. Whoever signals it has
 * taken it out of the queue before, so a waiter that is signalled may return at
 * once and its memory may go.
 *
 * fork: the child has none of the parent's other threads, so waiters that it
 * inherits are ghosts, and a queue_lock may be held by one. Queue locks carry the number
 * of forks; the first thread that meets an older number empties the queue.
 */
#ifndef GK_SYNC_QUEUE_H
#define GK_SYNC_QUEUE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/status.h"

enum { GK_WAITER_AWAKE, GK_WAITER_ASLEEP, GK_WAITER_GRANTED, GK_WAITER_RETRY, GK_WAITER_BROKEN };

typedef struct gk_waiter {
    struct gk_waiter *next, *previous;
    _Atomic uint32_t state; /* AWAKE or ASLEEP until signalled with one of the others */
    uint32_t generation;    /* the number of forks when it was queued; */
    int queued;             /* only with that number is this to be believed */
    int64_t since;          /* when it began to wait; 0: not yet */
    int signaller_core;     /* gk_current_cpu() of who signalled it */
    uint64_t tag;           /* the lock's own use */
} gk_waiter;

/* All zero is an empty queue. */
typedef struct {
    _Atomic uint32_t queue_lock; /* forks << 2 | somebody sleeps on it << 1 | held */
    _Atomic uint32_t count; /* waiters; changed under the queue_lock, read by anybody */
    gk_waiter *first, *last;
} gk_queue;

/* The queue_lock is held for some pointer operations only, never over a wait. */
void gk_queue_lock(gk_queue *queue);
void gk_queue_unlock(gk_queue *queue);

/* Under the queue_lock. */
void gk_queue_push(gk_queue *queue, gk_waiter *waiter);
/* For a waiter that has waited before and lost the race. */
void gk_queue_push_front(gk_queue *queue, gk_waiter *waiter);
/* 0 if it is not in the queue, which is to say that it was signalled. */
int gk_queue_remove(gk_queue *queue, gk_waiter *waiter);

/* Removes a waiter from the queue and signals it; afterwards it may be gone.
 * Of the waiters that are asleep, the last to be signalled is woken only by
 * gk_queue_unlock_and_wake(): a wake-up takes some microseconds, during which
 * the queue_lock had better be free. *asleep is NULL before the first. */
void gk_queue_signal(gk_queue *queue, gk_waiter *waiter, uint32_t signal, _Atomic uint32_t **asleep);
void gk_queue_unlock_and_wake(gk_queue *queue, _Atomic uint32_t *asleep);

/* Why gk_waiter_sleep() returned. */
enum { GK_SLEEP_SIGNALLED, GK_SLEEP_EXPIRED, GK_SLEEP_POLL };

/* Sleeps until the waiter is signalled, its time is over, or it is time to poll;
 * spins before, as for a signal (see spin.h). */
int gk_waiter_sleep(gk_waiter *waiter, const gk_wait_options *wait_options);
int gk_waiter_spin_and_sleep(gk_waiter *waiter, const gk_wait_options *wait_options);

/* Waits for the signal of a queued waiter, polling in place, and returns it;
 * or a status below 0, the waiter then being removed. For locks whose waiters
 * may keep their place while a signal handler runs. */
int gk_waiter_wait(gk_queue *queue, gk_waiter *waiter, const gk_wait_options *wait_options);

#endif
