"""Arguments of waits on their way in, outcomes on their way out; and what they
have to do with the detection of deadlocks."""
from libc.stdint cimport int64_t

from gilkit.sync._c cimport GK_FOREVER, gk_now, gk_patience

cdef extern from "Python.h":
    unsigned long PyThread_get_thread_ident() noexcept nogil
    int PyLong_CheckExact(object value) noexcept
    long PyLong_AsLongAndOverflow(object value, int *overflow) noexcept

# Like threading.Lock.acquire(blocking, timeout), where -1 is for ever.
cdef int lock_patience(gk_patience *patience, object blocking, object timeout) except -1

# Like threading.Event.wait(timeout), where None is for ever and less than 0 is 0.
cdef int patience_of(gk_patience *patience, object timeout) except -1

# Nanoseconds; less than 0 is for ever. For code without the GIL, which runs no
# signal handlers.
cdef inline gk_patience nogil_patience(int64_t timeout) noexcept nogil:
    cdef gk_patience patience
    patience.poll = NULL
    patience.context = NULL
    patience.deadline = GK_FOREVER
    if timeout == 0:
        patience.deadline = 0
    elif timeout > 0 and timeout < GK_FOREVER - gk_now():
        patience.deadline = gk_now() + timeout
    return patience

# True for GK_SYNC_OK, False for GK_SYNC_TIMEOUT; raises what else there is.
cdef bint outcome(int status) except -1

# Whether `timeout` is -1, as where none was given.
cdef inline bint is_for_ever(object timeout) noexcept:
    cdef int overflow = 0
    return PyLong_CheckExact(timeout) and PyLong_AsLongAndOverflow(timeout, &overflow) == -1 and overflow == 0

# Deadlock detection. watching() is asked by every acquire and release; the rest
# is called only while it is true, which is for all interpreters of the process.
cdef extern from *:
    """
    #define gk_watching() (atomic_load_explicit(GK(gk_sync_watchers), memory_order_relaxed) != 0)
    #define gk_add_watchers(n) ((void)atomic_fetch_add_explicit(GK(gk_sync_watchers), (n), memory_order_relaxed))
    """
    bint watching "gk_watching" () noexcept nogil
    void add_watchers "gk_add_watchers" (int n) noexcept nogil
ctypedef int (*acquire_function)(void *lock, const gk_patience *patience) noexcept nogil

cdef int acquire_watched(
    object lock, str mode, acquire_function acquire, void *state, gk_patience *patience) except? -1
cdef int released(object lock, str mode) except -1
