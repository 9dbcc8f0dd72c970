"""RWLock for code with and without the GIL: see _locks.pxd for the conventions."""
from libc.stdint cimport int64_t, uint64_t


cdef class RWLock:
    cdef uint64_t state[7]
    cdef object __weakref__
    # Return whether the lock was acquired; False also if the thread would wait for itself.
    cdef bint acquire_read_nogil(self, int64_t timeout=*) noexcept nogil
    cdef bint acquire_write_nogil(self, int64_t timeout=*) noexcept nogil
    # Return False and do nothing if this thread does not hold the lock in that mode.
    cdef bint release_read_nogil(self) noexcept nogil
    cdef bint release_write_nogil(self) noexcept nogil
