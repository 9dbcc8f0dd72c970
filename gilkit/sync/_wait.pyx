# cython: subinterpreters_compatible = own_gil
"""See _wait.pxd."""
import math
import threading

from libc.math cimport ceil
from libc.stdint cimport int64_t

from gilkit._call cimport poll_of_this_thread
from gilkit.sync._c cimport (
    GK_FOREVER, GK_SYNC_BROKEN, GK_SYNC_INTERRUPTED, GK_SYNC_NO_MEMORY, GK_SYNC_OK, GK_SYNC_OVERFLOW,
    GK_SYNC_TIMEOUT, gk_now, gk_patience, import_core,
)

import_core()

_TIMEOUT_MAX = threading.TIMEOUT_MAX


cdef int64_t nanoseconds(object timeout) except? -1:
    """Seconds, as float or int, in nanoseconds; less than 0 is -2."""
    if not isinstance(timeout, (float, int)):
        raise TypeError(f"timeout must be a number of seconds, not {timeout!r}")
    if math.isnan(timeout):
        raise ValueError("timeout must be a number of seconds, not NaN (not a number)")
    if timeout > _TIMEOUT_MAX:
        raise OverflowError(f"timeout value is too large: at most {_TIMEOUT_MAX} s, not {timeout}")
    if timeout < 0:
        return -2
    return <int64_t>ceil(<double>timeout * 1e9)


cdef int set_deadline(gk_patience *patience, int64_t wait) except -1:
    cdef int64_t now = gk_now()
    patience.deadline = 0 if wait <= 0 else now + wait if wait < GK_FOREVER - now else GK_FOREVER
    return 0


cdef int lock_patience(gk_patience *patience, object blocking, object timeout) except -1:
    cdef int64_t wait = -1
    patience.poll = poll_of_this_thread()
    patience.context = NULL
    patience.deadline = GK_FOREVER
    if not is_for_ever(timeout):
        wait = nanoseconds(timeout)
        if timeout < -_TIMEOUT_MAX:
            raise OverflowError(f"timeout value is too large: {timeout}")
        if timeout == -1:
            wait = -1
    if not blocking:
        if wait != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        patience.deadline = 0
    elif wait < -1:
        raise ValueError(f"timeout value must be a non-negative number, or -1 for no timeout, not {timeout}")
    elif wait != -1:
        set_deadline(patience, wait)
    return 0


cdef int patience_of(gk_patience *patience, object timeout) except -1:
    patience.poll = poll_of_this_thread()
    patience.context = NULL
    patience.deadline = GK_FOREVER
    if timeout is not None:
        set_deadline(patience, nanoseconds(timeout))
    return 0


cdef bint outcome(int status) except -1:
    if status == GK_SYNC_OK:
        return True
    if status == GK_SYNC_TIMEOUT:
        return False
    if status == GK_SYNC_INTERRUPTED:
        return -1  # with the exception of the signal handler
    if status == GK_SYNC_NO_MEMORY:
        raise MemoryError
    if status == GK_SYNC_BROKEN:
        raise threading.BrokenBarrierError
    if status == GK_SYNC_OVERFLOW:
        raise OverflowError("the lock is held too many times")
    raise SystemError(f"a wait ended with status {status}")


_watcher = None


def set_watcher(new):
    """Has every lock report to `new`, an object like _deadlock.Watcher; None: none."""
    global _watcher
    before, _watcher = _watcher, new
    add_watchers((new is not None) - (before is not None))


cdef int acquire_watched(
        object lock, str mode, acquire_function acquire, void *state, gk_patience *patience) except? -1:
    """Acquires, and returns the status; the locks of this thread are known."""
    cdef gk_patience none = patience[0]
    cdef int status
    reports = _watcher
    if reports is None:  # any more, or it is another interpreter that watches
        with nogil:
            status = acquire(state, patience)
        return status
    none.deadline = 0
    if patience.deadline != 0:
        reports.wants(lock, mode)
    # Waits are reported only where there are any.
    status = acquire(state, &none)
    if status == GK_SYNC_TIMEOUT and patience.deadline != 0:
        reports.waits(lock, mode, patience.deadline == GK_FOREVER)
        with nogil:
            status = acquire(state, patience)
        if status == GK_SYNC_INTERRUPTED:
            # The exception on its way must not be lost, nor be raised in there.
            try:
                outcome(status)
            finally:
                reports.waits_no_more()
        reports.waits_no_more()
    if status == GK_SYNC_OK:
        reports.took(lock, mode)
    return status


cdef int released(object lock, str mode) except -1:
    reports = _watcher
    if reports is not None:
        reports.released(lock, mode)
    return 0
