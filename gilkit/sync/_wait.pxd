"""Arguments of waits on their way in, outcomes on their way out; and what they
have to do with the detection of deadlocks."""
from libc.stdint cimport int64_t, uintptr_t

from gilkit.sync._c cimport GK_DO_NOT_WAIT, GK_FOREVER, GK_NO_DEADLINE, gk_claim, gk_now, gk_wait_options

cdef extern from "Python.h":
    unsigned long PyThread_get_thread_ident() noexcept nogil
    int PyLong_CheckExact(object value) noexcept
    long PyLong_AsLongAndOverflow(object value, int *overflow) noexcept

# Like threading.Lock.acquire(blocking, timeout), where -1 is for ever.
cdef int lock_wait_options(gk_wait_options *wait_options, object blocking, object timeout) except -1

# Like threading.Event.wait(timeout), where None is for ever and less than 0 is 0.
cdef int wait_options_of(gk_wait_options *wait_options, object timeout) except -1

# Nanoseconds; less than 0 is for ever. For code without the GIL, which runs no
# signal handlers.
cdef inline gk_wait_options nogil_wait_options(int64_t timeout) noexcept nogil:
    cdef gk_wait_options wait_options
    wait_options.poll = NULL
    wait_options.context = NULL
    wait_options.deadline = GK_NO_DEADLINE
    if timeout == 0:
        wait_options.deadline = GK_DO_NOT_WAIT
    elif timeout > 0 and timeout < GK_FOREVER - gk_now():
        wait_options.deadline = gk_now() + timeout
    return wait_options

# True for GK_OK, False for GK_TIMEOUT; raises what else there is.
cdef bint outcome(int status) except -1

# Whether `timeout` is -1, as where none was given.
cdef inline bint is_for_ever(object timeout) noexcept:
    cdef int overflow = 0
    return PyLong_CheckExact(timeout) and PyLong_AsLongAndOverflow(timeout, &overflow) == -1 and overflow == 0

# What only some programs need: greenlets, and the detection of deadlocks.
# watching() is asked by every acquire and release, and says whether there is any
# of it in the process; the rest is called only while that is so.
cdef extern from *:
    """
    #define gk_watchers() atomic_load_explicit(GK(gk_sync_watchers), memory_order_relaxed)
    #define gk_watching() (gk_watchers() != 0)
    #define gk_has_greenlets() ((gk_watchers() & GK_SYNC_GREENLETS) != 0)
    #define gk_detecting() (gk_watchers() >= GK_SYNC_DETECTION)
    #define gk_has_orders() (atomic_load_explicit(GK(gk_orders_noted), memory_order_relaxed) != 0)
    """
    bint watching "gk_watching" () noexcept nogil
    bint has_greenlets "gk_has_greenlets" () noexcept nogil
    bint detecting "gk_detecting" () noexcept nogil
    bint has_orders "gk_has_orders" () noexcept nogil

# The owner of locks that are taken now: this thread, or its greenlet that runs.
cdef uintptr_t owner_among_greenlets() noexcept
cdef inline uintptr_t this_owner() noexcept:
    return owner_among_greenlets() if has_greenlets() else PyThread_get_thread_ident()
cdef int refuse_greenlet(object lock) except -1

ctypedef int (*acquire_function)(void *lock, const gk_wait_options *wait_options) noexcept nogil

# Acquires, and returns the status; what this thread holds and waits for is noted.
cdef int acquire_detecting(
    object lock, int mode, acquire_function acquire, void *state, const gk_wait_options *wait_options) except? -1
# Before a release, and after it. Nothing can go wrong, nor run, between the two.
cdef gk_claim *claim_of(object lock, int mode) noexcept
cdef void dispose(gk_claim *claims) noexcept
# For __dealloc__, if has_orders().
cdef void forget_orders(void *lock) noexcept
