"""NumPy's sort and argsort on all cores."""
import operator

from cpython.object cimport PyObject
from libc.stdint cimport int64_t

cimport numpy as cnp

from gilkit._call cimport Call, call_begin, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport (
    GK_FLOAT32, any_axis, as_array, as_supported, check_out, delegate, gk_type, is_for_numpy, is_same, kept,
    may_overlap, one_axis, type_of,
)

from gilkit.kernels import _numpy as np
from gilkit.kernels._ufuncs import call as call_ufunc

cnp.import_array()
import_core()

cdef extern from *:
    """
    #include "numpy/npy_2_compat.h"
    /* NumPy's own sort of contiguous items. For the built-in number types it reads
     * only the items, so it needs neither the array nor the GIL. */
    static gk_leaf_sort *numpy_sort_of(int type_number, NPY_SORTKIND kind)
    {
        PyArray_Descr *descr = PyArray_DescrFromType(type_number);
        gk_leaf_sort *sort = (gk_leaf_sort *)PyDataType_GetArrFuncs(descr)->sort[kind];
        Py_DECREF(descr);
        return sort;
    }
    """
    cnp.ndarray PyArray_NewLikeArray(cnp.ndarray prototype, cnp.NPY_ORDER order, PyObject *descr, int subok)
    gk_leaf_sort *numpy_sort_of(int type_number, cnp.NPY_SORTKIND kind)
    void gk_dims_append(gk_dims *dims, int64_t shape, int64_t stride) noexcept nogil
    int gk_sort "GK(gk_sort)" (
        const char *src, char *dst, const gk_slices *slices, gk_type type, const gk_leaf_sorts *leaves,
        const gk_options *options) noexcept nogil
    int gk_sort_stable "GK(gk_sort_stable)" (
        const char *src, char *dst, const gk_slices *slices, gk_type type, const gk_leaf_sorts *leaves,
        const gk_leaf_sorts *stable, const gk_options *options) noexcept nogil
    int gk_argsort "GK(gk_argsort)" (
        const char *src, char *dst, const gk_slices *slices, gk_type type, const gk_leaf_sorts *leaves,
        const gk_options *options) noexcept nogil
    int gk_select "GK(gk_select)" (
        const void *items, int64_t n, gk_type type, const int64_t *ranks, int64_t n_ranks, void *values,
        const gk_leaf_sorts *leaves, const gk_options *options) noexcept nogil
    int gk_count_nans "GK(gk_count_nans)" (
        const void *items, int64_t n, gk_type type, int64_t *count, const gk_options *options) noexcept nogil


cdef gk_leaf_sorts stable_leaves


cdef _find_leaves():
    cdef int number, type
    for letter in "?bhilqBHILQfd":
        number = np.dtype(letter).num
        type = type_of(number)
        leaves.of[type] = numpy_sort_of(number, cnp.NPY_QUICKSORT)
        stable_leaves.of[type] = numpy_sort_of(number, cnp.NPY_MERGESORT)  # any stable sort
        if leaves.of[type] == NULL or stable_leaves.of[type] == NULL:
            raise ImportError(f"NumPy {np.__version__} has no sort of {np.dtype(letter)} that gilkit can call")


_find_leaves()


cdef void fill_slices(gk_slices *slices, cnp.ndarray src, cnp.ndarray dst, int axis) noexcept:
    cdef int d
    slices.length = src.shape[axis]
    slices.src_step = src.strides[axis]
    slices.dst_step = dst.strides[axis]
    slices.src.n = slices.dst.n = 0
    for d in range(src.ndim):
        if d != axis:
            gk_dims_append(&slices.src, src.shape[d], src.strides[d])
            gk_dims_append(&slices.dst, dst.shape[d], dst.strides[d])


cdef enum:
    WORTH_DIVIDING = 1 << 16  # a ufunc of fewer items takes less time than sharing them out

cdef cnp.ndarray NOTHING = np.empty(0)
cdef frozenset KINDS = frozenset(("quicksort", "heapsort", "mergesort", "stable"))


cdef bint _is_stable(object axis, object kind, object stable, object descending) except -1:
    """Whether these arguments ask for a stable sort. Raises NumPy's errors in NumPy's order and accepts NumPy's
    abbreviations of kind."""
    if kind is None:
        return stable is not None and bool(stable)
    if axis is not None:
        operator.index(axis)
    if kind not in KINDS:
        np.sort(NOTHING, kind=kind)
    if stable is not None or descending is not None:
        raise ValueError("`kind` and keyword parameters can't be provided at the same time; "
                         "stable=True is kind='stable'")
    return kind[:1].lower() in ("s", "m", b"s", b"m")


cdef cnp.ndarray _mirrored(cnp.ndarray a, cnp.ndarray out, object threads):
    """Return items that sort in the opposite order: the complement of integers, the negative of floats. NaNs stay last.
    Mirroring twice restores the bits."""
    name = "negative" if type_of(cnp.PyArray_TYPE(a)) >= GK_FLOAT32 else "invert"
    if cnp.PyArray_SIZE(a) < WORTH_DIVIDING:
        return np.negative(a, out) if name == "negative" else np.invert(a, out)
    return call_ufunc(name, a, out, threads=threads)


cdef object _numpys(object function, object a, object axis, object kind, object order, object stable, object descending,
                    object threads):
    cdef dict keywords = {}
    if descending is not None and (descending or np.VERSION >= (2, 5)):
        if np.VERSION < (2, 5):
            raise TypeError("a must be an array of bool, int8 to int64, uint8 to uint64, float32 or float64; "
                            "descending order of others needs NumPy 2.5")
        keywords["descending"] = descending
    if axis is not -1:
        keywords["axis"] = axis
    if kind is not None:
        keywords["kind"] = kind
    if order is not None:
        keywords["order"] = order
    if stable is not None:
        keywords["stable"] = stable
    return delegate(function, (a,), keywords, threads)


cdef object _numpys_sort(object a, object axis, object kind, object order, object stable, object descending,
                         object out, object threads):
    cdef cnp.ndarray array, target
    result = _numpys(np.sort, a, axis, kind, order, stable, descending, threads)
    if out is None:
        return result
    array = as_array(result, "a")
    target = check_out(out, (<object>array).shape, array.descr)
    np.copyto(target, array)
    return out


def sort(a, axis=-1, kind=None, order=None, *, stable=None, descending=None, out=None, threads=None):
    """Return a sorted copy of an array.

    Parameters
    ----------
    a : array_like
        bool, integers, float32 or float64, of any layout and byte order. Arrays of other dtypes are sorted by NumPy.
    axis : int or None, default -1
        The axis to sort along. None sorts the flattened array.
    kind : {'quicksort', 'heapsort', 'mergesort', 'stable'}, optional
        'stable' and 'mergesort' request a stable sort. All others select gilkit's own algorithm.
    order : str or list of str, optional
        The fields to compare in a structured array, which ``numpy.sort`` then sorts.
    stable : bool, optional
        Whether equal items keep their order. Give either *kind* or *stable*, not both.
    descending : bool, optional
        Whether the largest items come first. NaNs come last all the same, as in NumPy 2.5. It cannot be given with
        *kind*.
    out : numpy.ndarray, optional
        A writable, aligned array of the result's shape and dtype, which is filled and returned. It may be *a* itself,
        to sort in place, or overlap it.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        Of a's dtype. The bits are the same for any number of threads.

    Raises
    ------
    TypeError
        For dtypes that have no order.
    ValueError
        For an unknown *kind*, for both *kind* and *stable*, and for an *out* of another shape.
    numpy.exceptions.AxisError
        For an axis that *a* does not have.

    Notes
    -----
    Only zeros of different sign and NaNs are equal without having the same bits. A stable sort keeps their order, which
    takes one more pass over the slice on one core if it has any. It leaves slices of a few ascending or descending runs
    to NumPy, whose stable sort merges them. Otherwise -0.0 comes before 0.0, and NaNs come last: first those without a
    sign bit by rising payload, then those with one by falling payload. In descending order, 0.0 comes before -0.0, and
    NaNs with a sign bit come first among NaNs.

    Scratch memory is one byte per item for slices of more than 32,767 items, and a copy of *a* if *out* overlaps it, if
    floats are sorted stably in place, or for descending order, which is the ascending order of ``~a`` or ``-a``.
    Subclasses of ``numpy.ndarray`` and objects with ``__array_function__`` are sorted by ``numpy.sort``. The reference
    implementation is ``gilkit.reference.sort.sort``.

    Releases the GIL. Ctrl-C interrupts the call and leaves the content of *out* undefined. No other thread may write to
    *a* or use *out* during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.sort([3, 1, 2, 1])
    array([1, 1, 2, 3])
    >>> gilkit.sort([3, 1, 2, 1], descending=True)
    array([3, 2, 1, 1])
    """
    if order is not None or is_for_numpy(a, None):
        return _numpys_sort(a, axis, kind, order, stable, descending, out, threads)
    cdef bint in_order = (kind is not None or stable is not None) and _is_stable(axis, kind, stable, descending)
    cdef cnp.ndarray array = as_array(a, "a"), src = as_supported(array, "a"), dst, target = None
    if src is None:
        return _numpys_sort(a, axis, kind, order, stable, descending, out, threads)
    src = kept(src, axis, threads, descending)
    cdef bint mirrored = descending is not None and bool(descending)
    cdef int along, status
    cdef gk_type type = type_of(cnp.PyArray_TYPE(src))
    cdef gk_slices slices
    cdef Call call
    if axis is None:
        along = 0
        if src.ndim != 1:
            src = src.ravel()
    elif axis is -1 and src.ndim > 0:
        along = src.ndim - 1
    else:
        along = any_axis(axis, src.ndim)
    if out is not None:
        target = check_out(out, (<object>src).shape, array.descr)
        if not cnp.PyArray_ISALIGNED(target):
            raise ValueError("out must be aligned, but its items are not")
    if mirrored:
        src = _mirrored(src, None, threads)
    if target is None or cnp.PyArray_ISBYTESWAPPED(target):
        # The memory order of the input, so that the slices of a Fortran matrix stay contiguous.
        dst = PyArray_NewLikeArray(src, cnp.NPY_KEEPORDER, NULL, 0)
    else:
        dst = target
        if may_overlap(src, dst) and (not is_same(src, dst) or in_order and type >= GK_FLOAT32):
            src = src.copy()
    fill_slices(&slices, src, dst, along)
    call_begin(&call, threads)
    with nogil:
        if in_order:
            status = gk_sort_stable(cnp.PyArray_BYTES(src), cnp.PyArray_BYTES(dst), &slices, type, &leaves,
                                    &stable_leaves, &call.options)
        else:
            status = gk_sort(cnp.PyArray_BYTES(src), cnp.PyArray_BYTES(dst), &slices, type, &leaves, &call.options)
    call_end(&call, status)
    if mirrored:
        _mirrored(dst, dst, threads)
    if out is None:
        return dst if cnp.PyArray_ISNOTSWAPPED(array) else dst.astype(array.descr)
    if dst is not target:
        np.copyto(target, dst)
    return out


def argsort(a, axis=-1, kind=None, order=None, *, stable=None, descending=None, threads=None):
    """Return the indices that would sort an array.

    Parameters
    ----------
    a : array_like
        bool, integers, float32 or float64, of any layout and byte order. Arrays of other dtypes are sorted by NumPy.
    axis : int or None, default -1
        The axis to sort along. None sorts the flattened array.
    kind : {'quicksort', 'heapsort', 'mergesort', 'stable'}, optional
        Accepted and ignored, because the sort is always stable. Wrong values raise what ``numpy.argsort`` raises.
    order : str or list of str, optional
        The fields to compare in a structured array, which ``numpy.argsort`` then sorts.
    stable : bool, optional
        Accepted and ignored, as *kind*. Give either *kind* or *stable*, not both.
    descending : bool, optional
        Whether the indices of the largest items come first. Equal items keep their order, and NaNs come last all the
        same, as in NumPy 2.5. It cannot be given with *kind*.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        int64 (intp), of a's shape; ``[0]`` for an array without dimensions.

    Raises
    ------
    TypeError
        For dtypes that have no order.
    ValueError
        For an unknown *kind*, and for both *kind* and *stable*.
    numpy.exceptions.AxisError
        For an axis that *a* does not have.

    Notes
    -----
    The sort is stable, -0.0 equals 0.0, and NaNs equal each other and come last, so the result does not depend on the
    number of threads. Scratch memory is nine bytes per item for slices of more than 32,767 items. Subclasses of
    ``numpy.ndarray``, objects with ``__array_function__`` and objects with a method ``argsort`` get the result of
    ``numpy.argsort``. The reference implementation is ``gilkit.reference.sort.argsort``.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to *a* during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.argsort([3, 1, 2, 1])
    array([1, 3, 2, 0])
    >>> gilkit.argsort([3, 1, 2, 1], descending=True)
    array([0, 2, 1, 3])
    """
    if order is not None or (is_for_numpy(a, "argsort") and not cnp.PyArray_CheckExact(a)):
        return _numpys(np.argsort, a, axis, kind, order, stable, descending, threads)
    if axis is True or axis is False:
        one_axis(axis, 1)
    if kind is not None or stable is not None:
        _is_stable(axis, kind, stable, descending)
    cdef cnp.ndarray src = as_supported(a, "a"), dst
    if src is None:
        if kind is None and stable is None:
            stable = True
        return _numpys(np.argsort, a, axis, kind, order, stable, descending, threads)
    src = kept(src, axis, threads, descending)
    cdef int along, status
    cdef gk_type type = type_of(cnp.PyArray_TYPE(src))
    cdef gk_slices slices
    cdef Call call
    if src.ndim == 0 or axis is None and src.ndim != 1:
        src = src.ravel()
    if axis is None:
        along = 0
    elif axis is -1:
        along = src.ndim - 1
    else:
        along = one_axis(axis, src.ndim)
    if descending is not None and descending:
        src = _mirrored(src, None, threads)
    dst = cnp.PyArray_EMPTY(src.ndim, src.shape, cnp.NPY_INT64, 0)
    fill_slices(&slices, src, dst, along)
    call_begin(&call, threads)
    with nogil:
        status = gk_argsort(cnp.PyArray_BYTES(src), cnp.PyArray_BYTES(dst), &slices, type, &leaves,
                            &call.options)
    call_end(&call, status)
    return dst


def select(cnp.ndarray items, cnp.ndarray ranks, threads):
    """Return the items that would be at these positions if the array were sorted by gilkit.sort.

    Parameters
    ----------
    items : numpy.ndarray
        One-dimensional and contiguous, of a dtype that gilkit computes with.
    ranks : numpy.ndarray of int64
        In ascending order, from 0 to ``len(items) - 1``.
    """
    cdef cnp.ndarray values = np.empty(ranks.shape[0], items.dtype)
    cdef int status
    cdef Call call
    call_begin(&call, threads)
    with nogil:
        status = gk_select(cnp.PyArray_DATA(items), items.shape[0], type_of(cnp.PyArray_TYPE(items)),
                           <const int64_t *>cnp.PyArray_DATA(ranks), ranks.shape[0], cnp.PyArray_DATA(values), &leaves,
                           &call.options)
    call_end(&call, status)
    return values


def count_nans(cnp.ndarray items, threads):
    """Return the number of NaNs in a one-dimensional and contiguous array of float32 or float64."""
    cdef int64_t count
    cdef int status
    cdef Call call
    call_begin(&call, threads)
    with nogil:
        status = gk_count_nans(cnp.PyArray_DATA(items), items.shape[0], type_of(cnp.PyArray_TYPE(items)), &count,
                               &call.options)
    call_end(&call, status)
    return count
