/* A lock that many may hold to read, or one to write.
 *
 * Writers are preferred: once one waits, readers that come later queue up
 * behind it, except for a thread that reads already, which would otherwise wait
 * for itself. A free lock goes to the first writer in the queue, unless the
 * head of the queue is a reader that has been passed by for GK_RWLOCK_PATIENCE:
 * then all readers that wait are let in together. So neither kind starves.
 *
 * Who holds it is known: each thread keeps the list of locks it reads under, so
 * that readers share no cache line but the lock's own. A thread that holds the
 * lock to write cannot take it again, and one that reads cannot write: two
 * readers that both wanted to would wait for each other for ever.
 */
#ifndef GK_SYNC_RWLOCK_H
#define GK_SYNC_RWLOCK_H

#include <stdint.h>

#include "sync/queue.h"

#define GK_RWLOCK_PATIENCE GK_MILLISECOND

typedef struct {
    _Atomic uint32_t state; /* readers << 2 | somebody waits << 1 | held to write */
    _Atomic uintptr_t writer;
    uint64_t id; /* unlike the address, never used again */
    gk_queue queue;
} gk_rwlock;

void gk_rwlock_init(gk_rwlock *lock);

/* GK_OK, GK_TIMEOUT, GK_INTERRUPTED; GK_OWNED if this thread
 * would wait for itself without a timeout; GK_NO_MEMORY, GK_OVERFLOW. */
int gk_rwlock_acquire_read(gk_rwlock *lock, const gk_wait_options *wait_options);
int gk_rwlock_acquire_write(gk_rwlock *lock, const gk_wait_options *wait_options);

/* GK_OK, or GK_NOT_HELD if this thread does not hold it so. */
int gk_rwlock_release_read(gk_rwlock *lock);
int gk_rwlock_release_write(gk_rwlock *lock);

/* How often this thread holds it to read; whether it holds it to write. */
uint32_t gk_rwlock_reads_of_mine(const gk_rwlock *lock);
int gk_rwlock_is_mine(gk_rwlock *lock);

/* Readers and writers that hold it now: for display. */
uint32_t gk_rwlock_readers(gk_rwlock *lock);
int gk_rwlock_is_written(gk_rwlock *lock);

#endif
