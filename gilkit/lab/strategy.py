"""The interface of strategies: ways of running a workload on the cores.

Opening a strategy for a workload and a thread count gives a Contender, which is warm and can run the work repeatedly.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, ClassVar

from .measure import Meter, Usage
from .workload import Map, Workload


class Contender:
    """A workload prepared under a strategy; a context manager that releases its resources.

    ``run`` does the whole work and returns its result. ``gil`` says whether the work runs under a GIL. ``tasks`` is the
    ``map`` that distributes the work, if there is one in this process.
    """

    def __init__(self, work: Callable[[], Any], resources: ExitStack | None = None, tasks: Map | None = None) -> None:
        self._work = work
        self.tasks = tasks
        self._resources = resources or ExitStack()
        self.gil: bool = getattr(sys, "_is_gil_enabled", lambda: True)()

    def run(self) -> Any:
        return self._work()

    def measure(self) -> Usage:
        """Do the work once and return its cost, child processes included."""
        with Meter() as meter:
            self._work()
        return meter.usage

    def result(self, returned: Any) -> Any:
        """Return the answer for what run() returned. A remote answer is fetched here, outside the timed part."""
        return returned

    def close(self) -> None:
        self._resources.close()

    def __enter__(self) -> Contender:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Strategy(ABC):
    name: ClassVar[str]
    label: ClassVar[str]
    parallel: ClassVar[bool] = True  # whether it can use more than one thread

    shares_memory: ClassVar[bool] = True  # whether the work reads and writes this process's memory, without copies
    any_function: ClassVar[bool] = True  # whether it can run the user's own function
    for_coroutines: ClassVar[bool] = False  # whether it can only run an ``async def``
    for_numpy: ClassVar[bool] = False  # whether it can only gain where NumPy's functions take the time

    def obstacle(self, workload: Workload) -> str | None:
        """Return why the strategy cannot run the workload here, or None."""
        return None

    def moved(self, workload: Workload, threads: int, result: Any) -> int | None:
        """Return the bytes that a run copies without system calls, or None if system calls count them.

        ``result`` is the result of a run.
        """
        return 0 if self.shares_memory else None

    @abstractmethod
    def open(self, workload: Workload, threads: int) -> Contender:
        """Prepare everything (pools, processes, compiled code), so that later only the work is timed."""
