# cython: subinterpreters_compatible = own_gil
"""Monte Carlo estimate of pi."""
from libc.stdint cimport uint64_t

from gilkit._call cimport Call, begin, exact_integer, finish
from gilkit._exports cimport gk_pi, import_core

import_core()


def pi(samples, *, seed=0, threads=None):
    """Estimates pi from *samples* random points of the unit square: 4 times the
    share of them that lies in the quarter disc. A float; its standard error is
    1.64 / sqrt(samples).

    The points come from the counter-based generator Philox4x32-10 with the key
    *seed*: the result depends on samples and seed alone, not on the number of
    threads nor on the processor. Twin: ``gilkit.reference.pi``.

    samples: 1 to 2**63. seed: 0 to 2**64 - 1. threads: 1 to 1024; None:
    ``num_threads()``. TypeError for what is no integer, ValueError for what is
    out of range. Thread-safe; Ctrl-C interrupts it.
    """
    cdef uint64_t points = exact_integer(samples, "samples", 1, 2**63)
    cdef uint64_t key = exact_integer(seed, "seed", 0, 2**64 - 1)
    cdef uint64_t inside = 0
    cdef int status
    cdef Call call
    begin(&call, threads)
    with nogil:
        status = gk_pi(points, key, &call.options, &inside)
    finish(&call, status)
    # In Python's integers: 4 * inside may have 65 bits, and their division
    # rounds once.
    return 4 * <object>inside / <object>points
