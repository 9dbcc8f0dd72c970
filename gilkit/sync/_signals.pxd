"""Semaphores, Event, Latch and Barrier for code with and without the GIL: see
_locks.pxd for the conventions."""
from libc.stdint cimport int64_t, uint64_t


cdef class Semaphore:
    cdef uint64_t state[5]
    cdef object __weakref__
    cdef bint acquire_nogil(self, int64_t timeout=*) noexcept nogil
    # Returns False and does nothing if n < 1, or if it would exceed the bound.
    cdef bint release_nogil(self, int64_t n=*) noexcept nogil
    cdef int start(self, object value, bint bounded) except -1
    cdef bint acquire_slowly(self, object blocking, object timeout) except -1


cdef class BoundedSemaphore(Semaphore):
    pass


cdef class Event:
    cdef uint64_t state[1]
    cdef object __weakref__
    cdef object condition
    cdef bint is_set_nogil(self) noexcept nogil
    cdef void set_nogil(self) noexcept nogil
    cdef void clear_nogil(self) noexcept nogil
    # Returns whether the flag is set, or was set during the wait.
    cdef bint wait_nogil(self, int64_t timeout=*) noexcept nogil


cdef class Latch:
    cdef uint64_t state[2]
    cdef object __weakref__
    # Returns False and does nothing if the count is less than n.
    cdef bint count_down_nogil(self, int64_t n=*) noexcept nogil
    cdef bint wait_nogil(self, int64_t timeout=*) noexcept nogil


cdef class Barrier:
    cdef uint64_t state[7]
    cdef object __weakref__
    cdef object action
    cdef object timeout
    # Returns the index of this thread, or -1 if the barrier is broken. Does not
    # call the action.
    cdef int64_t wait_nogil(self, int64_t timeout=*) noexcept nogil
