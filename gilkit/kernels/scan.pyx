"""Running sums, products, maxima and minima, and differences."""
import operator
from inspect import cleandoc

cimport numpy as cnp
from libc.stdint cimport int64_t

from gilkit._call cimport Call, call_begin, call_check, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport (
    GK_TYPES, MAX_DIMS, as_supported, check_out, delegate, gk_type, is_cast, is_dispatched, is_for_numpy, is_same, kept,
    may_overlap, one_axis, out_is_for_numpy, sum_dtype, type_of,
)

from gilkit.kernels import _numpy as np
from gilkit.kernels._docstrings import scan_sections
from gilkit.kernels._ufuncs import call as call_ufunc

import_core()
cnp.import_array()

cdef extern from *:
    enum:
        GK_SCAN_INVALID
        GK_SCAN_OVERFLOW
    ctypedef enum gk_accumulation:
        GK_CUMPROD
        GK_CUMMAX
        GK_CUMMIN
    int gk_cumsum "GK(gk_cumsum)" (
        gk_type type, int ndim, const int64_t *shape, int axis, const char *data, const int64_t *in_stride,
        char *out, const int64_t *out_stride, int without_nans, const gk_options *options,
        int *fp_status) noexcept nogil
    int gk_accumulate "GK(gk_accumulate)" (
        gk_accumulation op, gk_type type, int ndim, const int64_t *shape, int axis, const char *data,
        const int64_t *in_stride, char *out, const int64_t *out_stride, int without_nans, const gk_options *options,
        int *fp_status) noexcept nogil

cdef enum:
    WORTH_DIVIDING = 1 << 16  # subtracting fewer elements takes less time than sharing them out
    SHORT = 2048  # scanning this many elements takes less time than releasing the GIL

# Adding or multiplying these in NumPy raises the floating-point status that the kernel has recorded, so that it warns
# or raises as numpy.errstate says.
_ADDED = {GK_SCAN_INVALID: [np.inf, -np.inf], GK_SCAN_OVERFLOW: [np.finfo(float).max, np.finfo(float).max]}
_MULTIPLIED = {GK_SCAN_INVALID: [np.inf, 0.0], GK_SCAN_OVERFLOW: [np.finfo(float).max, 2.0]}


cdef object scanned_by_numpy(function, a, axis, dtype, out, threads):
    cdef dict keywords = {}
    if dtype is not None:
        keywords["dtype"] = dtype
    if axis is not None:
        keywords["axis"] = axis
    if out is not None:
        keywords["out"] = out
    return delegate(function, (a,), keywords, threads)


cdef inline int compute(
    int op, bint without_nans, gk_type type, int ndim, const int64_t *shape, int axis, const char *data,
    const int64_t *in_stride, char *out, const int64_t *out_stride, const gk_options *options, int *fp_status
) noexcept nogil:
    if op < 0:
        return gk_cumsum(
            type, ndim, shape, axis, data, in_stride, out, out_stride, without_nans, options, fp_status)
    return gk_accumulate(<gk_accumulation>op, type, ndim, shape, axis, data, in_stride, out, out_stride, without_nans,
                         options, fp_status)


cdef object scan(int op, bint without_nans, object function, str method, object a, object axis, object dtype,
                 object out, object threads):
    """Scan with an operation of gk_accumulation, or add if it is negative. NumPy's function computes what gilkit does
    not support. `method` is the method that NumPy would call on other objects."""
    cdef bint usual_axis = op <= GK_CUMPROD or axis is None or isinstance(axis, int) and not isinstance(axis, bool)
    if is_for_numpy(a, method) or out_is_for_numpy(out) or not usual_axis:
        return scanned_by_numpy(function, a, axis, dtype, out, threads)
    cdef cnp.ndarray array = as_supported(a, "a"), given, target
    if array is None:
        return scanned_by_numpy(function, a, axis, dtype, out, threads)
    array = kept(array, axis, threads)
    cdef cnp.dtype own = sum_dtype(array) if op <= GK_CUMPROD else cnp.PyArray_DescrFromType(cnp.PyArray_TYPE(array))
    if dtype is not None and np.dtype(dtype) is not own:
        return scanned_by_numpy(function, a, axis, dtype, out, threads)
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
        return scanned_by_numpy(function, a, axis, dtype, out, threads)
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
        status = compute(op, without_nans, type, ndim, shape, along, data, in_stride, to, out_stride, &call.options,
                         &fp_status)
    else:
        with nogil:
            status = compute(op, without_nans, type, ndim, shape, along, data, in_stride, to, out_stride, &call.options,
                             &fp_status)
    call_end(&call, status)
    if target is not given:
        np.copyto(given, target)
    if fp_status:
        for flag, numbers in (_ADDED if op < 0 else _MULTIPLIED).items():
            if fp_status & <int>flag:
                (np.add if op < 0 else np.multiply).accumulate(numbers)
    return out


def cumsum(a, axis=None, dtype=None, out=None, *, threads=None):
    """Return the running sums of the elements along an axis.

    {parameters}

    Notes
    -----
    Floats are added in doubles, in segments of 256 elements. A running sum is the sum of all earlier segments plus the
    running sum within its own segment, so the error grows with n / 256 where NumPy's grows with n. The running sums of
    numbers >= 0 never decrease. The bits depend on shape and layout only. Overflows and invalid operations are reported
    as ``numpy.errstate`` says.

    {notes} The reference implementation is ``gilkit.reference.reductions.cumsum``.

    {last}

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
    return scan(-1, False, np.cumsum, "cumsum", a, axis, dtype, out, threads)


def nancumsum(a, axis=None, dtype=None, out=None, *, threads=None):
    """Return the running sums of the elements along an axis, with each NaN as 0.

    {parameters}

    Notes
    -----
    The NaNs are replaced while they are read. Otherwise the notes of ``gilkit.cumsum`` apply. {notes}

    {last}

    Examples
    --------
    >>> import gilkit
    >>> gilkit.nancumsum([1.0, float("nan"), 2.0])
    array([1., 1., 3.])
    """
    return scan(-1, True, np.nancumsum, None, a, axis, dtype, out, threads)


def cumprod(a, axis=None, dtype=None, out=None, *, threads=None):
    """Return the running products of the elements along an axis.

    {parameters}

    Notes
    -----
    Products of floats have NumPy's bits, except for the sign and payload of NaNs: each slice is multiplied from left to
    right, because another order would overflow elsewhere. Slices are shared among the threads, and a long one of
    integers too. Overflows and invalid operations are reported as ``numpy.errstate`` says.

    {notes}

    {last}

    Examples
    --------
    >>> import gilkit
    >>> gilkit.cumprod([1, 2, 3, 4])
    array([ 1,  2,  6, 24])
    >>> gilkit.cumprod([[2.0, 3.0], [4.0, 5.0]], axis=0)
    array([[ 2.,  3.],
           [ 8., 15.]])
    """
    return scan(GK_CUMPROD, False, np.cumprod, "cumprod", a, axis, dtype, out, threads)


def nancumprod(a, axis=None, dtype=None, out=None, *, threads=None):
    """Return the running products of the elements along an axis, with each NaN as 1.

    {parameters}

    Notes
    -----
    The NaNs are replaced while they are read. Otherwise the notes of ``gilkit.cumprod`` apply. {notes}

    {last}

    Examples
    --------
    >>> import gilkit
    >>> gilkit.nancumprod([2.0, float("nan"), 3.0])
    array([2., 2., 6.])
    """
    return scan(GK_CUMPROD, True, np.nancumprod, None, a, axis, dtype, out, threads)


cdef object converted(object axis):
    """Return the axis as an int. NumPy reads the shape of the array before it converts an axis, and crashes if the
    conversion changes the shape."""
    if axis is None or isinstance(axis, (int, tuple)):
        return axis
    try:
        return operator.index(axis)
    except TypeError:  # NumPy raises its own
        return axis


def _maxima(a, axis=None, dtype=None, out=None):
    a, axis = (np.ravel(a), 0) if axis is None else (a, converted(axis))
    return np.maximum.accumulate(a, axis, dtype, out)


def _minima(a, axis=None, dtype=None, out=None):
    a, axis = (np.ravel(a), 0) if axis is None else (a, converted(axis))
    return np.minimum.accumulate(a, axis, dtype, out)


def cummax(a, axis=None, dtype=None, out=None, *, threads=None):
    """Return the running maxima of the elements along an axis, as numpy.maximum.accumulate does.

    {parameters}

    Notes
    -----
    From the first NaN of a slice on, the maxima are NaN. The bits are NumPy's. ``numpy.maximum.accumulate`` has the
    default ``axis=0``; here it is None, as for ``cumsum``. Subclasses of ``numpy.ndarray`` and objects with
    ``__array_function__`` get the result of ``numpy.maximum.accumulate``.

    {last}

    Examples
    --------
    >>> import gilkit
    >>> gilkit.cummax([3, 1, 4, 1, 5])
    array([3, 3, 4, 4, 5])
    """
    return scan(GK_CUMMAX, False, _maxima, None, a, axis, dtype, out, threads)


def cummin(a, axis=None, dtype=None, out=None, *, threads=None):
    """Return the running minima of the elements along an axis, as numpy.minimum.accumulate does.

    {parameters}

    Notes
    -----
    From the first NaN of a slice on, the minima are NaN. The notes of ``gilkit.cummax`` apply.

    {last}

    Examples
    --------
    >>> import gilkit
    >>> gilkit.cummin([3, 1, 4, 1, 5])
    array([3, 1, 1, 1, 1])
    """
    return scan(GK_CUMMIN, False, _minima, None, a, axis, dtype, out, threads)


def _sums(a, axis, dtype=None, out=None):
    return np.add.accumulate(a, converted(axis), dtype, out)


def _products(a, axis, dtype=None, out=None):
    return np.multiply.accumulate(a, converted(axis), dtype, out)


cdef object cumulative(int op, object function, str name, object x, object axis, object dtype, object out,
                       object include_initial, object threads):
    """Scan as the array API defines it. `function` computes what gilkit does not support."""
    cdef dict given = {"axis": axis, "dtype": dtype, "out": out, "include_initial": include_initial or None}
    cdef cnp.ndarray array
    if is_dispatched(x, None) or out_is_for_numpy(out):
        if name not in np.FUNCTIONS:
            raise TypeError(f"numpy.{name}, for other objects than plain arrays, needs NumPy 2.1")
        given = {key: each for key, each in given.items() if each is not None}
        return delegate(np.FUNCTIONS[name], (x,), given, threads)
    array = np.asarray(x)
    if array.ndim == 0:
        array = array.reshape(1)
    if axis is None:
        if array.ndim > 1:
            raise ValueError("axis must be given for an array of more than one dimension")
        axis = 0
    if not include_initial:
        return scan(op, False, function, None, array, axis, dtype, out, threads)
    cdef int along = one_axis(axis, array.ndim)
    cdef tuple shape = (<object>array).shape, before = (slice(None),) * along
    shape = (*shape[:along], shape[along] + 1, *shape[along + 1:])
    if out is None:
        if dtype is not None:
            own = np.dtype(dtype)
        elif type_of(cnp.PyArray_TYPE(array)) == GK_TYPES:
            own = (<object>array).dtype.newbyteorder("=")
        else:
            own = sum_dtype(array)
        out = np.empty_like(array, own, order="K", subok=False, shape=shape)
    elif not cnp.PyArray_Check(out) or out.shape != shape:
        check_out(out, shape, array.descr)
    scan(op, False, function, None, array, axis, dtype, out[(*before, slice(1, None))], threads)
    out[(*before, 0)] = 0 if op < 0 else 1
    return out


def cumulative_sum(x, /, *, axis=None, dtype=None, out=None, include_initial=False, threads=None):
    """Return the running sums of the elements along an axis, as the array API defines it.

    {parameters}

    Notes
    -----
    The sums are those of ``gilkit.cumsum``, and its notes apply. {notes}

    {last}

    Examples
    --------
    >>> import gilkit
    >>> gilkit.cumulative_sum([1, 2, 3], include_initial=True)
    array([0, 1, 3, 6])
    """
    return cumulative(-1, _sums, "cumulative_sum", x, axis, dtype, out, include_initial, threads)


def cumulative_prod(x, /, *, axis=None, dtype=None, out=None, include_initial=False, threads=None):
    """Return the running products of the elements along an axis, as the array API defines it.

    {parameters}

    Notes
    -----
    The products are those of ``gilkit.cumprod``, and its notes apply. {notes}

    {last}

    Examples
    --------
    >>> import gilkit
    >>> gilkit.cumulative_prod([2, 3, 4], include_initial=True)
    array([ 1,  2,  6, 24])
    """
    return cumulative(GK_CUMPROD, _products, "cumulative_prod", x, axis, dtype, out, include_initial, threads)


cdef object extension(object extra, cnp.ndarray a, int axis):
    """Return the items to put before or after the array."""
    extra = np.asarray(extra)
    shape = (<object>a).shape
    return extra if extra.ndim else np.broadcast_to(extra, (*shape[:axis], 1, *shape[axis + 1:]))


def diff(a, n=1, axis=-1, prepend=np.NoValue, append=np.NoValue, *, threads=None):
    """Return the differences between neighbouring items along an axis.

    Parameters
    ----------
    a : array_like
        Of at least one dimension and of any dtype that NumPy subtracts.
    n : int, default 1
        How often to take differences. 0 returns *a* itself.
    axis : int, default -1
        The axis along which items are neighbours.
    prepend, append : array_like, optional
        Items to put before or after those of *a* first: a number, or an array of a's shape except along the axis.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        Shorter than *a* by *n* along the axis. ``out[i] = a[i + 1] - a[i]``, or ``a[i + 1] != a[i]`` for bool.

    Raises
    ------
    ValueError
        For an *n* below 0 and for an *a* without dimensions.
    numpy.exceptions.AxisError
        For an axis that *a* does not have.

    Notes
    -----
    The threads run NumPy's own loops, so bits and warnings are NumPy's. Subclasses of ``numpy.ndarray`` and objects
    with ``__array_function__`` get the result of ``numpy.diff``.

    Releases the GIL. A subtraction ends before Ctrl-C or a timeout ends the call. No other thread may write to *a*
    during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.diff([1, 2, 4, 7])
    array([1, 2, 3])
    >>> gilkit.diff([1, 2, 4, 7], n=2)
    array([1, 1])
    """
    cdef cnp.ndarray array
    cdef int along = 0
    cdef bint plain = cnp.PyArray_CheckExact(a) and type(n) is int and n > 0 and type(axis) is int
    if plain:
        plain = -cnp.PyArray_NDIM(a) <= axis < cnp.PyArray_NDIM(a)
    if not plain or is_for_numpy(prepend, None) or is_for_numpy(append, None):
        return delegate(np.diff, (a, n, axis, prepend, append), {}, threads)
    call_check(threads)
    array = a
    along = axis + array.ndim if axis < 0 else axis
    if prepend is not np.NoValue or append is not np.NoValue:
        parts = [extension(prepend, array, along)] if prepend is not np.NoValue else []
        parts.append(array)
        if append is not np.NoValue:
            parts.append(extension(append, array, along))
        array = np.concatenate(parts, along)
    later, earlier = (slice(None),) * along + (slice(1, None),), (slice(None),) * along + (slice(None, -1),)
    name = "not_equal" if cnp.PyArray_TYPE(array) == cnp.NPY_BOOL else "subtract"
    if cnp.PyArray_SIZE(array) < WORTH_DIVIDING:
        subtract = np.subtract if name == "subtract" else np.not_equal
        for _ in range(n):
            call_check(threads)
            array = subtract(array[later], array[earlier])
        return array
    for _ in range(n):
        call_check(threads)
        array = call_ufunc(name, array[later], array[earlier], threads=threads)
    return array


for _function in (cumsum, nancumsum, cumprod, nancumprod, cummax, cummin, cumulative_sum, cumulative_prod):
    _function.__doc__ = cleandoc(_function.__doc__).format(**scan_sections(_function.__name__))
