"""Sweeps over grids."""
cimport numpy as cnp
from libc.stdint cimport int64_t

from gilkit._call cimport Call, call_begin, call_end, integer
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport GK_FLOAT32, as_input, check_out, gk_type, may_overlap, type_of

from gilkit.kernels import _numpy as np

import_core()
cnp.import_array()

cdef extern from *:
    int gk_jacobi "GK(gk_jacobi)" (
        gk_type type, int64_t rows, int64_t columns, const void *data, void *out, int64_t sweeps,
        const gk_options *options) noexcept nogil


def jacobi(grid, *, iterations, out=None, threads=None):
    """Jacobi sweeps of the heat equation: *iterations* times, each inner cell
    becomes a quarter of the sum of its four neighbours,

        0.25 * ((above + below) + (left + right)),

    all at once, while the border stays. Returns the new grid, of the shape and
    dtype of *grid*.

    grid: a float64 or float32 array of two dimensions; one that is not
    C-contiguous is copied first. iterations: from 0. out: an array of the same
    shape and dtype, which may be *grid* itself; it is filled and returned; it
    holds nothing of use if the call is interrupted.

    Several sweeps are made at a time on what is in the cache; the bits are
    those of the plain loop, for any number of threads and on every processor.
    Takes memory for one more grid. Twin: ``gilkit.reference.jacobi.jacobi``.
    TypeError and ValueError for other arguments. Releases the GIL; thread-safe
    as long as nobody writes to the grids; Ctrl-C interrupts it.
    """
    cdef cnp.ndarray array = as_input(grid, "grid"), result, target
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
