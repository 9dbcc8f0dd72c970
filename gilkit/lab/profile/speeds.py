"""Measure operations of NumPy on this machine: as they are, with NumPy patched, and gilkit's own functions.

``measure()`` starts a process that runs this file as a program. It reads operations as JSON from standard input, makes
arrays of the same type, size and strides, and prints the times of each operation. The contents are made up: numbers
between 0.1 and 1, and indices that are valid.
"""

from __future__ import annotations

import builtins
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from ..errors import LabError
from .operations import Array, Items, Operation, Scalar, Type, Value
from .predict import Group, Kind, Speed

BUDGET = 20.0  # seconds for all operations together
EACH = 0.4  # seconds for one operation
COVERED = 0.98  # of the time in NumPy's functions, beyond which the remaining kinds are left out
MOST_KINDS = 60
LEAST_TIME = 0.002  # seconds of a measurement; shorter operations are repeated
FEWEST, MOST = 3, 15  # rounds
LARGEST = 1 << 30  # bytes of one operation's arrays
CHANGES = (".sort", ".partition")
WARM_UP = 0.05  # seconds in which the patch learns whether to divide the call


def chosen(kinds: Mapping[Kind, Group]) -> list[tuple[Kind, Group]]:
    """Return the kinds to measure, the longest first: those with nearly all of the time."""
    whole = sum(group.seconds for group in kinds.values())
    found: list[tuple[Kind, Group]] = []
    seconds = 0.0
    for pair in kinds.items():
        if len(found) == MOST_KINDS or seconds >= COVERED * whole:
            break
        found.append(pair)
        seconds += pair[1].seconds
    return found


def measure(
    kinds: Mapping[Kind, Group], threads: int | None = None, budget: float = BUDGET
) -> tuple[dict[Kind, Speed], float]:
    """Return the speed of each kind that can be measured, and the seconds that it takes to import gilkit and to patch."""
    todo = chosen(kinds)
    if not todo:
        return {}, 0.0
    asked = {"threads": threads, "budget": budget, "operations": [to_json(group.operation) for _, group in todo]}
    try:
        done = subprocess.run(
            # -P: the current folder may have modules with the names of installed ones.
            [sys.executable, "-P", "-m", __name__],
            input=json.dumps(asked),
            capture_output=True,
            encoding="utf-8",
            timeout=3 * budget + 60,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LabError("the speed of NumPy's functions could not be measured: it took too long") from None
    speeds: dict[Kind, Speed] = {}
    start = 0.0
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        if "start" in answer:
            start = answer["start"]
        elif "numpy" in answer:
            speeds[todo[answer["index"]][0]] = Speed(
                answer["numpy"], answer["patched"], answer.get("kernel"), answer.get("kernel_name", "")
            )
    return speeds, start


def to_json(operation: Operation) -> dict[str, Any]:
    return {
        "name": operation.name,
        "in_place": operation.in_place,
        "operands": [value_to_json(each) for each in operation.operands],
        "keywords": {name: value_to_json(each) for name, each in operation.keywords},
    }


def value_to_json(value: Value) -> dict[str, Any]:
    if isinstance(value, Array):
        return {"shape": value.shape, "strides": value.strides, "type": value.type}
    if isinstance(value, Scalar):
        return {"value": value.value}
    if isinstance(value, Type):
        return {"class": value.name}
    if isinstance(value, Items):
        return {"kind": value.kind, "items": [value_to_json(each) for each in value.values]}
    return {"other": value.type}


# ---- In the process that measures


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
    if spec["in_place"]:
        return (lambda: function(*args, out=args[0])), None, ""
    return (lambda: function(*args, **keywords)), *kernel_of(gilkit, name.partition(".")[2], args, keywords)


def kernel_of(
    gilkit: Any, name: str, args: Sequence[Any], keywords: Mapping[str, Any]
) -> tuple[Callable[[], Any] | None, str]:
    """Return the call of gilkit's function of this name, which takes NumPy's arguments, and its name."""
    if "." in name or name.startswith("_") or name not in dir(gilkit):
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
    """Return the median times of an operation. The ways take turns, so a disturbance hits all alike."""
    call, kernel, kernel_name = prepare(spec, numpy, gilkit)
    first = clock(call, 1)
    if kernel is not None:
        try:
            if not same(kernel(), call(), numpy):
                kernel = None
        except Exception:  # gilkit's function takes other arguments
            kernel = None
    times = max(1, min(10_000, int(LEAST_TIME / max(1e-7, clock(call, 1)))))
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


def main() -> int:
    asked = json.loads(sys.stdin.read())
    import numpy

    began = time.perf_counter()
    # The package is imported already, since this file is in it. Another process measures how long that takes.
    command = "import numpy, time; b = time.perf_counter(); import gilkit; gilkit.patch_numpy(); print(time.perf_counter() - b)"
    done = subprocess.run([sys.executable, "-P", "-c", command], capture_output=True, text=True, check=False)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    if done.returncode == 0:
        answers.write(json.dumps({"start": float(done.stdout)}) + "\n")
    import gilkit

    if asked["threads"]:
        gilkit.set_num_threads(asked["threads"])
    facade: Any = gilkit
    for index, spec in enumerate(asked["operations"]):
        left = asked["budget"] - (time.perf_counter() - began)
        if left <= 0:
            break
        try:
            with numpy.errstate(all="ignore"):
                answer = time_one(spec, numpy, facade, left)
        except Exception as error:  # arguments that only the program knows
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps({"index": index, **answer}) + "\n")
        answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
