/* A condition variable without spurious wake-ups: waiters are notified in the
 * order of their coming, and only by gk_condition_notify(). */
#ifndef GK_SYNC_CONDITION_H
#define GK_SYNC_CONDITION_H

#include "sync/lock.h"
#include "sync/queue.h"

/* All zero is a condition nobody waits for. */
typedef struct {
    gk_queue queue;
} gk_condition;

/* Releases the lock, which the thread holds, waits, and takes the lock again,
 * whatever the outcome: GK_OK, GK_TIMEOUT, GK_INTERRUPTED. */
int gk_condition_wait(gk_condition *condition, gk_lock *lock, const gk_wait_options *wait_options);
int gk_condition_wait_rlock(gk_condition *condition, gk_rlock *lock, const gk_wait_options *wait_options);

/* The parts of it, for locks of other kinds and for callers who do something
 * between: enter, release the lock, sleep, take the lock again.
 * gk_condition_leave() is for when the release failed. */
void gk_condition_enter(gk_condition *condition, gk_waiter *waiter);
int gk_condition_sleep(gk_condition *condition, gk_waiter *waiter, const gk_wait_options *wait_options);
void gk_condition_leave(gk_condition *condition, gk_waiter *waiter);

/* Whatever happens, the lock is taken, as often as it was before; `status` is what
 * the sleep returned, and the wait ends with what these return. */
int gk_condition_retake(gk_lock *lock, int status, const gk_wait_options *wait_options);
int gk_condition_retake_rlock(gk_rlock *lock, uintptr_t self, uintptr_t count, int status,
                              const gk_wait_options *wait_options);

GK_INLINE uint32_t gk_condition_waiters(gk_condition *condition)
{
    return atomic_load_explicit(&condition->queue.count, memory_order_relaxed);
}

/* Wakes the n that have waited longest; n < 0: all. */
void gk_condition_notify(gk_condition *condition, int64_t n);

#endif
