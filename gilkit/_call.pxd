"""The beginning and end of every call from Python into csrc: the number of threads,
signals, deadlines and cancellation on the way in, exceptions on the way out.

    cdef Call call
    call_begin(&call, threads)
    with nogil:
        status = gk_kernel(..., &call.options)
    call_end(&call, status)
"""
from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from gilkit._exports cimport gk_options


cdef struct Call:
    gk_options options
    PyObject *scope
    void *interpreter  # in sub-interpreters


# Fill in call.options; afterwards call.options.threads is never 0. Raise for a bad
# `threads`, and if the timeout has passed or a token is cancelled. Unless this
# raises, call_end() must follow. `call` must not move in between.
cdef int call_begin(Call *call, object threads) except -1

# Raise the exception that the status of the region stands for.
cdef int call_end(Call *call, int status) except -1

# Raise the error of a call that was cancelled.
cdef int raise_cancelled() except -1

# Raise what call_begin() would raise, in steps that run no region.
cdef int call_check(object threads) except -1

# Return value as an integer from low to high; errors name the argument `name`.
cdef int64_t integer(object value, str name, int64_t low, int64_t high) except? -1

# The same for ranges that int64_t does not hold; returns an int.
cdef object exact_integer(object value, str name, object low, object high)
