"""Reductions with NumPy's names: sum, mean, var, std, min, max, and some of them without NaNs."""
cimport numpy as cnp
from libc.math cimport isfinite
from libc.stdint cimport int64_t

from gilkit._call cimport Call, call_begin, call_end
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport (
    GK_FLOAT32, GK_FLOAT64, GK_UINT64, MAX_DIMS, as_supported, axis_mask, check_out, delegate, gk_type, is_cast, is_flat,
    is_for_numpy, may_overlap, out_is_for_numpy, type_of,
)

from inspect import cleandoc, signature

from gilkit.kernels import _numpy as np

import_core()
cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    object PyArray_Scalar(void *data, cnp.dtype descr, object base)

cdef extern from *:
    ctypedef enum gk_reduction:
        GK_SUM
        GK_MEAN
        GK_VAR
        GK_STD
        GK_MIN
        GK_MAX
        GK_NANSUM
        GK_NANMEAN
        GK_NANMIN
        GK_NANMAX
    enum:
        GK_REDUCE_SERIAL
    ctypedef struct gk_layout:
        int64_t n_reduced
        int n_retained_axes
        int retained_axes[64]
    ctypedef struct gk_reduction_result:
        gk_type type
        bint can_warn
    gk_reduction_result gk_reduction_result_of "GK(gk_reduction_result_of)" (
        gk_reduction what, gk_type type) noexcept nogil
    void gk_layout_init "GK(gk_layout_init)" (
        gk_layout *layout, gk_type type, const char *data, int ndim, const int64_t *shape,
        const int64_t *stride, const char *reduced) noexcept nogil
    int gk_reduce "GK(gk_reduce)" (
        gk_reduction what, const gk_layout *layout, double ddof, void *out,
        const gk_options *options) noexcept nogil
    void gk_reduce_serial "GK(gk_reduce_serial)" (
        gk_reduction what, gk_type type, const void *x, int64_t n, double ddof, void *out) noexcept nogil

cdef enum:
    SHORT = 2048  # reducing this many elements takes less time than releasing the GIL

# NumPy's functions, in the order of gk_reduction. They call the argument's method of the same name.
cdef tuple NAMES = ("sum", "mean", "var", "std", "min", "max", "nansum", "nanmean", "nanmin", "nanmax")
NUMPY = [np.FUNCTIONS[name] for name in NAMES]


cdef cnp.dtype dtype_of(gk_type type, cnp.ndarray a):
    """The dtype of a result of this type, which is one of those that the table in operation.c names."""
    # a's own dtype first, because long long and long are two dtypes of one gk_type.
    if type == type_of(cnp.PyArray_TYPE(a)):
        return cnp.PyArray_DescrFromType(cnp.PyArray_TYPE(a))
    if type == GK_FLOAT64:
        return cnp.PyArray_DescrFromType(cnp.NPY_FLOAT64)
    return cnp.PyArray_DescrFromType(cnp.NPY_UINT64 if type == GK_UINT64 else cnp.NPY_INT64)


cdef object numpys(gk_reduction what, object a, object axis, object out, object keepdims, double ddof,
                   object threads, dict others=None):
    """Return what NumPy's own function returns. Defaults are not passed on, because the methods of other libraries'
    arrays may not know these keywords."""
    cdef dict keywords = dict(others) if others else {}
    if axis is not None:
        keywords["axis"] = axis
    if out is not None:
        keywords["out"] = out
    if ddof != 0:
        keywords["ddof"] = int(ddof) if ddof.is_integer() else ddof
    if keepdims is not False:
        keywords["keepdims"] = keepdims
    return delegate(NUMPY[what], (a,), keywords, threads)


cdef bint is_finite(cnp.ndarray a) except -1:
    """Whether all elements of an array of floats are finite."""
    return (isfinite(<double>reduce(GK_MIN, a, None, None, False, 0, None))
            and isfinite(<double>reduce(GK_MAX, a, None, None, False, 0, None)))


cdef bint may_need_numpy(gk_reduction what, gk_reduction_result info) noexcept:
    """Whether results that are not finite may be wrong, or may need a warning."""
    return info.can_warn or ((what == GK_NANMIN or what == GK_NANMAX) and info.type >= GK_FLOAT32)


cdef object unexplained(gk_reduction what, cnp.ndarray a, object axis, object result):
    """Return a mask of the infinite and NaN results that infinite and NaN elements do not explain. NumPy would warn
    of these. For few elements, mark every result that is not finite, because asking NumPy is cheap."""
    if cnp.PyArray_SIZE(a) <= SHORT:
        return ~np.isfinite(result)
    if what == GK_NANMIN or what == GK_NANMAX:  # there may be nothing but NaNs
        return np.isinf(result)
    if what == GK_NANSUM or what == GK_NANMEAN:
        low = reduce(GK_NANMIN, a, axis, None, False, 0, None)
        high = reduce(GK_NANMAX, a, axis, None, False, 0, None)
        return np.isnan(result) | np.isinf(result) & ~(np.isinf(low) | np.isinf(high))
    low = reduce(GK_MIN, a, axis, None, False, 0, None)
    high = reduce(GK_MAX, a, axis, None, False, 0, None)
    infinite = np.isinf(low) | np.isinf(high)
    return np.isnan(result) & ~np.isnan(low) | np.isinf(result) & ~infinite


cdef int settle(gk_reduction what, cnp.ndarray a, tuple axis, cnp.ndarray result, double ddof) except -1:
    """Recompute the unexplained() results with NumPy, which warns as numpy.errstate says. Each is computed from a copy
    of its own elements, because NumPy's rounding may depend on the elements next to them."""
    which = unexplained(what, a, axis, result)
    if not which.any():
        return 0
    if result.ndim == 0:
        result[()] = numpys(what, a, None, None, False, ddof, None)
        return 0
    elements = np.moveaxis(a, axis, range(-len(axis), 0))[which]
    result[which] = numpys(what, elements.reshape(elements.shape[0], -1), 1, None, False, ddof, None)
    return 0


cdef object reduce(gk_reduction what, object value, object axis, object out, object keepdims,
                   double ddof, object threads):
    cdef cnp.ndarray a
    cdef gk_type type
    cdef gk_reduction_result info
    cdef int64_t n
    cdef double memory[1]
    cdef void *scalar = memory

    # A fast path for the most common call, so that short arrays take no longer than in NumPy.
    if axis is None and out is None and threads is None and keepdims is False and cnp.PyArray_CheckExact(value):
        a = value
        n = cnp.PyArray_SIZE(a)
        if 0 < n <= GK_REDUCE_SERIAL and is_flat(a) and <double>n > ddof:
            type = type_of(cnp.PyArray_TYPE(a))
            if n <= SHORT:
                gk_reduce_serial(what, type, cnp.PyArray_DATA(a), n, ddof, memory)
            else:
                with nogil:
                    gk_reduce_serial(what, type, cnp.PyArray_DATA(a), n, ddof, memory)
            info = gk_reduction_result_of(what, type)
            result = PyArray_Scalar(memory, dtype_of(info.type, a), None)
            if may_need_numpy(what, info) and not isfinite(memory[0] if info.type == GK_FLOAT64 else (<float *>scalar)[0]):
                if unexplained(what, a, None, result):
                    return numpys(what, a, None, None, False, ddof, None)
            return result
    # NumPy decides which values other than integers are a keepdims, and which of several errors is raised.
    if is_for_numpy(value, NAMES[what]) or out_is_for_numpy(out) or not isinstance(keepdims, int):
        return numpys(what, value, axis, out, keepdims, ddof, threads)
    a = as_supported(value, "a")
    if a is None:
        return numpys(what, value, axis, out, keepdims, ddof, threads)
    return reduce_any(what, a, axis, out, keepdims, ddof, threads)


cdef object reduce_with(gk_reduction what, object value, object axis, object out, object keepdims, double ddof,
                        object threads, dict others):
    """The same with NumPy's other keywords. A dtype that the result has anyway changes nothing."""
    cdef cnp.ndarray a
    if list(others) == ["dtype"] and not is_for_numpy(value, NAMES[what]):
        a = as_supported(value, "a")
        if a is not None:
            if np.dtype(others["dtype"]) is dtype_of(gk_reduction_result_of(what, type_of(cnp.PyArray_TYPE(a))).type, a):
                return reduce(what, a, axis, out, keepdims, ddof, threads)
    return numpys(what, value, axis, out, keepdims, ddof, threads, others)


cdef dict given(object dtype, object initial, object where):
    """Return those of NumPy's keywords that gilkit leaves to NumPy, if they differ from their defaults."""
    others = {}
    if dtype is not None:
        others["dtype"] = dtype
    if initial is not np.NoValue:
        others["initial"] = initial
    if where is not True:
        others["where"] = where
    return others


cdef object variance(gk_reduction what, object a, object axis, object dtype, object out, object ddof, object keepdims,
                     object where, object mean, object correction, object threads):
    if correction is not None:
        if ddof != 0:
            raise ValueError("ddof and correction are two names of one argument; give one of them")
        ddof = correction
    if dtype is None and where is True and mean is None:
        return reduce(what, a, axis, out, keepdims, ddof, threads)
    others = given(dtype, np.NoValue, where)
    if mean is not None:
        others["mean"] = mean
    return reduce_with(what, a, axis, out, keepdims, ddof, threads, others)


cdef object reduce_any(gk_reduction what, cnp.ndarray a, object axis, object out, bint keepdims,
                       double ddof, object threads):
    cdef int ndim = a.ndim, i
    cdef char reduced[MAX_DIMS]
    cdef int64_t shape[MAX_DIMS]
    cdef int64_t stride[MAX_DIMS]
    cdef gk_layout layout
    cdef gk_reduction_result info = gk_reduction_result_of(what, type_of(cnp.PyArray_TYPE(a)))
    cdef cnp.dtype dtype = dtype_of(info.type, a)
    cdef cnp.ndarray result, memory, target = None
    cdef double count = 1
    cdef bint in_place
    cdef int status
    cdef Call call

    if ndim == 0 and axis is not None:
        return numpys(what, a, axis, out, keepdims, ddof, threads)
    try:
        axis_mask(axis, ndim, reduced)
    except (TypeError, ValueError):  # which of the two NumPy raises depends on the function and the shape
        return numpys(what, a, axis, out, keepdims, ddof, threads)
    result_shape = []
    for i in range(ndim):
        shape[i] = cnp.PyArray_DIM(a, i)
        stride[i] = cnp.PyArray_STRIDE(a, i)
        if reduced[i]:
            count *= shape[i]
        if keepdims or not reduced[i]:
            result_shape.append(1 if reduced[i] else shape[i])
    if out is not None:
        if is_cast(out, tuple(result_shape), dtype):
            return numpys(what, a, axis, out, keepdims, ddof, threads)
        target = check_out(out, tuple(result_shape), dtype)
    if cnp.PyArray_SIZE(a) == 0 or count <= ddof:
        return numpys(what, a, axis, out, keepdims, ddof, threads)

    gk_layout_init(&layout, type_of(cnp.PyArray_TYPE(a)), <const char *>cnp.PyArray_DATA(a), ndim, shape, stride,
                   reduced)
    # The kernel writes the outputs contiguously, in the order of the input in memory. The axes of `memory` are in
    # that order; `result` is a view of it with the axes in the caller's order.
    order = [layout.retained_axes[i] for i in range(layout.n_retained_axes)]
    retained = sorted(order)
    in_place = False
    if target is not None and not may_overlap(a, target):
        memory = target
        if keepdims:
            memory = target[tuple([0 if reduced[i] else slice(None) for i in range(ndim)]) + (...,)]
        memory = memory.transpose([retained.index(axis_) for axis_ in order])
        in_place = cnp.PyArray_IS_C_CONTIGUOUS(memory) and cnp.PyArray_ISALIGNED(memory)
    if not in_place:
        memory = np.empty([shape[axis_] for axis_ in order], dtype)
    call_begin(&call, threads)
    with nogil:
        status = gk_reduce(what, &layout, ddof, cnp.PyArray_DATA(memory), &call.options)
    call_end(&call, status)

    result = memory if order == retained else memory.transpose([order.index(axis_) for axis_ in retained])
    if may_need_numpy(what, info) and not is_finite(memory):
        settle(what, a, tuple([i for i in range(ndim) if reduced[i]]), result, ddof)
    if keepdims:
        result = result.reshape(result_shape)
    if out is None:
        return result if result.ndim else result[()]
    if not in_place:
        np.copyto(target, result)
    return out


# The parts that all docstrings below share.
_PARAMETERS = {
    "a": """array_like
    bool, integers, float32 or float64, of any shape and layout. Arrays of other dtypes are reduced by NumPy.""",
    "axis": """int, tuple of int or None, default None
    The axes to reduce. None reduces all of them.""",
    "dtype": """data-type, optional
    The type to compute in and of the result. Any but the usual one is left to NumPy.""",
    "out": """numpy.ndarray, optional
    A writable array of the result's shape, which is filled and returned. It may overlap *a*. An array of another dtype
    than the result's is left to NumPy.""",
    "ddof": """int or float, default 0
    The divisor is the number of reduced elements minus *ddof*.""",
    "keepdims": """bool, default False
    Keep the reduced axes in the result with length 1.""",
    "initial": """scalar, optional
    The value to start with; left to NumPy.""",
    "where": """array_like of bool, default True
    The elements to include; left to NumPy unless True.""",
    "mean": """array_like, optional
    The mean, with ``keepdims=True``; left to NumPy.""",
    "correction": """int or float, optional
    Another name of *ddof*. Give only one of them.""",
    "threads": """int, optional
    1 to 1024. None means ``gilkit.num_threads()``.""",
}

_RAISES = """Raises
------
TypeError
    For dtypes that NumPy does not reduce, and for an axis that is not an integer.
ValueError
    For another shape of *out*, a read-only *out*{empty} and duplicate axes.
numpy.exceptions.AxisError
    For an axis that *a* does not have."""

_WARNINGS = "Overflows and invalid operations are reported as ``numpy.errstate`` says. "

_NOTES = """{warnings}The result has the same bits for any number of threads and on every instruction set. Subclasses of
``numpy.ndarray``, objects with ``__array_function__`` and objects with a method ``{name}`` get the result of
``numpy.{name}``.

Releases the GIL. Ctrl-C interrupts the call. No other thread may write to *a* or use *out* during the call."""


def sum(a, axis=None, dtype=None, out=None, keepdims=False, initial=np.NoValue, where=True, *, threads=None):
    """Return the sum of the elements along one or more axes.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        int64 for bool and signed integers, uint64 for unsigned integers, both modulo ``2**64``. Floats,
        ``numpy.longlong`` and ``numpy.ulonglong`` keep their dtype.

    {raises}

    Notes
    -----
    Floats are added in doubles with compensation: the error is below 8 units in the last place of the sum of
    magnitudes, whatever the length.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> a = np.array([[1.0, 2.0], [3.0, 6.0]])
    >>> gilkit.sum(a, axis=0)
    array([4., 8.])
    """
    if dtype is not None or initial is not np.NoValue or where is not True:
        return reduce_with(GK_SUM, a, axis, out, keepdims, 0, threads, given(dtype, initial, where))
    return reduce(GK_SUM, a, axis, out, keepdims, 0, threads)


def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True, threads=None):
    """Return the mean of the elements along one or more axes.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        float32 for float32, otherwise float64.

    {raises}

    Notes
    -----
    Elements are added as in ``gilkit.sum``.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> a = np.array([[1.0, 2.0], [3.0, 6.0]])
    >>> gilkit.mean(a, axis=1)
    array([1.5, 4.5])
    """
    if dtype is not None or where is not True:
        return reduce_with(GK_MEAN, a, axis, out, keepdims, 0, threads, given(dtype, np.NoValue, where))
    return reduce(GK_MEAN, a, axis, out, keepdims, 0, threads)


def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None, correction=None,
        threads=None):
    """Return the variance of the elements along one or more axes.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        float32 for float32, otherwise float64.

    {raises}

    Notes
    -----
    The variance is the sum of squared deviations from the mean, divided by the number of elements minus *ddof*. It is
    computed in doubles in one pass over memory: the means and squared deviations of blocks that fit in the cache are
    merged with the formulas of Chan, Golub and LeVeque, so there is no cancellation and no temporary array.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> a = np.array([[1.0, 2.0], [3.0, 6.0]])
    >>> gilkit.var(a, axis=1, ddof=1)
    array([0.5, 4.5])
    """
    return variance(GK_VAR, a, axis, dtype, out, ddof, keepdims, where, mean, correction, threads)


def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None, correction=None,
        threads=None):
    """Return the standard deviation of the elements along one or more axes.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        float32 for float32, otherwise float64.

    {raises}

    Notes
    -----
    The standard deviation is the square root of ``gilkit.var``.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> a = np.array([[1.0, 2.0], [3.0, 6.0]])
    >>> gilkit.std(a, axis=1)
    array([0.5, 1.5])
    """
    return variance(GK_STD, a, axis, dtype, out, ddof, keepdims, where, mean, correction, threads)


def min(a, axis=None, out=None, keepdims=False, initial=np.NoValue, where=True, *, threads=None):
    """Return the smallest element along one or more axes.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        Of a's dtype. NaN if an element is NaN.

    {raises}

    Notes
    -----
    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> a = np.array([[1.0, 2.0], [3.0, 6.0]])
    >>> gilkit.min(a, axis=0)
    array([1., 2.])
    """
    if initial is not np.NoValue or where is not True:
        return reduce_with(GK_MIN, a, axis, out, keepdims, 0, threads, given(None, initial, where))
    return reduce(GK_MIN, a, axis, out, keepdims, 0, threads)


def max(a, axis=None, out=None, keepdims=False, initial=np.NoValue, where=True, *, threads=None):
    """Return the largest element along one or more axes.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        Of a's dtype. NaN if an element is NaN.

    {raises}

    Notes
    -----
    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> a = np.array([[1.0, 2.0], [3.0, 6.0]])
    >>> gilkit.max(a, axis=0)
    array([3., 6.])
    """
    if initial is not np.NoValue or where is not True:
        return reduce_with(GK_MAX, a, axis, out, keepdims, 0, threads, given(None, initial, where))
    return reduce(GK_MAX, a, axis, out, keepdims, 0, threads)


def nansum(a, axis=None, dtype=None, out=None, keepdims=False, initial=np.NoValue, where=True, *, threads=None):
    """Return the sum of the elements that are not NaN along one or more axes.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        As ``gilkit.sum``; 0 if all elements are NaN.

    {raises}

    Notes
    -----
    Elements are added as in ``gilkit.sum``, in the same pass over memory.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.nansum([1.0, np.nan, 2.5])
    np.float64(3.5)
    """
    if dtype is not None or initial is not np.NoValue or where is not True:
        return reduce_with(GK_NANSUM, a, axis, out, keepdims, 0, threads, given(dtype, initial, where))
    return reduce(GK_NANSUM, a, axis, out, keepdims, 0, threads)


def nanmean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True, threads=None):
    """Return the mean of the elements that are not NaN along one or more axes.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        As ``gilkit.mean``; NaN, with a RuntimeWarning, if all elements are NaN.

    {raises}

    Notes
    -----
    Elements are added and counted in one pass over memory.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.nanmean([1.0, np.nan, 2.0])
    np.float64(1.5)
    """
    if dtype is not None or where is not True:
        return reduce_with(GK_NANMEAN, a, axis, out, keepdims, 0, threads, given(dtype, np.NoValue, where))
    return reduce(GK_NANMEAN, a, axis, out, keepdims, 0, threads)


def nanmin(a, axis=None, out=None, keepdims=False, initial=np.NoValue, where=True, *, threads=None):
    """Return the smallest element that is not NaN along one or more axes.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        Of a's dtype; NaN, with a RuntimeWarning, if all elements are NaN.

    {raises}

    Notes
    -----
    Infinite results are computed once more by NumPy, because there may be nothing but NaNs.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.nanmin([1.0, np.nan, 2.0])
    np.float64(1.0)
    """
    if initial is not np.NoValue or where is not True:
        return reduce_with(GK_NANMIN, a, axis, out, keepdims, 0, threads, given(None, initial, where))
    return reduce(GK_NANMIN, a, axis, out, keepdims, 0, threads)


def nanmax(a, axis=None, out=None, keepdims=False, initial=np.NoValue, where=True, *, threads=None):
    """Return the largest element that is not NaN along one or more axes.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        Of a's dtype; NaN, with a RuntimeWarning, if all elements are NaN.

    {raises}

    Notes
    -----
    Infinite results are computed once more by NumPy, because there may be nothing but NaNs.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.nanmax([1.0, np.nan, 2.0])
    np.float64(2.0)
    """
    if initial is not np.NoValue or where is not True:
        return reduce_with(GK_NANMAX, a, axis, out, keepdims, 0, threads, given(None, initial, where))
    return reduce(GK_NANMAX, a, axis, out, keepdims, 0, threads)


for _function in (sum, mean, var, std, min, max, nansum, nanmean, nanmin, nanmax):
    _name = _function.__name__
    _selects = _name.endswith(("min", "max"))
    _function.__doc__ = cleandoc(_function.__doc__).format(
        parameters="Parameters\n----------\n" + "\n".join(
            f"{name} : {_PARAMETERS[name]}" for name in signature(_function).parameters),
        raises=_RAISES.format(empty=", no elements to reduce" if _selects else ""),
        notes=_NOTES.format(name=_name, warnings="" if _selects else _WARNINGS))
