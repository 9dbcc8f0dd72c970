"""Condition for code with and without the GIL: see _locks.pxd."""
from libc.stdint cimport int64_t, uint64_t, uintptr_t


cdef class Condition:
    cdef uint64_t state[3]
    cdef object __weakref__
    cdef readonly object _lock
    # Those of _lock, if it is one of gilkit's; else NULL.
    cdef void *lock
    cdef void *rlock
    # Whether it was notified. The lock, which must be a Lock or RLock of gilkit
    # and held by this thread, is held again on return.
    cdef bint wait_nogil(self, int64_t timeout=*) noexcept nogil
    # Less than 0: all.
    cdef void notify_nogil(self, int64_t n=*) noexcept nogil
    cdef int check_owned(self, str action) except -1
    cdef bint try_again(self, uintptr_t owner, uintptr_t count) noexcept
