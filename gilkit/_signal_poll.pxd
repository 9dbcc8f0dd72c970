"""The poll that lets signal handlers run while a thread is in C."""

# Called from time to time by regions and waits, without the GIL. A nonzero result ends them.
ctypedef int (*poll_function)(void *context) noexcept nogil

# Return the poll that runs signal handlers, or NULL in threads that run none.
# Its context is ignored.
cdef poll_function poll_of_this_thread() noexcept
