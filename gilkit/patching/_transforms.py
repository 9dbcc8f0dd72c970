"""NumPy's Fourier transforms, convolutions and correlations in parts.

Each transform, and each item of a correlation, is computed from its own numbers alone.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from numpy._core import _multiarray_umath as _c_functions  # type: ignore[attr-defined]
from numpy.fft import _pocketfft_umath  # type: ignore[attr-defined]

from gilkit.kernels._numpy import FUNCTIONS as _of
from gilkit.patching import _patch
from gilkit.patching._parts import (
    LAST_NUMBER,
    PART_ITEMS,
    PARTS_PER_THREAD,
    FloatErrors,
    InVain,
    Leave,
    along,
    check,
    parts,
    repeats_items,
    run,
)

# ---- Fourier transforms ----

TRANSFORMS = frozenset(each for each in vars(_pocketfft_umath).values() if isinstance(each, _of["ufunc"]))
MIN_TRANSFORMED = 1 << 16
_FP_ERRORS = {"divide": 1, "over": 2, "under": 4, "invalid": 8}  # NumPy's flags
TOGETHER = 16  # NumPy computes up to this many transforms in one vector, and the remaining ones separately


def _is_along_one_axis(axes: Any, ndim: int) -> bool:
    """Return whether these are the axes that numpy.fft gives for a transform."""
    if type(axes) is not list or len(axes) != 3 or any(type(each) is not tuple for each in axes):
        return False
    first, of_factor, last = axes
    if len(first) != 1 or len(of_factor) != 0 or len(last) != 1:
        return False
    return type(first[0]) is int and type(last[0]) is int and first == last and 0 <= first[0] < ndim


def kind_of_call(ufunc: np.ufunc, array: Any = None, /, *args: Any, axes: Any = None, **others: Any) -> Hashable:
    """Return what the time of a transform depends on: where its axis is, and the number of binary digits of its length."""
    if ufunc not in TRANSFORMS or type(array) is not np.ndarray or not _is_along_one_axis(axes, array.ndim):
        return None
    own = axes[0][0]
    return own - array.ndim, array.shape[own].bit_length()


def _is_converted(ufunc: np.ufunc, array: np.ndarray, factor: Any, out: np.ndarray) -> bool:
    """Return whether NumPy converts numbers to another precision before or after a transform."""
    real = ufunc.resolve_dtypes((array.dtype, int if type(factor) is int else factor.dtype, None))[1].char
    kept = array.dtype.kind in "biu" or array.dtype.char.lower() == real
    return not kept or out.dtype.char.lower() != real or (type(factor) is not int and factor.dtype.char != real)


def transform(ufunc: np.ufunc, array: Any, factor: Any, *, axes: Any, out: Any) -> tuple[int, Any]:
    """Compute the transforms along an axis, which numpy.fft calls with an output array."""
    check(array, MIN_TRANSFORMED)
    if type(out) is not np.ndarray or out.ndim != array.ndim or not _is_along_one_axis(axes, array.ndim):
        raise Leave("arguments")
    own = axes[0][0]
    if array.ndim < 2:
        raise Leave("one row")
    if array.dtype.kind not in "biufc" or out.dtype.num > LAST_NUMBER or out.dtype.kind not in "fc":
        raise Leave("dtype")
    if out.dtype.metadata is not None or (type(factor) is int and factor != 1):
        raise Leave("arguments")
    if type(factor) is not int and not isinstance(factor, np.floating):
        raise Leave("arguments")
    # With more axes, the order of the transforms decides which ones are computed together.
    if array.ndim > 2 and not (array.flags.c_contiguous and out.flags.c_contiguous):
        raise Leave("arguments")
    is_in_place = array.__array_interface__ == out.__array_interface__
    # `flags.num` comes first, because `flags.writeable` warns of arrays of numpy.broadcast_arrays().
    if out.flags.num < 0 or not out.flags.writeable or (not is_in_place and np.may_share_memory(array, out)):
        raise Leave("arguments")
    cut = 1 if own == 0 else 0
    length = array.shape[cut]
    threads = max(2, _patch.threads())
    number = min(length // TOGETHER, max(threads, min(array.size // PART_ITEMS, PARTS_PER_THREAD * threads)))
    if number < 2 or out.shape[:own] != array.shape[:own] or out.shape[own + 1 :] != array.shape[own + 1 :]:
        raise Leave("no axis to divide")
    # NumPy starts at the far end of a negative stride, so it groups the transforms differently.
    if out.strides[cut] < 0 or repeats_items(out):
        raise Leave("strides")
    cuts = [length * k // number // TOGETHER * TOGETHER for k in range(number)] + [length]

    try:
        is_converted = _is_converted(ufunc, array, factor, out)
    except TypeError:
        raise Leave("arguments") from None  # NumPy raises the error
    result = np.empty_like(out) if is_converted else out

    def compute(part: slice) -> None:
        place = along(cut, part)
        ufunc(array[place], factor, axes=axes, out=result[place])

    tasks: list[tuple[Any, ...]] = [(slice(begin, end),) for begin, end in itertools.pairwise(cuts)]
    if not is_converted:
        run(ufunc.__name__, compute, tasks)
        return array.size, out
    # NumPy reports the errors of conversions separately, and may write nothing if it raises one.
    errors = FloatErrors()
    _patch.run_tasks(functools.partial(errors.watch, compute), tasks)
    actions: Any = np.geterr()
    wanted = sum(bit for name, bit in _FP_ERRORS.items() if actions[name] != "ignore")
    if any(flags & wanted for flags in errors.flags):
        raise InVain("floating-point errors")
    _patch.run_tasks(np.copyto, [(out[along(cut, part)], result[along(cut, part)]) for (part,) in tasks])
    return array.size, out


# ---- Correlation ----

MIN_CORRELATED = 1 << 15
MIN_KERNEL = 12  # with a shorter one, memory bandwidth limits NumPy already
MAX_KERNEL = 1 << 12  # sums of more products may depend on the threads of BLAS
_MODES: dict[Any, str] = {0: "valid", 1: "same", 2: "full"} | {mode: mode for mode in ("valid", "same", "full")}


def correlator(name: str) -> Callable[..., tuple[int, Any]]:
    """Return the function for numpy.convolve (correlate) or numpy.correlate (correlate2). Each item of the result is a sum
    of products of its own."""
    original = getattr(_c_functions, name)

    def divide(module: Any, a: Any, v: Any, mode: Any = 0) -> tuple[int, Any]:
        check(a, MIN_CORRELATED)
        if (
            type(v) is not np.ndarray
            or a.ndim != 1
            or v.ndim != 1
            or type(mode) not in (int, str)
            or mode not in _MODES
        ):
            raise Leave("arguments")
        if a.dtype != v.dtype or a.dtype.kind not in "biufc" or not a.dtype.isnative or not a.flags.c_contiguous:
            raise Leave("arguments")
        n, middle = v.size, a.size - v.size + 1  # items of the kernel, and results that use all of it
        if not a.flags.aligned or not MIN_KERNEL <= n <= MAX_KERNEL or middle < n:
            raise Leave("arguments")
        left, right = {"valid": (0, 0), "same": (n // 2, n - 1 - n // 2), "full": (n - 1, n - 1)}[_MODES[mode]]
        result = np.empty(left + middle + right, original(a[:n], v).dtype)

        def correlate(part: slice | None) -> None:
            if part is not None:
                result[left + part.start : left + part.stop] = original(a[part.start : part.stop + n - 1], v)
            elif left or right:  # both ends
                result[:left] = original(a[:n], v, "full")[n - 1 - left : n - 1]
                result[left + middle :] = original(a[-n:], v, "full")[n : n + right]

        run(name, correlate, [(None,), *((part,) for part in parts(result[left : left + middle], 0))])
        return a.size, result

    return divide
