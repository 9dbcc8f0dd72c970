"""Pure Python in a ThreadPoolExecutor of the running interpreter."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from ..strategy import Contender, Strategy
from ..workload import Workload


class Threads(Strategy):
    name = "threads"
    label = "Python threads"

    def open(self, workload: Workload, threads: int) -> Contender:
        stack = ExitStack()
        pool = stack.enter_context(ThreadPoolExecutor(threads))
        list(pool.map(time.sleep, [0.005] * threads))  # waits until every thread has started
        return Contender(lambda: workload.solve(pool.map, threads), stack, pool.map)
