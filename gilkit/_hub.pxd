"""Waits during which the thread runs its other greenlets."""
from libc.stdint cimport int64_t, uint32_t

from gilkit._exports cimport gk_sleep_function, gk_word

# If the current greenlet can wait in a hub of gevent or eventlet, return a function that
# does so; otherwise NULL. Call it only if greenlet is imported.
cdef gk_sleep_function sleep_of_this_greenlet() except? NULL
