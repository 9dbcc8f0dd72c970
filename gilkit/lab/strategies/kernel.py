"""gilkit's own kernel."""

from __future__ import annotations

from ..strategy import Contender, Strategy
from ..workload import Workload


class Kernel(Strategy):
    name = "gilkit"
    label = "gilkit kernel"
    any_function = False

    def open(self, workload: Workload, threads: int) -> Contender:
        return Contender(lambda: workload.kernel(threads))
