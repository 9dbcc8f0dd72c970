"""Order statistics with NumPy's names: medians, quantiles and percentiles."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from inspect import cleandoc
from typing import Any

from gilkit.kernels import _numpy as np
from gilkit.kernels._arrays import dispatched, is_short, numpys, supported
from gilkit.kernels.sorting import count_nans, select, sort

_of = np.FUNCTIONS

# Interpolation, dtypes and errors differ between versions of NumPy. gilkit therefore calls NumPy's functions, with an array
# whose partition() method selects items on all cores. NumPy calls that method on its copy of the array, and then reads
# only the items at the positions that it asked for.
_KNOWN_VERSION = np.OLDEST <= np.VERSION <= np.NEWEST

_SHORT = 20_000  # items; NumPy's own partition of fewer is faster
_MANY = 1 << 16  # quantiles at once

_numpys_median, _numpys_nanmedian = _of["median"], _of["nanmedian"]
_numpys_quantile, _numpys_nanquantile = _of["quantile"], _of["nanquantile"]
_numpys_percentile, _numpys_nanpercentile = _of["percentile"], _of["nanpercentile"]


class _Sorted(np.ndarray):
    """An array that is sorted along the axis that NumPy is about to partition."""

    def partition(self, *args: Any, **kwargs: Any) -> None:
        pass

    def copy(self, order: Any = "C") -> Any:
        return self

    def flatten(self, order: Any = "C") -> Any:
        return self


class _Selected(_Sorted):
    """An array that holds only the items that NumPy asks for. The memory of the others is never touched."""

    source: Any
    threads: Any

    @classmethod
    def of(cls, source: Any, n: int, threads: Any) -> Any:
        """Return the array that stands for the n smallest items of a contiguous one."""
        self = np.empty(n, source.dtype).view(cls)
        self.source, self.threads = source, threads
        return self

    def partition(self, kth: Any, *args: Any, **kwargs: Any) -> None:
        ranks = np.asarray(kth, np.int64).reshape(-1) % self.size
        ranks.sort()
        np.asarray(self)[ranks] = select(self.source, ranks, self.threads)


def _plain(result: Any) -> Any:
    """Return NumPy's result without the classes above."""
    if isinstance(result, _Sorted):
        result = np.array(result)
        return result if result.ndim else result[()]
    return result


def _array_and_axis(a: Any, args: tuple[Any, ...], axis: Any, keywords: dict[str, Any]) -> tuple[Any, Any]:
    """Return the array and the axis (None for all axes), or NotImplemented as the axis if NumPy must compute."""
    if not _KNOWN_VERSION or dispatched(*args, keywords["out"]):
        return None, NotImplemented
    if isinstance(a, np.ndarray) and not a.dtype.isnative:
        return None, NotImplemented  # if q is an integer, NumPy's result has the byte order of the array
    array = supported(a, "a", None)
    if array is None or array.size == 0 or array.ndim == 0:
        return array, NotImplemented
    own = _one_axis(axis, array.ndim)
    return array, NotImplemented if own is None and keywords["keepdims"] else own


def _one_axis(axis: Any, ndim: int) -> Any:
    """Return the axis, None for all axes, or NotImplemented for several axes and for errors."""
    if isinstance(axis, tuple) and len(axis) == 1:
        (axis,) = axis
    if ndim == 1 and type(axis) is int and axis in (0, -1):
        return None
    if axis is None or (type(axis) is int and -ndim <= axis < ndim):
        return axis
    return NotImplemented


def _compute(name: str, a: Any, args: tuple[Any, ...], axis: Any, keywords: dict[str, Any], threads: Any) -> Any:
    """Call NumPy's function with an array that is partitioned already, or that partitions itself."""
    function: Callable[..., Any] = _of[name]
    array, own = _array_and_axis(a, args, axis, keywords)
    if own is NotImplemented:
        return numpys(function, (a, *args), {"axis": axis, **keywords}, threads)
    if own is not None:
        return _plain(function(sort(array, own, threads=threads).view(_Sorted), *args, axis=own, **keywords))
    flat = np.ascontiguousarray(array).reshape(-1)
    return _of_smallest(flat.size, flat, function, args, keywords, threads)


def _of_smallest(
    n: int, flat: Any, function: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any], threads: Any
) -> Any:
    """Call NumPy's function with the n smallest items. NumPy finds out which positions a million quantiles need on one
    thread, which no timeout ends. So many are computed from a sorted array instead, piece by piece."""
    q = args[0] if args else None
    if isinstance(q, np.ndarray) and q.ndim == 1 and q.size > _MANY and keywords["out"] is None:
        ordered = sort(flat, threads=threads)[:n].view(_Sorted)
        pieces = (q[at : at + _MANY] for at in range(0, q.size, _MANY))
        return np.concatenate([_plain(numpys(function, (ordered, piece), keywords, threads)) for piece in pieces])
    return _plain(function(_Selected.of(flat, n, threads), *args, **keywords))


def _compute_without_nans(
    name: str, a: Any, args: tuple[Any, ...], axis: Any, keywords: dict[str, Any], threads: Any
) -> Any:
    """Do the same for the items that are not NaN. NaNs are sorted to the end, so the others are the beginning of a
    slice."""
    array, own = _array_and_axis(a, args, axis, keywords)
    if own is NotImplemented or keywords["out"] is not None:
        if keywords["keepdims"] is False:  # NumPy gives methods of a subclass only what its caller has given
            del keywords["keepdims"]
        return numpys(_of[f"nan{name}"], (a, *args), {"axis": axis, **keywords}, threads)
    if array.dtype.kind != "f":
        return _compute(name, array, args, axis, keywords, threads)
    function: Callable[..., Any] = _of[name]
    if own is None:
        flat = np.ascontiguousarray(array).reshape(-1)
        valid = flat.size - count_nans(flat, threads)
        if valid == 0:  # NumPy warns
            return numpys(_of[f"nan{name}"], (a, *args), {"axis": axis, **keywords}, threads)
        return _of_smallest(valid, flat, function, args, keywords, threads)
    ordered = sort(array, own, threads=threads)
    rows = np.moveaxis(ordered, own, -1)
    if not np.isnan(rows[..., -1]).any():
        return _plain(function(ordered.view(_Sorted), *args, axis=own, **keywords))
    keepdims = keywords.pop("keepdims", False)
    valid = rows.shape[-1] - np.count_nonzero(np.isnan(rows), axis=-1)
    if valid.flat[0] == 0:  # NumPy takes the dtype of its results from the first one
        return numpys(_of[f"nan{name}"], (a, *args), {"axis": axis, **keywords, "keepdims": keepdims}, threads)
    result: Any = None
    for number in np.FUNCTIONS["unique"](valid):
        which = valid == number
        if number == 0:  # the result is NaN
            warnings.warn("All-NaN slice encountered", RuntimeWarning, stacklevel=3)
        some = _plain(function(rows[which][:, : number or 1].view(_Sorted), *args, axis=-1, **keywords))
        if result is None:
            result = np.empty((*some.shape[:-1], *valid.shape), some.dtype)
        result[..., which] = some
    return np.expand_dims(result, own if own < 0 else own + result.ndim - valid.ndim) if keepdims else result[()]


def _quantile(
    name: str, a: Any, q: Any, axis: Any, out: Any, method: str, keepdims: Any, weights: Any, threads: Any
) -> Any:
    keywords = {"out": out, "method": method, "keepdims": keepdims}
    if weights is not None:
        return numpys(_of[name], (a, q, axis), {**keywords, "weights": weights}, threads)
    compute = _compute_without_nans if name.startswith("nan") else _compute
    return compute(name.removeprefix("nan"), a, (q,), axis, keywords, threads)


# The parts that the docstrings below share.
_PARAMETERS = """Parameters
----------
a : array_like
    bool, integers, float32 or float64, of any shape. Arrays of other dtypes are left to NumPy.{q}
axis : int, tuple of int or None, default None
    The axis to compute along. None computes over all items.
out : numpy.ndarray, optional
    Where the result is put, by NumPy's rules. It is returned.
overwrite_input : bool, default False
    Accepted and ignored: *a* never changes.{method}
keepdims : bool, default False
    Keep the axis in the result with length 1.{weights}
threads : int, optional
    1 to 1024. None means ``gilkit.num_threads()``."""

_METHOD = """
method : str, default 'linear'
    Any of NumPy's methods to estimate a quantile."""

_WEIGHTS = """
weights : array_like, optional
    The weights of the items; left to NumPy."""

_NOTES = """The result has NumPy's bits. In one long array, only the items that are needed are moved to their sorted
positions: one pass over memory finds the bucket of each item, and a second one gathers the buckets that are needed.
Along an axis, each slice is sorted. {nan}Subclasses of ``numpy.ndarray`` and objects with ``__array_function__`` get
the result of ``numpy.{name}``, and so do several axes at once, and ``keepdims=True`` over all axes.

Releases the GIL. Ctrl-C interrupts the call. No other thread may write to *a* during the call."""


def median(
    a: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    keepdims: Any = False,
    *,
    threads: Any = None,
) -> Any:
    """Return the median along an axis.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        float64, or float32 for float32. NaN for a slice with NaNs.

    Notes
    -----
    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.median([[3.0, 1.0], [2.0, 8.0]], axis=0)
    array([2.5, 4.5])
    """
    if is_short(a, _SHORT, threads):
        return _numpys_median(a, axis, out, False, keepdims)
    return _compute("median", a, (), axis, {"out": out, "keepdims": keepdims}, threads)


def quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
    threads: Any = None,
) -> Any:
    """Return the quantiles along an axis.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        Of q's shape, then of the shape of *a* without the axis.

    Raises
    ------
    ValueError
        For a *q* outside of 0 to 1 and for an unknown *method*.

    Notes
    -----
    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.quantile([1, 2, 3, 4], [0.25, 0.5])
    array([1.75, 2.5 ])
    """
    if weights is None and is_short(a, _SHORT, threads):
        return _numpys_quantile(a, q, axis, out, False, method, keepdims)
    return _quantile("quantile", a, q, axis, out, method, keepdims, weights, threads)


def percentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
    threads: Any = None,
) -> Any:
    """Return the percentiles along an axis.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        Of q's shape, then of the shape of *a* without the axis.

    Raises
    ------
    ValueError
        For a *q* outside of 0 to 100 and for an unknown *method*.

    Notes
    -----
    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.percentile([1, 2, 3, 4], 50)
    np.float64(2.5)
    """
    if weights is None and is_short(a, _SHORT, threads):
        return _numpys_percentile(a, q, axis, out, False, method, keepdims)
    return _quantile("percentile", a, q, axis, out, method, keepdims, weights, threads)


def nanmedian(
    a: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    keepdims: Any = False,
    *,
    threads: Any = None,
) -> Any:
    """Return the median along an axis, without regard to NaNs.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        float64, or float32 for float32. NaN, with a RuntimeWarning, for a slice that has only NaNs.

    Notes
    -----
    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.nanmedian([3.0, np.nan, 1.0])
    np.float64(2.0)
    """
    if is_short(a, _SHORT, threads) and a.ndim == 1:
        return _numpys_nanmedian(a, axis, out, False, keepdims)
    return _compute_without_nans("median", a, (), axis, {"out": out, "keepdims": keepdims}, threads)


def nanquantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
    threads: Any = None,
) -> Any:
    """Return the quantiles along an axis, without regard to NaNs.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        Of q's shape, then of the shape of *a* without the axis.

    Raises
    ------
    ValueError
        For a *q* outside of 0 to 1 and for an unknown *method*.

    Notes
    -----
    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.nanquantile([3.0, np.nan, 1.0], 0.5)
    np.float64(2.0)
    """
    if weights is None and is_short(a, _SHORT, threads) and a.ndim == 1:
        return _numpys_nanquantile(a, q, axis, out, False, method, keepdims)
    return _quantile("nanquantile", a, q, axis, out, method, keepdims, weights, threads)


def nanpercentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
    threads: Any = None,
) -> Any:
    """Return the percentiles along an axis, without regard to NaNs.

    {parameters}

    Returns
    -------
    scalar or numpy.ndarray
        Of q's shape, then of the shape of *a* without the axis.

    Raises
    ------
    ValueError
        For a *q* outside of 0 to 100 and for an unknown *method*.

    Notes
    -----
    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> import gilkit
    >>> gilkit.nanpercentile([3.0, np.nan, 1.0], 50)
    np.float64(2.0)
    """
    if weights is None and is_short(a, _SHORT, threads) and a.ndim == 1:
        return _numpys_nanpercentile(a, q, axis, out, False, method, keepdims)
    return _quantile("nanpercentile", a, q, axis, out, method, keepdims, weights, threads)


for _function in (median, quantile, percentile, nanmedian, nanquantile, nanpercentile):
    _name = _function.__name__
    _q, _high = ("", "") if "median" in _name else ("q", "100" if "percentile" in _name else "1")
    _function.__doc__ = cleandoc(_function.__doc__ or "").format(
        parameters=_PARAMETERS.format(
            q=f"\nq : array_like of float\n    Which {_name.removeprefix('nan')}s, from 0 to {_high}." if _q else "",
            method=_METHOD if _q else "",
            weights=_WEIGHTS if _q else "",
        ),
        notes=_NOTES.format(
            name=_name,
            nan="NaNs are sorted to the end, so the other items are the beginning of each slice. "
            if "nan" in _name
            else "",
        ),
    )
