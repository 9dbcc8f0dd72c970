"""sort and argsort: NumPy's, with all cores."""
import operator

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, intptr_t

cimport numpy as cnp

from gilkit._call cimport Call, call_begin, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport (
    GK_FLOAT32, any_axis, as_array, as_input, check_out, delegate, gk_type, is_for_numpy, is_same, may_overlap,
    one_axis, type_of,
)

from gilkit.kernels import _numpy as np

cnp.import_array()
import_core()

cdef extern from *:
    """
    #include "numpy/npy_2_compat.h"
    /* NumPy's own sort of contiguous items. For its built-in numbers the function
     * looks at nothing but the items, so it needs neither the array nor the GIL. */
    static gk_leaf_sort *numpy_sort_of(int type_number)
    {
        PyArray_Descr *descr = PyArray_DescrFromType(type_number);
        gk_leaf_sort *sort = (gk_leaf_sort *)PyDataType_GetArrFuncs(descr)->sort[NPY_QUICKSORT];
        Py_DECREF(descr);
        return sort;
    }
    """
    cnp.ndarray PyArray_NewLikeArray(cnp.ndarray prototype, cnp.NPY_ORDER order, PyObject *descr, int subok)
    ctypedef int gk_leaf_sort(void *items, intptr_t n, void *unused) noexcept nogil
    gk_leaf_sort *numpy_sort_of(int type_number)
    ctypedef struct gk_leaf_sorts:
        gk_leaf_sort *of[11]
    ctypedef struct gk_slices:
        int64_t length
        int64_t src_step
        int64_t dst_step
        int ndim
        int64_t shape[64]
        int64_t src_strides[64]
        int64_t dst_strides[64]
    int gk_sort "GK(gk_sort)" (
        const char *src, char *dst, const gk_slices *lines, gk_type type, const gk_leaf_sorts *leaves,
        const gk_options *options) noexcept nogil
    int gk_argsort "GK(gk_argsort)" (
        const char *src, char *dst, const gk_slices *lines, gk_type type, const gk_leaf_sorts *leaves,
        const gk_options *options) noexcept nogil

cdef gk_leaf_sorts leaves


cdef _find_leaves():
    cdef int number
    for letter in "?bhilqBHILQfd":
        number = np.dtype(letter).num
        leaves.of[<int>type_of(number)] = numpy_sort_of(number)
        if leaves.of[<int>type_of(number)] == NULL:
            raise ImportError(f"NumPy {np.__version__} has no sort of {np.dtype(letter)} that gilkit could call")


_find_leaves()


cdef void _fill_lines(gk_slices *lines, cnp.ndarray src, cnp.ndarray dst, int axis) noexcept:
    cdef int d
    lines.length = src.shape[axis]
    lines.src_step = src.strides[axis]
    lines.dst_step = dst.strides[axis]
    lines.ndim = 0
    for d in range(src.ndim):
        if d != axis:
            lines.shape[lines.ndim] = src.shape[d]
            lines.src_strides[lines.ndim] = src.strides[d]
            lines.dst_strides[lines.ndim] = dst.strides[d]
            lines.ndim += 1


cdef cnp.ndarray NOTHING = np.empty(0)
cdef frozenset KINDS = frozenset(("quicksort", "heapsort", "mergesort", "stable"))


cdef bint _is_stable(object axis, object kind, object stable) except -1:
    """Whether these ask for a stable sort. Errors as NumPy's and in its order, with its rules for abbreviations."""
    if kind is None:
        return stable is not None and bool(stable)
    if axis is not None:
        operator.index(axis)
    if kind not in KINDS:
        np.sort(NOTHING, kind=kind)
    if stable is not None:
        raise ValueError("kind and stable cannot be given both; stable=True is kind='stable'")
    return kind[:1].lower() in ("s", "m", b"s", b"m")


cdef object _numpys(object function, object a, object axis, object kind, object order, object stable, object threads):
    cdef dict keywords = {}
    if axis is not -1:
        keywords["axis"] = axis
    if kind is not None:
        keywords["kind"] = kind
    if order is not None:
        keywords["order"] = order
    if stable is not None:
        keywords["stable"] = stable
    return delegate(function, (a,), keywords, threads)


cdef object _numpys_sort(object a, object axis, object kind, object order, object stable, object out, object threads):
    cdef cnp.ndarray array, target
    result = _numpys(np.sort, a, axis, kind, order, stable, threads)
    if out is None:
        return result
    array = as_array(result, "a")
    target = check_out(out, (<object>array).shape, array.descr)
    np.copyto(target, array)
    return out


cdef object _places(cnp.ndarray a):
    """Where a's zeros are, if some have a sign and others have none, and where its NaNs are: in other items, equal
    means that the bits are."""
    zeros, nans = a == 0, np.isnan(a)
    signs = np.signbit(a[zeros])
    return zeros if signs.any() and not signs.all() else None, nans if nans.any() else None


cdef cnp.ndarray _sorted_stably(cnp.ndarray src, int axis, object threads):
    """The kernel's order, but with equal items as they come in src."""
    given = np.moveaxis(src, axis, -1)
    cdef cnp.ndarray result = sort(src, axis, threads=threads)
    ordered = np.moveaxis(result, axis, -1)
    # Each line has as many of them before and after, side by side after: so
    # going over both arrays in the same order puts them where they belong.
    zeros, nans = _places(given)
    if zeros is not None:
        ordered[ordered == 0] = given[zeros]
    if nans is not None:
        ordered[np.isnan(ordered)] = given[nans]
    return result


def sort(a, axis=-1, kind=None, order=None, *, stable=None, out=None, threads=None):
    """Return a sorted copy of an array: ``numpy.sort`` on all cores.

    Parameters
    ----------
    a : array_like
        bool, (u)int8 to (u)int64, float32 or float64, of any layout and byte order.
    axis : int or None, default -1
        The axis to sort along; None sorts the flattened array.
    kind : {'quicksort', 'heapsort', 'mergesort', 'stable'}, optional
        As of ``numpy.sort``. 'stable' and 'mergesort' ask for a stable sort; the others are all gilkit's own.
    order : str or list of str, optional
        The fields by which ``numpy.sort`` sorts a structured array.
    stable : bool, optional
        Whether equal items keep their order. Only one of kind and stable may be given.
    out : numpy.ndarray, optional
        An array of the result's shape and a's dtype to write to; it may be *a* itself (sorting in place) or overlap it.
    threads : int, optional
        1 to 1024; None: ``num_threads()``.

    Returns
    -------
    numpy.ndarray
        Of a's dtype; *out* if it is given. The bits are the same for any number of threads.

    Raises
    ------
    TypeError
        For other dtypes.
    ValueError
        For an unknown kind, and if both kind and stable are given.
    numpy.exceptions.AxisError
        For an axis that a does not have.

    Notes
    -----
    Items that are equal and have different bits (zeros with and without a sign, NaNs) keep their order in a stable
    sort. Otherwise -0.0 comes before 0.0, and NaNs come last with their bits unchanged, first those without a sign
    bit, by rising payload, then those with one, by falling payload. A stable sort of floats goes over the array twice
    more on one core. Subclasses of NumPy's array, structured arrays with *order*, and objects with
    ``__array_function__`` are sorted by ``numpy.sort``.

    Scratch: one byte an item, for lines of more than 32,767 items; and a copy of *a* if *out* overlaps it. The arrays
    must not be written to by other threads meanwhile. Releases the GIL; Ctrl-C interrupts it (then the content of *out*
    is undefined). Twin: ``gilkit.reference.sort.sort``.
    """
    if order is not None or is_for_numpy(a, None):
        return _numpys_sort(a, axis, kind, order, stable, out, threads)
    cdef bint in_order = (kind is not None or stable is not None) and _is_stable(axis, kind, stable)
    cdef cnp.ndarray array = as_array(a, "a"), src = as_input(array, "a"), dst, target = None
    cdef int along, status
    cdef gk_type type = type_of(cnp.PyArray_TYPE(src))
    cdef gk_slices lines
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
    in_order = in_order and type >= GK_FLOAT32
    if in_order:
        dst = _sorted_stably(src, along, threads)
    else:
        if target is None or cnp.PyArray_ISBYTESWAPPED(target):
            # In numpy's order, "K": the lines of a Fortran matrix stay contiguous.
            dst = PyArray_NewLikeArray(src, cnp.NPY_KEEPORDER, NULL, 0)
        else:
            dst = target
            if may_overlap(src, dst) and not is_same(src, dst):
                src = src.copy()
        _fill_lines(&lines, src, dst, along)
        call_begin(&call, threads)
        with nogil:
            status = gk_sort(cnp.PyArray_BYTES(src), cnp.PyArray_BYTES(dst), &lines, type, &leaves,
                             &call.options)
        call_end(&call, status)
    if out is None:
        return dst if cnp.PyArray_ISNOTSWAPPED(array) else dst.astype(array.descr)
    if dst is not target:
        np.copyto(target, dst)
    return out


def argsort(a, axis=-1, kind=None, order=None, *, stable=None, threads=None):
    """Return the positions that sort an array: ``numpy.argsort`` on all cores, always stable.

    Parameters
    ----------
    a : array_like
        bool, (u)int8 to (u)int64, float32 or float64, of any layout and byte order.
    axis : int or None, default -1
        The axis to sort along; None sorts the flattened array.
    kind : {'quicksort', 'heapsort', 'mergesort', 'stable'}, optional
        As of ``numpy.argsort``; the result is the same for all.
    order : str or list of str, optional
        The fields by which ``numpy.argsort`` sorts a structured array.
    stable : bool, optional
        As of ``numpy.argsort``; the result is the same. Only one of kind and stable may be given.
    threads : int, optional
        1 to 1024; None: ``num_threads()``.

    Returns
    -------
    numpy.ndarray
        int64 (intp), of a's shape; ``[0]`` for an array of no dimensions.

    Raises
    ------
    TypeError
        For other dtypes.
    ValueError
        For an unknown kind, and if both kind and stable are given.
    numpy.exceptions.AxisError
        For an axis that a does not have.

    Notes
    -----
    Of equal items the first comes first. -0.0 equals 0.0, and NaNs equal each other and come last. So the result does
    not depend on the threads. Subclasses of NumPy's array, structured arrays with *order*, objects with
    ``__array_function__`` and those with an ``argsort`` of their own get the result of ``numpy.argsort``.

    Scratch: nine bytes an item, for lines of more than 32,767 items. *a* must not be written to by other threads
    meanwhile. Releases the GIL; Ctrl-C interrupts it. Twin: ``gilkit.reference.sort.argsort``.
    """
    if order is not None or is_for_numpy(a, "argsort"):
        return _numpys(np.argsort, a, axis, kind, order, stable, threads)
    if axis is True or axis is False:
        one_axis(axis, 1)
    if kind is not None or stable is not None:
        _is_stable(axis, kind, stable)
    cdef cnp.ndarray src = as_input(a, "a"), dst
    cdef int along, status
    cdef gk_type type = type_of(cnp.PyArray_TYPE(src))
    cdef gk_slices lines
    cdef Call call
    if src.ndim == 0 or axis is None and src.ndim != 1:
        src = src.ravel()
    if axis is None:
        along = 0
    elif axis is -1:
        along = src.ndim - 1
    else:
        along = one_axis(axis, src.ndim)
    dst = cnp.PyArray_EMPTY(src.ndim, src.shape, cnp.NPY_INT64, 0)
    _fill_lines(&lines, src, dst, along)
    call_begin(&call, threads)
    with nogil:
        status = gk_argsort(cnp.PyArray_BYTES(src), cnp.PyArray_BYTES(dst), &lines, type, &leaves,
                            &call.options)
    call_end(&call, status)
    return dst
