"""A reader's own function as a workload."""

from __future__ import annotations

from typing import Any

from .workload import Workload


class Custom(Workload):
    """``size`` holds the function and what makes its inputs, each as ``path/to/file.py:name``. What the right results
    are only its author knows: every strategy must give those of the plain loop, which gilkit.lab.compare sees to."""

    name = "custom"
    title = "your function"
    unit = "calls"
    chunksize = None  # the pool's own choice, as the reader would have it

    def __init__(self, **size: Any) -> None:
        super().__init__(**size)
        # Before any strategy is opened: a forked pool inherits the import, and a pool whose workers cannot import what
        # they are given waits for ever.
        self.inputs: list[Any] = self.module.inputs(**size)

    @property
    def amount(self) -> float:
        return float(len(self.inputs))

    def check(self, result: Any) -> None:
        pass
