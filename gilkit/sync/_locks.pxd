"""Lock and RLock for code with and without the GIL.

Any thread may call the methods that end in _nogil, even one that Python does not
know. Timeouts are in nanoseconds: a negative one waits without limit, 0 does not
wait. `state` holds the C struct of csrc/sync/; only that code reads it.
"""
from libc.stdint cimport int64_t, uint64_t


cdef class Lock:
    cdef uint64_t state[6]
    cdef object __weakref__
    # Returns whether the lock was acquired.
    cdef bint acquire_nogil(self, int64_t timeout=*) noexcept nogil
    # Returns False and does nothing if the lock is free.
    cdef bint release_nogil(self) noexcept nogil
    cdef bint acquire_slowly(self, object blocking, object timeout) except -1
    cdef int release_slowly(self) except -1
    # For Condition: acquires the lock again and runs no signal handlers meanwhile.
    cdef int reacquire(self) except -1
    cdef int acquire_with(self, void *wait_options) except? -1
    # With greenlets: called before a wait.
    cdef int prepare_wait(self, void *wait_options) except -1
    # With greenlets: called after the lock is acquired, and before it is released.
    cdef void note_holder(self) noexcept
    cdef void forget_holder(self) noexcept nogil


cdef class RLock:
    cdef uint64_t state[7]
    cdef object __weakref__
    cdef bint acquire_nogil(self, int64_t timeout=*) noexcept nogil
    # Returns False and does nothing if this thread does not own the lock.
    cdef bint release_nogil(self) noexcept nogil
    cdef bint acquire_slowly(self, object blocking, object timeout) except -1
    cdef int release_slowly(self) except -1
    cdef int reacquire(self, uint64_t count) except -1
    cdef int acquire_with(self, void *wait_options) except? -1
    cdef void note_holder(self) noexcept
    cdef void forget_holder(self) noexcept nogil
