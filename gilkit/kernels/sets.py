"""NumPy's set functions: unique items, intersections, unions and differences."""

from __future__ import annotations

from typing import Any

from gilkit.kernels import _numpy as np
from gilkit.kernels._arrays import dispatched, is_short, numpys, supported
from gilkit.kernels.masking import masked_select
from gilkit.kernels.searching import isin, unique_runs
from gilkit.kernels.sorting import argsort, sort

_SHORT = 1 << 15  # items; NumPy needs less time for the inverse of fewer, because its sort need not be stable
_of, _of_arrays = np.FUNCTIONS, np.of_arrays("unique")
UniqueAllResult, UniqueCountsResult, UniqueInverseResult = (
    type(_of[f"unique_{name}"](np.empty(0))) for name in ("all", "counts", "inverse")
)


def _is_of_another_class(x: Any) -> bool:
    return type(x) is not np.ndarray and dispatched(x)


def _in_byte_order_of(given: Any, values: Any) -> Any:
    """Return the values in the byte order of the argument."""
    swapped = isinstance(given, np.ndarray) and not given.dtype.isnative
    return values.astype(given.dtype) if swapped else values


def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
    threads: Any = None,
) -> Any:
    """Return the sorted unique items of an array.

    Parameters
    ----------
    ar : array_like
        bool, integers, float32 or float64, of any shape. Arrays of other dtypes are left to NumPy.
    return_index : bool, default False
        Whether to return the index of each unique item's first occurrence, too.
    return_inverse : bool, default False
        Whether to return, for each item of *ar*, the index of its unique item, too.
    return_counts : bool, default False
        Whether to return the number of times that each unique item occurs, too.
    axis : int, optional
        Compare the subarrays along this axis; left to NumPy. None compares items.
    equal_nan : bool, default True
        Whether NaNs are equal to each other.
    sorted : bool, default True
        Accepted and ignored, because the result is always sorted.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray or tuple of numpy.ndarray
        The unique items, then what else is wanted, in the order of the arguments, as int64 (intp). The inverse has ar's
        shape.

    Raises
    ------
    TypeError
        For dtypes that have no order.

    Notes
    -----
    The items are sorted, and then the runs of equal ones are found, each on all threads. -0.0 equals 0.0. The result has the
    same bits for any number of threads. Subclasses of ``numpy.ndarray`` and objects with ``__array_function__`` get the
    result of ``numpy.unique``.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to *ar* during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.unique([3, 1, 3, 2, 1])
    array([1, 2, 3])
    >>> gilkit.unique([3, 1, 3, 2, 1], return_counts=True)
    (array([1, 2, 3]), array([2, 1, 2]))
    """
    if return_inverse and not return_index and sorted is True and is_short(ar, _SHORT, threads):
        return _of_arrays(ar, False, True, return_counts, axis, equal_nan=equal_nan)
    array: Any = None if axis is not None else supported(ar, "ar", None)
    if array is None or array.size == 0:
        keywords: dict[str, Any] = {} if equal_nan is True else {"equal_nan": equal_nan}
        if sorted is not True:
            keywords["sorted"] = sorted
        return numpys(_of["unique"], (ar, return_index, return_inverse, return_counts, axis), keywords, threads)
    index: Any = None
    inverse: Any = None
    flat = array.reshape(-1)
    ordered = sort(flat, threads=threads)
    if not (return_index or return_inverse):
        values, starts, _ = unique_runs(ordered, equal_nan, True, return_counts, None, threads)
    else:
        places = argsort(flat, kind="stable", threads=threads)
        _, starts, inverse = unique_runs(ordered, equal_nan, False, True, places if return_inverse else None, threads)
        index = places[starts]
        values = flat[index]
    results = [_in_byte_order_of(ar, values)]
    if return_index:
        results.append(index)
    if return_inverse:
        results.append(inverse.reshape(array.shape))
    if return_counts:
        counts = np.empty_like(starts)
        np.subtract(starts[1:], starts[:-1], out=counts[:-1])
        counts[-1] = flat.size - starts[-1]
        results.append(counts)
    return results[0] if len(results) == 1 else tuple(results)


def unique_values(x: Any, /, *, threads: Any = None) -> Any:
    """Return the unique items of an array, each NaN by itself, as the array API defines it.

    Parameters
    ----------
    x : array_like
        As for ``gilkit.unique``.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        Sorted.

    Notes
    -----
    The notes of ``gilkit.unique`` apply.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.unique_values([3, 1, 3])
    array([1, 3])
    """
    if _is_of_another_class(x):
        return numpys(_of["unique_values"], (x,), {}, threads)
    return unique(x, equal_nan=False, threads=threads)


def unique_counts(x: Any, /, *, threads: Any = None) -> Any:
    """Return the unique items of an array and how often each occurs, as the array API defines it.

    Parameters
    ----------
    x : array_like
        As for ``gilkit.unique``.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    UniqueCountsResult
        NumPy's named tuple of ``values``, sorted, and ``counts``.

    Notes
    -----
    The notes of ``gilkit.unique`` apply.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.unique_counts([3, 1, 3]).counts
    array([1, 2])
    """
    if _is_of_another_class(x):
        return numpys(_of["unique_counts"], (x,), {}, threads)
    return UniqueCountsResult(*unique(x, return_counts=True, equal_nan=False, threads=threads))


def unique_inverse(x: Any, /, *, threads: Any = None) -> Any:
    """Return the unique items of an array and the index of each item's, as the array API defines it.

    Parameters
    ----------
    x : array_like
        As for ``gilkit.unique``.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    UniqueInverseResult
        NumPy's named tuple of ``values``, sorted, and ``inverse_indices``, of x's shape.

    Notes
    -----
    The notes of ``gilkit.unique`` apply.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.unique_inverse([3, 1, 3]).inverse_indices
    array([1, 0, 1])
    """
    if _is_of_another_class(x):
        return numpys(_of["unique_inverse"], (x,), {}, threads)
    return UniqueInverseResult(*unique(x, return_inverse=True, equal_nan=False, threads=threads))


def unique_all(x: Any, /, *, threads: Any = None) -> Any:
    """Return the unique items of an array, their first indices, the inverse and the counts, as the array API defines it.

    Parameters
    ----------
    x : array_like
        As for ``gilkit.unique``.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    UniqueAllResult
        NumPy's named tuple of ``values``, sorted, ``indices``, ``inverse_indices``, of x's shape, and ``counts``.

    Notes
    -----
    The notes of ``gilkit.unique`` apply.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.unique_all([3, 1, 3]).indices
    array([1, 0])
    """
    if _is_of_another_class(x):
        return numpys(_of["unique_all"], (x,), {}, threads)
    return UniqueAllResult(*unique(x, True, True, True, equal_nan=False, threads=threads))


def _pair(ar1: Any, ar2: Any) -> tuple[Any, Any] | None:
    """Return both arrays, flat and of one dtype, or None if they are for NumPy."""
    one, two = supported(ar1, "ar1", None), supported(ar2, "ar2", None)
    if one is None or two is None:
        return None
    if one.dtype != two.dtype:
        common = np.result_type(one, two)
        if common.kind == "f" and any(each.dtype.kind in "iu" and each.dtype.itemsize == 8 for each in (one, two)):
            return None  # different integers may become equal floats, before or after NumPy removes duplicates
        one, two = one.astype(common), two.astype(common)
    return one.reshape(-1), two.reshape(-1)


def intersect1d(
    ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False, *, threads: Any = None
) -> Any:
    """Return the sorted unique items that two arrays have in common.

    Parameters
    ----------
    ar1, ar2 : array_like
        bool, integers, float32 or float64, of any shape. Arrays of other dtypes are left to NumPy.
    assume_unique : bool, default False
        Whether the items of each array are known to be unique, which saves time.
    return_indices : bool, default False
        Whether to return the indices of the items in both arrays, too; left to NumPy.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        One-dimensional; of the dtype that can hold the items of both.

    Notes
    -----
    NaN equals nothing. Otherwise the notes of ``gilkit.unique`` and ``gilkit.isin`` apply.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.intersect1d([1, 3, 4, 3], [3, 1, 2, 1])
    array([1, 3])
    """
    pair = None if return_indices else _pair(ar1, ar2)
    if pair is None:
        return numpys(_of["intersect1d"], (ar1, ar2, assume_unique, return_indices), {}, threads)
    one, two = pair
    one = sort(one, threads=threads) if assume_unique else unique(one, threads=threads)
    return one[isin(one, two, threads=threads)]


def union1d(ar1: Any, ar2: Any, *, threads: Any = None) -> Any:
    """Return the sorted unique items of two arrays together.

    Parameters
    ----------
    ar1, ar2 : array_like
        bool, integers, float32 or float64, of any shape. Arrays of other dtypes are left to NumPy.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        One-dimensional; of the dtype that can hold the items of both.

    Notes
    -----
    The notes of ``gilkit.unique`` apply.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.union1d([3, 1], [[1, 2]])
    array([1, 2, 3])
    """
    pair = _pair(ar1, ar2)
    if pair is None:
        return numpys(_of["union1d"], (ar1, ar2), {}, threads)
    return unique(np.concatenate(pair), threads=threads)


def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False, *, threads: Any = None) -> Any:
    """Return the unique items of one array that are not in another one.

    Parameters
    ----------
    ar1, ar2 : array_like
        bool, integers, float32 or float64, of any shape. Arrays of other dtypes are left to NumPy.
    assume_unique : bool, default False
        Whether the items of each array are known to be unique, which saves time.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        One-dimensional, of ar1's dtype; sorted, or with *assume_unique* in the order of *ar1*.

    Notes
    -----
    NaN equals nothing. Otherwise the notes of ``gilkit.unique`` and ``gilkit.isin`` apply.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.setdiff1d([4, 1, 2, 4], [1, 3])
    array([2, 4])
    """
    one, two = supported(ar1, "ar1", None), supported(ar2, "ar2", None)
    if one is None or two is None:
        return numpys(_of["setdiff1d"], (ar1, ar2, assume_unique), {}, threads)
    one = one.reshape(-1) if assume_unique else unique(one, threads=threads)
    return _in_byte_order_of(ar1, one[isin(one, two, invert=True, threads=threads)])


def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False, *, threads: Any = None) -> Any:
    """Return the sorted unique items that are in exactly one of two arrays.

    Parameters
    ----------
    ar1, ar2 : array_like
        bool, integers, float32 or float64, of any shape. Arrays of other dtypes are left to NumPy.
    assume_unique : bool, default False
        Whether the items of each array are known to be unique, which saves time.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        One-dimensional; of the dtype that can hold the items of both.

    Notes
    -----
    NaN equals nothing. Otherwise the notes of ``gilkit.unique`` and ``gilkit.isin`` apply.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.setxor1d([1, 2, 3], [2, 3, 5])
    array([1, 5])
    """
    pair = _pair(ar1, ar2)
    if pair is None:
        return numpys(_of["setxor1d"], (ar1, ar2, assume_unique), {}, threads)
    one, two = pair if assume_unique else (unique(each, threads=threads) for each in pair)
    both = sort(np.concatenate([one, two]), threads=threads)
    if both.size == 0:
        return both
    begins = np.empty(both.size + 1, bool)  # whether another item begins here
    begins[0] = begins[-1] = True
    begins[1:-1] = both[1:] != both[:-1]
    return masked_select(both, begins[1:] & begins[:-1], threads=threads)
