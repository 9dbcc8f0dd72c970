/* Mutual exclusion: gk_lock, and gk_rlock, which its owner may take again.
 *
 * Taking a free lock is one compare-and-set; a thread that finds it taken spins
 * for some microseconds and then sleeps in the queue. A release leaves the lock
 * free for whoever comes first, because handing it over each time would make
 * every release wait for a sleeper to get up; but a waiter that has been passed
 * by for GK_LOCK_PATIENCE is handed the lock by the next release. So a waiter
 * at the head of the queue is passed by for that long and one release more, and
 * no thread starves.
 */
#ifndef GK_SYNC_LOCK_H
#define GK_SYNC_LOCK_H

#include <stdint.h>

#include "base/compiler.h"
#include "sync/queue.h"

#define GK_LOCK_PATIENCE GK_MILLISECOND

/* All zero is a free lock. */
typedef struct {
    _Atomic uint32_t state;
    gk_queue queue;
} gk_lock;

enum { GK_LOCK_HELD = 1, GK_LOCK_WAITERS = 2 };

/* The quick ways, which need nothing but this header. */

GK_INLINE int gk_lock_try(gk_lock *lock)
{
    uint32_t free = 0;
    return GK_LIKELY(atomic_compare_exchange_strong_explicit(
        &lock->state, &free, GK_LOCK_HELD, memory_order_acquire, memory_order_relaxed));
}

GK_INLINE int gk_lock_try_release(gk_lock *lock)
{
    uint32_t held = GK_LOCK_HELD;
    return GK_LIKELY(atomic_compare_exchange_strong_explicit(
        &lock->state, &held, 0, memory_order_release, memory_order_relaxed));
}

GK_INLINE int gk_lock_is_held(gk_lock *lock)
{
    return atomic_load_explicit(&lock->state, memory_order_relaxed) & GK_LOCK_HELD;
}

/* GK_OK, GK_TIMEOUT, GK_INTERRUPTED. */
int gk_lock_acquire(gk_lock *lock, const gk_wait_options *wait_options);

/* GK_OK, or GK_NOT_HELD if the lock is free. Any thread may release it. */
int gk_lock_release(gk_lock *lock);

typedef struct {
    gk_lock lock;
    _Atomic uintptr_t owner; /* gk_thread_ident() of the holder, or a greenlet's name; 0: free */
    _Atomic uintptr_t count; /* times taken; written by the owner alone, read by whoever shows the lock */
} gk_rlock;

/* This thread, as threading.get_ident() names it; never 0. */
uintptr_t gk_thread_ident(void);

GK_INLINE uintptr_t gk_rlock_owner(gk_rlock *l)
{
    return atomic_load_explicit(&l->owner, memory_order_relaxed);
}

GK_INLINE uintptr_t gk_rlock_count(gk_rlock *l)
{
    return atomic_load_explicit(&l->count, memory_order_relaxed);
}

/* For the owner. */
GK_INLINE void gk_rlock_set_count(gk_rlock *l, uintptr_t count)
{
    atomic_store_explicit(&l->count, count, memory_order_relaxed);
}

/* The quick ways, for callers who know gk_thread_ident(); 0: take the long way. */

GK_INLINE int gk_rlock_try(gk_rlock *l, uintptr_t self)
{
    if (gk_lock_try(&l->lock)) {
        atomic_store_explicit(&l->owner, self, memory_order_relaxed);
        gk_rlock_set_count(l, 1);
        return 1;
    }
    if (gk_rlock_owner(l) != self || gk_rlock_count(l) == UINTPTR_MAX)
        return 0;
    gk_rlock_set_count(l, gk_rlock_count(l) + 1);
    return 1;
}

GK_INLINE int gk_rlock_try_release(gk_rlock *l, uintptr_t self)
{
    if (gk_rlock_owner(l) != self)
        return 0;
    uintptr_t count = gk_rlock_count(l);
    if (count > 1) {
        gk_rlock_set_count(l, count - 1);
        return 1;
    }
    atomic_store_explicit(&l->owner, 0, memory_order_relaxed);
    gk_rlock_set_count(l, 0);
    if (gk_lock_try_release(&l->lock))
        return 1;
    gk_rlock_set_count(l, 1); /* somebody waits: it is ours still */
    atomic_store_explicit(&l->owner, self, memory_order_relaxed);
    return 0;
}

/* As above, for the owner `self`, which is gk_thread_ident() where threads are
 * the only flows of control. GK_OVERFLOW if taken too often,
 * GK_NOT_HELD if `self` does not hold it. */
int gk_rlock_acquire_as(gk_rlock *lock, uintptr_t self, const gk_wait_options *wait_options);
int gk_rlock_release_as(gk_rlock *lock, uintptr_t self);

/* For condition variables: releases it however often it was taken and returns
 * that number (0: not held by `self`); takes it that often. */
uintptr_t gk_rlock_release_all_as(gk_rlock *lock, uintptr_t self);
int gk_rlock_acquire_again_as(gk_rlock *lock, uintptr_t self, uintptr_t count, const gk_wait_options *wait_options);

/* For this thread. */

GK_INLINE int gk_rlock_acquire(gk_rlock *lock, const gk_wait_options *wait_options)
{
    return gk_rlock_acquire_as(lock, gk_thread_ident(), wait_options);
}

GK_INLINE int gk_rlock_release(gk_rlock *lock)
{
    return gk_rlock_release_as(lock, gk_thread_ident());
}

#endif
