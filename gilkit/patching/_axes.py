"""Calls of NumPy divided along an axis: each thread calls NumPy's own function for its part of the array.

A part has the strides of the whole, so NumPy goes through it in the same order and makes the same roundings. That leaves
two questions for each function, which its handler below answers: along which axis do the items of a part depend on no other
part, or how are the results of parts put together so that no bit changes?

A handler gets the arguments of NumPy's function, and returns NotImplemented to leave the call to NumPy.
"""

from __future__ import annotations

import contextvars
import functools
import itertools
import re
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy._core import _multiarray_umath as _c_functions  # type: ignore[attr-defined]

from gilkit.patching import _patch

MIN_ITEMS = 1 << 18  # a reduction of fewer items takes less time than to hand its parts out
PART_ITEMS = 1 << 18  # parts of fewer items are not made, except one for each thread
PARTS_PER_THREAD = 4
MIN_ROW_BYTES = 2048  # a part whose rows are shorter loses more to the ends of rows than a thread gains
ALIGNED_ITEMS = 64  # as in _elementwise.c
PAIRWISE_BLOCK = 128  # NumPy's PW_BLOCKSIZE
LAST_NUMBER = np.dtype("float16").num  # the dtypes with larger numbers are of strings or of other packages

# Operations that give the same result in any order, on integers and booleans.
ORDERLESS = {
    "add", "multiply", "bitwise_and", "bitwise_or", "bitwise_xor", "logical_and", "logical_or", "maximum", "minimum",
    "fmax", "fmin",
}  # fmt: skip
EXTREMES = {"maximum", "minimum", "fmax", "fmin"}

_NO_VALUE = np._NoValue

# ---- Statistics ----

collecting = False
counts: dict[str, list[Any]] = {}
_lock = threading.RLock()  # a signal handler may call NumPy while its thread holds it


def statistics() -> dict[str, tuple[int, int, float, dict[str, int]]]:
    """Return (calls, items, seconds, {reason: calls left to NumPy}) for each function."""
    with _lock:
        return {name: (calls, items, seconds, dict(left)) for name, (calls, items, seconds, left) in counts.items()}


def _count(name: str, items: int, seconds: float, reason: str | None) -> None:
    with _lock:
        count = counts.setdefault(name, [0, 0, 0.0, {}])
        if reason is None:
            count[0] += 1
            count[1] += items
            count[2] += seconds
        else:
            count[3][reason] = count[3].get(reason, 0) + 1


class _Leave(Exception):
    """The call is left to NumPy, for this reason."""


def _handler(name: Callable[..., str] | str, function: Callable[..., Any], place: int = 0) -> Callable[..., Any]:
    """Return the handler for a function of NumPy.

    `function` does the same in parts, and returns the number of items and the result. The array that is divided has this
    place among the arguments. The handler takes the way that was quicker, counts the calls, and turns _Leave into
    NotImplemented.
    """
    costs: dict[tuple[Any, ...], _patch.Costs] = {}

    def handle(*args: Any, **kwargs: Any) -> Any:
        own_name = name if isinstance(name, str) else name(*args)
        array: Any = args[place] if len(args) > place else None
        if type(array) in (tuple, list):
            size, dtype = sum(each.size for each in array if isinstance(each, np.ndarray)), ""
        else:
            size, dtype = (array.size, array.dtype.char) if isinstance(array, np.ndarray) else (0, "")
        axis = kwargs.get("axis", args[place + 1] if len(args) > place + 1 else None)
        known = costs.setdefault((own_name, dtype, axis if type(axis) in (int, tuple) else None), _patch.Costs())
        started = time.perf_counter_ns()
        if not known.divide(size):
            known.measure_original(size)
            if collecting:
                _count(own_name, 0, 0, "too small")
            return NotImplemented
        try:
            try:
                items, result = function(*args, **kwargs)
                reason = None
            except TypeError as error:
                # Arguments that do not fit: NumPy says so in its own words. Errors of its own functions go on.
                if error.__traceback__ is not None and error.__traceback__.tb_next is None:
                    raise _Leave("arguments") from None
                raise
        except _Leave as leave:
            items, result, reason = 0, NotImplemented, str(leave)
        took = time.perf_counter_ns() - started
        if reason is None:
            known.learn(True, size, took)
        if collecting:
            _count(own_name, items, took / 1e9, reason)
        return result

    return handle


# ---- Parts ----


def _parts(array: np.ndarray, axis: int, least: int = 1) -> list[slice]:
    """Divide an axis: return the slice of each part, along this axis only, with at least so many items."""
    length = array.shape[axis]
    number = length // least
    if not _patch.min_items():
        threads = _patch.threads()
        number = min(number, max(threads, min(array.size // PART_ITEMS, PARTS_PER_THREAD * threads)))
        # Short rows of a part waste what the memory reads ahead.
        innermost = min(range(array.ndim), key=lambda k: abs(array.strides[k]) if array.shape[k] > 1 else 1 << 62)
        if axis == innermost and array.ndim > 1:
            number = min(number, length * array.itemsize // MIN_ROW_BYTES, threads)
    if number < 2:
        raise _Leave("short rows")
    number = min(number, PARTS_PER_THREAD * max(2, _patch.threads()))
    # A loop over this axis computes the last items, which do not fill a vector, in another way than the others.
    step = ALIGNED_ITEMS if length >= 2 * number * ALIGNED_ITEMS else 1
    cuts = [length * k // number // step * step for k in range(number)] + [length]
    return [slice(begin, end) for begin, end in itertools.pairwise(cuts)]


def _along(axis: int, part: slice) -> tuple[slice, ...]:
    return (slice(None),) * axis + (part,)


def _outermost(array: np.ndarray, axes: set[int]) -> int:
    """Return that of the axes, longer than one, along which neighbours are farthest apart in memory."""
    candidates = [axis for axis in axes if array.shape[axis] > 1]
    if not candidates:
        raise _Leave("no axis to divide")
    return max(candidates, key=lambda axis: abs(array.strides[axis]))


class _FloatErrors:
    """Collects what threads notice of overflows and invalid operations, for one report as from one call.

    Without locks: a signal handler may raise an exception anywhere, and a lock could stay locked.
    """

    def __init__(self) -> None:
        self.flags: list[int] = []
        self._settings = np.errstate(all="call", call=lambda kind, flags: self.flags.append(flags))
        self._context = contextvars.copy_context()
        self._context.run(self._settings.__enter__)

    def watch(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call the function in a copy of the caller's context, in which errors are collected."""
        return self._context.copy().run(function, *args)

    def report(self, name: str) -> None:
        flags = 0
        for each in self.flags:
            flags |= each
        if flags:
            _patch.give_fp_errors(name, flags)


def _run(name: str, function: Callable[..., None], tasks: list[tuple[Any, ...]]) -> None:
    """Call the function with each task's arguments, on several threads."""
    errors = _FloatErrors()
    _patch.run_tasks(functools.partial(errors.watch, function), tasks)
    errors.report(name)


def _check(array: Any, min_items: int = MIN_ITEMS) -> None:
    """Leave the call to NumPy unless the array is an ordinary one that is large enough."""
    if type(array) is not np.ndarray:
        raise _Leave("operand that is not an array")
    if array.ndim == 0 or array.size < (_patch.min_items() or min_items):
        raise _Leave("too small")
    if array.dtype.num > LAST_NUMBER or array.dtype.kind not in "biufcmM":
        raise _Leave("dtype")
    if _patch.threads() < 2 and not _patch.min_items():
        raise _Leave("one thread")


def _overlap(array: np.ndarray, out: Any) -> bool:
    return out is not None and (type(out) is not np.ndarray or np.may_share_memory(array, out))


# ---- Reductions ----


def _axes_of(array: np.ndarray, axis: Any) -> set[int]:
    if axis is None:
        return set(range(array.ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    found = {np.lib.array_utils.normalize_axis_index(each, array.ndim) for each in axes}
    if len(found) != len(axes):
        raise _Leave("arguments")
    return found


def _loop_dtype(ufunc: np.ufunc, array: np.ndarray, dtype: Any) -> np.dtype:
    settings = {} if dtype is None else {"signature": (np.dtype(dtype), None, None)}
    try:
        return ufunc.resolve_dtypes((None, array.dtype, None), reduction=True, **settings)[1]  # type: ignore[arg-type]
    except TypeError:
        raise _Leave("no loop for these dtypes") from None


def _reduce(
    ufunc: np.ufunc,
    array: np.ndarray,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = _NO_VALUE,
    where: Any = True,
) -> tuple[int, Any]:
    _check(array)
    if where is not True:
        raise _Leave("where=")
    if type(ufunc) is not np.ufunc or ufunc.nin != 2 or ufunc.nout != 1 or ufunc.signature is not None:
        raise _Leave("not a reduction")
    if isinstance(out, tuple):
        (out,) = out if len(out) == 1 else (NotImplemented,)
    if out is Ellipsis or _overlap(array, out):
        raise _Leave("overlapping output")
    try:
        reduced = _axes_of(array, axis)
    except (TypeError, IndexError, ValueError):  # AxisError is both of the latter
        raise _Leave("arguments") from None
    loop = _loop_dtype(ufunc, array, dtype)
    if loop.kind not in "biufcmM":
        raise _Leave("dtype")
    settings: dict[str, Any] = {"axis": axis, "dtype": dtype, "out": out, "keepdims": keepdims}
    if initial is not _NO_VALUE:
        settings["initial"] = initial
    name = ufunc.__name__
    # Between integers of any loop, and for logical operations, whose results are booleans.
    orderless = name in ORDERLESS and (
        loop.kind in "biu" or name.startswith("logical") or (loop.kind in "mM" and name in EXTREMES)
    )
    retained = set(range(array.ndim)) - reduced
    if orderless or (name in EXTREMES and loop.kind == "f"):
        result = _reduce_in_any_order(ufunc, array, reduced, dtype, settings)
        # Which zero or which NaN is found depends on the order.
        if loop.kind == "f" and not orderless and not np.all(result):
            raise _Leave("zeros or NaNs")
        if loop.kind == "f" and not orderless and np.isnan(result).any():
            raise _Leave("zeros or NaNs")
        return array.size, result
    if retained:
        return array.size, _reduce_by_slabs(ufunc, array, retained, loop, settings)
    if name == "add" and loop == array.dtype and loop.char in "fdgFDG" and array.dtype.isnative:
        return array.size, _sum_pairwise(ufunc, array, settings)
    raise _Leave("order of rounding")


def _reduce_in_any_order(
    ufunc: np.ufunc, array: np.ndarray, reduced: set[int], dtype: Any, settings: dict[str, Any]
) -> Any:
    """Reduce parts, then their results."""
    axis = _outermost(array, set(range(array.ndim)))
    if axis not in reduced:
        return _reduce_by_slabs(ufunc, array, set(range(array.ndim)) - reduced, None, settings)
    slices = _parts(array, axis)
    partial: list[Any] = [None] * len(slices)
    axes = tuple(reduced)

    def reduce_part(k: int) -> None:
        partial[k] = ufunc.reduce(array[_along(axis, slices[k])], axis=axes, dtype=dtype, keepdims=True)

    _run("reduce", reduce_part, [(k,) for k in range(len(slices))])
    return _patch.bypassed(ufunc.reduce, np.concatenate(partial, axis=axis), **settings)


def _reduce_by_slabs(
    ufunc: np.ufunc, array: np.ndarray, retained: set[int], loop: np.dtype | None, settings: dict[str, Any]
) -> Any:
    """Divide an axis that remains: each part has results of its own."""
    axis = _outermost(array, retained)
    # NumPy would drop an axis of length 1, and then go through the others in another order.
    slices = _parts(array, axis, least=2)
    # NumPy casts in buffers, whose ends would be elsewhere in a part.
    if loop is not None and (loop != array.dtype or not array.dtype.isnative or not array.flags.aligned):
        raise _Leave("cast")
    settings = dict(settings)
    out, keepdims = settings.pop("out"), settings["keepdims"]
    with np.errstate(all="ignore"):
        few = _patch.bypassed(ufunc.reduce, array[_along(axis, slice(0, 2))], **settings)
    place = axis if keepdims else sum(1 for k in retained if k < axis)
    if out is None:
        shape = list(few.shape)
        shape[place] = array.shape[axis]
        result = np.empty_like(few, shape=shape)
    else:
        result = out
        if (
            type(out) is not np.ndarray
            or out.ndim != few.ndim
            or out.dtype != few.dtype
            or out.shape[place] != array.shape[axis]
        ):
            raise _Leave("output")

    def reduce_part(part: slice) -> None:
        ufunc.reduce(array[_along(axis, part)], out=result[_along(place, part)], **settings)

    _run("reduce", reduce_part, [(part,) for part in slices])
    return result


def _sum_pairwise(ufunc: np.ufunc, array: np.ndarray, settings: dict[str, Any]) -> Any:
    """Compute the very tree of partial sums that NumPy computes, its branches on several threads."""
    # Older versions sum up buffers of 8,192 items one after the other.
    if np.lib.NumpyVersion(np.__version__) < "2.4.0" or (
        array.ndim > 1 and not (array.flags.c_contiguous or array.flags.f_contiguous)
    ):
        raise _Leave("order of rounding")
    if not array.flags.aligned:
        raise _Leave("cast")
    flat = array if array.ndim == 1 else array.ravel(order="K")
    numbers = 2 if array.dtype.kind == "c" else 1  # that NumPy counts for an item
    most = max(PAIRWISE_BLOCK, flat.size * numbers // len(_parts(flat, 0)))
    leaves: list[slice] = []

    def grow(begin: int, n: int) -> Any:
        """Return the tree: a leaf's number, or two trees."""
        if n <= most:
            leaves.append(slice(begin // numbers, (begin + n) // numbers))
            return len(leaves) - 1
        half = n // 2
        half -= half % 8
        return grow(begin, half), grow(begin + half, n - half)

    tree = grow(0, flat.size * numbers)
    sums: list[Any] = [None] * len(leaves)
    zero = array.dtype.type(complex(-0.0, -0.0) if numbers == 2 else -0.0)

    def sum_leaf(k: int) -> None:
        sums[k] = ufunc.reduce(flat[leaves[k]], initial=zero)

    def combine(node: Any) -> Any:
        return sums[node] if isinstance(node, int) else combine(node[0]) + combine(node[1])

    errors = _FloatErrors()
    _patch.run_tasks(functools.partial(errors.watch, sum_leaf), [(k,) for k in range(len(leaves))])
    total = errors.watch(_patch.bypassed, combine, tree)
    if np.isnan(total):
        raise _Leave("zeros or NaNs")  # which NaN it is depends on the order of operands
    errors.report("reduce")
    one = np.array([total]).reshape((1,) * array.ndim)
    return _patch.bypassed(ufunc.reduce, one, **settings)


def _ufunc_method(method: str) -> Callable[..., str]:
    return lambda ufunc, *args: f"{ufunc.__name__}.{method}"


reduce = _handler(_ufunc_method("reduce"), _reduce, 1)

# ---- Generalized ufuncs: matmul of stacks, numpy.linalg ----

MIN_STACK_ITEMS = 1 << 13
# Larger matrices are computed by BLAS and LAPACK, which may have threads of their own.
MAX_MATRIX_ITEMS = 64 * 64


def _call_generalized(ufunc: np.ufunc, *args: Any, signature: Any = None) -> tuple[int, Any]:
    if len(args) != ufunc.nin or ufunc.signature is None or ("?" in ufunc.signature and ufunc.__name__ != "matmul"):
        raise _Leave("keyword argument")
    if "raw" in ufunc.__name__:
        raise _Leave("changes its operand")
    operands = re.findall(r"\(([^)]*)\)", ufunc.signature.split("->")[0])
    cores = [len(each.split(",")) if each else 0 for each in operands]
    loops = 0
    for array, core in zip(args, cores, strict=True):
        if type(array) is not np.ndarray or array.dtype.kind not in "biufc" or array.dtype.num > LAST_NUMBER:
            raise _Leave("operand that is not an array")
        if array.ndim < core or (ufunc.__name__ == "matmul" and array.ndim < 2):
            raise _Leave("arguments")
        if np.prod(array.shape[array.ndim - core :]) > MAX_MATRIX_ITEMS:
            raise _Leave("large matrices")
        loops = max(loops, array.ndim - core)
    _check(max(args, key=lambda array: array.size), MIN_STACK_ITEMS)
    whole = [array.ndim - core == loops for array, core in zip(args, cores, strict=True)]
    lengths = {array.shape[0] for array, has in zip(args, whole, strict=True) if has} if loops else set()
    if len(lengths) != 1 or max(lengths) < 2:
        raise _Leave("no axis to divide")
    (length,) = lengths
    settings = {} if signature is None else {"signature": signature}

    def compute(part: slice, out: Any = None) -> Any:
        own = [array[part] if has else array for array, has in zip(args, whole, strict=True)]
        return ufunc(*own, **settings, **({} if out is None else {"out": out}))

    with np.errstate(all="ignore"):
        few = _patch.bypassed(compute, slice(0, 2))
    first = few if isinstance(few, tuple) else (few,)
    results = tuple(np.empty_like(each, shape=(length, *each.shape[1:])) for each in first)
    number = min(length, PARTS_PER_THREAD * max(2, _patch.threads()))
    slices = [slice(length * k // number, length * (k + 1) // number) for k in range(number)]

    def compute_part(part: slice) -> None:
        compute(part, tuple(result[part] for result in results))

    _run(ufunc.__name__, compute_part, [(part,) for part in slices])
    return max(array.size for array in args), results if isinstance(few, tuple) else results[0]


generalized = _handler(lambda ufunc, *args: ufunc.__name__, _call_generalized, 1)

# ---- Sorting ----


def _sorter(method: str, in_place: bool) -> Callable[..., tuple[int, Any]]:
    """Return the function for a method that treats each row along an axis by itself."""

    def divide(array: np.ndarray, *args: Any, axis: Any = -1, **kwargs: Any) -> tuple[int, Any]:
        _check(array, 1 << 14)
        leading = 1 if "partition" in method else 0  # arguments before the axis
        args_list = list(args)
        if len(args_list) > leading:
            axis = args_list.pop(leading)
        if axis is None or not isinstance(axis, (int, np.integer)) or isinstance(axis, bool):
            raise _Leave("arguments")
        if not -array.ndim <= axis < array.ndim or array.ndim < 2:
            raise _Leave("one row")
        if in_place and not array.flags.writeable:
            raise _Leave("arguments")
        own = int(axis) % array.ndim
        cut = _outermost(array, set(range(array.ndim)) - {own})
        original = getattr(np.ndarray, method)
        if in_place:

            def treat(part: slice) -> None:
                original(array[_along(cut, part)], *args_list[:leading], own, *args_list[leading:], **kwargs)

            result = None
        else:
            result = np.empty(array.shape, np.intp)

            def treat(part: slice) -> None:
                result[_along(cut, part)] = original(
                    array[_along(cut, part)], *args_list[:leading], own, *args_list[leading:], **kwargs
                )

        _run(method, treat, [(part,) for part in _parts(array, cut)])
        return array.size, result

    return divide


# ---- Copies ----


def _astype(
    array: np.ndarray, dtype: Any, order: Any = "K", casting: Any = "unsafe", subok: Any = True, copy: Any = True
) -> Any:
    _check(array)
    new = np.dtype(dtype)
    if new.kind not in "biufc" or array.dtype.kind not in "biufc" or (not copy and new == array.dtype):
        raise _Leave("dtype")
    if array.dtype.kind == "c" and new.kind not in "cb":
        raise _Leave("cast")  # which causes a warning
    if not np.can_cast(array.dtype, new, casting):
        raise _Leave("arguments")  # NumPy raises the error
    result = np.empty_like(array, dtype=new, order=order)
    axis = _outermost(array, set(range(array.ndim)))

    def convert(part: slice) -> None:
        np.copyto(result[_along(axis, part)], array[_along(axis, part)], casting="unsafe")

    _run("cast", convert, [(part,) for part in _parts(array, axis)])
    return array.size, result


def _copy(array: np.ndarray, order: Any = "C") -> Any:
    _check(array)
    result = np.empty_like(array, order=order)
    axis = _outermost(array, set(range(array.ndim)))

    def copy_part(part: slice) -> None:
        np.copyto(result[_along(axis, part)], array[_along(axis, part)])

    _run("cast", copy_part, [(part,) for part in _parts(array, axis)])
    return array.size, result


# ---- Searching and counting ----


def _extreme_index(method: str) -> Callable[..., tuple[int, Any]]:
    def divide(array: np.ndarray, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> tuple[int, Any]:
        _check(array)
        if out is not None or keepdims is not False or array.ndim != 1 or axis not in (None, 0, -1):
            raise _Leave("arguments")
        original = getattr(np.ndarray, method)
        slices = _parts(array, 0)
        found: list[Any] = [None] * len(slices)

        def search(k: int) -> None:
            found[k] = original(array[slices[k]]) + slices[k].start

        _run(method, search, [(k,) for k in range(len(slices))])
        # The first of equal ones, and the first NaN, are as NumPy finds them among the parts' own.
        return array.size, found[_patch.bypassed(original, array[found])]

    return divide


def _count_nonzero(module: Any, array: np.ndarray) -> tuple[int, Any]:
    _check(array)
    axis = _outermost(array, set(range(array.ndim)))
    counted: list[int] = []
    _run(
        "count_nonzero",
        lambda part: counted.append(_c_functions.count_nonzero(array[_along(axis, part)])),
        [(part,) for part in _parts(array, axis)],
    )
    return array.size, sum(counted)


def _searchsorted(array: np.ndarray, v: Any, side: Any = "left", sorter: Any = None) -> tuple[int, Any]:
    _check(v, 1 << 14)
    if type(array) is not np.ndarray or array.ndim != 1 or v.ndim == 0 or array.dtype != v.dtype:
        raise _Leave("arguments")
    result = np.empty(v.shape, np.intp)
    axis = int(np.argmax(v.shape))

    def search(part: slice) -> None:
        result[_along(axis, part)] = array.searchsorted(v[_along(axis, part)], side, sorter)

    _run("searchsorted", search, [(part,) for part in _parts(v, axis)])
    return v.size, result


def _take(array: np.ndarray, indices: Any, axis: Any = None, out: Any = None, mode: Any = "raise") -> tuple[int, Any]:
    _check(indices, 1 << 16)
    if type(array) is not np.ndarray or array.ndim != 1 or out is not None or indices.dtype.kind not in "iu":
        raise _Leave("arguments")
    if array.dtype.kind not in "biufcmM" or axis not in (None, 0, -1):
        raise _Leave("arguments")
    result = np.empty(indices.shape, array.dtype)
    cut = int(np.argmax(indices.shape))

    def take(part: slice) -> None:
        result[_along(cut, part)] = array.take(indices[_along(cut, part)], mode=mode)

    _run("take", take, [(part,) for part in _parts(indices, cut)])
    return indices.size, result


# ---- Selecting ----

BLOCK_ITEMS = 1 << 15  # of a temporary result, which is to stay in the cache


def _blocks(part: slice) -> list[slice]:
    return [slice(k, min(k + BLOCK_ITEMS, part.stop)) for k in range(part.start, part.stop, BLOCK_ITEMS)]


def _where(module: Any, *operands: Any) -> tuple[int, Any]:
    if len(operands) != 3:
        raise _Leave("arguments")
    mask = operands[0]
    _check(mask)
    for each in operands[1:]:
        if type(each) is np.ndarray:
            if each.dtype.num > LAST_NUMBER or each.dtype.kind not in "biufcmM" or each.shape != mask.shape:
                raise _Leave("arguments")
        elif type(each) not in (int, float, bool):
            raise _Leave("operand that is not an array")
    arrays = [each for each in operands if type(each) is np.ndarray]
    if mask.dtype != bool or not all(each.flags.c_contiguous and each.dtype.isnative for each in arrays):
        raise _Leave("arguments")
    result = np.empty(mask.shape, np.result_type(*operands[1:]))
    flat = result.reshape(-1)
    given = [each.reshape(-1) if type(each) is np.ndarray else each for each in operands]

    def choose(part: slice) -> None:
        for block in _blocks(part):
            flat[block] = _c_functions.where(*(each[block] if type(each) is np.ndarray else each for each in given))

    _run("cast", choose, [(part,) for part in _parts(flat, 0)])
    return mask.size, result


def _concatenate(module: Any, arrays: Any, axis: Any = 0, **others: Any) -> tuple[int, Any]:
    if others or type(arrays) not in (tuple, list) or len(arrays) < 2:
        raise _Leave("arguments")
    first = arrays[0]
    for each in arrays:
        if type(each) is not np.ndarray or each.ndim != 1 or each.dtype != first.dtype or not each.dtype.isnative:
            raise _Leave("arguments")
    _check(max(arrays, key=lambda array: array.size))
    if axis not in (0, -1) or isinstance(axis, bool):
        raise _Leave("arguments")
    result = np.empty(sum(each.size for each in arrays), first.dtype)
    tasks, place = [], 0
    for each in arrays:
        slices = _parts(each, 0) if each.size > PART_ITEMS else [slice(0, each.size)]
        tasks += [(result[place + part.start : place + part.stop], each[part]) for part in slices]
        place += each.size
    _run("cast", np.copyto, tasks)
    return result.size, result


def _subscript(array: np.ndarray, key: np.ndarray) -> tuple[int, Any]:
    _check(key, 1 << 16)
    if array.dtype.num > LAST_NUMBER or array.dtype.kind not in "biufcmM":
        raise _Leave("dtype")
    if key.dtype == bool:
        return key.size, _select(array, key)
    if key.dtype.kind not in "iu" or array.ndim == 0 or not array.flags.c_contiguous or not array.size:
        raise _Leave("arguments")
    result = np.empty((*key.shape, *array.shape[1:]), array.dtype)
    cut = int(np.argmax(key.shape))

    def take(part: slice) -> None:
        result[_along(cut, part)] = array.take(key[_along(cut, part)], axis=0)

    try:
        _run("take", take, [(part,) for part in _parts(key, cut)])
    except IndexError:
        raise _Leave("arguments") from None
    return key.size, result


def _select(array: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return array[mask]: count first, so that each part knows the place of its items."""
    if array.shape != mask.shape or not (array.flags.c_contiguous and mask.flags.c_contiguous):
        raise _Leave("arguments")
    items, chosen = array.reshape(-1), mask.reshape(-1)
    blocks = [block for part in _parts(chosen, 0) for block in _blocks(part)]
    counts = np.zeros(len(blocks) + 1, np.intp)

    def count(first: int, last: int) -> None:
        for k in range(first, last):
            counts[k + 1] = _c_functions.count_nonzero(chosen[blocks[k]])

    def select(first: int, last: int) -> None:
        for k in range(first, last):
            result[places[k] : places[k + 1]] = items[blocks[k]][chosen[blocks[k]]]

    number = min(len(blocks), PARTS_PER_THREAD * max(2, _patch.threads()))
    tasks = [(len(blocks) * k // number, len(blocks) * (k + 1) // number) for k in range(number)]
    _run("take", count, tasks)
    places = _patch.bypassed(np.cumsum, counts)
    result = np.empty(int(places[-1]), array.dtype)
    _run("take", select, tasks)
    return result


subscript = _handler("ndarray.__getitem__", _subscript, 1), 1 << 16


def hooks() -> list[tuple[Any, Callable[..., Any], int]]:
    """Return each method or function of NumPy, its handler, and how many items an array has at least that it is called for."""

    def of_arrays(name: str, function: Callable[..., Any], min_items: int, place: int = 0) -> Any:
        return vars(np.ndarray)[name], _handler(f"ndarray.{name}", function, place), min_items

    def of_numpy(name: str, function: Callable[..., Any], min_items: int) -> Any:
        return getattr(_c_functions, name), _handler(name, function, 1), min_items  # the first argument is the module

    return [
        (vars(np.ufunc)["reduce"], reduce, MIN_ITEMS),
        of_arrays("sort", _sorter("sort", True), 1 << 14),
        of_arrays("argsort", _sorter("argsort", False), 1 << 14),
        of_arrays("partition", _sorter("partition", True), 1 << 14),
        of_arrays("argpartition", _sorter("argpartition", False), 1 << 14),
        of_arrays("astype", _astype, MIN_ITEMS),
        of_arrays("copy", _copy, MIN_ITEMS),
        of_arrays("argmax", _extreme_index("argmax"), MIN_ITEMS),
        of_arrays("argmin", _extreme_index("argmin"), MIN_ITEMS),
        of_arrays("searchsorted", _searchsorted, 1 << 14, 1),
        of_arrays("take", _take, 1 << 16, 1),
        of_numpy("where", _where, MIN_ITEMS),
        of_numpy("concatenate", _concatenate, MIN_ITEMS),
        of_numpy("count_nonzero", _count_nonzero, MIN_ITEMS),
    ]
