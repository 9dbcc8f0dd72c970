"""Condition for code with and without the GIL: see _locks.pxd for the conventions."""
from libc.stdint cimport int64_t, uint64_t, uintptr_t


cdef class Condition:
    cdef uint64_t state[3]
    cdef object __weakref__
    cdef readonly object _lock
    # The state of _lock if it is a gilkit Lock or RLock; otherwise NULL.
    cdef void *lock
    cdef void *rlock
    # Returns whether the thread was notified. This thread must hold the lock,
    # which must be a gilkit Lock or RLock; it holds the lock again on return.
    cdef bint wait_nogil(self, int64_t timeout=*) noexcept nogil
    # A negative n notifies all waiting threads.
    cdef void notify_nogil(self, int64_t n=*) noexcept nogil
    cdef int check_owned(self, str action) except -1
    cdef bint try_reacquire(self, uintptr_t owner, uintptr_t count) noexcept
