"""The Mandelbrot set."""
cimport numpy as cnp
from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t

from gilkit._call cimport Call, call_begin, call_end, integer
from gilkit._exports cimport gk_mandelbrot, import_core

from gilkit.kernels import _numpy as np

import_core()
cnp.import_array()

cdef int64_t MAX_PIXELS = 0x7fffffffffffffff // sizeof(int32_t)


cdef (double, double) interval(object value, str name):
    cdef double start, stop
    try:
        first, last = value
        start, stop = first, last
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a pair of real numbers (start, stop), not {value!r}") from None
    except OverflowError:
        start = stop = float("inf")
    # Check the difference too, because it may overflow although both ends are finite.
    if not (isfinite(start) and isfinite(stop) and isfinite(stop - start)):
        raise ValueError(f"{name} must be a finite interval (start, stop), not {value!r}")
    return start, stop


def mandelbrot(width, height, *, x=(-2.0, 1.0), y=(-1.5, 1.5), max_iter=256, threads=None):
    """Return an image of the Mandelbrot set as counts of steps.

    For each point c of a grid, count the steps ``z -> z*z + c`` from z = 0 that are taken while ``abs(z) <= 2``, at
    most *max_iter*. Points of the set have the count *max_iter*.

    Parameters
    ----------
    width, height : int
        The size of the image in pixels, at least 1.
    x, y : pair of float, default (-2.0, 1.0) and (-1.5, 1.5)
        The first and last coordinate of the columns and of the rows: finite, in either order.
    max_iter : int, default 256
        The largest count, 0 to ``2**31 - 1``.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        int32, of shape (height, width). Column j is at ``x[0] + j * (x[1] - x[0]) / (width - 1)``, and row i likewise
        in y; a single column is at ``x[0]``.

    Raises
    ------
    TypeError
        If an argument has another type.
    ValueError
        If an argument is out of range.
    MemoryError
        If the image does not fit in memory.

    Notes
    -----
    Computed in doubles without fused multiply-adds, so the counts are the same for any number of threads and on every
    processor. Thread-safe. Ctrl-C interrupts the call. The reference implementation is
    ``gilkit.reference.mandelbrot.mandelbrot``.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.mandelbrot(4, 3, max_iter=9)
    array([[1, 2, 2, 2],
           [9, 9, 9, 3],
           [1, 2, 2, 2]], dtype=int32)
    """
    cdef int64_t columns = integer(width, "width", 1, MAX_PIXELS)
    cdef int64_t rows = integer(height, "height", 1, MAX_PIXELS)
    if rows > MAX_PIXELS // columns:
        raise ValueError(f"width * height must be at most {MAX_PIXELS}, not {width} * {height}")
    cdef int32_t limit = <int32_t>integer(max_iter, "max_iter", 0, 0x7fffffff)
    cdef double x0, x1, y0, y1
    x0, x1 = interval(x, "x")
    y0, y1 = interval(y, "y")
    image = np.empty((rows, columns), dtype=np.int32)
    cdef int32_t *out = <int32_t *>cnp.PyArray_DATA(image)
    cdef int status
    cdef Call call
    call_begin(&call, threads)
    with nogil:
        status = gk_mandelbrot(columns, rows, x0, x1, y0, y1, limit, out, &call.options)
    call_end(&call, status)
    return image
