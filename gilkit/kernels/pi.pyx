# cython: subinterpreters_compatible = own_gil
"""Monte Carlo estimate of pi."""
from libc.stdint cimport uint64_t

from gilkit._call cimport Call, call_begin, call_end, exact_integer
from gilkit._exports cimport gk_pi, import_core

import_core()


def pi(samples, *, seed=0, threads=None):
    """Estimates pi from *samples* random points of the unit square: 4 times the
    share of them that lies in the quarter disc. A float; its standard error is
    1.64 / sqrt(samples).

    The points come from the counter-based generator Philox4x32-10 with the key
    *seed*: the result depends on samples and seed alone, not on the number of
    threads nor on the processor. Twin: ``gilkit.reference.pi.pi``.

    samples: 1 to ``2**63``. seed: 0 to ``2**64 - 1``. threads: 1 to 1024; None:
    ``num_threads()``. TypeError for what is no integer, ValueError for what is
    out of range. Thread-safe; Ctrl-C interrupts it.
    """
    cdef uint64_t points = exact_integer(samples, "samples", 1, 2**63)
    cdef uint64_t key = exact_integer(seed, "seed", 0, 2**64 - 1)
    cdef uint64_t inside = 0
    cdef int status
    cdef Call call
    call_begin(&call, threads)
    with nogil:
        status = gk_pi(0, points, key, &call.options, &inside)
    call_end(&call, status)
    # In Python's integers: 4 * inside may have 65 bits, and their division
    # rounds once.
    return 4 * <object>inside / <object>points


def inside(begin, end, *, seed=0, threads=None):
    """How many of ``pi``'s random points begin <= i < end lie in the quarter disc.

    ``4 * inside(0, n, seed=s) / n`` is ``pi(n, seed=s)``, and the counts of ranges
    add up to that of the whole: see ``gilkit.blocks.pi``. Twin:
    ``gilkit.reference.pi.inside``.

    begin, end: 0 <= begin <= end <= 2**63. seed: 0 to 2**64 - 1. threads: 1 to
    1024; None: ``num_threads()``. TypeError for what is no integer, ValueError for
    what is out of range. Thread-safe; Ctrl-C interrupts it.
    """
    cdef uint64_t last = exact_integer(end, "end", 0, 2**63)
    cdef uint64_t first = exact_integer(begin, "begin", 0, last)
    cdef uint64_t key = exact_integer(seed, "seed", 0, 2**64 - 1)
    cdef uint64_t count = 0
    cdef int status
    cdef Call call
    call_begin(&call, threads)
    with nogil:
        status = gk_pi(first, last, key, &call.options, &count)
    call_end(&call, status)
    return count
