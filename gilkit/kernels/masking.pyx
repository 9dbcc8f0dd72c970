"""Masks: NumPy's compress, extract, nonzero, flatnonzero, and masked_select."""
import operator

cimport numpy as cnp
from libc.stdint cimport int64_t

from gilkit._call cimport Call, call_begin, call_check, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport (
    MAX_DIMS, as_array, as_supported, at_multiples, delegate, gk_type, is_at_multiples, is_bytes, is_dispatched,
    is_for_numpy, kept, out_is_for_numpy, type_of,
)

from gilkit.kernels import _numpy as np
from gilkit.kernels.indexing import take

import_core()
cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    int NPY_RAVEL_AXIS
    object PyArray_Compress(cnp.ndarray a, object condition, int axis, void *out)
    object PyArray_Nonzero(cnp.ndarray a)

cdef extern from *:
    enum:
        GK_MASK_CHUNK
    ctypedef struct gk_mask:
        const void *mask
        gk_type type
        int64_t n
        int64_t *offsets
    int gk_mask_count "GK(gk_mask_count)" (const gk_mask *mask, const gk_options *options) noexcept nogil
    int gk_mask_copy "GK(gk_mask_copy)" (
        const gk_mask *mask, const void *items, int64_t size, void *selected,
        const gk_options *options) noexcept nogil
    int gk_mask_indices "GK(gk_mask_indices)" (
        const gk_mask *mask, int ndim, const int64_t *shape, int64_t *const *indices,
        const gk_options *options) noexcept nogil
    ctypedef enum gk_mask_values:
        GK_MASK_ONE
        GK_MASK_EACH
        GK_MASK_NEXT
    int gk_mask_assign "GK(gk_mask_assign)" (
        const gk_mask *mask, gk_mask_values which, const void *values, int64_t size, void *items,
        const gk_options *options) noexcept nogil

cdef enum:
    FEW = 2048  # NumPy selects this many items in less time than gilkit needs to begin


cdef gk_mask mask_of(cnp.ndarray items) noexcept:
    """Return the mask that contiguous items of a supported dtype are."""
    cdef gk_mask mask
    mask.n = cnp.PyArray_SIZE(items)
    mask.mask = cnp.PyArray_DATA(items)
    mask.type = type_of(cnp.PyArray_TYPE(items))
    mask.offsets = NULL
    return mask


cdef class _Selection:
    """A mask, and how many items it selects before each chunk."""

    cdef gk_mask mask
    cdef cnp.ndarray items, offsets
    cdef int64_t count

    def __init__(self, cnp.ndarray items, object threads):
        """Count what a mask of a supported dtype selects."""
        cdef int status
        cdef Call call
        self.items = np.ascontiguousarray(items)
        self.mask = mask_of(self.items)
        chunks = (self.mask.n + GK_MASK_CHUNK - 1) // GK_MASK_CHUNK
        self.offsets = np.empty(chunks + 1, np.int64)
        self.mask.offsets = <int64_t *>cnp.PyArray_DATA(self.offsets)
        call_begin(&call, threads)
        with nogil:
            status = gk_mask_count(&self.mask, &call.options)
        call_end(&call, status)
        self.count = self.offsets[chunks]

    cdef cnp.ndarray of(self, cnp.ndarray a, tuple rest, object threads):
        """Return the selected items of `a`, each of which is a subarray of the shape `rest`."""
        cdef int64_t size = a.itemsize
        cdef int status
        cdef Call call
        cdef cnp.ndarray selected = np.empty((self.count, *rest), a.dtype)
        a = at_multiples(np.ascontiguousarray(a))
        for length in rest:
            size *= length
        call_begin(&call, threads)
        with nogil:
            status = gk_mask_copy(&self.mask, cnp.PyArray_DATA(a), size, cnp.PyArray_DATA(selected), &call.options)
        call_end(&call, status)
        return selected

    cdef tuple indices(self, cnp.ndarray a, object threads):
        """Return the indices of the selected items, along each dimension of an array of a's shape."""
        cdef int64_t shape[MAX_DIMS]
        cdef int64_t *places[MAX_DIMS]
        cdef cnp.npy_intp count = self.count
        cdef cnp.ndarray found
        cdef int d, status, ndim = a.ndim
        cdef Call call
        result = []
        for d in range(ndim):
            shape[d] = cnp.PyArray_DIM(a, d)
            found = cnp.PyArray_EMPTY(1, &count, cnp.NPY_INT64, 0)
            places[d] = <int64_t *>cnp.PyArray_DATA(found)
            result.append(found)
        call_begin(&call, threads)
        with nogil:
            status = gk_mask_indices(&self.mask, ndim, shape, places, &call.options)
        call_end(&call, status)
        return tuple(result)


def nonzero(a, *, threads=None):
    """Return the indices of the items that are not 0.

    Parameters
    ----------
    a : array_like
        Of at least one dimension: bool, integers, float32 or float64. NumPy searches arrays of other dtypes.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    tuple of numpy.ndarray
        For each dimension, the int64 (intp) indices along it, in C order of the items. ``a[gilkit.nonzero(a)]`` has the
        items.

    Raises
    ------
    ValueError
        For an *a* without dimensions.

    Notes
    -----
    The items are counted first, and then each part knows where its indices go. NaN is not 0, and -0.0 is. Subclasses of
    ``numpy.ndarray``, objects with ``__array_function__`` and objects with a method ``nonzero`` get the result of
    ``numpy.nonzero``. The arrays are contiguous; NumPy's are views of one.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to *a* during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.nonzero([[0, 1], [2, 0]])
    (array([0, 1]), array([1, 0]))
    """
    cdef cnp.ndarray array
    if is_dispatched(a, "nonzero"):
        return delegate(np.nonzero, (a,), {}, threads)
    array = as_array(a, "a")
    if cnp.PyArray_SIZE(array) <= FEW or is_for_numpy(array, None):
        call_check(threads)
        return PyArray_Nonzero(array)
    array = as_supported(array, "a")
    return _Selection(array, threads).indices(array, threads)


def flatnonzero(a, *, threads=None):
    """Return the indices of the items that are not 0 in the flattened array.

    Parameters
    ----------
    a : array_like
        bool, integers, float32 or float64, of any shape. NumPy searches arrays of other dtypes.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        int64 (intp) and one-dimensional.

    Notes
    -----
    The notes of ``gilkit.nonzero`` apply.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.flatnonzero([[0, 1], [2, 0]])
    array([1, 2])
    """
    if is_dispatched(a, None):
        return delegate(np.flatnonzero, (a,), {}, threads)
    return nonzero(cnp.PyArray_Ravel(as_array(a, "a"), cnp.NPY_CORDER), threads=threads)[0]


cdef object numpys_compress(object condition, object a, object axis, object out, object threads):
    return delegate(np.compress, (condition, a, axis, out), {}, threads)


def compress(condition, a, axis=None, out=None, *, threads=None):
    """Return the slices of an array along an axis that a condition selects.

    Parameters
    ----------
    condition : array_like
        One-dimensional. Slices whose item is not 0 are selected. If it is shorter than the axis, the rest is not
        selected.
    a : array_like
        Of any dtype and shape. Arrays of objects are left to NumPy.
    axis : int, optional
        The axis along which to select. None selects from the flattened array.
    out : numpy.ndarray, optional
        An array of the result's shape, which is filled and returned. One of another dtype than a's is left to NumPy.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        A copy, of a's dtype.

    Raises
    ------
    IndexError
        For a true item of *condition* beyond the end of the axis.
    ValueError
        For a *condition* that is not one-dimensional.
    numpy.exceptions.AxisError
        For an axis that *a* does not have.

    See Also
    --------
    masked_select : selection with a mask of several dimensions, as by indexing.

    Notes
    -----
    The selected items are counted first, and then each part knows where its own go. Subclasses of ``numpy.ndarray``,
    objects with ``__array_function__`` and objects with a method ``compress`` get the result of ``numpy.compress``.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to the arrays during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.compress([True, False, True], [10, 20, 30])
    array([10, 30])
    >>> gilkit.compress([0, 1], [[1, 2, 3], [4, 5, 6]], axis=0)
    array([[4, 5, 6]])
    """
    cdef cnp.ndarray array, mask, result
    cdef int along = 0
    cdef _Selection selection
    if (is_dispatched(condition, None) or is_dispatched(a, "compress") or out_is_for_numpy(out)
            or not (axis is None or type(axis) is int)):
        return numpys_compress(condition, a, axis, out, threads)
    if not cnp.PyArray_Check(condition):  # the object decides what is true: pandas raises an error for a missing value
        condition = np.asarray(condition, np.bool_)
    array, mask = kept(as_array(a, "a"), threads), kept(as_array(condition, "condition"), threads)
    if axis is not None:
        if not -array.ndim <= axis < array.ndim:
            return numpys_compress(condition, a, axis, out, threads)
        along = axis + array.ndim if axis < 0 else axis
    if cnp.PyArray_SIZE(array) <= FEW and cnp.PyArray_SIZE(mask) <= FEW and out is None:
        call_check(threads)
        return PyArray_Compress(array, mask, NPY_RAVEL_AXIS if axis is None else along, NULL)
    if mask.ndim != 1 or is_for_numpy(mask, None) or not is_bytes(array):
        return numpys_compress(condition, a, axis, out, threads)
    if axis is None:
        array = array.ravel()
    if array.ndim == 0 or cnp.PyArray_DIM(mask, 0) > cnp.PyArray_DIM(array, along):  # NumPy raises its error
        return numpys_compress(condition, a, axis, out, threads)
    selection = _Selection(as_supported(mask, "condition"), threads)
    if along == 0:
        result = selection.of(array, (<object>array).shape[1:], threads)
    else:
        result = take(array, selection.indices(mask, threads)[0], along, threads=threads)
    if out is None:
        return result
    if not cnp.PyArray_CheckExact(out) or out.dtype != result.dtype or out.shape != (<object>result).shape:
        return numpys_compress(condition, a, axis, out, threads)
    np.copyto(out, result)
    return out


def extract(condition, arr, *, threads=None):
    """Return the items of an array that a condition selects, in one dimension.

    Parameters
    ----------
    condition : array_like
        Items of *arr* are selected where it is not 0. Both arrays are flattened. If it has fewer items, the rest is not
        selected.
    arr : array_like
        Of any dtype and shape. Arrays of objects are left to NumPy.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        A one-dimensional copy, of arr's dtype.

    Raises
    ------
    IndexError
        For a true item of *condition* beyond the end of *arr*.

    See Also
    --------
    masked_select : the same with a check of dtype and shape.

    Notes
    -----
    The notes of ``gilkit.compress`` apply.

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> a = np.array([[1, 2, 3], [4, 5, 6]])
    >>> gilkit.extract(a % 3 == 0, a)
    array([3, 6])
    """
    if is_dispatched(condition, None) or is_dispatched(arr, None):
        return delegate(np.extract, (condition, arr), {}, threads)
    array, mask = as_array(arr, "arr"), as_array(condition, "condition")
    return compress(cnp.PyArray_Ravel(mask, cnp.NPY_CORDER), cnp.PyArray_Ravel(array, cnp.NPY_CORDER), threads=threads)


def masked_select(a, mask, *, threads=None):
    """Return ``a[mask]`` for a mask of bool.

    Parameters
    ----------
    a : array_like
        Of any dtype. Arrays of objects are left to NumPy.
    mask : array_like of bool
        Of a's shape, or of the shape of its first dimensions.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        A copy. Its first dimension has the selected items in C order; the dimensions of *a* that *mask* does not have
        follow.

    Raises
    ------
    TypeError
        For a *mask* of another dtype than bool, which NumPy would take for indices.
    IndexError
        For a *mask* whose shape does not fit.

    Notes
    -----
    NumPy has this as indexing only. ``numpy.select`` is another function; the name here is PyTorch's. Where shapes need
    no check, ``gilkit.extract(mask, a)`` does the same. The notes of ``gilkit.compress`` apply.

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> a = np.array([[1, 2, 3], [4, 5, 6]])
    >>> gilkit.masked_select(a, a > 3)
    array([4, 5, 6])
    >>> gilkit.masked_select(a, [False, True])
    array([[4, 5, 6]])
    """
    cdef cnp.ndarray array, selects
    cdef bint exact = cnp.PyArray_CheckExact(a) and cnp.PyArray_CheckExact(mask)
    if exact and cnp.PyArray_TYPE(mask) == cnp.NPY_BOOL and cnp.PyArray_SIZE(a) <= FEW:
        call_check(threads)
        return a[mask]
    if is_dispatched(a, None) or is_dispatched(mask, None):
        return delegate(operator.getitem, (a, mask), {}, threads)
    array, selects = kept(as_array(a, "a"), threads), kept(as_array(mask, "mask"), threads)
    if cnp.PyArray_TYPE(selects) != cnp.NPY_BOOL:
        raise TypeError(f"mask must be an array of bool, not {selects.dtype}; numpy.take selects by index")
    shape, leading = (<object>array).shape, (<object>selects).shape
    if cnp.PyArray_SIZE(array) <= FEW or not is_bytes(array) or not leading or shape[:len(leading)] != leading:
        call_check(threads)
        return array[selects]
    return _Selection(selects, threads).of(array, shape[len(leading):], threads)


def _assign(cnp.ndarray a, cnp.ndarray mask, cnp.ndarray values, bint aligned):
    """Do as ``a[mask] = values``, or as ``a[mask] = values[mask]`` if `aligned`.

    `mask` is of bool and of a's shape; `values` is of a's dtype, without dimensions if it is one. All are contiguous,
    and `a` overlaps neither of the others. Return False, and assign nothing, if the number of values does not fit, or
    if items are at addresses that the kernel does not support.
    """
    cdef gk_mask to = mask_of(mask)
    cdef gk_mask_values which = GK_MASK_ONE if values.ndim == 0 else GK_MASK_EACH if aligned else GK_MASK_NEXT
    cdef int64_t size = cnp.PyArray_ITEMSIZE(a)
    cdef int status
    cdef Call call
    cdef _Selection selection
    if not is_at_multiples(a) or not is_at_multiples(values):
        return False
    if which == GK_MASK_NEXT:
        selection = _Selection(mask, None)
        if selection.count != cnp.PyArray_SIZE(values):
            return False
        to = selection.mask
    call_begin(&call, None)
    with nogil:
        status = gk_mask_assign(&to, which, cnp.PyArray_DATA(values), size, cnp.PyArray_DATA(a), &call.options)
    call_end(&call, status)
    return True
