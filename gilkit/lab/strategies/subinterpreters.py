"""Pure Python in sub-interpreters with a GIL each, in one process (Python 3.14 and later)."""

from __future__ import annotations

import concurrent.futures
import io
import pickle
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..custom import Custom
from ..strategy import Contender, Strategy
from ..workload import Workload

GUEST = str(Path(__file__).parent.parent / "worker")
TASKS = "gilkit_tasks"

# A sub-interpreter begins with a sys.path of its own.
_PREPARE = "import sys; sys.path[:] = {!r}"


class Subinterpreters(Strategy):
    name = "interpreters"
    label = "InterpreterPool"
    shares_memory = False

    def obstacle(self, workload: Workload) -> str | None:
        if not hasattr(concurrent.futures, "InterpreterPoolExecutor"):
            return "InterpreterPoolExecutor needs Python 3.14"
        return None

    def open(self, workload: Workload, threads: int) -> Contender:
        if GUEST not in sys.path:
            sys.path.append(GUEST)
        stack = ExitStack()
        make = concurrent.futures.InterpreterPoolExecutor  # type: ignore[attr-defined, unused-ignore]
        pool = stack.enter_context(make(threads, initializer=exec, initargs=(_PREPARE.format(sys.path),)))
        list(pool.map(time.sleep, [0.02] * threads))  # every interpreter is there

        def tasks(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
            return pool.map(importable(function), items)

        return Contender(lambda: workload.solve(tasks, threads), stack)

    def moved(self, workload: Workload, threads: int, result: Any) -> int:
        """What goes to the interpreters and back is pickled. A workload may go there more than once: it is done once
        more, by a map that counts."""
        if isinstance(workload, Custom):
            return len(pickle.dumps(workload.inputs)) + len(pickle.dumps(result))
        total = 0

        def tasks(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
            nonlocal total
            for item in items:
                result = function(item)
                total += len(pickle.dumps((function, item))) + len(pickle.dumps(result))
                yield result

        workload.solve(tasks, threads)
        return total


class _ByPlace(pickle.Unpickler):
    """Finds the tasks as a package of their own, beside worker/serve.py."""

    def find_class(self, module: str, name: str) -> Any:
        _, found, rest = module.partition(f".{TASKS}")
        return super().find_class(TASKS + rest if found else module, name)


def importable(function: Any) -> Any:
    """A task's function in a form that does not have a sub-interpreter import gilkit, with its NumPy, to find it."""
    return _ByPlace(io.BytesIO(pickle.dumps(function))).load()
