"""joblib's processes (loky), if joblib is installed."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

from ..strategy import Contender, Strategy
from ..workload import Workload


class Joblib(Strategy):
    name = "joblib"
    label = "joblib (loky)"
    shares_memory = False

    def obstacle(self, workload: Workload) -> str | None:
        return None if importlib.util.find_spec("joblib") else "joblib is not installed"

    def open(self, workload: Workload, threads: int) -> Contender:
        from joblib import Parallel, delayed

        stack = ExitStack()
        pool = stack.enter_context(Parallel(n_jobs=threads))
        pool(delayed(time.sleep)(0.02) for _ in range(threads))

        def tasks(function: Callable[[Any], Any], items: Iterable[Any]) -> Any:
            return pool(delayed(function)(item) for item in items)

        tasks(__import__, [workload.module.__name__] * threads)
        return Contender(lambda: workload.solve(tasks, threads), stack, tasks)
