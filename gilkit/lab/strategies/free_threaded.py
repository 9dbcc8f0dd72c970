"""Pure-Python threads on a free-threaded build, in a persistent worker process that times itself."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import cache
from typing import Any

from .. import interpreters
from ..measure import Usage, leave_out
from ..strategy import Contender, Strategy
from ..workers import Worker
from ..workload import Workload


@cache
def _interpreter() -> interpreters.Interpreter | None:
    found = interpreters.find_free_threaded()
    return found[0] if found else None


class Remote(Contender):
    """The work on another interpreter. run() does not return the answer; result() fetches it."""

    def __init__(self, worker: Worker, gil: bool) -> None:
        stack = ExitStack()
        stack.callback(worker.close)
        super().__init__(self.measure, stack)
        self._worker = worker
        self.gil = gil
        self.total = Usage(0.0, 0.0, 0.0)  # of all runs so far

    def measure(self) -> Usage:
        start = time.perf_counter()
        cost = Usage(**self._worker.call("work:run", timeout=3600))
        leave_out(time.perf_counter() - start - cost.wall)
        self.total += cost
        return cost

    def result(self, returned: Any) -> Any:
        return self._worker.call("work:result")


def remote(interpreter: interpreters.Interpreter, workload: Workload, threads: int) -> Remote:
    """Return a contender that runs a workload's pure-Python version on the interpreter's threads."""
    worker = Worker(interpreter)
    try:
        task = workload.module.__name__.rpartition(".")[2]
        state = worker.call("work:start", {"workload": task, "size": workload.size, "threads": threads})
    except BaseException:
        worker.close()
        raise
    return Remote(worker, state["gil"])


class FreeThreaded(Strategy):
    name = "free-threaded"
    label = "free-threaded threads"

    def obstacle(self, workload: Workload) -> str | None:
        interpreter = _interpreter()
        if interpreter is None:
            return f"no free-threaded interpreter found (name one in {interpreters.VARIABLE})"
        missing = interpreters.lacks(interpreter, workload.needs) if workload.needs else []
        return f"{missing[0]} is not installed for Python {interpreter.label}" if missing else None

    def open(self, workload: Workload, threads: int) -> Contender:
        interpreter = _interpreter()
        assert interpreter
        return remote(interpreter, workload, threads)
