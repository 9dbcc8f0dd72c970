# cython: subinterpreters_compatible = own_gil
"""The busy loop of the CPU experiment."""
from libc.stdint cimport int64_t, uint64_t

from gilkit._call cimport Call, call_begin, call_end, integer
from gilkit._exports cimport gk_spin, import_core

import_core()


def spin(iterations, *, threads=None):
    """Execute ``x ^= 1`` a number of times, starting from x = 0, and return x.

    This is the busy loop of the classic experiment. It is never optimised away: every step is executed, on all cores
    and without the GIL.

    Parameters
    ----------
    iterations : int
        The number of steps of all threads together, 0 to ``2**63 - 1``.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    int
        ``iterations % 2``.

    Raises
    ------
    TypeError
        If an argument is not an integer.
    ValueError
        If an argument is out of range.

    Notes
    -----
    Thread-safe. Ctrl-C interrupts the call. The reference implementation is ``gilkit.reference.spin.spin``.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.spin(1_000_001)
    1
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
