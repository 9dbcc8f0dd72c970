"""One pure-Python thread, the baseline of all comparisons."""

from __future__ import annotations

from ..strategy import Contender, Strategy
from ..workload import Workload


class Serial(Strategy):
    name = "serial"
    label = "plain Python"
    parallel = False

    def open(self, workload: Workload, threads: int) -> Contender:
        return Contender(lambda: workload.solve(map, 1))
