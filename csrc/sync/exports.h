/* The part of csrc/exports.h that gilkit.sync calls. */
#ifndef GK_SYNC_EXPORTS_H
#define GK_SYNC_EXPORTS_H

#include "sync/barrier.h"
#include "sync/condition.h"
#include "sync/counter.h"
#include "sync/event.h"
#include "sync/gil.h"
#include "sync/hammer.h"
#include "sync/lock.h"
#include "sync/queue.h"
#include "sync/relay.h"
#include "sync/rwlock.h"
#include "sync/semaphore.h"

/* clang-format off */
#define GK_SYNC_EXPORTS(X)       \
    X(gk_sync_watchers)          \
    X(gk_thread_ident)           \
    X(gk_gil_signalling)         \
    X(gk_gil_freed)              \
    X(gk_gil_await)              \
    X(gk_lock_acquire)           \
    X(gk_lock_release)           \
    X(gk_rlock_acquire)          \
    X(gk_rlock_release)          \
    X(gk_rlock_release_all)      \
    X(gk_rlock_acquire_again)    \
    X(gk_semaphore_init)         \
    X(gk_semaphore_acquire)      \
    X(gk_semaphore_release)      \
    X(gk_event_is_set)           \
    X(gk_event_set)              \
    X(gk_event_clear)            \
    X(gk_event_wait)             \
    X(gk_event_reinit)           \
    X(gk_latch_init)             \
    X(gk_latch_count_down)       \
    X(gk_latch_wait)             \
    X(gk_condition_wait)         \
    X(gk_condition_wait_rlock)   \
    X(gk_condition_enter)        \
    X(gk_condition_leave)        \
    X(gk_condition_sleep)        \
    X(gk_condition_retake)       \
    X(gk_condition_retake_rlock) \
    X(gk_condition_notify)       \
    X(gk_barrier_init)           \
    X(gk_barrier_wait)           \
    X(gk_barrier_open)           \
    X(gk_barrier_break)          \
    X(gk_barrier_reset)          \
    X(gk_rwlock_init)            \
    X(gk_rwlock_acquire_read)    \
    X(gk_rwlock_acquire_write)   \
    X(gk_rwlock_release_read)    \
    X(gk_rwlock_release_write)   \
    X(gk_rwlock_reads_of_mine)   \
    X(gk_rwlock_is_mine)         \
    X(gk_rwlock_readers)         \
    X(gk_rwlock_is_written)      \
    X(gk_counter_new)            \
    X(gk_counter_retain)         \
    X(gk_counter_release)        \
    X(gk_atomic_compare_and_set) \
    X(gk_atomic_exchange)        \
    X(gk_locked_add)             \
    X(gk_locked_compare_and_set) \
    X(gk_locked_exchange)        \
    X(gk_locked_value)           \
    X(gk_sharded_new)            \
    X(gk_sharded_retain)         \
    X(gk_sharded_release)        \
    X(gk_sharded_add)            \
    X(gk_sharded_take_cell)      \
    X(gk_sharded_give_cell)      \
    X(gk_sharded_add_to_cell)    \
    X(gk_sharded_value)          \
    X(gk_sharded_reset)          \
    X(gk_hammer_run)             \
    X(gk_relay_run)
/* clang-format on */

#endif
