"""Methods and functions of NumPy divided, and the list of all that are hooked: see _parts.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from numpy._core import _multiarray_umath as _c_functions  # type: ignore[attr-defined]

from gilkit.kernels._numpy import FUNCTIONS as _of
from gilkit.patching import _einsum, _kernels, _patch, _transforms
from gilkit.patching._parts import (
    ALIGNED_ITEMS,
    LAST_NUMBER,
    MIN_ITEMS,
    PART_ITEMS,
    PARTS_PER_THREAD,
    Leave,
    along,
    check,
    handler,
    outermost,
    parts,
    repeats_items,
    run,
)
from gilkit.patching._reductions import reduce

# ---- Generalized ufuncs: matmul of stacks, numpy.linalg ----

MIN_STACK_ITEMS = 1 << 13
# Larger matrices are computed by BLAS and LAPACK, which may have threads of their own.
MAX_MATRIX_ITEMS = 64 * 64


def _call_generalized(ufunc: np.ufunc, /, *args: Any, signature: Any = None, **others: Any) -> tuple[int, Any]:
    if ufunc in _transforms.TRANSFORMS:
        # Only as numpy.fft calls them: NumPy raises the errors of other arguments.
        if signature is not None or len(args) != 2 or set(others) != {"axes", "out"}:
            raise Leave("arguments")
        return _transforms.transform(ufunc, *args, **others)
    if (
        others
        or len(args) != ufunc.nin
        or ufunc.signature is None
        or ("?" in ufunc.signature and ufunc.__name__ != "matmul")
    ):
        raise Leave("keyword argument")
    if "raw" in ufunc.__name__:
        raise Leave("changes its operand")
    operands = re.findall(r"\(([^)]*)\)", ufunc.signature.split("->")[0])
    cores = [len(each.split(",")) if each else 0 for each in operands]
    loops = 0
    for array, core in zip(args, cores, strict=True):
        if type(array) is not np.ndarray:
            raise Leave("operand that is not an array")
        if array.dtype.kind not in "biufc" or array.dtype.num > LAST_NUMBER:
            raise Leave("dtype")
        if array.ndim < core or (ufunc.__name__ == "matmul" and array.ndim < 2):
            raise Leave("arguments")
        if _of["prod"](array.shape[array.ndim - core :]) > MAX_MATRIX_ITEMS:
            raise Leave("large matrices")
        loops = max(loops, array.ndim - core)
    check(max(args, key=lambda array: array.size), MIN_STACK_ITEMS)
    whole = [array.ndim - core == loops for array, core in zip(args, cores, strict=True)]
    lengths = {array.shape[0] for array, has in zip(args, whole, strict=True) if has} if loops else set()
    if len(lengths) != 1 or max(lengths) < 2:
        raise Leave("no axis to divide")
    (length,) = lengths
    settings = {} if signature is None else {"signature": signature}

    def compute(part: slice, out: Any = None) -> Any:
        own = [array[part] if has else array for array, has in zip(args, whole, strict=True)]
        return ufunc(*own, **settings, **({} if out is None else {"out": out}))

    try:
        with np.errstate(all="ignore"):
            few = _patch.bypassed(compute, slice(0, 2))
    except ValueError:
        raise Leave("arguments") from None  # NumPy's message has the whole shape
    first = few if isinstance(few, tuple) else (few,)
    results = tuple(np.empty_like(each, shape=(length, *each.shape[1:])) for each in first)
    number = min(length, PARTS_PER_THREAD * max(2, _patch.threads()))
    slices = [slice(length * k // number, length * (k + 1) // number) for k in range(number)]

    def compute_part(part: slice) -> None:
        compute(part, tuple(result[part] for result in results))

    run(ufunc.__name__, compute_part, [(part,) for part in slices])
    return max(array.size for array in args), results if isinstance(few, tuple) else results[0]


generalized = handler(lambda ufunc, *args: ufunc.__name__, _call_generalized, 1, _transforms.kind_of_call)

# ---- Sorting ----

_NOT_GIVEN = object()


def _sorter(method: str, in_place: bool) -> Callable[..., tuple[int, Any]]:
    """Return the function for a method that treats each row along an axis by itself."""

    def divide(array: np.ndarray, *args: Any, axis: Any = _NOT_GIVEN, **kwargs: Any) -> tuple[int, Any]:
        check(array, _kernels.MIN_SORTED)
        leading = 1 if "partition" in method else 0  # arguments before the axis
        args_list = list(args)
        if len(args_list) > leading:
            if axis is not _NOT_GIVEN:
                raise Leave("arguments")
            axis = args_list.pop(leading)
        if axis is _NOT_GIVEN:
            axis = -1
        # `flags.num` comes first, because `flags.writeable` warns of arrays of numpy.broadcast_arrays().
        if in_place and (array.flags.num < 0 or not array.flags.writeable or repeats_items(array)):
            raise Leave("arguments")
        if array.ndim == 1 and type(axis) is int and axis in (-1, 0) and method in ("sort", "argsort"):
            return array.size, _kernels.sort_row(method, array, args_list, kwargs)
        if axis is None or not isinstance(axis, (int, np.integer)) or isinstance(axis, bool):
            raise Leave("arguments")
        if not -array.ndim <= axis < array.ndim or array.ndim < 2:
            raise Leave("one row")
        own = int(axis) % array.ndim
        cut = outermost(array, set(range(array.ndim)) - {own})
        original = getattr(np.ndarray, method)
        if in_place:

            def treat(part: slice) -> None:
                original(array[along(cut, part)], *args_list[:leading], own, *args_list[leading:], **kwargs)

            result = None
        else:
            result = np.empty(array.shape, np.intp)

            def treat(part: slice) -> None:
                result[along(cut, part)] = original(
                    array[along(cut, part)], *args_list[:leading], own, *args_list[leading:], **kwargs
                )

        run(method, treat, [(part,) for part in parts(array, cut)])
        return array.size, result

    return divide


# ---- Running totals of rows ----


def _accumulate(ufunc: np.ufunc, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> tuple[int, Any]:
    """Accumulate each row separately, because each item of a row depends on those before it."""
    check(array)
    if type(ufunc) is not _of["ufunc"] or dtype is not None or out is not None or type(axis) is not int:
        raise Leave("arguments")
    if not -array.ndim <= axis < array.ndim or array.dtype.kind not in "biufc":
        raise Leave("arguments")
    if array.ndim == 1:
        return array.size, _kernels.accumulate_row(ufunc, array)
    if not array.flags.c_contiguous:
        raise Leave("arguments")
    own = axis % array.ndim
    cut = outermost(array, set(range(array.ndim)) - {own})
    slices = parts(array, cut)
    with np.errstate(all="ignore"):
        few = ufunc.accumulate(array[(slice(0, 1),) * array.ndim], own)
    if few.dtype != array.dtype and few.dtype.kind not in "biu":
        raise Leave("dtype")
    if few.dtype.kind in "biu" and array.dtype.kind not in "biu":
        raise Leave("cast")  # which NumPy names in its warning
    result = np.empty(array.shape, few.dtype)

    def total(part: slice) -> None:
        ufunc.accumulate(array[along(cut, part)], own, out=result[along(cut, part)])

    run("accumulate", total, [(part,) for part in slices])
    return array.size, result


# ---- Copies ----


def _astype(
    array: np.ndarray, dtype: Any, order: Any = "K", casting: Any = "unsafe", subok: Any = True, copy: Any = True
) -> Any:
    check(array)
    new = np.dtype(dtype)
    if new.kind not in "biufc" or array.dtype.kind not in "biufc" or (not copy and new == array.dtype):
        raise Leave("dtype")
    if array.dtype.kind == "c" and new.kind not in "cb":
        raise Leave("cast")  # which causes a warning
    # Since NumPy 2.4, "same_value" looks at the items.
    if casting not in ("no", "equiv", "safe", "same_kind", "unsafe") or not np.can_cast(array.dtype, new, casting):
        raise Leave("arguments")  # NumPy raises the error
    result = np.empty_like(array, dtype=new, order=order)
    source, target, least = array, result, 1
    if array.dtype.kind == "f" and new.kind in "iu":
        # NumPy converts NaN and numbers out of range differently in the last items of a loop, which do not fill a vector. If
        # the axes are contiguous, one loop covers all of them, so the parts must not end elsewhere.
        source, target = _flattened(array, result)
        least = 2 * ALIGNED_ITEMS
    axis = outermost(source, set(range(source.ndim)))

    def convert(part: slice) -> None:
        np.copyto(target[along(axis, part)], source[along(axis, part)], casting="unsafe")

    run("cast", convert, [(part,) for part in parts(source, axis, least if source.ndim == 1 else 1)])
    return array.size, result


def _flattened(array: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return one-dimensional views of two arrays if both are contiguous in the same order of axes, or the arrays."""
    order = sorted(range(array.ndim), key=lambda k: (-abs(array.strides[k]), array.shape[k] > 1))
    views = array.transpose(order), other.transpose(order)
    if all(each.flags.c_contiguous for each in views):
        return views[0].reshape(-1), views[1].reshape(-1)
    return array, other


def _copy(array: np.ndarray, order: Any = "C") -> Any:
    check(array)
    result = np.empty_like(array, order=order)
    axis = outermost(array, set(range(array.ndim)))

    def copy_part(part: slice) -> None:
        np.copyto(result[along(axis, part)], array[along(axis, part)])

    run("cast", copy_part, [(part,) for part in parts(array, axis)])
    return array.size, result


def _assign_to_slice(array: np.ndarray, key: Any, value: Any) -> tuple[int, Any]:
    check(value)
    for each in key if type(key) is tuple else (key,):
        if type(each) is slice and not {type(each.start), type(each.stop), type(each.step)} <= {int, type(None)}:
            raise Leave("arguments")  # __index__() must be called once
    try:
        target = array[key]
    except (IndexError, ValueError):
        raise Leave("arguments") from None  # NumPy raises the error
    if type(target) is not np.ndarray or target.shape != value.shape or target.dtype.num > LAST_NUMBER:
        raise Leave("arguments")
    if target.dtype != value.dtype and not {target.dtype.kind, value.dtype.kind} <= set("biufc"):
        raise Leave("dtype")
    if value.dtype.kind == "c" and target.dtype.kind not in "cb":
        raise Leave("cast")  # which causes a warning
    if value.dtype.kind == "f" and target.dtype.kind in "iu":
        raise Leave("cast")  # the result for numbers out of range depends on their place in NumPy's loop
    if not target.flags.writeable or target.flags.num < 0 or np.may_share_memory(target, value):
        raise Leave("arguments")
    axis = outermost(target, set(range(target.ndim)))

    def assign_part(part: slice) -> None:
        np.copyto(target[along(axis, part)], value[along(axis, part)], casting="unsafe")

    run("cast", assign_part, [(part,) for part in parts(target, axis)])
    return value.size, None


# ---- Searching ----


def _extreme_index(method: str) -> Callable[..., tuple[int, Any]]:
    def divide(array: np.ndarray, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> tuple[int, Any]:
        check(array)
        if out is not None or keepdims is not False or array.ndim != 1 or not _kernels.is_whole(axis):
            raise Leave("arguments")
        original = getattr(np.ndarray, method)
        slices = parts(array, 0)
        found: list[Any] = [None] * len(slices)

        def search(k: int) -> None:
            found[k] = original(array[slices[k]]) + slices[k].start

        run(method, search, [(k,) for k in range(len(slices))])
        # The first of equal ones, and the first NaN, are as NumPy finds them among the parts' own.
        return array.size, found[_patch.bypassed(original, array[found])]

    return divide


def _searchsorted(array: np.ndarray, v: Any, side: Any = "left", sorter: Any = None) -> tuple[int, Any]:
    check(v, _kernels.MIN_SEARCHED)
    if sorter is not None or not _kernels.is_word(side, "left", "right") or v.ndim == 0 or array.dtype != v.dtype:
        raise Leave("arguments")
    _kernels.check_table(array, v)
    result = _kernels.searchsorted(array, v, side)
    if result is not None:
        return v.size, result
    result = np.empty(v.shape, np.intp)
    axis = int(_of["argmax"](v.shape))

    def search(part: slice) -> None:
        result[along(axis, part)] = array.searchsorted(v[along(axis, part)], side, sorter)

    run("searchsorted", search, [(part,) for part in parts(v, axis)])
    return v.size, result


# ---- Joining ----


def _concatenate(
    module: Any, arrays: Any, /, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: Any = "same_kind"
) -> tuple[int, Any]:
    if (
        out is not None
        or dtype is not None
        or not _kernels.is_word(casting, "no", "equiv", "safe", "same_kind", "unsafe")
    ):
        raise Leave("arguments")
    if type(arrays) not in (tuple, list) or len(arrays) < 2 or type(axis) is not int:
        raise Leave("arguments")
    first = arrays[0]
    for each in arrays:
        if (
            type(each) is not np.ndarray
            or each.ndim != first.ndim
            or each.dtype.num != first.dtype.num  # NumPy promotes long and longlong, which are equal, to longlong
            or each.dtype != first.dtype
            or not each.dtype.isnative
        ):
            raise Leave("arguments")
        if each.dtype.metadata is not None:
            raise Leave("dtype")
        # The order of the result is that of most arrays, and also an empty one in another order counts.
        if each.ndim > 1 and not (each.flags.c_contiguous and each.size):
            raise Leave("arguments")
    check(max(arrays, key=lambda array: array.size))
    if not -first.ndim <= axis < first.ndim:
        raise Leave("arguments")
    own = axis % first.ndim
    shape = list(first.shape)
    shape[own] = 0
    for each in arrays:
        if each.shape[:own] != first.shape[:own] or each.shape[own + 1 :] != first.shape[own + 1 :]:
            raise Leave("arguments")
        shape[own] += each.shape[own]
    try:
        result = np.empty(shape, first.dtype)
    except (OverflowError, ValueError):
        raise Leave("arguments") from None  # NumPy raises the error
    tasks, place = [], 0
    for each in arrays:
        to = result[along(own, slice(place, place + each.shape[own]))]
        place += each.shape[own]
        if each.size > PART_ITEMS:
            cut = outermost(each, set(range(each.ndim)))
            tasks += [(to[along(cut, part)], each[along(cut, part)]) for part in parts(each, cut)]
        else:
            tasks.append((to, each))
    run("cast", np.copyto, tasks)
    return result.size, result


subscript = handler("ndarray.__getitem__", _kernels.subscript, 1), _kernels.MIN_ITEMS
assignments = [
    (handler("ndarray.__setitem__", _kernels.assignment, 1), _kernels.MIN_ITEMS, False),
    (handler("ndarray.__setitem__", _assign_to_slice, 2), MIN_ITEMS, True),
]
accumulate = handler(lambda ufunc, *args: f"{ufunc.__name__}.accumulate", _accumulate, 1)


def _digits_of_size(place: int) -> Callable[..., Hashable]:
    """Return a function that returns the number of binary digits of an argument's size, on which the time per item of
    another argument depends."""

    def digits(*args: Any, **kwargs: Any) -> Hashable:
        return args[place].size.bit_length() if len(args) > place and type(args[place]) is np.ndarray else None

    return digits


def hooks() -> list[tuple[Any, ...]]:
    """Return each method or function of NumPy, its handler, and the minimum number of items of an array for which it is
    called; also what else _patch.hook_method() accepts."""

    def of_arrays(name: str, function: Callable[..., Any], min_items: int, place: int = 0, kind: Any = None) -> Any:
        return vars(np.ndarray)[name], handler(f"ndarray.{name}", function, place, kind), min_items

    def of_numpy(name: str, function: Callable[..., Any], min_items: int, kind: Any = None) -> Any:
        return (
            getattr(_c_functions, name),
            handler(name, function, 1, kind),
            min_items,
        )  # the first argument is the module

    return [
        (vars(_of["ufunc"])["reduce"], reduce, MIN_ITEMS),
        (vars(_of["ufunc"])["accumulate"], accumulate, MIN_ITEMS),
        of_arrays("sort", _sorter("sort", True), _kernels.MIN_SORTED),
        of_arrays("argsort", _sorter("argsort", False), _kernels.MIN_SORTED),
        of_arrays("partition", _sorter("partition", True), _kernels.MIN_SORTED),
        of_arrays("argpartition", _sorter("argpartition", False), _kernels.MIN_SORTED),
        of_arrays("astype", _astype, MIN_ITEMS),
        of_arrays("copy", _copy, MIN_ITEMS),
        of_arrays("argmax", _extreme_index("argmax"), MIN_ITEMS),
        of_arrays("argmin", _extreme_index("argmin"), MIN_ITEMS),
        of_arrays("searchsorted", _searchsorted, _kernels.MIN_SEARCHED, 1, _digits_of_size(0)),
        of_arrays("take", _kernels.take, _kernels.MIN_TAKEN, 1),
        (*of_arrays("nonzero", _kernels.nonzero, _kernels.MIN_ITEMS), True),
        of_arrays("cumsum", _kernels.cumsum, MIN_ITEMS),
        of_numpy("where", _kernels.where, _kernels.MIN_ITEMS),
        (*of_numpy("copyto", _kernels.copyto, _kernels.MIN_ITEMS), True),
        (*of_numpy("putmask", _kernels.putmask, _kernels.MIN_ITEMS), True),
        (
            *of_numpy("correlate", _transforms.correlator("correlate"), _transforms.MIN_CORRELATED, _digits_of_size(2)),
            False,
            _transforms.MIN_KERNEL,
        ),
        (
            *of_numpy(
                "correlate2", _transforms.correlator("correlate2"), _transforms.MIN_CORRELATED, _digits_of_size(2)
            ),
            False,
            _transforms.MIN_KERNEL,
        ),
        of_numpy("concatenate", _concatenate, MIN_ITEMS),
        (
            _c_functions.c_einsum,
            handler("einsum", _einsum.einsum, 2, _einsum.kind, _einsum.products),
            _einsum.MIN_PRODUCTS,
            False,
            0,
            True,
        ),
        of_numpy("count_nonzero", _kernels.count_nonzero, _kernels.MIN_COUNTED),
        of_numpy("bincount", _kernels.bincount, _kernels.MIN_ITEMS),
        of_numpy("interp", _kernels.interp, _kernels.MIN_SEARCHED, _digits_of_size(2)),
        of_numpy("lexsort", _kernels.lexsort, _kernels.MIN_SEARCHED),
    ]


def hooks_in_python() -> list[tuple[Any, Callable[..., Any], int]]:
    """Return the same for functions that NumPy wrote in Python."""
    return [(_of[name], handler(name, function, 1), least) for name, (function, least) in _kernels.in_python.items()]
