"""Reductions with NumPy's names: sum, mean, var, std, min, max, and some of them without NaNs."""
from gilkit.kernels._reduce cimport (
    GK_MAX, GK_MIN, GK_NANMAX, GK_NANMEAN, GK_NANMIN, GK_NANSUM, declare, given, gk_reduction, reduce, reduce_with,
    variance,
)

from inspect import cleandoc, signature

from gilkit.kernels import _numpy as np

cdef extern from "kernels/reduce/reduce.h":
    gk_reduction GK_SUM
    gk_reduction GK_MEAN
    gk_reduction GK_VAR
    gk_reduction GK_STD

declare(GK_SUM, "sum")
declare(GK_MEAN, "mean")
declare(GK_VAR, "var")
declare(GK_STD, "std")
declare(GK_MIN, "min")
declare(GK_MAX, "max")
declare(GK_NANSUM, "nansum")
declare(GK_NANMEAN, "nanmean")
declare(GK_NANMIN, "nanmin")
declare(GK_NANMAX, "nanmax")


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
