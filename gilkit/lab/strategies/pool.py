"""Pure Python in a multiprocessing.Pool, warmed up before timing."""

from __future__ import annotations

import multiprocessing
import time
import warnings
from contextlib import ExitStack
from typing import Any, ClassVar

from ..strategy import Contender, Strategy
from ..workload import Workload


class _Pool(Strategy):
    method: ClassVar[str]
    shares_memory = False

    def obstacle(self, workload: Workload) -> str | None:
        if self.method not in multiprocessing.get_all_start_methods():
            return f"this system cannot start processes by {self.method}"
        return None

    def open(self, workload: Workload, threads: int) -> Contender:
        stack = ExitStack()
        with warnings.catch_warnings():
            # CPython warns about forking while other threads exist. They are idle here, and fork is what is measured.
            warnings.simplefilter("ignore", DeprecationWarning)
            pool = multiprocessing.get_context(self.method).Pool(threads)

        def end() -> None:
            pool.terminate()
            pool.join()

        stack.callback(end)
        # The first round ends when all processes have started; in the second each loads the workload.
        pool.map(time.sleep, [0.02] * threads, chunksize=1)
        pool.map(_load, [workload.module.__name__] * threads, chunksize=1)

        def tasks(function: Any, items: Any) -> Any:
            return pool.map(function, items, chunksize=workload.chunksize)

        return Contender(lambda: workload.solve(tasks, threads), stack, tasks)


def _load(module: str) -> None:
    __import__(module)
    time.sleep(0.02)  # long enough for every process to take one task


class Fork(_Pool):
    name = "pool-fork"
    label = "Pool (fork)"
    method = "fork"


class Spawn(_Pool):
    name = "pool-spawn"
    label = "Pool (spawn)"
    method = "spawn"


class ForkServer(_Pool):
    name = "pool-forkserver"
    label = "Pool (forkserver)"
    method = "forkserver"
