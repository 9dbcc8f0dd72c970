"""NumPy's average and ptp, built from the reductions."""

from __future__ import annotations

from typing import Any

from gilkit.kernels import _numpy as np
from gilkit.kernels._arrays import numpys, supported
from gilkit.kernels.dot import dot
from gilkit.kernels.reductions import max, mean, min, sum

_of = np.FUNCTIONS


def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *, threads: Any = None) -> Any:
    """Return the range of values (maximum minus minimum, "peak to peak") along one or more axes.

    Parameters
    ----------
    a : array_like
        Integers, float32 or float64, of any shape and layout. Arrays of other dtypes are left to NumPy.
    axis : int, tuple of int or None, default None
        The axes to reduce. None reduces all of them.
    out : numpy.ndarray, optional
        An array for the result; left to NumPy.
    keepdims : bool, default False
        Keep the reduced axes in the result with length 1.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    scalar or numpy.ndarray
        Of a's dtype. Differences of integers wrap around, as in NumPy. NaN if an element is NaN.

    Raises
    ------
    TypeError
        For bool and other dtypes that NumPy does not subtract.
    ValueError
        For no elements to reduce and duplicate axes.

    Notes
    -----
    The notes of ``gilkit.max`` apply.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.ptp([[1, 5], [4, 4]], axis=1)
    array([4, 0])
    """
    array: Any = None if out is not None else supported(a, "a", "ptp")
    if array is None:
        keywords = {} if keepdims is False else {"keepdims": keepdims}
        return numpys(_of["ptp"], (a, axis, out), keywords, threads)
    high = max(array, axis, keepdims=keepdims, threads=threads)
    return np.subtract(high, min(array, axis, keepdims=keepdims, threads=threads))


def _is_plain(axis: Any, ndim: int) -> bool:
    """Return whether the axis is None, or one or several different axes of an array."""
    axes = axis if isinstance(axis, tuple) else () if axis is None else (axis,)
    if not all(type(one) is int and -ndim <= one < ndim for one in axes):
        return False
    return len({one % ndim for one in axes}) == len(axes)


def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False, threads: Any = None
) -> Any:
    """Return the weighted average along one or more axes.

    Parameters
    ----------
    a : array_like
        bool, integers, float32 or float64, of any shape and layout. Arrays of other dtypes are left to NumPy.
    axis : int, tuple of int or None, default None
        The axes to average over. None averages over all of them.
    weights : array_like, optional
        A weight for each element, of a's shape. Other shapes are left to NumPy. None weights all elements equally.
    returned : bool, default False
        Whether to return the sum of the weights, too.
    keepdims : bool, default False
        Keep the reduced axes in the result with length 1.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    scalar or numpy.ndarray, or tuple of two of them
        The averages, and with *returned* the sums of the weights. float64 for bool and integers, otherwise of the dtype that
        holds a's and the weights' numbers.

    Raises
    ------
    ZeroDivisionError
        If weights add up to 0.
    TypeError, ValueError
        For weights whose shape does not fit, and for a wrong axis.

    Notes
    -----
    Without weights, this is ``gilkit.mean``. With weights and without *axis*, it takes one pass over memory, and its last
    digits may differ from NumPy's. NumPy computes results that are not finite, and its warnings.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.average([1.0, 2.0, 4.0], weights=[1, 1, 2])
    np.float64(2.75)
    """
    keywords: dict[str, Any] = {} if keepdims is False else {"keepdims": keepdims}
    array: Any = supported(a, "a", None)
    weight: Any = array if weights is None else supported(weights, "weights", None)
    for_numpy = array is None or weight is None or array.size == 0 or array.shape != weight.shape
    if for_numpy or type(keepdims) not in (bool, int) or not _is_plain(axis, array.ndim):
        return numpys(_of["average"], (a, axis, weights, returned), keywords, threads)
    if weights is None:
        result = mean(array, axis, keepdims=keepdims, threads=threads)
        scale = result.dtype.type(array.size / result.size)
    else:
        dtype = np.result_type(array.dtype, weight.dtype, *(["f8"] if array.dtype.kind in "biu" else []))
        weight = weight.astype(dtype, copy=False)
        scale = sum(weight, axis, keepdims=keepdims, threads=threads)
        if axis is None and not keepdims:
            with np.errstate(all="ignore"):
                total = dot(array.astype(dtype, copy=False).reshape(-1), weight.reshape(-1), threads=threads)
        else:
            with np.errstate(all="ignore"):
                products = np.multiply(array, weight, dtype=dtype)
                total = sum(products, axis, keepdims=keepdims, threads=threads)
        if not (np.isfinite(total).all() and np.isfinite(scale).all() and (scale != 0).all()):
            return numpys(_of["average"], (a, axis, weights, returned), keywords, threads)
        result = total / scale
    if not returned:
        return result
    if scale.shape != result.shape:
        scale = np.full(result.shape, scale)
    return result, scale
