from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from gilkit._exports cimport gk_options

cdef extern from "gilkit/_mapping.h":
    ctypedef struct mapping:
        PyObject *fn
        PyObject **items
        PyObject *list
        PyObject *results
        PyObject *context
        PyObject *hooks
        PyObject *signalled
        int (*report)(void *block) noexcept
        void *block
        int64_t n
        bint star
        bint counted, from_outside
        # Atomic in C, so that reading and writing them is.
        int64_t done
        int64_t limit
        PyObject *error

# The functions of _mapping.h, which this module alone links.
cdef int run_mapping(mapping *m, gk_options *options) noexcept
cdef int report_mapping(void *m) noexcept nogil
cdef bint finalizing() noexcept

# The bytes of an object that has a buffer, of a string, and of a tuple or list of these; 0 for others.
cdef int64_t size_of(item) noexcept

# The (setter, function) pairs that each new thread must call, for profilers,
# debuggers and coverage; None if there are none.
cdef tuple thread_hooks()
