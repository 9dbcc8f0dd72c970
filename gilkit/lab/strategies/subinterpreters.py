"""Pure Python in sub-interpreters of one process, each with its own GIL (Python 3.14 and later)."""

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

WORKER = str(Path(__file__).parent.parent / "worker")
TASKS = "gilkit_tasks"

# A sub-interpreter starts with its own sys.path.
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
        if WORKER not in sys.path:
            sys.path.append(WORKER)
        stack = ExitStack()
        make = concurrent.futures.InterpreterPoolExecutor  # type: ignore[attr-defined, unused-ignore]
        pool = stack.enter_context(make(threads, initializer=exec, initargs=(_PREPARE.format(sys.path),)))
        list(pool.map(time.sleep, [0.02] * threads))  # waits until every interpreter has started

        def tasks(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
            return pool.map(importable(function), items)

        return Contender(lambda: workload.solve(tasks, threads), stack, tasks)

    def moved(self, workload: Workload, threads: int, result: Any) -> int:
        """Return the size of the pickles that go to the interpreters and back.

        A workload may send several batches, so it is run once more with a ``map`` that counts.
        """
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
    """Finds the tasks in their own package next to worker/serve.py."""

    def find_class(self, module: str, name: str) -> Any:
        _, found, rest = module.partition(f".{TASKS}")
        return super().find_class(TASKS + rest if found else module, name)


def importable(function: Any) -> Any:
    """Return a task's function under a name that a sub-interpreter can import without gilkit and NumPy."""
    return _ByPlace(io.BytesIO(pickle.dumps(function))).load()
