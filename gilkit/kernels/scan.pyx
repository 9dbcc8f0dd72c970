"""Running sums."""
cimport numpy as cnp
from libc.stdint cimport int64_t

from gilkit._call cimport Call, call_begin, call_check, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport (
    MAX_DIMS, as_input, check_out, delegate, gk_type, is_for_numpy, is_same, may_overlap, one_axis, out_is_for_numpy,
    sum_dtype, type_of,
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
    SHORT = 2048  # elements that are summed sooner than the GIL changes hands

# Adding these makes NumPy record_status what the kernel fp_status, and do about it what
# numpy.errstate says.
INVALID = np.array([np.inf, -np.inf])
OVERFLOW = np.array([np.finfo(float).max, np.finfo(float).max])


cdef object numpys(object a, object axis, object out, object threads):
    cdef dict keywords = {}
    if axis is not None:
        keywords["axis"] = axis
    if out is not None:
        keywords["out"] = out
    return delegate(np.cumsum, (a,), keywords, threads)


def cumsum(a, axis=None, *, out=None, threads=None):
    """The sums of the elements so far, along *axis*; as numpy.cumsum.

    axis: an integer; None: of the array as if flattened in C order, a result of
    one dimension. out: an array of the result's shape and dtype, which may be
    *a* itself; it is filled and returned. The result's dtype: int64 for bool
    and signed integers, uint64 for unsigned ones, both modulo ``2**64``; float32
    and float64 stay.

    Floats are summed in doubles, by segments of 256 elements: a running sum is
    that of the segments before plus that of the segment's elements. The error
    grows with n / 256 where NumPy's grows with n, sums of numbers >= 0 never
    decrease, and the bits depend on shape and layout alone, not on threads or
    processor. Twin: ``gilkit.reference.reductions.cumsum``.

    Subclasses of numpy.ndarray, and objects that have ``__array_function__`` or a method ``cumsum``, get the result of
    numpy.cumsum.

    TypeError and ValueError for other arguments (numpy.exceptions.AxisError for
    an axis that is not there); nothing is written then. Overflows and invalid
    additions of floats are reported as numpy.errstate says. Releases the GIL;
    thread-safe as long as nobody writes to *a* or *out*; Ctrl-C interrupts it.
    """
    if is_for_numpy(a, "cumsum") or out_is_for_numpy(out):
        return numpys(a, axis, out, threads)
    cdef cnp.ndarray array = as_input(a, "a"), given, target
    cdef cnp.dtype dtype = sum_dtype(array)
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
            array = array.reshape(1)  # as NumPy, which takes a number for a slice of one element
        along = one_axis(axis, array.ndim)
    ndim = array.ndim
    if out is None:
        given = target = out = np.empty_like(array, dtype, order="K", subok=False)
    else:
        given = target = check_out(out, (<object>array).shape, dtype)
        if may_overlap(array, target) and not is_same(array, target) or not cnp.PyArray_ISALIGNED(target):
            target = np.empty_like(array, dtype, order="K", subok=False)
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
