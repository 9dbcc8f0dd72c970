"""Repeat operations of NumPy and time them, in a process of its own: ``python repeat.py '{"threads": 2}'``.

It reads an operation per line of standard input, as JSON, makes arrays of the same type, size and strides, and prints the
times of the operation: of NumPy, of NumPy patched, and of gilkit's own function. The contents are made up: numbers between
0.1 and 1, and indices that are valid. With ``{"plain": true}`` it times NumPy alone and needs nothing of gilkit, so that
any interpreter that has NumPy can run it.
"""

from __future__ import annotations

import builtins
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

EACH = 0.4  # seconds for one operation
LEAST_TIME = 0.002  # seconds of a measurement; shorter operations are repeated
FEWEST, MOST = 3, 15  # rounds
LARGEST = 1 << 30  # bytes of one operation's arrays
CHANGES = (".sort", ".partition")
AWAKE = 0.3  # seconds in which all cores compute before the first measurement
WARM_UP = 0.05  # seconds in which the patch learns whether to divide the call


class Unmeasurable(Exception):
    """The operation cannot be repeated."""


def make(spec: Mapping[str, Any], numpy: Any, rng: Any, ones: bool = False, below: int = 0) -> Any:
    """Return an argument: an array with made-up contents, or the original value.

    ``ones`` asks for an array of ones, and ``below`` for indices below that number.
    """
    if "value" in spec:
        return spec["value"]
    if "items" in spec:
        values = [make(each, numpy, rng, ones, below) for each in spec["items"]]
        if spec["kind"] == "slice":
            return slice(*values)
        return tuple(values) if spec["kind"] == "tuple" else values
    if "class" in spec:
        return class_of(spec["class"], numpy)
    if "type" not in spec:
        raise Unmeasurable(f"an argument of type {spec['other']}")
    dtype = numpy.dtype(spec["type"])
    if dtype.kind not in "biufc":
        raise Unmeasurable(f"an array of {dtype}")
    shape, strides = spec["shape"], spec["strides"]
    low = sum(min(0, (length - 1) * stride) for length, stride in zip(shape, strides, strict=True) if length)
    high = sum(max(0, (length - 1) * stride) for length, stride in zip(shape, strides, strict=True) if length)
    count = -(-(high - low) // dtype.itemsize) + 1
    if count * dtype.itemsize > LARGEST:
        raise Unmeasurable("an array larger than 1 GiB")
    buffer = contents(count, dtype, numpy, rng, ones, below)
    return numpy.ndarray(shape, dtype, buffer, -low, strides)


def class_of(name: str, numpy: Any) -> Any:
    """Return a class that names a dtype."""
    if name in ("bool", "int", "float", "complex"):
        return getattr(builtins, name)
    package, _, scalar = name.rpartition(".")
    if package != "numpy":
        raise Unmeasurable(f"the class {name}")
    return getattr(numpy, scalar)


def contents(count: int, dtype: Any, numpy: Any, rng: Any, ones: bool, below: int) -> Any:
    if ones:
        return numpy.ones(count, dtype)
    if dtype.kind == "b":
        return rng.random(count) < 0.5
    if dtype.kind in "iu":
        return rng.integers(0, below or 100, count).astype(dtype)
    if dtype.kind == "c":
        return (rng.uniform(0.1, 1, count) + 1j * rng.uniform(0.1, 1, count)).astype(dtype)
    return rng.uniform(0.1, 1, count).astype(dtype)


def prepare(
    spec: Mapping[str, Any], numpy: Any, gilkit: Any
) -> tuple[Callable[[], Any], Callable[[], Any] | None, str]:
    """Return the call of an operation, the call of gilkit's own function or None, and that function's name."""
    rng = numpy.random.default_rng(1)
    name, operands = spec["name"], spec["operands"]
    subscript = name in ("[]", ".take", "numpy.take")
    args: list[Any] = []
    for number, each in enumerate(operands):
        below = 0
        if subscript and number and args and isinstance(args[0], numpy.ndarray) and args[0].ndim:
            below = args[0].shape[0]
        args.append(make(each, numpy, rng, bool(spec["in_place"] and number), below))
    keywords = {key: make(each, numpy, rng) for key, each in spec["keywords"].items()}
    if name == "[]":
        array, key = args
        return (lambda: array[key]), None, ""
    if name in CHANGES:  # the second call would find the array sorted
        return (lambda: getattr(args[0].copy(), name[1:])(*args[1:], **keywords)), None, ""
    if name.startswith("."):
        method = getattr(args[0], name[1:])
        return (lambda: method(*args[1:], **keywords)), *kernel_of(gilkit, name[1:], args, keywords)
    function = numpy
    for part in name.split(".")[1:]:
        function = getattr(function, part)
        if part == "Generator":
            function = rng
        elif part == "RandomState":
            function = function(1)
    if spec["in_place"]:
        return (lambda: function(*args, out=args[0])), None, ""
    return (lambda: function(*args, **keywords)), *kernel_of(gilkit, name.partition(".")[2], args, keywords)


def kernel_of(
    gilkit: Any, name: str, args: Sequence[Any], keywords: Mapping[str, Any]
) -> tuple[Callable[[], Any] | None, str]:
    """Return the call of gilkit's function of this name, which takes NumPy's arguments, and its name, if there is one."""
    if gilkit is None or "." in name or name.startswith("_") or name not in dir(gilkit):
        return None, ""
    function = getattr(gilkit, name)
    if not callable(function):
        return None, ""
    return (lambda: function(*args, **keywords)), f"gilkit.{name}"


def clock(call: Callable[[], Any], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - began) / times


def time_one(spec: Mapping[str, Any], numpy: Any, gilkit: Any, allowed: float) -> dict[str, Any]:
    """Return the median times of an operation. The ways take turns, so a disturbance hits all alike.

    Without gilkit, which is None then, there is one way only.
    """
    call, kernel, kernel_name = prepare(spec, numpy, gilkit)
    first = clock(call, 1)
    if kernel is not None:
        try:
            if not same(kernel(), call(), numpy):
                kernel = None
        except Exception:  # gilkit's function takes other arguments
            kernel = None
    times = max(1, min(10_000, int(LEAST_TIME / max(1e-7, clock(call, 1)))))
    if gilkit is not None:
        with gilkit.patch_numpy():
            began, calls = time.perf_counter(), 0
            while calls < 3 or (time.perf_counter() - began < WARM_UP and calls < 1000):
                call()
                calls += 1
    took: dict[str, list[float]] = {"numpy": [], "patched": [], "kernel": []}
    began = time.perf_counter()
    while len(took["numpy"]) < FEWEST or (
        len(took["numpy"]) < MOST and time.perf_counter() - began < min(allowed, max(EACH, 3 * first))
    ):
        took["numpy"].append(clock(call, times))
        if gilkit is not None:
            with gilkit.patch_numpy():
                took["patched"].append(clock(call, times))
        if kernel is not None:
            took["kernel"].append(clock(kernel, times))
    answer: dict[str, Any] = {name: median(values) for name, values in took.items() if values}
    return {**answer, "kernel_name": kernel_name} if kernel is not None else answer


def same(ours: Any, theirs: Any, numpy: Any) -> bool:
    """Whether gilkit's function gives what NumPy's does, except for rounding."""
    if isinstance(theirs, (tuple, list)):
        return (
            isinstance(ours, (tuple, list))
            and len(ours) == len(theirs)
            and all(same(a, b, numpy) for a, b in zip(ours, theirs, strict=True))
        )
    if theirs is None:
        return ours is None
    return numpy.shape(ours) == numpy.shape(theirs) and bool(
        numpy.allclose(ours, theirs, rtol=1e-5, atol=1e-8, equal_nan=True)
    )


def use_all_cores(numpy: Any, gilkit: Any) -> None:
    """Compute on all cores for a moment. A virtual core that was idle is slow at first, and the patch would learn from the
    first calls that it does not pay to divide them."""
    array = numpy.ones(1 << 20)
    began = time.perf_counter()
    with gilkit.patch_numpy():
        while time.perf_counter() - began < AWAKE:
            numpy.sqrt(array, out=array)


def main() -> int:
    settings = json.loads(sys.argv[1])
    import numpy

    facade: Any = None
    began = time.perf_counter()
    if not settings.get("plain"):
        import gilkit

        facade = gilkit
        with facade.patch_numpy():
            pass
        if settings["threads"]:
            facade.set_num_threads(settings["threads"])
    print(json.dumps({"start": time.perf_counter() - began}), flush=True)
    if facade is not None:
        use_all_cores(numpy, facade)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            with numpy.errstate(all="ignore"):
                answer = time_one(asked["operation"], numpy, facade, asked["allowed"])
        except Exception as error:  # arguments that only the program knows
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
