"""The same Python callables on gilkit's native pool, in parallel wherever they release the GIL."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import gilkit

from ..strategy import Contender, Strategy
from ..workload import Workload


class GilkitMap(Strategy):
    name = "gilkit.map"
    label = "gilkit.map"

    def open(self, workload: Workload, threads: int) -> Contender:
        def tasks(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
            return gilkit.map(function, items, threads=threads)

        return Contender(lambda: workload.solve(tasks, threads), tasks=tasks)
