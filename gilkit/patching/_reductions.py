"""numpy.ufunc.reduce divided: see _parts.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gilkit.kernels._numpy import FUNCTIONS as _of
from gilkit.kernels._numpy import VERSION
from gilkit.patching import _patch
from gilkit.patching._parts import InVain, Leave, along, check, handler, outermost, overlaps, parts, run

# NumPy 2.0 and 2.1 compute wrong results along an axis of negative stride if there is an `out`.
OUT_NEEDS_POSITIVE_STRIDES = VERSION < (2, 2)

# Operations that give the same result in any order, on integers and booleans.
ORDERLESS = {
    "add", "multiply", "bitwise_and", "bitwise_or", "bitwise_xor", "logical_and", "logical_or", "maximum", "minimum",
    "fmax", "fmin",
}  # fmt: skip
EXTREMES = {"maximum", "minimum", "fmax", "fmin"}

_NO_VALUE = np._NoValue


def _axes_of(array: np.ndarray, axis: Any) -> set[int]:
    if axis is None:
        return set(range(array.ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    found = {np.lib.array_utils.normalize_axis_index(each, array.ndim) for each in axes}
    if len(found) != len(axes):
        raise Leave("arguments")
    return found


def _loop_dtype(ufunc: np.ufunc, array: np.ndarray, dtype: Any) -> np.dtype:
    settings = {} if dtype is None else {"signature": (np.dtype(dtype), None, None)}
    try:
        return ufunc.resolve_dtypes((None, array.dtype, None), reduction=True, **settings)[1]  # type: ignore[arg-type]
    except TypeError:
        raise Leave("no loop for these dtypes") from None


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
    check(array)
    if where is not True:
        raise Leave("where=")
    if type(ufunc) is not _of["ufunc"] or ufunc.nin != 2 or ufunc.nout != 1 or ufunc.signature is not None:
        raise Leave("not a reduction")
    if isinstance(out, tuple):
        (out,) = out if len(out) == 1 else (NotImplemented,)
    if out is Ellipsis or overlaps(array, out):
        raise Leave("overlapping output")
    try:
        reduced = _axes_of(array, axis)
    except (TypeError, IndexError, ValueError):  # AxisError is both of the latter
        raise Leave("arguments") from None
    loop = _loop_dtype(ufunc, array, dtype)
    if loop.kind not in "biufcmM":
        raise Leave("dtype")
    result_dtype = np.dtype(bool) if ufunc.__name__.startswith("logical") else loop
    if out is not None and getattr(out, "dtype", None) != result_dtype:  # NumPy casts to it after each buffer of items
        raise Leave("output")
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
        if loop.kind == "f" and not orderless and not _of["all"](result):
            raise InVain("zeros or NaNs")
        if loop.kind == "f" and not orderless and np.isnan(result).any():
            raise InVain("zeros or NaNs")
        return array.size, result
    if retained:
        return array.size, _reduce_by_slabs(ufunc, array, retained, loop, settings)
    if name == "add" and loop == array.dtype and loop.char in "fdgFDG" and array.dtype.isnative:
        return array.size, _sum_pairwise(ufunc, array, settings)
    raise Leave("order of rounding")


def _reduce_in_any_order(
    ufunc: np.ufunc, array: np.ndarray, reduced: set[int], dtype: Any, settings: dict[str, Any]
) -> Any:
    """Reduce parts, then their results."""
    axis = outermost(array, set(range(array.ndim)))
    retained = set(range(array.ndim)) - reduced
    if axis not in reduced:
        return _reduce_by_slabs(ufunc, array, retained, None, settings)
    slices = parts(array, axis)
    # The results of all parts may take no more than an eighth of the array's memory.
    if retained and 8 * len(slices) > math.prod(array.shape[k] for k in reduced):
        return _reduce_by_slabs(ufunc, array, retained, None, settings)
    partial: list[Any] = [None] * len(slices)
    axes = tuple(reduced)

    def reduce_part(k: int) -> None:
        partial[k] = ufunc.reduce(array[along(axis, slices[k])], axis=axes, dtype=dtype, keepdims=True)

    run("reduce", reduce_part, [(k,) for k in range(len(slices))])
    joined = np.concatenate(partial, axis=axis)
    keepdims = settings["keepdims"]
    if retained and settings["out"] is None and (keepdims or 1 in array.shape):
        # A few items show how NumPy orders the axes in memory; axes of length 1 in the whole array do not.
        few = _reduce_few(ufunc, array, (slice(0, 2),) * array.ndim, settings)
        shape = [array.shape[k] if k in retained else 1 for k in range(array.ndim) if keepdims or k in retained]
        settings = settings | {"out": _empty_as(few, shape)}
    return _patch.bypassed(ufunc.reduce, joined, **settings)


def _reduce_few(ufunc: np.ufunc, array: np.ndarray, part: tuple[slice, ...], settings: dict[str, Any]) -> Any:
    with np.errstate(all="ignore"):
        return _patch.bypassed(ufunc.reduce, array[part], **settings)


def _empty_as(few: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Return a new array whose axes have the same order in memory, those of length 1 too. numpy.empty_like() looks at the
    strides only if the array is not contiguous, so it gets one with gaps."""
    order = sorted(range(few.ndim), key=lambda k: (abs(few.strides[k]), few.shape[k] > 1))
    strides = [2 * few.itemsize * (1 + order.index(k)) for k in range(few.ndim)]
    gaps = np.ndarray((2,) * few.ndim, few.dtype, np.empty(sum(strides) + few.itemsize, np.uint8), strides=strides)
    return np.empty_like(gaps, shape=shape)


def _reduce_by_slabs(
    ufunc: np.ufunc, array: np.ndarray, retained: set[int], loop: np.dtype | None, settings: dict[str, Any]
) -> Any:
    """Divide an axis that is not reduced: each part has its own results."""
    if OUT_NEEDS_POSITIVE_STRIDES and min(array.strides) < 0:
        raise Leave("negative strides")
    axis = outermost(array, retained)
    # NumPy would drop an axis of length 1, and then go through the others in another order.
    slices = parts(array, axis, least=2)
    # NumPy casts in buffers, whose ends would be elsewhere in a part.
    if loop is not None and (loop != array.dtype or not array.dtype.isnative or not array.flags.aligned):
        raise Leave("cast")
    settings = dict(settings)
    out, keepdims = settings.pop("out"), settings["keepdims"]
    few = _reduce_few(ufunc, array, along(axis, slice(0, 2)), settings)
    place = axis if keepdims else sum(1 for k in retained if k < axis)
    if out is None:
        result = _empty_as(few, (*few.shape[:place], array.shape[axis], *few.shape[place + 1 :]))
    else:
        result = out
        if (
            type(out) is not np.ndarray
            or out.ndim != few.ndim
            or out.dtype != few.dtype
            or out.shape[place] != array.shape[axis]
        ):
            raise Leave("output")

    def reduce_part(part: slice) -> None:
        ufunc.reduce(array[along(axis, part)], out=result[along(place, part)], **settings)

    run("reduce", reduce_part, [(part,) for part in slices])
    return result


def _sum_pairwise(ufunc: np.ufunc, array: np.ndarray, settings: dict[str, Any]) -> Any:
    """Compute the same tree of partial sums that NumPy computes, with its branches on several threads."""
    # Older versions sum up buffers of 8,192 items one after the other.
    if VERSION < (2, 4) or (array.ndim > 1 and not (array.flags.c_contiguous or array.flags.f_contiguous)):
        raise Leave("order of rounding")
    if not array.flags.aligned:
        raise Leave("cast")
    flat = array if array.ndim == 1 else array.ravel(order="K")
    zero = -0.0 if array.dtype.kind == "f" else complex(-0.0, -0.0)
    total = np.array([zero], array.dtype)
    try:
        flags = _patch.sum_row(ufunc, flat, total)
    except NotImplementedError as reason:
        raise Leave(str(reason)) from None
    if np.isnan(total[0]):
        raise InVain("zeros or NaNs")  # which NaN it is depends on the order of operands
    if flags:
        _patch.give_fp_errors("reduce", flags)
    return _patch.bypassed(ufunc.reduce, total.reshape((1,) * array.ndim), **settings)


def _ufunc_method(method: str) -> Callable[..., str]:
    return lambda ufunc, *args: f"{ufunc.__name__}.{method}"


reduce = handler(_ufunc_method("reduce"), _reduce, 1)
