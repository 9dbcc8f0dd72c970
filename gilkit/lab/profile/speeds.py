"""Measure operations of NumPy on this machine: as they are, with NumPy patched, and gilkit's own functions.

The work is done by processes that run ``repeat.py``. If another interpreter has NumPy, one of its processes repeats each
operation in turn with ours, so that the two can be compared.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from ..interpreters import Interpreter, environment
from ..program import allocator
from . import repeat
from .operations import Array, Items, Operation, Scalar, Type, Value
from .predict import Group, Kind, Speed

BUDGET = 20.0  # seconds for all operations together
COVERED = 0.98  # of the time in NumPy's functions, beyond which the remaining kinds are left out
MOST_KINDS = 60


@dataclass
class Measured:
    """The speed of each kind of operation that could be measured, and its time on another interpreter divided by ours.

    ``start`` is the time to import gilkit and patch NumPy, in seconds.
    """

    speeds: dict[Kind, Speed] = field(default_factory=dict)
    there: dict[Kind, float] = field(default_factory=dict)
    start: float = 0.0


class Repeater:
    """A process that repeats operations. It ends after ``limit`` seconds; then nothing more can be measured."""

    def __init__(self, executable: str, env: dict[str, str] | None, limit: float, **settings: Any) -> None:
        # -P: the current folder may have modules with the names of installed ones.
        self._process = subprocess.Popen(
            [executable, "-P", repeat.__file__, json.dumps(settings)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8",
            env=allocator.environment(dict(os.environ) if env is None else env),
        )  # fmt: skip
        self._timer = threading.Timer(limit, self._process.kill)
        self._timer.daemon = True
        self._timer.start()
        self.start = self._answer().get("start", 0.0)

    def __enter__(self) -> Repeater:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._timer.cancel()
        self._process.kill()
        self._process.communicate()

    def ask(self, operation: Operation, allowed: float) -> dict[str, Any]:
        """Return the times of an operation, without "numpy" if it cannot be repeated."""
        assert self._process.stdin is not None
        try:
            print(
                json.dumps({"operation": to_json(operation), "allowed": allowed}), file=self._process.stdin, flush=True
            )
        except OSError:  # the process has ended
            return {}
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found: dict[str, Any] = json.loads(line) if line else {}
        return found


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
    kinds: Mapping[Kind, Group], threads: int | None = None, budget: float = BUDGET, other: Interpreter | None = None
) -> Measured:
    """Measure each kind that can be measured, on another interpreter too if one is given."""
    todo = chosen(kinds)
    found = Measured()
    if not todo:
        return found
    limit = 3 * budget + 60
    end = time.perf_counter() + budget
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(Repeater(sys.executable, None, limit, threads=threads))
        theirs = None
        if other is not None:
            theirs = stack.enter_context(Repeater(other.executable, environment(), limit, plain=True))
        found.start = ours.start
        for kind, group in todo:
            left = end - time.perf_counter()
            if left <= 0:
                break
            here = ours.ask(group.operation, left)
            if "numpy" not in here:
                continue
            found.speeds[kind] = Speed(here["numpy"], here["patched"], here.get("kernel"), here.get("kernel_name", ""))
            there = theirs.ask(group.operation, left) if theirs is not None else {}
            if "numpy" in there:
                found.there[kind] = there["numpy"] / here["numpy"]
    return found


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
