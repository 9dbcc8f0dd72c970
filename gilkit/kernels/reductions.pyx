"""Reductions with NumPy's names: sum, prod, mean, var, std, min, max, and the same without NaNs."""
from gilkit.kernels._reduce cimport (
    GK_MAX, GK_MIN, GK_NANMAX, GK_NANMEAN, GK_NANMIN, GK_NANPROD, GK_NANSTD, GK_NANSUM, GK_NANVAR, GK_PROD, declare,
    given, gk_reduction, reduce, reduce_with, variance,
)

from gilkit.kernels import _numpy as np
from gilkit.kernels._docstrings import complete

cdef extern from "kernels/reduce/reduce.h":
    gk_reduction GK_SUM
    gk_reduction GK_MEAN
    gk_reduction GK_VAR
    gk_reduction GK_STD

declare(GK_SUM, "sum")
declare(GK_PROD, "prod")
declare(GK_MEAN, "mean")
declare(GK_VAR, "var")
declare(GK_STD, "std")
declare(GK_MIN, "min")
declare(GK_MAX, "max")
declare(GK_NANSUM, "nansum")
declare(GK_NANPROD, "nanprod")
declare(GK_NANMEAN, "nanmean")
declare(GK_NANVAR, "nanvar")
declare(GK_NANSTD, "nanstd")
declare(GK_NANMIN, "nanmin")
declare(GK_NANMAX, "nanmax")


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


def prod(a, axis=None, dtype=None, out=None, keepdims=False, initial=np.NoValue, where=True, *, threads=None):
    """Return the product of the elements along one or more axes.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        int64 for bool and signed integers, uint64 for unsigned integers, both modulo ``2**64``. Floats,
        ``numpy.longlong`` and ``numpy.ulonglong`` keep their dtype.

    {raises}

    Notes
    -----
    Floats are multiplied in doubles, with their exponents apart, so that no intermediate product overflows or
    underflows. The relative error is below n / 2 units in the last place for n elements, as in NumPy.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> a = np.array([[1.0, 2.0], [3.0, 6.0]])
    >>> gilkit.prod(a, axis=0)
    array([ 3., 12.])
    >>> gilkit.prod([1e300, 1e300, 1e-300, 1e-300])
    np.float64(1.0)
    """
    if dtype is not None or initial is not np.NoValue or where is not True:
        return reduce_with(GK_PROD, a, axis, out, keepdims, 0, threads, given(dtype, initial, where))
    return reduce(GK_PROD, a, axis, out, keepdims, 0, threads)


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


def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=np.NoValue,
        correction=np.NoValue, threads=None):
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


def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=np.NoValue,
        correction=np.NoValue, threads=None):
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


def nanprod(a, axis=None, dtype=None, out=None, keepdims=False, initial=np.NoValue, where=True, *, threads=None):
    """Return the product of the elements that are not NaN along one or more axes.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        As ``gilkit.prod``; 1 if all elements are NaN.

    {raises}

    Notes
    -----
    Elements are multiplied as in ``gilkit.prod``, in one pass over memory.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.nanprod([2.0, np.nan, 2.5])
    np.float64(5.0)
    """
    if dtype is not None or initial is not np.NoValue or where is not True:
        return reduce_with(GK_NANPROD, a, axis, out, keepdims, 0, threads, given(dtype, initial, where))
    return reduce(GK_NANPROD, a, axis, out, keepdims, 0, threads)


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


def nanvar(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=np.NoValue,
           correction=np.NoValue, threads=None):
    """Return the variance of the elements that are not NaN along one or more axes.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        As ``gilkit.var``; NaN, with a RuntimeWarning, if the number of elements that are not NaN is *ddof* or less.

    {raises}

    Notes
    -----
    Computed as ``gilkit.var``, in one pass over memory.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.nanvar([1.0, np.nan, 2.0])
    np.float64(0.25)
    """
    return variance(GK_NANVAR, a, axis, dtype, out, ddof, keepdims, where, mean, correction, threads)


def nanstd(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=np.NoValue,
           correction=np.NoValue, threads=None):
    """Return the standard deviation of the elements that are not NaN along one or more axes.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        As ``gilkit.std``; NaN, with a RuntimeWarning, if the number of elements that are not NaN is *ddof* or less.

    {raises}

    Notes
    -----
    The standard deviation is the square root of ``gilkit.nanvar``.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.nanstd([1.0, np.nan, 2.0])
    np.float64(0.5)
    """
    return variance(GK_NANSTD, a, axis, dtype, out, ddof, keepdims, where, mean, correction, threads)


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


for _function in (sum, prod, mean, var, std, min, max, nansum, nanprod, nanmean, nanvar, nanstd, nanmin, nanmax):
    _selects = _function.__name__.endswith(("min", "max"))
    complete(_function, can_warn=not _selects, can_be_empty=not _selects)
