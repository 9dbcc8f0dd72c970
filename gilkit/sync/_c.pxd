"""Declarations of csrc/sync for the modules of gilkit.sync. See gilkit/_exports.pxd."""
from libc.stdint cimport int64_t, uint32_t, uint64_t, uintptr_t

from gilkit._exports cimport (
    GK_BROKEN, GK_DO_NOT_WAIT, GK_FOREVER, GK_INTERRUPTED, GK_NO_DEADLINE, GK_NO_MEMORY, GK_NOT_HELD, GK_OK,
    GK_OVERFLOW, GK_OWNED, GK_TIMEOUT, gk_now, gk_wait_options, import_core,
)

cdef extern from *:
    """
    #ifdef Py_GIL_DISABLED /* no GIL to hand over */
    #  define gk_with_gil(call) ((void)0)
    #else
    #  define gk_with_gil(call) (call)
    #endif
    #define gk_gil_signalling_if() gk_with_gil(GK(gk_gil_signalling)())
    #define gk_gil_freed_if() gk_with_gil(GK(gk_gil_freed)())
    #define gk_gil_await_if() gk_with_gil(GK(gk_gil_await)())
    """
    void gk_gil_signalling "gk_gil_signalling_if" () noexcept nogil
    void gk_gil_freed "gk_gil_freed_if" () noexcept nogil
    void gk_gil_await "gk_gil_await_if" () noexcept nogil

    ctypedef struct gk_waiter:
        pass
    uintptr_t gk_thread_ident "GK(gk_thread_ident)" () noexcept nogil

    ctypedef struct gk_lock:
        pass
    bint gk_lock_try(gk_lock *lock) noexcept nogil
    bint gk_lock_try_release(gk_lock *lock) noexcept nogil
    bint gk_lock_is_held(gk_lock *lock) noexcept nogil
    int gk_lock_acquire "GK(gk_lock_acquire)" (gk_lock *lock, const gk_wait_options *wait_options) noexcept nogil
    int gk_lock_release "GK(gk_lock_release)" (gk_lock *lock) noexcept nogil

    # Flags of gk_sync_watchers.
    enum:
        GK_SYNC_GREENLETS
        GK_SYNC_DETECTION
    enum:
        GK_CLAIM_LOCK
        GK_CLAIM_READ
        GK_CLAIM_WRITE
    enum:
        GK_DETECT_NOTHING
        GK_DETECT_DEADLOCKS
        GK_DETECT_INVERSIONS
    ctypedef struct gk_claim:
        gk_claim *next
        void *lock
        void *place
        int switches
    ctypedef struct gk_deadlock_link:
        void *lock
        void *place
        void *holder_place
        uintptr_t ident
        uintptr_t holder_ident
        int mode
        int holder_waits
    ctypedef void (*gk_retain)(void *object) noexcept nogil
    int gk_deadlock_mode "GK(gk_deadlock_mode)" (int64_t domain) noexcept nogil
    int gk_deadlock_set_mode "GK(gk_deadlock_set_mode)" (int64_t domain, int mode, gk_claim **forgotten) noexcept nogil
    gk_claim *gk_claim_new "GK(gk_claim_new)" (
        int64_t domain, int mode, void *lock, void *place, uintptr_t ident) noexcept nogil
    void gk_claim_free "GK(gk_claim_free)" (gk_claim *claim) noexcept nogil
    gk_claim *gk_claim_hold "GK(gk_claim_hold)" (gk_claim *claim) noexcept nogil
    int gk_claim_wait "GK(gk_claim_wait)" (
        gk_claim *claim, gk_retain retain, gk_deadlock_link **cycle, int *count) noexcept nogil
    void gk_claim_withdraw "GK(gk_claim_withdraw)" (gk_claim *claim) noexcept nogil
    gk_claim *gk_claim_release "GK(gk_claim_release)" (
        int64_t domain, int mode, void *lock, uintptr_t ident) noexcept nogil
    int gk_claims_of "GK(gk_claims_of)" (
        int64_t domain, uintptr_t ident, void *other_than, gk_claim *copies, int capacity,
        gk_retain retain) noexcept nogil
    ctypedef struct gk_order:
        gk_order *next
        void *details
    int gk_order_note "GK(gk_order_note)" (
        int64_t domain, void *first, void *second, void *details, gk_retain retain, void **opposite) noexcept nogil
    void gk_order_free "GK(gk_order_free)" (gk_order *order) noexcept nogil
    gk_order *gk_orders_forget "GK(gk_orders_forget)" (int64_t domain, void *lock) noexcept nogil

    ctypedef struct gk_rlock:
        gk_lock lock
    uintptr_t gk_rlock_owner(gk_rlock *lock) noexcept nogil
    uintptr_t gk_rlock_count(gk_rlock *lock) noexcept nogil
    void gk_rlock_set_count(gk_rlock *lock, uintptr_t count) noexcept nogil
    bint gk_rlock_try(gk_rlock *lock, uintptr_t self) noexcept nogil
    bint gk_rlock_try_release(gk_rlock *lock, uintptr_t self) noexcept nogil
    int gk_rlock_acquire "GK(gk_rlock_acquire_as)" (
        gk_rlock *lock, uintptr_t self, const gk_wait_options *wait_options) noexcept nogil
    int gk_rlock_release "GK(gk_rlock_release_as)" (gk_rlock *lock, uintptr_t self) noexcept nogil
    uintptr_t gk_rlock_release_all "GK(gk_rlock_release_all_as)" (gk_rlock *lock, uintptr_t self) noexcept nogil
    int gk_rlock_acquire_again "GK(gk_rlock_acquire_again_as)" (
        gk_rlock *lock, uintptr_t self, uintptr_t count, const gk_wait_options *wait_options) noexcept nogil

    ctypedef struct gk_semaphore:
        int64_t bound
    int64_t gk_semaphore_value(gk_semaphore *semaphore) noexcept nogil
    bint gk_semaphore_try(gk_semaphore *semaphore) noexcept nogil
    void gk_semaphore_init "GK(gk_semaphore_init)" (
        gk_semaphore *semaphore, int64_t value, int64_t bound) noexcept nogil
    int gk_semaphore_acquire "GK(gk_semaphore_acquire)" (
        gk_semaphore *semaphore, const gk_wait_options *wait_options) noexcept nogil
    int gk_semaphore_release "GK(gk_semaphore_release)" (gk_semaphore *semaphore, int64_t n) noexcept nogil

    ctypedef struct gk_event:
        pass
    bint gk_event_is_set "GK(gk_event_is_set)" (gk_event *event) noexcept nogil
    void gk_event_set "GK(gk_event_set)" (gk_event *event) noexcept nogil
    void gk_event_clear "GK(gk_event_clear)" (gk_event *event) noexcept nogil
    int gk_event_wait "GK(gk_event_wait)" (gk_event *event, const gk_wait_options *wait_options) noexcept nogil
    void gk_event_reinit "GK(gk_event_reinit)" (gk_event *event) noexcept nogil

    ctypedef struct gk_latch:
        pass
    int64_t gk_latch_left(gk_latch *latch) noexcept nogil
    void gk_latch_init "GK(gk_latch_init)" (gk_latch *latch, int64_t count) noexcept nogil
    int gk_latch_count_down "GK(gk_latch_count_down)" (gk_latch *latch, int64_t n) noexcept nogil
    int gk_latch_wait "GK(gk_latch_wait)" (gk_latch *latch, const gk_wait_options *wait_options) noexcept nogil

    ctypedef struct gk_condition:
        pass
    uint32_t gk_condition_waiters(gk_condition *condition) noexcept nogil
    int gk_condition_wait "GK(gk_condition_wait)" (
        gk_condition *condition, gk_lock *lock, const gk_wait_options *wait_options) noexcept nogil
    int gk_condition_wait_rlock "GK(gk_condition_wait_rlock)" (
        gk_condition *condition, gk_rlock *lock, const gk_wait_options *wait_options) noexcept nogil
    void gk_condition_enter "GK(gk_condition_enter)" (gk_condition *condition, gk_waiter *waiter) noexcept nogil
    void gk_condition_leave "GK(gk_condition_leave)" (gk_condition *condition, gk_waiter *waiter) noexcept nogil
    int gk_condition_sleep "GK(gk_condition_sleep)" (
        gk_condition *condition, gk_waiter *waiter, const gk_wait_options *wait_options) noexcept nogil
    int gk_condition_retake "GK(gk_condition_retake)" (
        gk_lock *lock, int status, const gk_wait_options *wait_options) noexcept nogil
    int gk_condition_retake_rlock "GK(gk_condition_retake_rlock)" (
        gk_rlock *lock, uintptr_t self, uintptr_t count, int status, const gk_wait_options *wait_options) noexcept nogil
    void gk_condition_notify "GK(gk_condition_notify)" (gk_condition *condition, int64_t n) noexcept nogil

    ctypedef struct gk_barrier:
        uint32_t parties
    ctypedef struct gk_arrival:
        uint32_t index
    uint32_t gk_barrier_waiting(gk_barrier *barrier) noexcept nogil
    bint gk_barrier_broken(gk_barrier *barrier) noexcept nogil
    void gk_barrier_init "GK(gk_barrier_init)" (gk_barrier *barrier, uint32_t parties) noexcept nogil
    int gk_barrier_wait "GK(gk_barrier_wait)" (
        gk_barrier *barrier, const gk_wait_options *wait_options, gk_arrival *arrival) noexcept nogil
    int gk_barrier_open "GK(gk_barrier_open)" (gk_barrier *barrier, const gk_arrival *arrival) noexcept nogil
    void gk_barrier_break "GK(gk_barrier_break)" (gk_barrier *barrier) noexcept nogil
    void gk_barrier_reset "GK(gk_barrier_reset)" (gk_barrier *barrier) noexcept nogil

    ctypedef struct gk_rwlock:
        pass
    void gk_rwlock_init "GK(gk_rwlock_init)" (gk_rwlock *lock) noexcept nogil
    int gk_rwlock_acquire_read "GK(gk_rwlock_acquire_read_as)" (
        gk_rwlock *lock, uintptr_t self, const gk_wait_options *wait_options) noexcept nogil
    int gk_rwlock_acquire_write "GK(gk_rwlock_acquire_write_as)" (
        gk_rwlock *lock, uintptr_t self, const gk_wait_options *wait_options) noexcept nogil
    int gk_rwlock_release_read "GK(gk_rwlock_release_read_as)" (gk_rwlock *lock, uintptr_t self) noexcept nogil
    int gk_rwlock_release_write "GK(gk_rwlock_release_write_as)" (gk_rwlock *lock, uintptr_t self) noexcept nogil
    uint32_t gk_rwlock_reads_of "GK(gk_rwlock_reads_of)" (gk_rwlock *lock, uintptr_t self) noexcept nogil
    bint gk_rwlock_is_written_by "GK(gk_rwlock_is_written_by)" (gk_rwlock *lock, uintptr_t self) noexcept nogil
    bint gk_rwlock_is_held_beside "GK(gk_rwlock_is_held_beside)" (
        gk_rwlock *lock, uintptr_t self, bint to_write) noexcept nogil
    uint32_t gk_rwlock_readers "GK(gk_rwlock_readers)" (gk_rwlock *lock) noexcept nogil
    bint gk_rwlock_is_written "GK(gk_rwlock_is_written)" (gk_rwlock *lock) noexcept nogil

    ctypedef struct gk_counter:
        gk_lock lock
    int64_t gk_counter_value(gk_counter *counter) noexcept nogil
    int gk_racy_add(gk_counter *counter, int64_t n) noexcept nogil
    int gk_atomic_add(gk_counter *counter, int64_t n, int64_t *sum) noexcept nogil
    gk_counter *gk_counter_new "GK(gk_counter_new)" (int64_t value) noexcept nogil
    void gk_counter_retain "GK(gk_counter_retain)" (gk_counter *counter) noexcept nogil
    void gk_counter_release "GK(gk_counter_release)" (gk_counter *counter) noexcept nogil
    bint gk_atomic_compare_and_set "GK(gk_atomic_compare_and_set)" (
        gk_counter *counter, int64_t expected, int64_t wanted) noexcept nogil
    int64_t gk_atomic_exchange "GK(gk_atomic_exchange)" (gk_counter *counter, int64_t value) noexcept nogil
    int gk_locked_add "GK(gk_locked_add)" (
        gk_counter *counter, int64_t n, int64_t *sum, const gk_wait_options *wait_options) noexcept nogil
    bint gk_locked_compare_and_set "GK(gk_locked_compare_and_set)" (
        gk_counter *counter, int64_t expected, int64_t wanted) noexcept nogil
    int64_t gk_locked_exchange "GK(gk_locked_exchange)" (gk_counter *counter, int64_t value) noexcept nogil
    int64_t gk_locked_value "GK(gk_locked_value)" (gk_counter *counter) noexcept nogil

    ctypedef struct gk_sharded:
        pass
    ctypedef struct gk_cell:
        pass
    gk_sharded *gk_sharded_new "GK(gk_sharded_new)" (int padded) noexcept nogil
    void gk_sharded_retain "GK(gk_sharded_retain)" (gk_sharded *counter) noexcept nogil
    void gk_sharded_release "GK(gk_sharded_release)" (gk_sharded *counter) noexcept nogil
    int gk_sharded_add "GK(gk_sharded_add)" (gk_sharded *counter, int64_t n) noexcept nogil
    gk_cell *gk_sharded_take_cell "GK(gk_sharded_take_cell)" (gk_sharded *counter) noexcept nogil
    void gk_sharded_give_cell "GK(gk_sharded_give_cell)" (gk_sharded *counter, gk_cell *cell) noexcept nogil
    int gk_sharded_add_to_cell "GK(gk_sharded_add_to_cell)" (
        gk_sharded *counter, gk_cell *cell, int64_t n) noexcept nogil
    int64_t gk_sharded_value "GK(gk_sharded_value)" (gk_sharded *counter) noexcept nogil
    int64_t gk_sharded_reset "GK(gk_sharded_reset)" (gk_sharded *counter) noexcept nogil

    ctypedef enum gk_contend_kind:
        GK_CONTEND_RACY
        GK_CONTEND_LOCKED
        GK_CONTEND_ATOMIC
        GK_CONTEND_OPTIMISTIC
        GK_CONTEND_SHARDED
    ctypedef struct gk_contend:
        gk_contend_kind kind
        gk_counter *counter
        gk_sharded *sharded
        int64_t increments
        int threads
        int64_t inside
        int64_t outside
        int64_t done
        int64_t retries
        int64_t nanoseconds
    int gk_contend_run "GK(gk_contend_run)" (gk_contend *contend, const gk_wait_options *wait_options) noexcept nogil

    ctypedef struct gk_ping_pong:
        int threads
        int64_t laps
        int64_t done
        int64_t nanoseconds
    int gk_ping_pong_run "GK(gk_ping_pong_run)" (gk_ping_pong *ring, const gk_wait_options *wait_options) noexcept nogil
