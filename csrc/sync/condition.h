/* A condition variable without spurious wake-ups. Only gk_condition_notify() notifies
 * waiters, in the order of their arrival. */
#ifndef GK_SYNC_CONDITION_H
#define GK_SYNC_CONDITION_H

#include "sync/lock.h"
#include "sync/queue.h"

/* All zero is a condition without waiters. */
typedef struct {
    gk_queue queue;
} gk_condition;

/* Releases the lock, which the thread holds, waits, and acquires the lock again in any
 * case. GK_OK, GK_TIMEOUT or GK_INTERRUPTED. */
int gk_condition_wait(gk_condition *condition, gk_lock *lock, const gk_wait_options *wait_options);
int gk_condition_wait_rlock(gk_condition *condition, gk_rlock *lock, const gk_wait_options *wait_options);

/* The steps of a wait, for other kinds of locks and for callers that do something in
 * between: enter, release the lock, sleep, acquire the lock again. If the release
 * fails, call gk_condition_leave(). */
void gk_condition_enter(gk_condition *condition, gk_waiter *waiter);
int gk_condition_sleep(gk_condition *condition, gk_waiter *waiter, const gk_wait_options *wait_options);
void gk_condition_leave(gk_condition *condition, gk_waiter *waiter);

/* Acquires the lock again in any case, with the recursion count it had. `status` is the
 * result of the sleep; the return value is the result of the wait. */
int gk_condition_retake(gk_lock *lock, int status, const gk_wait_options *wait_options);
int gk_condition_retake_rlock(gk_rlock *lock, uintptr_t self, uintptr_t count, int status,
                              const gk_wait_options *wait_options);

GK_INLINE uint32_t gk_condition_waiters(gk_condition *condition)
{
    return atomic_load_explicit(&condition->queue.count, memory_order_relaxed);
}

/* Wakes the n threads that have waited longest; n < 0: all. */
void gk_condition_notify(gk_condition *condition, int64_t n);

#endif
