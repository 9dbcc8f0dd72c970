"""What `with` blocks set for the calls inside them: threads, deadlines, cancel tokens."""
cimport cython
from libc.stdint cimport int64_t

from gilkit._exports cimport gk_cancel_token, gk_token_list


cdef class CancelToken:
    cdef gk_cancel_token token
    cdef object __weakref__


# One `with` block: what it sets, and what is in force inside it. Immutable,
# because copies of a context share it.
@cython.final
cdef class Scope:
    cdef Scope outer
    cdef object owner  # the object of the `with` block
    # Set by this block: -1, 0 and None mean that it does not.
    cdef int own_threads
    cdef int64_t own_deadline
    cdef CancelToken token
    # In force: combined with what the outer blocks set.
    cdef int threads
    cdef int64_t deadline
    cdef gk_token_list link
    cdef gk_token_list *tokens
    # Calls run to their end: signal handlers wait, and nothing else ends them.
    cdef bint whole


# The innermost block of this context; None outside of all blocks.
cdef Scope current_scope()
