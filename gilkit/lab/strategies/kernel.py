"""gilkit's own kernel."""

from __future__ import annotations

from ..strategy import Contender, Strategy
from ..workload import Workload


class Kernel(Strategy):
    name = "gilkit"
    label = "gilkit"
    any_function = False

    def obstacle(self, workload: Workload) -> str | None:
        return None if workload.has_kernel else f"gilkit has no kernel for {workload.name}"

    def open(self, workload: Workload, threads: int) -> Contender:
        return Contender(lambda: workload.kernel(threads))
