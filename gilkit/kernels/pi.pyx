# cython: subinterpreters_compatible = own_gil
"""Monte Carlo estimate of pi."""
from libc.stdint cimport uint64_t

from gilkit._call cimport Call, call_begin, call_end, exact_integer
from gilkit._exports cimport gk_pi, import_core

import_core()


def pi(samples, *, seed=0, threads=None):
    """Estimate pi by the Monte Carlo method.

    The estimate is 4 times the fraction of random points of the unit square that lie in the quarter disc.

    Parameters
    ----------
    samples : int
        The number of points, 1 to ``2**63``.
    seed : int, default 0
        0 to ``2**64 - 1``.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    float
        The estimate. Its standard error is ``1.64 / sqrt(samples)``.

    Raises
    ------
    TypeError
        If an argument is not an integer.
    ValueError
        If an argument is out of range.

    Notes
    -----
    The points come from the counter-based generator Philox4x32-10 with the key *seed*. The result depends on *samples*
    and *seed* only, not on the number of threads or the processor. Thread-safe. Ctrl-C interrupts the call. The
    reference implementation is ``gilkit.reference.pi.pi``.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.pi(2_000_001, seed=5)
    3.1411044294477852
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
    # Python's integers, because 4 * inside may have 65 bits and their division rounds once.
    return 4 * <object>inside / <object>points


def inside(begin, end, *, seed=0, threads=None):
    """Return how many of ``pi``'s random points begin <= i < end lie in the quarter disc.

    ``4 * inside(0, n, seed=s) / n`` equals ``pi(n, seed=s)``, and the counts of adjacent ranges add up to the count of
    the whole range. ``gilkit.blocks.pi`` uses this.

    Parameters
    ----------
    begin, end : int
        The range of points, 0 <= begin <= end <= ``2**63``.
    seed : int, default 0
        0 to ``2**64 - 1``.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    int
        The number of points.
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
