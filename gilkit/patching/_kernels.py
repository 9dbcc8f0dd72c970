"""Functions of NumPy that gilkit's kernels compute with NumPy's bits, on all cores and often several times as fast on one.

The handlers are as those in `_functions.py`, but do not divide NumPy's own function.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gilkit._scopes import call_whole
from gilkit._signal_poll import raised_by_signal_handler
from gilkit.kernels import (
    choosing,
    histograms,
    histogramsdd,
    indexing,
    masking,
    positions,
    quantiles,
    reductions,
    scan,
    searching,
    sets,
    sorting,
)
from gilkit.kernels import (
    lexsort as lexsorting,
)
from gilkit.kernels._numpy import FUNCTIONS as _of
from gilkit.patching import _patch
from gilkit.patching._parts import LAST_NUMBER, InVain, Leave, check

# The minimum numbers of items. A handler that leaves a call to NumPy takes about 1 µs, and with fewer items that is more than a
# fiftieth of NumPy's own time.
MIN_ITEMS = 1 << 16
MIN_TAKEN = 1 << 17
MIN_SEARCHED = 1 << 14
MIN_COUNTED = 1 << 19
MIN_SELECTED = 1 << 15
ASSIGNED_SIZES = (1, 2, 4, 8, 16)  # bytes of an item
MIN_MEMBERS = 1 << 20  # of isin, for which NumPy takes half a nanosecond an item if few are in the range of the others


def _kernel(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function of gilkit to its end. After a floating-point error, NumPy computes instead, and reports it with its
    own line of code."""
    try:
        with np.errstate(all="raise"):
            return _patch.bypassed(call_whole, function, *args, **kwargs)
    except Exception as error:  # before anything is written that the caller can see
        if raised_by_signal_handler(error):
            raise
        raise Leave("memory" if isinstance(error, MemoryError) else "arguments") from None  # NumPy raises the error


def _cast(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function that casts. After a floating-point error or another one, leave the call to NumPy: its warning names the
    caller's line, and the traceback of its error does not keep the arrays."""
    try:
        with np.errstate(all="raise"):
            return function(*args)
    except Exception as error:
        if raised_by_signal_handler(error):
            raise
        raise Leave("cast") from None


def _has_kernel(array: np.ndarray) -> bool:
    """Return whether gilkit's kernels compute with the array's own items. They do not compare bools: NumPy compares
    their bytes, which may be others than 0 and 1."""
    dtype = array.dtype
    known = (dtype.kind in "iu" or dtype.char in "fd") and dtype.metadata is None
    return known and dtype.num <= LAST_NUMBER and dtype.isnative and array.flags.aligned


def is_whole(axis: Any) -> bool:
    """Return whether the axis is the only one of a one-dimensional array, or None."""
    return axis is None or (type(axis) is int and axis in (0, -1))


def is_word(value: Any, *words: str) -> bool:
    """Return whether the value is one of the words. Of other spellings, NumPy warns, or raises an error."""
    return type(value) is str and value in words


# ---- Sorts, counts and running totals ----

MIN_SORTED = 1 << 14  # items
MIN_SORTED_ROW = 1 << 16  # shorter ones are sorted on one thread
SAMPLE = 2048  # items
# For each dtype, how many calls are left to NumPy before the next attempt, and how many after another failure.
_pauses: dict[str, list[int]] = {}


def _ascends_strictly(items: np.ndarray) -> bool:
    return bool((items[1:] > items[:-1]).all())


def _argsort_distinct(array: np.ndarray) -> Any:
    """Sort items of which no two are equal. NumPy's algorithm for others has an order of its own for equal items."""
    pause = _pauses.setdefault(array.dtype.char, [0, 4])
    if pause[0] > 0:
        pause[0] -= 1
        raise Leave("equal items")
    if not _ascends_strictly(np.sort(array[:SAMPLE])):
        raise InVain("equal items")
    order = _kernel(sorting.argsort, array)
    if not _ascends_strictly(_kernel(indexing.take, array, order)):
        pause[:] = pause[1], min(2 * pause[1], 1024)
        raise InVain("equal items")
    pause[1] = 4
    return order


def _check_sort(array: np.ndarray, kind: Any, stable: Any) -> None:
    """Leave the sort to NumPy unless only one result is possible."""
    if kind not in (None, "quicksort", "heapsort", "stable", "mergesort") or stable not in (None, True, False):
        raise Leave("arguments")
    if kind is not None and stable is not None:
        raise Leave("arguments")
    # Zeros of both signs are equal, and so are NaNs: their order is that of NumPy's algorithm.
    if array.dtype.kind == "f" and _patch.has_ambiguous_floats(array):
        raise InVain("-0.0 or NaN")


def sort(
    numpys: Any, a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> tuple[int, Any]:
    """Sort one row into its result. NumPy makes a copy and sorts that, which is a pass over memory more."""
    check(a, MIN_SORTED_ROW)
    if a.ndim != 1 or type(axis) is not int or axis not in (-1, 0) or order is not None or not _has_kernel(a):
        raise Leave("arguments")
    _check_sort(a, kind, stable)
    return a.size, _kernel(sorting.sort, a)


def sort_row(method: str, array: np.ndarray, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Sort one row, if only one result is possible."""
    names = ("kind", "order", "stable")
    given = dict(zip(names[:2], args, strict=False))
    if len(args) > 2 or not kwargs.keys() <= set(names) - given.keys():
        raise Leave("arguments")
    kind, order, stable = map((given | kwargs).get, names)
    if order is not None or not _has_kernel(array) or abs(array.strides[0]) < array.itemsize:
        raise Leave("one row")
    if method == "argsort":
        if kind in (None, "quicksort", "heapsort") and stable is None:
            return _argsort_distinct(array)
        if not (kind in ("stable", "mergesort") and stable is None) and not (kind is None and stable is True):
            raise Leave("one row")
        return _kernel(sorting.argsort, array)
    if array.size < (_patch.min_items() or MIN_SORTED_ROW):
        raise InVain("too small")  # so that the next calls of this size need not come here
    _check_sort(array, kind, stable)
    _kernel(sorting.sort, array, out=array)
    return None


def lexsort(module: Any, keys: Any, axis: Any = -1) -> tuple[int, Any]:
    if type(keys) not in (tuple, list) or type(axis) is not int or axis not in (0, -1):
        raise Leave("arguments")
    for each in keys:
        check(each, MIN_SEARCHED)
        if each.ndim != 1 or not _has_kernel(each):
            raise Leave("arguments")
    return keys[0].size, _kernel(lexsorting.lexsort, keys)


def bincount(module: Any, x: Any, /, weights: Any = None, minlength: Any = 0) -> tuple[int, Any]:
    check(x, MIN_ITEMS)
    if weights is not None:
        raise Leave("order of rounding")
    if type(minlength) is not int or x.ndim != 1 or x.dtype.kind not in "iu":
        raise Leave("arguments")
    if not _has_kernel(x) or x.dtype == np.uint64:
        raise Leave("dtype")
    # NumPy raises the error for negative items, and does not touch the unused part of a large table; gilkit clears it.
    if _kernel(reductions.min, x) < 0 or max(_kernel(reductions.max, x), minlength) > 4 * x.size or minlength < 0:
        raise InVain("arguments")
    return x.size, _kernel(histograms.bincount, x, minlength=minlength)


def count_nonzero(module: Any, array: np.ndarray) -> tuple[int, Any]:
    check(array, MIN_COUNTED)
    if array.dtype != bool and not _has_kernel(array):
        raise Leave("dtype")
    return array.size, _kernel(positions.count_nonzero, array)


def cumsum(array: np.ndarray, axis: Any = None, dtype: Any = None, out: Any = None) -> tuple[int, Any]:
    check(array)
    if dtype is not None or out is not None or array.ndim != 1 or not is_whole(axis):
        raise Leave("arguments")
    if array.dtype.kind in "fc":
        raise Leave("order of rounding")
    if array.dtype.kind not in "iu" or not _has_kernel(array):
        raise Leave("dtype")
    return array.size, _kernel(scan.cumsum, array)


def accumulate_row(ufunc: np.ufunc, array: np.ndarray) -> Any:
    """Return the running extremes, or sums or products of integers."""
    scans: dict[str, Callable[..., Any]] = {"maximum": scan.cummax, "minimum": scan.cummin}
    if array.dtype.kind in "iu":
        scans |= {"add": scan.cumsum, "multiply": scan.cumprod}
    if ufunc.__name__ not in scans or ufunc is not _of[ufunc.__name__]:
        raise Leave("order of rounding" if array.dtype.kind in "fc" else "no axis to divide")
    if not _has_kernel(array):
        raise Leave("dtype")
    return _kernel(scans[ufunc.__name__], array)


# ---- Choosing items ----

_NUMBERS = (int, float, bool)
_SCALARS = frozenset(_of["sctypeDict"].values())


def _is_copied(array: np.ndarray) -> bool:
    """Return whether the kernels copy items of this dtype, and read them in the array's order in memory."""
    dtype = array.dtype
    return dtype.num <= LAST_NUMBER and dtype.kind in "biufcmM" and dtype.metadata is None and array.flags.c_contiguous


def _takes_numbers(array: np.ndarray) -> bool:
    """Return whether numbers are converted to this dtype without a warning other than of floating-point errors. NumPy may
    warn of a number as a time."""
    return array.dtype.kind not in "mM"


def where(module: Any, *operands: Any) -> tuple[int, Any]:
    if len(operands) == 1:
        return nonzero(operands[0])
    if len(operands) != 3:
        raise Leave("arguments")
    mask = operands[0]
    check(mask, MIN_ITEMS)
    for each in operands:
        if type(each) is np.ndarray:
            if not _is_copied(each) or each.shape != mask.shape or not each.dtype.isnative:
                raise Leave("arguments")
        elif type(each) not in _NUMBERS:
            raise Leave("operand that is not an array")
    if mask.dtype != bool:
        raise Leave("arguments")
    arrays = [each for each in operands if type(each) is np.ndarray]
    if len(arrays) < len(operands):  # a number may not fit in the array's dtype
        if not all(map(_takes_numbers, arrays)):
            raise Leave("arguments")
        _cast(_of["where"], *(each.reshape(-1)[:0] if type(each) is np.ndarray else each for each in operands))
    return mask.size, _kernel(choosing.where, *operands)


def nonzero(array: np.ndarray) -> tuple[int, Any]:
    check(array, MIN_ITEMS)
    if array.ndim != 1:
        raise Leave("several axes")  # NumPy's results are views of one array
    if array.dtype != bool and not _has_kernel(array):
        raise Leave("dtype")
    (places,) = _kernel(masking.nonzero, array)
    return array.size, (places[:],)  # a view, as NumPy's


def take(array: np.ndarray, indices: Any, axis: Any = None, out: Any = None, mode: Any = "raise") -> tuple[int, Any]:
    check(indices, MIN_ITEMS)
    if type(array) is not np.ndarray or array.ndim != 1 or out is not None or indices.dtype.kind not in "iu":
        raise Leave("arguments")
    if not is_whole(axis) or not is_word(mode, "raise", "wrap", "clip"):
        raise Leave("arguments")
    return indices.size, _taken(array, indices, mode)


def subscript(array: np.ndarray, key: np.ndarray) -> tuple[int, Any]:
    check(key, MIN_ITEMS)
    if array.strides != tuple(array.itemsize * math.prod(array.shape[k + 1 :]) for k in range(array.ndim)):
        raise Leave("arguments")  # the result's depend on them, also on those of axes of length 1
    if key.dtype != bool:
        if key.ndim > 1 and not key.flags.c_contiguous:
            raise Leave("arguments")  # the result is laid out in memory as the key is
        return key.size, _taken(array, key, "raise")
    if not _is_copied(array) or not key.flags.c_contiguous:
        raise Leave("arguments")
    if array.shape == key.shape:
        return key.size, _kernel(masking.masked_select, array, key)
    if key.ndim != 1 or array.shape[:1] != key.shape:
        raise Leave("arguments")
    return key.size, _kernel(masking.compress, key, array, 0)


def _assigned(array: Any, mask: Any, value: Any, *, aligned: bool, assign_one: Callable[..., Any]) -> tuple[int, Any]:
    """Assign to the items that a mask selects. If `aligned`, values are taken from the places of the items. `assign_one`
    does the same as NumPy's function, for an array of one item and a single value."""
    check(mask, MIN_ITEMS)
    if type(array) is not np.ndarray or mask.dtype != bool or mask.shape != array.shape:
        raise Leave("arguments")
    if not _is_copied(array) or not array.dtype.isnative or array.itemsize not in ASSIGNED_SIZES:
        raise Leave("arguments")
    if array.flags.num < 0:  # the highest bit: a write, and `flags.writeable`, cause warnings
        raise Leave("arguments")
    if not mask.flags.c_contiguous or not array.flags.writeable or np.may_share_memory(array, mask):
        raise Leave("arguments")
    if type(value) is np.ndarray and value.ndim > 0:
        if value.dtype != array.dtype or not value.flags.c_contiguous or not value.flags.aligned or value.size == 1:
            raise Leave("arguments")
        if (value.shape != array.shape if aligned else value.ndim != 1) or np.may_share_memory(array, value):
            raise Leave("arguments")
        values = value
    else:
        is_scalar = type(value) in _SCALARS
        is_number = type(value) in _NUMBERS or (is_scalar and value.dtype.kind in "biuf")
        if not (is_scalar and value.dtype == array.dtype) and not (is_number and _takes_numbers(array)):
            raise Leave("arguments")
        values = np.empty(1, array.dtype)
        _cast(assign_one, values, value)
        values = values.reshape(())
    if not _kernel(masking._assign, array, mask, values, aligned):
        raise Leave("arguments")  # NumPy may raise an error
    return mask.size, None


_TRUE = np.ones(1, bool)


def assignment(array: Any, mask: Any, value: Any) -> tuple[int, Any]:
    return _assigned(array, mask, value, aligned=False, assign_one=lambda one, value: one.__setitem__(_TRUE, value))


def copyto(module: Any, dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> tuple[int, Any]:
    if not is_word(casting, "no", "equiv", "safe", "same_kind", "unsafe"):
        raise Leave("arguments")
    copy_one = functools.partial(_of["copyto"], casting=casting)
    return _assigned(dst, where, src, aligned=True, assign_one=copy_one)


def putmask(module: Any, a: Any, mask: Any, values: Any) -> tuple[int, Any]:
    return _assigned(a, mask, values, aligned=True, assign_one=lambda one, value: _of["putmask"](one, _TRUE, value))


def _taken(array: np.ndarray, indices: np.ndarray, mode: str) -> Any:
    """Return the items along the first axis."""
    if indices.dtype == np.uint64 or indices.dtype.kind not in "iu":
        raise Leave("dtype")  # NumPy 2.0's take() does not accept uint64
    if array.ndim == 0 or not array.size or not _is_copied(array):
        raise Leave("arguments")
    return _kernel(indexing.take, array, indices, 0, None, mode)


# ---- Search ----

POINTS_A_KEY = 8  # of a table; with more, looking whether the table ascends takes too long


def _ascends(table: np.ndarray) -> bool:
    """Return whether a table is sorted as NumPy sorts, with NaNs at the end. In others, what is found depends on the
    algorithm, and on the key before."""
    before, after = table[:-1], table[1:]
    with np.errstate(all="ignore"):  # NumPy's search compares without a warning
        if table.dtype.kind == "c" and table[-1] != table[-1]:
            return False  # complex NaNs have an order of their own
        return bool(((before <= after) | (after != after)).all())


def check_table(table: Any, keys: np.ndarray) -> None:
    if type(table) is not np.ndarray or table.ndim != 1 or not 0 < table.size <= POINTS_A_KEY * keys.size:
        raise Leave("arguments")
    if not _patch.bypassed(_ascends, table):
        raise InVain("not sorted")


def searchsorted(array: np.ndarray, v: np.ndarray, side: str) -> Any:
    """Return the places, or None if there is no kernel for the dtype."""
    if not _has_kernel(array) or not _has_kernel(v):
        return None
    return _kernel(searching.searchsorted, array, v, side)


def interp(module: Any, x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> tuple[int, Any]:
    check(x, MIN_SEARCHED)
    check_table(xp, x)
    if xp[-1] != xp[-1]:
        raise InVain("NaN")  # where it is found depends on the algorithm
    if type(fp) is not np.ndarray or fp.shape != xp.shape or not all(map(_has_kernel, (x, xp, fp))):
        raise Leave("arguments")
    if not {type(left), type(right)} <= {type(None), int, float}:
        raise Leave("arguments")
    doubles = [_cast(np.asarray, each, np.float64) for each in (x, xp, fp)]
    return x.size, _kernel(searching.interp, *doubles, left, right)


# ---- Functions that NumPy wrote in Python ----


def _are_ordered(array: np.ndarray) -> None:
    """Leave the call to NumPy if items are equal although their bits differ, or are NaN: which of them becomes the result
    depends on NumPy's algorithm."""
    if array.dtype.kind != "f":
        return
    if not (array.ndim == 1 or array.flags.forc) or _patch.has_ambiguous_floats(array.reshape(-1, order="A")):
        raise InVain("-0.0 or NaN")


_PLAIN = _SCALARS | {type(None), bool, float, str}
MAX_LISTED = 256  # converting a longer list takes NumPy longer than the kernel saves


def _is_plain(value: Any, depth: int = 3) -> bool:
    if type(value) in (tuple, list):
        return depth > 0 and len(value) <= MAX_LISTED and all(_is_plain(each, depth - 1) for each in value)
    if type(value) is int:
        return -(1 << 63) <= value < 1 << 63  # others are uint64 or objects
    return type(value) in _PLAIN or (type(value) is np.ndarray and value.dtype.kind in "biuf")


def _check_plain(*arguments: Any) -> None:
    """Leave the call to NumPy if an argument can run code of its own, such as __array__(), which must run once."""
    if not all(map(_is_plain, arguments)):
        raise Leave("arguments")


def median(
    numpys: Any, a: Any, axis: Any = None, out: Any = None, overwrite_input: Any = False, keepdims: Any = False
) -> tuple[int, Any]:
    check(a, MIN_SELECTED)
    if out is not None or overwrite_input is not False or keepdims is not False or not _has_kernel(a):
        raise Leave("arguments")
    _check_plain(axis)
    _are_ordered(a)
    return a.size, _kernel(quantiles.median, a, axis)


def _quantile(function: Callable[..., Any]) -> Callable[..., tuple[int, Any]]:
    def compute(
        numpys: Any, a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: Any = False,
        method: Any = "linear", keepdims: Any = False, *, weights: Any = None,
    ) -> tuple[int, Any]:  # fmt: skip
        check(a, MIN_SELECTED)
        if out is not None or overwrite_input is not False or keepdims is not False or weights is not None:
            raise Leave("arguments")
        if not _has_kernel(a):
            raise Leave("dtype")
        _check_plain(q, axis, method)
        _are_ordered(a)
        # NumPy's copy is in C order, too, and the result has the layout of a part of it.
        return a.size, _kernel(function, np.ascontiguousarray(a), q, axis, method=method)

    return compute


def unique(
    numpys: Any, ar: Any, return_index: Any = False, return_inverse: Any = False, return_counts: Any = False,
    axis: Any = None, *, equal_nan: Any = True,
) -> tuple[int, Any]:  # fmt: skip
    check(ar, MIN_SELECTED)
    if axis is not None or equal_nan is not True or not _has_kernel(ar):
        raise Leave("arguments")
    _check_plain(return_index, return_inverse, return_counts)
    _are_ordered(ar)
    return ar.size, _kernel(sets.unique, ar, return_index, return_inverse, return_counts)


def isin(
    numpys: Any, element: Any, test_elements: Any, assume_unique: Any = False, invert: Any = False, *, kind: Any = None
) -> tuple[int, Any]:
    check(element, MIN_MEMBERS)
    if type(test_elements) is not np.ndarray or test_elements.dtype != element.dtype or not _has_kernel(element):
        raise Leave("arguments")
    if kind is not None or assume_unique is not False or type(invert) is not bool or not _has_kernel(test_elements):
        raise Leave("arguments")
    return element.size, _kernel(searching.isin, element, test_elements, invert=invert)[...]  # a view, as NumPy's


def _check_ends(edges: np.ndarray, items: np.ndarray) -> None:
    """Leave the call to NumPy if zeros of both signs may be the smallest or the largest item, which is an edge."""
    if 0 in edges[:1] or 0 in edges[-1:]:
        _are_ordered(items)


def histogram(
    numpys: Any, a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[int, Any]:
    check(a, MIN_SELECTED)
    if weights is not None or isinstance(bins, str) or not _has_kernel(a):
        raise Leave("arguments")
    _check_plain(bins, range, density)
    if np.geterr()["under"] != "ignore":
        raise Leave("underflow is reported")  # which the kernel does not notice
    result = _kernel(histograms.histogram, a, bins, range, density)
    if range is None:
        _check_ends(result[1], a)
    return a.size, result


def histogramdd(
    numpys: Any, sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[int, Any]:
    columns = list(sample) if type(sample) in (tuple, list) else [sample]
    for each in columns:
        check(each, MIN_SELECTED)
        if not _has_kernel(each):
            raise Leave("dtype")
    if weights is not None:
        raise Leave("arguments")
    _check_plain(bins, range, density)
    result = _kernel(histogramsdd.histogramdd, sample, bins, range, density)
    each_items = columns if columns[0] is not sample else np.atleast_2d(sample.T)
    each_range = [None] * len(result[1]) if range is None else range
    for edges, items, outer in zip(result[1], each_items, each_range, strict=True):
        if outer is None:
            _check_ends(edges, items)
    return columns[0].size, result


# With the minimum number of items.
in_python: dict[str, tuple[Callable[..., tuple[int, Any]], int]] = {
    "sort": (sort, MIN_SORTED_ROW),
    "median": (median, MIN_SELECTED),
    "quantile": (_quantile(quantiles.quantile), MIN_SELECTED),
    "percentile": (_quantile(quantiles.percentile), MIN_SELECTED),
    "unique": (unique, MIN_SELECTED),
    "isin": (isin, MIN_MEMBERS),
    "histogram": (histogram, MIN_SELECTED),
    "histogramdd": (histogramdd, MIN_SELECTED),
}
