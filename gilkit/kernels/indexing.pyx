"""NumPy's take."""
cimport numpy as cnp
from libc.stdint cimport int64_t

from gilkit._call cimport Call, call_begin, call_check, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport (
    GK_UINT64, as_array, delegate, gk_type, is_bytes, is_dispatched, is_plain, may_overlap, out_is_for_numpy, type_of,
)

from gilkit.kernels import _numpy as np

import_core()
cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    int NPY_RAVEL_AXIS
    object PyArray_TakeFrom(cnp.ndarray a, object indices, int axis, void *out, int mode)

cdef extern from *:
    ctypedef enum gk_take_mode:
        GK_TAKE_CLIP
        GK_TAKE_WRAP
        GK_TAKE_RAISE
    ctypedef struct gk_take_source:
        const char *items
        int64_t outer
        int64_t n
        int64_t size
        const void *indices
        gk_type type
        int64_t m
        gk_take_mode mode
    int gk_take "GK(gk_take)" (
        const gk_take_source *source, char *taken, const gk_options *options, int *outside) noexcept nogil

cdef enum:
    FEW = 6144  # NumPy selects this many items in less time than gilkit needs to start the threads

cdef dict MODES = {"clip": GK_TAKE_CLIP, "wrap": GK_TAKE_WRAP, "raise": GK_TAKE_RAISE}


def take(a, indices, axis=None, out=None, mode="raise", *, threads=None):
    """Return the items of an array at some indices along an axis.

    Parameters
    ----------
    a : array_like
        Of any dtype and shape. Arrays of objects are left to NumPy.
    indices : array_like of int
        Of any shape. An index below 0 counts from the end.
    axis : int, optional
        The axis that the indices count along. None means those of the flattened array.
    out : numpy.ndarray, optional
        An array of the result's shape, which is filled and returned. One of another dtype than a's is left to NumPy.
    mode : {'raise', 'wrap', 'clip'}, default 'raise'
        How to treat an index out of bounds: raise an error, take it modulo the length, or take the nearest valid index.
        With 'clip', an index below 0 is outside.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        Of a's dtype and shape, with the shape of *indices* in place of the axis. For a single index into a
        one-dimensional array, a scalar.

    Raises
    ------
    IndexError
        For an index outside, with *mode* 'raise'; *out* is then unchanged. For an *a* without items.
    TypeError
        For *indices* that are not integers.
    numpy.exceptions.AxisError
        For an axis that *a* does not have.

    Notes
    -----
    An *a* that is not contiguous in C order is copied first. Subclasses of ``numpy.ndarray``, objects with
    ``__array_function__`` and objects with a method ``take`` get the result of ``numpy.take``.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to the arrays during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.take([10, 20, 30], [[2, 0], [-1, 1]])
    array([[30, 10],
           [30, 20]])
    >>> gilkit.take([[1, 2, 3], [4, 5, 6]], [0, 2], axis=1)
    array([[1, 3],
           [4, 6]])
    """
    cdef cnp.ndarray array, places, result
    cdef gk_take_source source
    cdef int along = 0, i, outside = 0, status
    cdef int64_t count
    cdef Call call
    cdef object known = MODES.get(mode) if type(mode) is str else None
    if is_dispatched(a, "take") or out_is_for_numpy(out) or known is None or not (axis is None or type(axis) is int):
        return delegate(np.take, (a, indices, axis, out, mode), {}, threads)
    array = as_array(a, "a")
    places = indices if cnp.PyArray_CheckExact(indices) else np.asarray(indices)
    count = cnp.PyArray_SIZE(places)
    if axis is not None:
        if not -array.ndim <= axis < array.ndim:
            return delegate(np.take, (a, indices, axis, out, mode), {}, threads)
        along = axis + array.ndim if axis < 0 else axis
        for i in range(array.ndim):
            if i != along:
                count *= cnp.PyArray_DIM(array, i)
    source.type = type_of(cnp.PyArray_TYPE(places))
    if count <= FEW and out is None:
        call_check(threads)
        result = PyArray_TakeFrom(array, indices, NPY_RAVEL_AXIS if axis is None else along, NULL, <int>known)
        return result if result.ndim else result[()]
    if source.type >= GK_UINT64 or not is_bytes(array) or cnp.PyArray_SIZE(array) == 0 or count == 0:
        return delegate(np.take, (a, indices, axis, out, mode), {}, threads)
    if not (is_plain(places) and cnp.PyArray_IS_C_CONTIGUOUS(places)):
        places = np.ascontiguousarray(places, places.dtype.newbyteorder("=")).reshape((<object>places).shape)

    shape = (<object>array).shape
    if axis is None:
        shape = (<object>places).shape
        if array.ndim != 1:
            array = array.ravel()
    else:
        shape = shape[:along] + (<object>places).shape + shape[along + 1:]
    if not cnp.PyArray_IS_C_CONTIGUOUS(array):
        array = np.ascontiguousarray(array)
    source.outer = 1
    for i in range(along):
        source.outer *= cnp.PyArray_DIM(array, i)
    source.n = cnp.PyArray_DIM(array, along)
    source.size = array.itemsize
    for i in range(along + 1, array.ndim):
        source.size *= cnp.PyArray_DIM(array, i)
    source.items = <const char *>cnp.PyArray_DATA(array)
    source.indices = cnp.PyArray_DATA(places)
    source.m = cnp.PyArray_SIZE(places)
    source.mode = <gk_take_mode><int>known

    # With 'raise', an error must not leave `out` half written.
    if out is not None:
        if not cnp.PyArray_CheckExact(out) or out.dtype != array.dtype or out.shape != shape or not out.flags.writeable:
            return delegate(np.take, (a, indices, axis, out, mode), {}, threads)
        if (source.mode != GK_TAKE_RAISE and out.flags.c_contiguous and not may_overlap(array, out)
                and not may_overlap(places, out)):
            result = out
        else:
            result = np.empty(shape, array.dtype)
    else:
        result = np.empty(shape, array.dtype)
    if source.size > 0:
        call_begin(&call, threads)
        with nogil:
            status = gk_take(&source, <char *>cnp.PyArray_DATA(result), &call.options, &outside)
        call_end(&call, status)
    if outside:  # NumPy raises the error
        return delegate(np.take, (a, indices, axis, None, mode), {}, threads)
    if out is not None and result is not out:
        np.copyto(out, result)
    return result if out is None else out
