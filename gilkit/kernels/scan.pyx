"""Running sums."""
cimport numpy as cnp
from libc.stdint cimport int64_t

from gilkit._call cimport Call, call_begin, call_check, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport (
    MAX_DIMS, as_supported, check_out, delegate, gk_type, is_cast, is_for_numpy, is_same, may_overlap, one_axis,
    out_is_for_numpy, sum_dtype, type_of,
)

from gilkit.kernels import _numpy as np

import_core()
cnp.import_array()

cdef extern from *:
    enum:
        GK_SCAN_INVALID
        GK_SCAN_OVERFLOW
    int gk_cumsum "GK(gk_cumsum)" (
        gk_type type, int ndim, const int64_t *shape, int axis, const char *data, const int64_t *in_stride,
        char *out, const int64_t *out_stride, const gk_options *options, int *fp_status) noexcept nogil

cdef enum:
    SHORT = 2048  # summing this many elements takes less time than releasing the GIL

# Adding these in NumPy raises the floating-point status that the kernel has recorded, so that NumPy warns or raises as
# numpy.errstate says.
INVALID = np.array([np.inf, -np.inf])
OVERFLOW = np.array([np.finfo(float).max, np.finfo(float).max])


cdef object numpys(object a, object axis, object dtype, object out, object threads):
    cdef dict keywords = {}
    if dtype is not None:
        keywords["dtype"] = dtype
    if axis is not None:
        keywords["axis"] = axis
    if out is not None:
        keywords["out"] = out
    return delegate(np.cumsum, (a,), keywords, threads)


def cumsum(a, axis=None, dtype=None, out=None, *, threads=None):
    """Return the running sums of the elements along an axis.

    Parameters
    ----------
    a : array_like
        bool, integers, float32 or float64, of any shape and layout. Arrays of other dtypes are summed by NumPy.
    axis : int or None, default None
        The axis to sum along. None sums the flattened array, in C order.
    dtype : data-type, optional
        The type to add in and of the result. Any but the usual one is left to NumPy.
    out : numpy.ndarray, optional
        A writable array of the result's shape, which is filled and returned. It may be *a* itself or overlap it. An
        array of another dtype than the result's is left to NumPy.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        Of a's shape, or one-dimensional if *axis* is None. int64 for bool and signed integers, uint64 for unsigned
        integers, both modulo ``2**64``. Floats, ``numpy.longlong`` and ``numpy.ulonglong`` keep their dtype.

    Raises
    ------
    TypeError
        For dtypes that NumPy does not add, and for an axis that is not an integer.
    ValueError
        For another shape of *out* and a read-only *out*.
    numpy.exceptions.AxisError
        For an axis that *a* does not have.

    Notes
    -----
    Floats are added in doubles, in segments of 256 elements. A running sum is the sum of all earlier segments plus the
    running sum within its own segment, so the error grows with n / 256 where NumPy's grows with n. The running sums of
    numbers >= 0 never decrease. The bits depend on shape and layout only. Overflows and invalid operations are reported
    as ``numpy.errstate`` says.

    Subclasses of ``numpy.ndarray``, objects with ``__array_function__`` and objects with a method ``cumsum`` get the
    result of ``numpy.cumsum``. The reference implementation is ``gilkit.reference.reductions.cumsum``.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to *a* or use *out* during the call.

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.cumsum(np.array([1, 2, 3], dtype=np.int8))
    array([1, 3, 6])
    >>> gilkit.cumsum([[1.0, 2.0], [3.0, 4.0]], axis=1)
    array([[1., 3.],
           [3., 7.]])
    """
    if is_for_numpy(a, "cumsum") or out_is_for_numpy(out):
        return numpys(a, axis, dtype, out, threads)
    cdef cnp.ndarray array = as_supported(a, "a"), given, target
    if array is None:
        return numpys(a, axis, dtype, out, threads)
    cdef cnp.dtype own = sum_dtype(array)
    if dtype is not None and np.dtype(dtype) is not own:
        return numpys(a, axis, dtype, out, threads)
    cdef int64_t shape[MAX_DIMS]
    cdef int64_t in_stride[MAX_DIMS]
    cdef int64_t out_stride[MAX_DIMS]
    cdef int along, i, ndim, fp_status = 0, status
    cdef Call call
    cdef gk_type type = type_of(cnp.PyArray_TYPE(array))

    if axis is None:
        if array.ndim != 1:
            array = array.ravel()
        along = 0
    else:
        if array.ndim == 0:
            array = array.reshape(1)  # as in NumPy, a scalar is a slice of one element
        along = one_axis(axis, array.ndim)
    ndim = array.ndim
    if out is None:
        given = target = out = np.empty_like(array, own, order="K", subok=False)
    elif is_cast(out, (<object>array).shape, own):
        return numpys(a, axis, dtype, out, threads)
    else:
        given = target = check_out(out, (<object>array).shape, own)
        if may_overlap(array, target) and not is_same(array, target) or not cnp.PyArray_ISALIGNED(target):
            target = np.empty_like(array, own, order="K", subok=False)
    if cnp.PyArray_SIZE(array) == 0:
        call_check(threads)
        return out
    call_begin(&call, threads)
    for i in range(ndim):
        shape[i] = cnp.PyArray_DIM(array, i)
        in_stride[i] = cnp.PyArray_STRIDE(array, i)
        out_stride[i] = cnp.PyArray_STRIDE(target, i)
    cdef const char *data = <const char *>cnp.PyArray_DATA(array)
    cdef char *to = <char *>cnp.PyArray_DATA(target)
    if cnp.PyArray_SIZE(array) <= SHORT:
        status = gk_cumsum(type, ndim, shape, along, data, in_stride, to, out_stride, &call.options, &fp_status)
    else:
        with nogil:
            status = gk_cumsum(type, ndim, shape, along, data, in_stride, to, out_stride, &call.options, &fp_status)
    call_end(&call, status)
    if target is not given:
        np.copyto(given, target)
    if fp_status & GK_SCAN_INVALID:
        np.add.accumulate(INVALID)
    if fp_status & GK_SCAN_OVERFLOW:
        np.add.accumulate(OVERFLOW)
    return out
