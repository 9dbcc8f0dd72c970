"""What a strategy is: a way of putting a workload on the cores.

A strategy, opened for a workload and a thread count, gives a Contender: something that is ready, warm, and does the
work as often as it is asked to.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, ClassVar

from .measure import Meter, Usage
from .workload import Workload


class Contender:
    """A workload made ready under a strategy. A context manager that gives everything back at the end.

    ``run`` does the whole work and returns its result. ``gil`` says whether it runs where there is a GIL.
    """

    def __init__(self, work: Callable[[], Any], resources: ExitStack | None = None) -> None:
        self._work = work
        self._resources = resources or ExitStack()
        self.gil: bool = getattr(sys, "_is_gil_enabled", lambda: True)()

    def run(self) -> Any:
        return self._work()

    def measure(self) -> Usage:
        """Does the work once and says what it cost, child processes counted in."""
        with Meter() as meter:
            self._work()
        return meter.usage

    def result(self, returned: Any) -> Any:
        """The answer, from what run() returned; fetched outside the timed part where it is elsewhere."""
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
    parallel: ClassVar[bool] = True  # whether it takes a thread count other than 1

    shares_memory: ClassVar[bool] = True  # nothing is copied to where the work is done and back
    any_function: ClassVar[bool] = True  # whether it can carry out a function of the reader's

    def obstacle(self, workload: Workload) -> str | None:
        """Why it cannot be used for that workload here, or None when it can."""
        return None

    def moved(self, workload: Workload, threads: int, result: Any) -> int | None:
        """How many bytes a run copies, where no system call could count them; None where one does. ``result`` is that
        of a run."""
        return 0 if self.shares_memory else None

    @abstractmethod
    def open(self, workload: Workload, threads: int) -> Contender:
        """Gets everything ready: pools, processes, compiled code. What is timed later is the work alone."""
