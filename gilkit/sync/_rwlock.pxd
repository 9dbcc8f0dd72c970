"""RWLock for code with and without the GIL: see _locks.pxd."""
from libc.stdint cimport int64_t, uint64_t


cdef class RWLock:
    cdef uint64_t state[6]
    cdef object __weakref__
    # Whether it was acquired. False also where the thread would wait for itself.
    cdef bint acquire_read_nogil(self, int64_t timeout=*) noexcept nogil
    cdef bint acquire_write_nogil(self, int64_t timeout=*) noexcept nogil
    # False, and nothing done, if this thread does not hold it so.
    cdef bint release_read_nogil(self) noexcept nogil
    cdef bint release_write_nogil(self) noexcept nogil
