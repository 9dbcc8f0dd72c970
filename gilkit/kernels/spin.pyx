# cython: subinterpreters_compatible = own_gil
"""The busy loop of the CPU experiment."""
from libc.stdint cimport int64_t, uint64_t

from gilkit._call cimport Call, call_begin, call_end, integer
from gilkit._exports cimport gk_spin, import_core

import_core()


def spin(iterations, *, threads=None):
    """Executes ``x ^= 1`` *iterations* times in all, starting from x = 0, and
    returns the last x: ``iterations % 2``.

    The busy loop of the classic experiment, never optimised away: each step is
    executed, on all cores, without the GIL. Twin: ``gilkit.reference.spin.spin``.

    iterations: 0 to ``2**63 - 1``. threads: 1 to 1024; None: ``num_threads()``.
    Thread-safe; Ctrl-C interrupts it.
    """
    cdef int64_t count = integer(iterations, "iterations", 0, 0x7fffffffffffffff)
    cdef uint64_t x
    cdef int status
    cdef Call call
    call_begin(&call, threads)
    with nogil:
        status = gk_spin(count, &call.options, &x)
    call_end(&call, status)
    return x
