"""The same Python callables in a gilkit.Executor, whose tasks cost less than those of a ThreadPoolExecutor."""

from __future__ import annotations

import time
from contextlib import ExitStack

import gilkit

from ..strategy import Contender, Strategy
from ..workload import Workload


class Executor(Strategy):
    name = "executor"
    label = "gilkit.Executor"

    def open(self, workload: Workload, threads: int) -> Contender:
        stack = ExitStack()
        pool = stack.enter_context(gilkit.Executor(threads))
        list(pool.map(time.sleep, [0.005] * threads))  # waits until every thread has started
        return Contender(lambda: workload.solve(pool.map, threads), stack, pool.map)
