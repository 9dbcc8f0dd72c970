"""Arguments of waits on their way in, outcomes on their way out; and what they
have to do with the detection of deadlocks."""
from libc.stdint cimport int64_t

from gilkit.sync._c cimport GK_FOREVER, gk_now, gk_patience

cdef extern from "Python.h":
    unsigned long PyThread_get_thread_ident() noexcept nogil

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

# Deadlock detection. `watching` is looked at by every acquire and release; the
# rest is called only while it is set.
cdef bint watching
ctypedef int (*acquire_function)(void *lock, const gk_patience *patience) noexcept nogil

cdef int acquire_watched(
    object lock, str mode, acquire_function acquire, void *state, gk_patience *patience) except? -1
cdef int released(object lock, str mode) except -1
