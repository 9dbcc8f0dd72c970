"""Pure Python in sub-interpreters with a GIL each, in one process (Python 3.14 and later)."""

from __future__ import annotations

import concurrent.futures
import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

from ..strategy import Contender, Strategy
from ..workload import Workload


class Subinterpreters(Strategy):
    name = "interpreters"
    label = "InterpreterPool"
    shares_memory = False

    def obstacle(self, workload: Workload) -> str | None:
        if not hasattr(concurrent.futures, "InterpreterPoolExecutor"):
            return "InterpreterPoolExecutor needs Python 3.14"
        return None

    def open(self, workload: Workload, threads: int) -> Contender:
        stack = ExitStack()
        pool = stack.enter_context(concurrent.futures.InterpreterPoolExecutor(threads))  # type: ignore[attr-defined, unused-ignore]
        list(pool.map(time.sleep, [0.02] * threads))  # every interpreter is there
        return Contender(lambda: workload.solve(pool.map, threads), stack)

    def moved(self, workload: Workload, threads: int) -> int:
        """What goes to the interpreters and back is pickled: it is done once more, by a map that counts."""
        total = 0

        def tasks(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
            nonlocal total
            for item in items:
                result = function(item)
                total += len(pickle.dumps((function, item))) + len(pickle.dumps(result))
                yield result

        workload.solve(tasks, threads)
        return total
