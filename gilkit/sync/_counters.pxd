"""Counters for code with and without the GIL: see _locks.pxd for the conventions.

A counter object and its handles share one C counter, which is freed with the last
of them.
"""
from libc.stdint cimport int64_t


# Raises OverflowError for an addition of n.
cdef int raise_overflow(object counter, object n) except -1


cdef class Counter:
    cdef void *counter
    cdef object __weakref__
    # Returns False and adds nothing if the count would overflow.
    cdef bint add_nogil(self, int64_t n=*) noexcept nogil
    cdef int64_t value_nogil(self) noexcept nogil
    # Sets the count to 0 and returns its previous value.
    cdef int64_t reset_nogil(self) noexcept nogil
    cdef int add_n(self, int64_t n) except -1


cdef class RacyCounter(Counter):
    pass


cdef class LockedCounter(Counter):
    cdef int add_and_read(self, int64_t n, int64_t *total) except -1


cdef class AtomicCounter(Counter):
    # Returns False and changes nothing if the value is not `expected`.
    cdef bint compare_and_set_nogil(self, int64_t expected, int64_t new) noexcept nogil


cdef class ShardedCounter(Counter):
    cdef void *cell           # the cell of a handle; NULL if this is not a handle
    cdef unsigned long owner  # the only thread that may use that cell
