"""What every call from Python into csrc needs: the number of threads, signals,
deadlines and cancellation on the way in, exceptions on the way out.

    cdef Call call
    begin(&call, threads)
    with nogil:
        status = gk_kernel(..., &call.options)
    finish(&call, status)
"""
from cpython.object cimport PyObject
from libc.stdint cimport int64_t

from gilkit._exports cimport gk_options


cdef struct Call:
    gk_options options
    PyObject *scope
    void *interpreter  # in sub-interpreters


# Raises for a bad `threads`, and if the call is not to begin (its timeout has
# passed, its token is cancelled, a signal handler raises); then finish() is not
# to be called. Else it must be. `call` stays where it is in between.
# call.options.threads is never 0 afterwards.
cdef int begin(Call *call, object threads) except -1

# Raises what the status of the region stands for.
cdef int finish(Call *call, int status) except -1

# What a wait of this thread calls now and then: the signal handlers in the
# thread that runs them, else NULL. The context is a Call, or NULL.
ctypedef int (*poll_function)(void *context) noexcept nogil
cdef poll_function poll_of_this_thread() noexcept

# value as an integer of low..high; the error names the argument `name`.
cdef int64_t integer(object value, str name, int64_t low, int64_t high) except? -1

# The same beyond 64 bits with a sign; an int.
cdef object exact_integer(object value, str name, object low, object high)
