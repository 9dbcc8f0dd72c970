"""Lock and RLock for code with and without the GIL.

Methods that end in _nogil may be called by any thread, also one that Python
does not know. Timeouts are in nanoseconds; less than 0 is for ever, 0 is not at
all. The state of each class is that of csrc/sync/, which nobody else reads.
"""
from libc.stdint cimport int64_t, uint64_t


cdef class Lock:
    cdef uint64_t state[6]
    cdef object __weakref__
    # Whether it was acquired.
    cdef bint acquire_nogil(self, int64_t timeout=*) noexcept nogil
    # False, and nothing done, if nobody holds it.
    cdef bint release_nogil(self) noexcept nogil
    cdef bint acquire_slowly(self, object blocking, object timeout) except -1
    cdef int release_slowly(self) except -1
    # For a condition: takes it again, whatever signal handlers raise.
    cdef int take_back(self) except -1
    cdef int check_greenlets(self) except -1
    # Where there are greenlets: after it was taken, and before it is released.
    cdef void note_holder(self) noexcept
    cdef void forget_holder(self) noexcept nogil


cdef class RLock:
    cdef uint64_t state[7]
    cdef object __weakref__
    cdef bint acquire_nogil(self, int64_t timeout=*) noexcept nogil
    # False, and nothing done, if this thread does not hold it.
    cdef bint release_nogil(self) noexcept nogil
    cdef bint acquire_slowly(self, object blocking, object timeout) except -1
    cdef int release_slowly(self) except -1
    cdef int take_back(self, uint64_t count) except -1
    cdef int acquire_with(self, const void *wait_options) except? -1
    cdef void note_holder(self) noexcept
    cdef void forget_holder(self) noexcept nogil
