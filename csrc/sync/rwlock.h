/* A lock that many threads may hold to read, or one to write.
 *
 * Writers are preferred: once a writer waits, later readers queue behind it, except a
 * thread that already reads, which would otherwise wait for itself. A free lock goes to
 * the first writer in the queue, unless the head of the queue is a reader that has been
 * overtaken for GK_RWLOCK_HANDOVER_AFTER. In that case all waiting readers are admitted
 * together, so neither kind starves.
 *
 * The owners are known: each thread keeps a list of the locks it holds to read, so
 * readers share no cache line except the lock's own. An owner that holds the lock to
 * write cannot acquire it again, and a reader cannot acquire it to write, since two
 * readers that both tried would deadlock. An owner is a thread, named by
 * gk_thread_ident(), or a greenlet.
 */
#ifndef GK_SYNC_RWLOCK_H
#define GK_SYNC_RWLOCK_H

#include <stdint.h>

#include "sync/lock.h"
#include "sync/queue.h"

#define GK_RWLOCK_HANDOVER_AFTER GK_MILLISECOND

typedef struct {
    _Atomic uint32_t state; /* readers << 2 | has waiters << 1 | held to write */
    _Atomic uintptr_t writer;        /* the owner that holds it to write; 0: none */
    _Atomic uintptr_t writer_thread; /* the thread of that owner; only this thread can find its own ident here */
    uint64_t id; /* never reused, unlike the address */
    gk_queue queue;
} gk_rwlock;

void gk_rwlock_init(gk_rwlock *lock);

/* GK_OK, GK_TIMEOUT, GK_INTERRUPTED; GK_OWNED if `self` would wait for itself
 * without a timeout; GK_NO_MEMORY, GK_OVERFLOW. */
int gk_rwlock_acquire_read_as(gk_rwlock *lock, uintptr_t self, const gk_wait_options *wait_options);
int gk_rwlock_acquire_write_as(gk_rwlock *lock, uintptr_t self, const gk_wait_options *wait_options);

/* GK_OK, or GK_NOT_HELD if `self` does not hold the lock that way. */
int gk_rwlock_release_read_as(gk_rwlock *lock, uintptr_t self);
int gk_rwlock_release_write_as(gk_rwlock *lock, uintptr_t self);

/* How often an owner in this thread holds it to read; whether it holds it to write. */
uint32_t gk_rwlock_reads_of(const gk_rwlock *lock, uintptr_t self);
int gk_rwlock_is_written_by(gk_rwlock *lock, uintptr_t self);

/* Whether another greenlet of this thread holds the lock in a way that keeps `self` out. */
int gk_rwlock_is_held_beside(gk_rwlock *lock, uintptr_t self, int to_write);

/* The same for this thread. */

GK_INLINE int gk_rwlock_acquire_read(gk_rwlock *lock, const gk_wait_options *wait_options)
{
    return gk_rwlock_acquire_read_as(lock, gk_thread_ident(), wait_options);
}

GK_INLINE int gk_rwlock_acquire_write(gk_rwlock *lock, const gk_wait_options *wait_options)
{
    return gk_rwlock_acquire_write_as(lock, gk_thread_ident(), wait_options);
}

GK_INLINE int gk_rwlock_release_read(gk_rwlock *lock)
{
    return gk_rwlock_release_read_as(lock, gk_thread_ident());
}

GK_INLINE int gk_rwlock_release_write(gk_rwlock *lock)
{
    return gk_rwlock_release_write_as(lock, gk_thread_ident());
}

/* The number of readers, and whether a writer holds it; for display. */
uint32_t gk_rwlock_readers(gk_rwlock *lock);
int gk_rwlock_is_written(gk_rwlock *lock);

#endif
