"""Pure Python in sub-interpreters with a GIL each, in one process (Python 3.14 and later)."""

from __future__ import annotations

import concurrent.futures
import time
from contextlib import ExitStack

from ..strategy import Contender, Strategy
from ..workload import Workload


class Subinterpreters(Strategy):
    name = "interpreters"
    label = "InterpreterPool"

    def obstacle(self, workload: Workload) -> str | None:
        if not hasattr(concurrent.futures, "InterpreterPoolExecutor"):
            return "InterpreterPoolExecutor needs Python 3.14"
        return None

    def open(self, workload: Workload, threads: int) -> Contender:
        stack = ExitStack()
        pool = stack.enter_context(concurrent.futures.InterpreterPoolExecutor(threads))  # type: ignore[attr-defined, unused-ignore]
        list(pool.map(time.sleep, [0.02] * threads))  # every interpreter is there
        return Contender(lambda: workload.solve(pool.map, threads), stack)
