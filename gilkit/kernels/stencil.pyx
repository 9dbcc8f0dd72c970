"""Sweeps over grids."""
cimport numpy as cnp
from libc.stdint cimport int64_t

from gilkit._call cimport Call, call_begin, call_end, integer
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport GK_FLOAT32, as_input, check_out, gk_type, kept, may_overlap, type_of

from gilkit.kernels import _numpy as np

import_core()
cnp.import_array()

cdef extern from *:
    int gk_jacobi "GK(gk_jacobi)" (
        gk_type type, int64_t rows, int64_t columns, const void *data, void *out, int64_t sweeps,
        const gk_options *options) noexcept nogil


def jacobi(grid, *, iterations, out=None, threads=None):
    """Return a grid after Jacobi sweeps of the heat equation.

    A sweep replaces every inner cell at once by a quarter of the sum of its four neighbours,
    ``0.25 * ((above + below) + (left + right))``. The border does not change.

    Parameters
    ----------
    grid : array_like
        float64 or float32, of two dimensions. A grid that is not C-contiguous is copied first.
    iterations : int
        The number of sweeps, at least 0.
    out : numpy.ndarray, optional
        A writable array of the shape and dtype of *grid*, which is filled and returned. It may be *grid* itself.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        Of the shape and dtype of *grid*.

    Raises
    ------
    TypeError
        For other dtypes, and for an *out* of another dtype.
    ValueError
        For other dimensions, for negative *iterations*, and for an *out* of another shape.

    Notes
    -----
    Several sweeps run at a time on the part of the grid that is in the cache. The bits are those of the plain loop, for
    any number of threads and on every processor. Scratch memory is one more grid. The reference implementation is
    ``gilkit.reference.jacobi.jacobi``.

    Releases the GIL. Ctrl-C interrupts the call and leaves the content of *out* undefined. No other thread may write to
    *grid* or use *out* during the call.

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> plate = np.zeros((3, 4))
    >>> plate[0] = 100.0  # a hot edge
    >>> gilkit.jacobi(plate, iterations=2)
    array([[100.  , 100.  , 100.  , 100.  ],
           [  0.  ,  31.25,  31.25,   0.  ],
           [  0.  ,   0.  ,   0.  ,   0.  ]])
    """
    cdef cnp.ndarray array = kept(as_input(grid, "grid"), iterations, threads), result, target
    cdef gk_type type = type_of(cnp.PyArray_TYPE(array))
    cdef int64_t sweeps = integer(iterations, "iterations", 0, 0x7fffffffffffffff)
    cdef int status = 0
    cdef Call call

    if type < GK_FLOAT32:
        raise TypeError(f"grid must be an array of float64 or float32, not {(<object>array).dtype}")
    if array.ndim != 2:
        raise ValueError(f"grid must have two dimensions, not {array.ndim}")
    if out is None:
        result = target = out = np.empty((<object>array).shape, array.descr)
    else:
        result = target = check_out(out, (<object>array).shape, array.descr)
        if not (cnp.PyArray_IS_C_CONTIGUOUS(target) and cnp.PyArray_ISALIGNED(target)) or (
                may_overlap(array, target) and cnp.PyArray_DATA(array) != cnp.PyArray_DATA(target)):
            target = np.empty((<object>array).shape, array.descr)
    array = np.ascontiguousarray(array)
    call_begin(&call, threads)
    if cnp.PyArray_SIZE(array) > 0:
        with nogil:
            status = gk_jacobi(type, cnp.PyArray_DIM(array, 0), cnp.PyArray_DIM(array, 1), cnp.PyArray_DATA(array),
                               cnp.PyArray_DATA(target), sweeps, &call.options)
    call_end(&call, status)
    if target is not result:
        np.copyto(result, target)
    return out
