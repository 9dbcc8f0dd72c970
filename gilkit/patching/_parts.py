"""How a call of NumPy is divided along an axis: each thread calls NumPy's own function for its part of the array.

A part has the strides of the whole, so NumPy iterates over it in the same order and rounds in the same way. The handler
of each function, in `_reductions.py`, `_functions.py` or `_transforms.py`, decides the rest: along which axis the parts are independent,
or how the results of the parts are combined without changing a bit.

A handler gets the arguments of NumPy's function, and returns NotImplemented to leave the call to NumPy.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
import itertools
import sys
import threading
import time
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from gilkit.patching import _patch

MIN_ITEMS = 1 << 18  # reducing fewer items takes less time than starting the threads
PART_ITEMS = 1 << 18  # minimum size of a part, unless there is only one part for each thread
PARTS_PER_THREAD = 4
MIN_ROW_BYTES = 2048  # with shorter rows, the ends of the rows cost more than another thread gains
ALIGNED_ITEMS = 64  # as in _elementwise.c
MOST_AXES = 64
LAST_NUMBER = np.dtype("float16").num  # the dtypes with larger numbers are of strings or of other packages

# ---- Statistics ----

collecting = False
counts: dict[str, list[Any]] = {}
_lock = threading.RLock()  # a signal handler may call NumPy while its thread holds it


def statistics() -> dict[str, tuple[int, int, float, dict[str, int]]]:
    """Return (calls, items, seconds, {reason: calls left to NumPy}) for each function."""
    with _lock:
        return {name: (calls, items, seconds, dict(left)) for name, (calls, items, seconds, left) in counts.items()}


def count(name: str, items: int, seconds: float, reason: str | None) -> None:
    with _lock:
        count = counts.setdefault(name, [0, 0, 0.0, {}])
        if reason is None:
            count[0] += 1
            count[1] += items
            count[2] += seconds
        else:
            count[3][reason] = count[3].get(reason, 0) + 1


class Leave(Exception):
    """The call is left to NumPy, for this reason."""


class InVain(Leave):
    """The same, for a reason such as the items' values. Finding out took time, which the next calls of the function should not
    lose."""


def _is_axis(argument: Any) -> bool:
    """Return whether the argument can be an axis or several: other integers and tuples take too many values for a key of a
    dictionary, or cannot be one."""
    axes = argument if type(argument) is tuple else (argument,)
    return len(axes) <= MOST_AXES and all(type(axis) is int and -MOST_AXES <= axis < MOST_AXES for axis in axes)


def handler(
    name: Callable[..., str] | str,
    function: Callable[..., Any],
    place: int = 0,
    kind: Callable[..., Hashable] | None = None,
    size_of: Callable[..., int] | None = None,
) -> Callable[..., Any]:
    """Return the handler for a function of NumPy.

    `function` does the same in parts, and returns the number of items and the result. `place` is the index of the array
    to divide among the arguments; an axis is the next one. The handler chooses the way that was faster before, counts the
    calls, and turns Leave into NotImplemented. Calls of different `kind` take different times; by default,
    those along different axes. `size_of` returns the number of items, if the array does not have it.
    """
    costs: dict[tuple[Any, ...], _patch.Costs] = {}
    has_axis = "axis" in inspect.signature(function).parameters

    def handle(*args: Any, **kwargs: Any) -> Any:
        own_name = name if isinstance(name, str) else name(*args)
        array: Any = args[place] if len(args) > place else None
        if size_of is not None:
            size, dtype = size_of(*args, **kwargs), ""
        elif type(array) in (tuple, list):
            size, dtype = sum(each.size for each in array if isinstance(each, np.ndarray)), ""
            size = min(size, sys.maxsize)  # NumPy raises the error
        else:
            size, dtype = (array.size, array.dtype.char) if isinstance(array, np.ndarray) else (0, "")
        if kind is not None:
            own_kind = kind(*args, **kwargs)
        else:
            axis = kwargs.get("axis", args[place + 1] if len(args) > place + 1 else None) if has_axis else None
            own_kind = axis if _is_axis(axis) else None
        known = costs.setdefault((own_name, dtype, own_kind), _patch.Costs())
        started = time.perf_counter_ns()
        if not known.divide(size):
            known.measure_original(size)
            if collecting:
                count(own_name, 0, 0, "one thread was faster" if size >= _patch.SURELY_LARGE else "too small")
            return NotImplemented
        try:
            try:
                items, result = function(*args, **kwargs)
                reason = None
            except TypeError as error:
                # Arguments that do not fit: NumPy raises its own error. Errors of its functions propagate.
                if error.__traceback__ is not None and error.__traceback__.tb_next is None:
                    raise Leave("arguments") from None
                raise
            took = time.perf_counter_ns() - started
            known.learn(True, size, took)
        except Leave as leave:
            items, result, reason = 0, NotImplemented, str(leave)
            took = time.perf_counter_ns() - started
            if isinstance(leave, InVain):
                known.measure_original(size, took)
        if collecting:
            count(own_name, items, took / 1e9, reason)
        return result

    return handle


# ---- Parts ----


def parts(array: np.ndarray, axis: int, least: int = 1) -> list[slice]:
    """Divide an axis: return the slice of each part, along this axis only, with at least the given number of items."""
    length = array.shape[axis]
    number = length // least
    is_innermost = axis == min(
        range(array.ndim), key=lambda k: abs(array.strides[k]) if array.shape[k] > 1 else 1 << 62
    )
    if not _patch.min_items():
        threads = _patch.threads()
        number = min(number, max(threads, min(array.size // PART_ITEMS, PARTS_PER_THREAD * threads)))
        # Short rows of a part waste what the memory reads ahead.
        if is_innermost and array.ndim > 1:
            number = min(number, length * array.itemsize // MIN_ROW_BYTES, threads)
    if array.dtype.kind == "c" and is_innermost:
        number = min(number, length // (2 * ALIGNED_ITEMS))  # which of two NaNs remains depends on the cut
    if number < 2:
        raise Leave("short rows")
    number = min(number, PARTS_PER_THREAD * max(2, _patch.threads()))
    # A loop over this axis computes the last items, which do not fill a vector, in another way than the others.
    step = ALIGNED_ITEMS if length >= 2 * number * ALIGNED_ITEMS else 1
    cuts = [length * k // number // step * step for k in range(number)] + [length]
    return [slice(begin, end) for begin, end in itertools.pairwise(cuts)]


def along(axis: int, part: slice) -> tuple[slice, ...]:
    return (slice(None),) * axis + (part,)


def outermost(array: np.ndarray, axes: set[int]) -> int:
    """Return the axis, among those longer than 1, along which neighbours are farthest apart in memory."""
    candidates = [axis for axis in axes if array.shape[axis] > 1]
    if not candidates:
        raise Leave("no axis to divide")
    return max(candidates, key=lambda axis: abs(array.strides[axis]))


class FloatErrors:
    """Collects the overflows and invalid operations of all threads, to report them once, as for one call.

    Without locks: a signal handler may raise an exception anywhere, and a lock could stay locked.
    """

    def __init__(self) -> None:
        # NumPy holds the callback where the garbage collector does not look, so it must not refer to the context.
        self.flags = collected = list[int]()
        self._context = contextvars.copy_context()
        self._context.run(np.errstate(all="call", call=lambda kind, flags: collected.append(flags)).__enter__)

    def watch(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call the function in a copy of the caller's context, in which errors are collected."""
        return self._context.copy().run(function, *args)

    def report(self, name: str) -> None:
        flags = 0
        for each in self.flags:
            flags |= each
        if flags:
            _patch.give_fp_errors(name, flags)


def run(name: str, function: Callable[..., None], tasks: list[tuple[Any, ...]]) -> None:
    """Call the function with each task's arguments, on several threads."""
    errors = FloatErrors()
    _patch.run_tasks(functools.partial(errors.watch, function), tasks)
    errors.report(name)


def check(array: Any, min_items: int = MIN_ITEMS) -> None:
    """Leave the call to NumPy unless the array is an ordinary one that is large enough."""
    if type(array) is not np.ndarray:
        raise Leave("operand that is not an array")
    if array.ndim == 0 or array.size < (_patch.min_items() or min_items):
        raise Leave("too small")
    if array.dtype.num > LAST_NUMBER or array.dtype.kind not in "biufcmM":
        raise Leave("dtype")
    if array.dtype.metadata is not None:
        raise Leave("dtype")  # some of NumPy's functions keep the metadata, and some do not
    if _patch.threads() < 2 and not _patch.min_items():
        raise Leave("one thread")


def repeats_items(array: np.ndarray) -> bool:
    """Return whether items of an array may overlap in memory."""
    extent = array.itemsize
    for stride, length in sorted((abs(each), n) for each, n in zip(array.strides, array.shape, strict=True) if n > 1):
        if stride < extent:
            return True
        extent += stride * (length - 1)
    return False


def overlaps(array: np.ndarray, out: Any) -> bool:
    """Return whether an output may overlap the array or itself. Also return True for other types than numpy.ndarray, and for
    arrays for which NumPy warns of writes."""
    if out is None:
        return False
    return type(out) is not np.ndarray or out.flags.num < 0 or np.may_share_memory(array, out) or repeats_items(out)
