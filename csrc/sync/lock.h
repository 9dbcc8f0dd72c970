/* Mutual exclusion: gk_lock, and gk_rlock, which its owner may acquire again.
 *
 * Acquiring a free lock is one compare-and-set. A thread that finds the lock held spins
 * for a few microseconds and then sleeps in the queue. A release leaves the lock free
 * for the first thread that comes, because handing it over each time would delay every
 * release until a sleeper has woken up. But once the first waiter has been overtaken for
 * GK_LOCK_HANDOVER_AFTER, the next release hands the lock to it, so no thread starves.
 */
#ifndef GK_SYNC_LOCK_H
#define GK_SYNC_LOCK_H

#include <stdint.h>

#include "base/compiler.h"
#include "sync/queue.h"

#define GK_LOCK_HANDOVER_AFTER GK_MILLISECOND

/* All zero is a free lock. */
typedef struct {
    _Atomic uint32_t state;
    gk_queue queue;
} gk_lock;

enum { GK_LOCK_HELD = 1, GK_LOCK_WAITERS = 2 };

/* The inline fast paths. */

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

/* GK_OK, GK_TIMEOUT, GK_INTERRUPTED; GK_NO_MEMORY only if the wait switches greenlets. */
int gk_lock_acquire(gk_lock *lock, const gk_wait_options *wait_options);

/* GK_OK, or GK_NOT_HELD if the lock is free. Any thread may release it. */
int gk_lock_release(gk_lock *lock);

typedef struct {
    gk_lock lock;
    _Atomic uintptr_t owner; /* gk_thread_ident() of the holder, or a greenlet's name; 0: free */
    _Atomic uintptr_t count; /* recursion count; written only by the owner, read for display */
} gk_rlock;

/* This thread's threading.get_ident(); never 0. */
uintptr_t gk_thread_ident(void);

GK_INLINE uintptr_t gk_rlock_owner(gk_rlock *l)
{
    return atomic_load_explicit(&l->owner, memory_order_relaxed);
}

GK_INLINE uintptr_t gk_rlock_count(gk_rlock *l)
{
    return atomic_load_explicit(&l->count, memory_order_relaxed);
}

/* Only for the owner. */
GK_INLINE void gk_rlock_set_count(gk_rlock *l, uintptr_t count)
{
    atomic_store_explicit(&l->count, count, memory_order_relaxed);
}

/* The inline fast paths, for callers that know gk_thread_ident(). 0: use the functions below. */

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
    gk_rlock_set_count(l, 1); /* there are waiters: the lock is still ours */
    atomic_store_explicit(&l->owner, self, memory_order_relaxed);
    return 0;
}

/* Acquire and release for the owner `self`, which is gk_thread_ident() unless there are
 * greenlets. GK_OVERFLOW if the recursion count would overflow; GK_NOT_HELD if `self`
 * does not hold the lock. */
int gk_rlock_acquire_as(gk_rlock *lock, uintptr_t self, const gk_wait_options *wait_options);
int gk_rlock_release_as(gk_rlock *lock, uintptr_t self);

/* For condition variables. The first releases the lock completely and returns the
 * recursion count (0: not held by `self`); the second acquires it with that count. */
uintptr_t gk_rlock_release_all_as(gk_rlock *lock, uintptr_t self);
int gk_rlock_acquire_again_as(gk_rlock *lock, uintptr_t self, uintptr_t count, const gk_wait_options *wait_options);

/* The same for this thread. */

GK_INLINE int gk_rlock_acquire(gk_rlock *lock, const gk_wait_options *wait_options)
{
    return gk_rlock_acquire_as(lock, gk_thread_ident(), wait_options);
}

GK_INLINE int gk_rlock_release(gk_rlock *lock)
{
    return gk_rlock_release_as(lock, gk_thread_ident());
}

#endif
