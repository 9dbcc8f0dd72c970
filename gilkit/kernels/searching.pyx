"""Searches in sorted arrays and sets: searchsorted, isin, and the functions behind unique."""
cimport numpy as cnp
from libc.stdint cimport int64_t, uint8_t

from gilkit._call cimport Call, call_begin, call_check, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport GK_FLOAT32, as_supported, delegate, gk_type, is_for_numpy, type_of

from gilkit.kernels import _numpy as np
from gilkit.kernels._ufuncs import call as call_ufunc
from gilkit.kernels.indexing import take
from gilkit.kernels.sorting import argsort

import_core()
cnp.import_array()

cdef extern from *:
    enum:
        GK_RUNS_CHUNK
    ctypedef struct gk_runs:
        const void *items
        int64_t n
        gk_type type
        int nans_differ
        int64_t *offsets
    int gk_runs_count "GK(gk_runs_count)" (const gk_runs *runs, const gk_options *options) noexcept nogil
    int gk_runs_write "GK(gk_runs_write)" (
        const gk_runs *runs, void *values, int64_t *starts, const int64_t *places, int64_t *numbers,
        const gk_options *options) noexcept nogil
    int gk_isin "GK(gk_isin)" (
        const void *items, int64_t n, const void *elements, int64_t m, gk_type type, int inverted, uint8_t *found,
        const gk_options *options) noexcept nogil
    ctypedef struct gk_interpolated:
        const double *xs
        const double *ys
        int64_t n
        double left
        double right
    int gk_interp "GK(gk_interp)" (
        const gk_interpolated *function, const double *points, int64_t m, double *values,
        const gk_options *options) noexcept nogil
    int gk_searchsorted "GK(gk_searchsorted)" (
        const void *sorted, int64_t n, const void *keys, int64_t m, gk_type type, int right, int64_t *places,
        const gk_options *options) noexcept nogil

cdef enum:
    FEW = 4096  # NumPy searches for this many items in less time than gilkit needs to begin


cdef cnp.dtype common_dtype(cnp.ndarray a, cnp.ndarray b):
    """The dtype in which NumPy compares the items of both, or None for one that only NumPy compares in."""
    if cnp.PyArray_TYPE(a) == cnp.PyArray_TYPE(b):
        return a.descr
    cdef cnp.dtype dtype = np.result_type(a, b)
    # int64 and uint64 would be compared as floats.
    if type_of(dtype.type_num) >= GK_FLOAT32 and cnp.PyArray_ISINTEGER(a) and cnp.PyArray_ISINTEGER(b):
        return None
    return dtype


cdef cnp.ndarray flat(cnp.ndarray a, cnp.dtype dtype):
    """The items as a contiguous array of this dtype, in C order."""
    if a.ndim == 1 and cnp.PyArray_TYPE(a) == dtype.type_num and cnp.PyArray_IS_C_CONTIGUOUS(a):
        return a
    return np.ascontiguousarray(a, dtype).reshape(-1)


def searchsorted(a, v, side="left", sorter=None, *, threads=None):
    """Return where items would have to be inserted into a sorted array to keep it sorted.

    Parameters
    ----------
    a : array_like
        One-dimensional and sorted: bool, integers, float32 or float64. NumPy searches arrays of other dtypes.
    v : array_like
        The items to insert, of any shape.
    side : {'left', 'right'}, default 'left'
        Whether to insert before equal items or after them.
    sorter : array_like of int, optional
        Indices that sort *a*, if it is not sorted itself: what ``gilkit.argsort(a)`` returns.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    int or numpy.ndarray of int
        int64 (intp), of v's shape: indices from 0 to ``len(a)``.

    Raises
    ------
    TypeError
        For dtypes that NumPy cannot compare.
    ValueError
        For an *a* that is not one-dimensional, an unknown *side*, and a *sorter* that does not fit.

    Notes
    -----
    Each item takes a binary search. Sixteen searches run side by side, because each of their steps waits for memory, so
    items in random order are found many times as fast as by ``numpy.searchsorted``. NaNs come last, as in
    ``gilkit.sort``. Subclasses of ``numpy.ndarray``, objects with ``__array_function__`` and objects with a method
    ``searchsorted`` get the result of ``numpy.searchsorted``.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to the arrays during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.searchsorted([10, 20, 20, 30], [20, 5, 40])
    array([1, 0, 4])
    >>> gilkit.searchsorted([10, 20, 20, 30], 20, side="right")
    np.int64(3)
    """
    cdef cnp.ndarray array, keys, places
    cdef cnp.dtype dtype = None
    cdef bint right
    cdef int status
    cdef int64_t n, m
    cdef gk_type type
    cdef Call call
    if (not is_for_numpy(a, "searchsorted") and not is_for_numpy(v, None) and not is_for_numpy(sorter, None)
            and type_of_side(side) >= 0):
        array, keys = as_supported(a, "a"), as_supported(v, "v")
        if array is not None and keys is not None and array.ndim == 1:
            dtype = common_dtype(array, keys)
    if dtype is None:
        keywords = {} if side == "left" else {"side": side}
        if sorter is not None:
            keywords["sorter"] = sorter
        return delegate(np.searchsorted, (a, v), keywords, threads)
    right = type_of_side(side)
    call_check(threads)
    if dtype.itemsize < 4:
        dtype = np.dtype(np.int32)
    if sorter is not None:
        order = np.asarray(sorter)
        n = cnp.PyArray_SIZE(array)
        if (order.dtype.kind not in "iu" or not np.can_cast(order.dtype, np.int64) or order.shape != (n,)
                or (n > 0 and not (0 <= order.min() and order.max() < n))):  # NumPy raises the error
            return delegate(np.searchsorted, (a, v), {"side": side, "sorter": sorter}, threads)
        array = array[order]
    array = flat(array, dtype)
    places = cnp.PyArray_EMPTY(keys.ndim, keys.shape, cnp.NPY_INT64, 0)
    keys = flat(keys, dtype)
    n, m = array.shape[0], keys.shape[0]
    type = type_of(dtype.type_num)
    call_begin(&call, threads)
    with nogil:
        status = gk_searchsorted(cnp.PyArray_DATA(array), n, cnp.PyArray_DATA(keys), m, type, right,
                                 <int64_t *>cnp.PyArray_DATA(places), &call.options)
    call_end(&call, status)
    return places if places.ndim else places[()]


cdef object _numpys_digitize = np.of_arrays("digitize"), _numpys_interp = np.of_arrays("interp")


cdef bint are_few(object x, object y, object z) noexcept:
    """Whether these are arrays of NumPy, the first of few items."""
    return (cnp.PyArray_CheckExact(x) and cnp.PyArray_SIZE(<cnp.ndarray>x) <= FEW and cnp.PyArray_CheckExact(y)
            and cnp.PyArray_CheckExact(z))


cdef int type_of_side(object side):
    """Return 0 for 'left', 1 for 'right', and -1 for other values, which NumPy must judge."""
    return 0 if side == "left" else 1 if side == "right" else -1


def digitize(x, bins, right=False, *, threads=None):
    """Return the index of the bin that each item belongs to.

    Parameters
    ----------
    x : array_like
        bool, integers, float32 or float64, of any shape. NumPy handles other dtypes.
    bins : array_like
        One-dimensional: the edges of the bins, ascending or descending.
    right : bool, default False
        Whether an item on an edge belongs to the bin that ends there. Otherwise, to the bin that begins there.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    int or numpy.ndarray of int
        int64 (intp), of x's shape: 0 for an item before the first edge, ``len(bins)`` for one after the last edge.

    Raises
    ------
    TypeError
        For complex items.
    ValueError
        For edges that neither ascend nor descend.

    Notes
    -----
    The notes of ``gilkit.searchsorted`` apply. Objects with ``__array_function__`` get the result of
    ``numpy.digitize``.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.digitize([0.5, 1.0, 3.7, 9.0], [0.0, 1.0, 2.0, 4.0])
    array([1, 2, 3, 4])
    """
    cdef cnp.ndarray items, edges
    if are_few(x, bins, bins):
        call_check(threads)
        return _numpys_digitize(x, bins, right)
    if not is_for_numpy(x, None) and not is_for_numpy(bins, None):
        items, edges = as_supported(x, "x"), as_supported(bins, "bins")
        if items is not None and edges is not None and edges.ndim == 1 and cnp.PyArray_SIZE(items) > FEW and not (
                edges.dtype.kind == "f" and np.isnan(edges).any()):
            np.digitize(items[:0], edges)  # raises the errors of the edges
            side = "left" if right else "right"
            if not edges.shape[0] or not edges[0] > edges[edges.shape[0] - 1]:
                return searchsorted(edges, items, side, threads=threads)
            return edges.shape[0] - searchsorted(edges[::-1], items, side, threads=threads)
    return delegate(np.digitize, (x, bins, right), {}, threads)


cdef bint is_real(object value) noexcept:
    return value is None or isinstance(value, (int, float))


cdef tuple in_order(cnp.ndarray xs, cnp.ndarray ys, object threads):
    """The points in the order of their xs. Only NumPy knows its order of equal ones, and finds it on one thread."""
    order = argsort(xs, threads=threads)
    ordered = take(xs, order, threads=threads)
    last = ordered[len(ordered) - 1]
    if last != last or call_ufunc("equal", ordered[1:], ordered[:len(ordered) - 1], threads=threads).any():
        order = np.argsort(xs)
        ordered = take(xs, order, threads=threads)
    return ordered, take(ys, order, threads=threads)


def interp(x, xp, fp, left=None, right=None, period=None, *, threads=None):
    """Return the values of a function that is linear between given points.

    Parameters
    ----------
    x : array_like
        Where to evaluate the function; of any shape.
    xp : array_like
        One-dimensional: where the values are known. Ascending, unless there is a *period*.
    fp : array_like
        The known values, as many. Complex ones are left to NumPy.
    left, right : float, optional
        The values before the first point and after the last one. None means the first and the last item of *fp*.
    period : float, optional
        The period of the function. *left* and *right* are then ignored.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    float or numpy.ndarray
        float64, of x's shape.

    Raises
    ------
    ValueError
        For *xp* and *fp* of different lengths, without items, or of several dimensions, and for a *period* of 0.

    Notes
    -----
    The bits are those of ``numpy.interp``. Sixteen points are searched side by side, as in ``gilkit.searchsorted``. If
    *xp* does not ascend, the values have no meaning, and may differ from NumPy's. Objects with ``__array_function__``
    get the result of ``numpy.interp``.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to the arrays during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.interp([0.5, 2.5, 9.0], [0.0, 1.0, 2.0, 3.0], [0.0, 10.0, 20.0, 0.0])
    array([ 5., 10.,  0.])
    """
    cdef cnp.ndarray points = None, xs, ys, values
    cdef gk_interpolated function
    cdef int status
    cdef Call call
    if are_few(x, xp, fp):
        call_check(threads)
        return _numpys_interp(x, xp, fp, left, right, period)
    if not (is_for_numpy(x, None) or is_for_numpy(xp, None) or is_for_numpy(fp, None)):
        points, xs, ys = as_supported(x, "x"), as_supported(xp, "xp"), as_supported(fp, "fp")
    if (points is None or xs is None or ys is None or cnp.PyArray_SIZE(points) <= FEW or xs.ndim != 1 or ys.ndim != 1
            or xs.shape[0] != ys.shape[0] or xs.shape[0] == 0 or not is_real(period) or period == 0
            or not (is_real(left) and is_real(right))):
        return delegate(np.interp, (x, xp, fp, left, right, period), {}, threads)
    points, xs, ys = points.astype(np.float64, copy=False), xs.astype(np.float64), ys.astype(np.float64)
    if period is not None:  # as NumPy does
        period, left, right = abs(period), None, None
        points = call_ufunc("remainder", points, period, threads=threads)
        xs, ys = in_order(call_ufunc("remainder", xs, period, threads=threads), ys, threads)
        last = slice(xs.shape[0] - 1, None)
        xs, ys = np.concatenate((xs[last] - period, xs, xs[:1] + period)), np.concatenate((ys[last], ys, ys[:1]))
    points = np.ascontiguousarray(points)
    values = cnp.PyArray_EMPTY(points.ndim, points.shape, cnp.NPY_DOUBLE, 0)
    function.xs, function.ys = <double *>cnp.PyArray_DATA(xs), <double *>cnp.PyArray_DATA(ys)
    function.n = xs.shape[0]
    function.left = function.ys[0] if left is None else left
    function.right = function.ys[function.n - 1] if right is None else right
    call_begin(&call, threads)
    with nogil:
        status = gk_interp(&function, <double *>cnp.PyArray_DATA(points), cnp.PyArray_SIZE(points),
                           <double *>cnp.PyArray_DATA(values), &call.options)
    call_end(&call, status)
    return values


def isin(element, test_elements, assume_unique=False, invert=False, *, kind=None, threads=None):
    """Return which items of an array are among those of another one.

    Parameters
    ----------
    element : array_like
        bool, integers, float32 or float64, of any shape. NumPy compares other dtypes.
    test_elements : array_like
        The items to look for, of any shape.
    assume_unique : bool, default False
        Accepted and ignored: it would save no time.
    invert : bool, default False
        Whether to return which items are not among them.
    kind : {None, 'sort', 'table'}, optional
        NumPy's algorithms. With 'table', NumPy itself computes the result.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray of bool
        Of element's shape.

    Raises
    ------
    ValueError
        For an unknown *kind*.

    Notes
    -----
    *test_elements* becomes a hash table, or for integers that are close together a table of bits of up to 2 MB. -0.0
    equals 0.0, and NaN equals nothing, as in NumPy. Scratch memory is 16 to 32 bytes for each test element, and up to
    512 kB for few of them. Subclasses of ``numpy.ndarray`` and objects with ``__array_function__`` get the result of
    ``numpy.isin``.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to the arrays during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.isin([[1, 2], [3, 4]], [2, 4, 6])
    array([[False,  True],
           [False,  True]])
    """
    cdef cnp.ndarray items, elements, found
    cdef cnp.dtype dtype = None
    cdef bint inverted
    cdef int status
    cdef Call call
    if (kind is None or kind == "sort") and not is_for_numpy(element, None) and not is_for_numpy(test_elements, None):
        items, elements = as_supported(element, "element"), as_supported(test_elements, "test_elements")
        if items is not None and elements is not None:
            dtype = common_dtype(items, elements)
    if dtype is None:
        keywords = {} if kind is None else {"kind": kind}
        return delegate(np.isin, (element, test_elements, assume_unique, invert), keywords, threads)
    inverted = invert
    found = cnp.PyArray_EMPTY(items.ndim, items.shape, cnp.NPY_BOOL, 0)
    items, elements = flat(items, dtype), flat(elements, dtype)
    call_begin(&call, threads)
    with nogil:
        status = gk_isin(cnp.PyArray_DATA(items), items.shape[0], cnp.PyArray_DATA(elements), elements.shape[0],
                         type_of(dtype.type_num), inverted, <uint8_t *>cnp.PyArray_DATA(found), &call.options)
    call_end(&call, status)
    return found


def unique_runs(cnp.ndarray items, bint equal_nan, bint want_values, bint want_starts, places, threads):
    """Return the first item of each run of equal ones, where the runs begin, and the number of each item's run.

    Parameters
    ----------
    items : numpy.ndarray
        Sorted by gilkit.sort, one-dimensional and contiguous.
    places : numpy.ndarray of int64, optional
        The index at which to write the number of each item's run. Without it, the numbers are not written.

    Returns
    -------
    tuple
        The three results; those that are not wanted are None.
    """
    cdef int64_t n = items.shape[0], number, chunks = (n + GK_RUNS_CHUNK - 1) // GK_RUNS_CHUNK
    cdef cnp.ndarray offsets = np.empty(chunks + 1, np.int64), values = None, starts = None, numbers = None
    cdef void *to_values = NULL
    cdef int64_t *to_starts = NULL
    cdef const int64_t *from_places = NULL
    cdef int64_t *to_numbers = NULL
    cdef gk_runs runs
    cdef int status
    cdef Call call
    runs.items = cnp.PyArray_DATA(items)
    runs.n = n
    runs.type = type_of(cnp.PyArray_TYPE(items))
    runs.nans_differ = not equal_nan
    runs.offsets = <int64_t *>cnp.PyArray_DATA(offsets)
    call_begin(&call, threads)
    with nogil:
        status = gk_runs_count(&runs, &call.options)
    call_end(&call, status)
    number = runs.offsets[chunks]
    if want_values:
        values = np.empty(number, items.dtype)
        to_values = cnp.PyArray_DATA(values)
    if want_starts:
        starts = np.empty(number, np.int64)
        to_starts = <int64_t *>cnp.PyArray_DATA(starts)
    if places is not None:
        numbers = np.empty(n, np.int64)
        from_places = <const int64_t *>cnp.PyArray_DATA(places)
        to_numbers = <int64_t *>cnp.PyArray_DATA(numbers)
    call_begin(&call, threads)
    with nogil:
        status = gk_runs_write(&runs, to_values, to_starts, from_places, to_numbers, &call.options)
    call_end(&call, status)
    return values, starts, numbers
