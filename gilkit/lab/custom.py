"""The user's own function as a workload."""

from __future__ import annotations

from typing import Any

from .workload import Workload


class Custom(Workload):
    """The user's own function as a workload.

    ``size`` holds the function and the maker of its inputs, each as ``path/to/file.py:name``. The right results are not
    known, so ``check`` accepts any; gilkit.lab.compare compares them with those of the plain loop.
    """

    name = "custom"
    title = "your function"
    unit = "calls"
    chunksize = None  # the pool's default, as users have it

    def __init__(self, **size: Any) -> None:
        super().__init__(**size)
        # Import before any strategy opens: a forked pool inherits the import, and a pool whose workers cannot import the
        # function would wait indefinitely.
        self.inputs: list[Any] = self.module.inputs(**size)

    @property
    def amount(self) -> float:
        return float(len(self.inputs))

    def check(self, result: Any) -> None:
        pass
