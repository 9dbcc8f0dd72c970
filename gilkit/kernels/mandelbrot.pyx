"""The Mandelbrot set."""
cimport numpy as cnp
from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t

from gilkit._call cimport Call, call_begin, call_end, integer
from gilkit._exports cimport gk_mandelbrot, import_core

from gilkit.kernels import _numpy as np

import_core()
cnp.import_array()

cdef int64_t MOST_PIXELS = 0x7fffffffffffffff // sizeof(int32_t)


cdef (double, double) interval(object value, str name):
    cdef double start, stop
    try:
        first, last = value
        start, stop = first, last
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a pair of real numbers (start, stop), not {value!r}") from None
    except OverflowError:
        start = stop = float("inf")
    # The difference too: twice the largest double would step by infinity.
    if not (isfinite(start) and isfinite(stop) and isfinite(stop - start)):
        raise ValueError(f"{name} must be a finite interval (start, stop), not {value!r}")
    return start, stop


def mandelbrot(width, height, *, x=(-2.0, 1.0), y=(-1.5, 1.5), max_iter=256, threads=None):
    """Counts for each point c of a grid how many steps z -> z*z + c are taken,
    from z = 0, while abs(z) <= 2, at most *max_iter*: points of the Mandelbrot
    set have max_iter.

    Returns an int32 array of shape (height, width). Column j lies at
    ``x[0] + j * (x[1] - x[0]) / (width - 1)``, row i likewise in y; a single
    column lies at x[0]. In doubles, without fused multiply-adds: the counts are
    the same on every processor and for any number of threads. Twin:
    ``gilkit.reference.mandelbrot.mandelbrot``.

    width, height: at least 1. x, y: pairs of finite numbers, in either order.
    max_iter: 0 to ``2**31 - 1``. threads: 1 to 1024; None: ``num_threads()``.
    TypeError and ValueError for other arguments, MemoryError for an image
    larger than memory. Thread-safe; Ctrl-C interrupts it.
    """
    cdef int64_t columns = integer(width, "width", 1, MOST_PIXELS)
    cdef int64_t rows = integer(height, "height", 1, MOST_PIXELS)
    if rows > MOST_PIXELS // columns:
        raise ValueError(f"width * height must be at most {MOST_PIXELS}, not {width} * {height}")
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
