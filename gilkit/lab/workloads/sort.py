"""Sort floats."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

import gilkit

from ..worker.gilkit_tasks import data
from ..workload import Workload, WrongResult


class Sort(Workload):
    """Python sorts a list of floats and the native versions an array, as their users do."""

    name = "sort"
    title = "sorting"
    unit = "numbers"

    def __init__(self, count: int = 600_000) -> None:
        super().__init__(count=count)

    @property
    def amount(self) -> float:
        return float(self.size["count"])

    @cached_property
    def array(self) -> Any:
        return np.array(data.numbers(self.size["count"]))

    def kernel(self, threads: int) -> Any:
        return gilkit.sort(self.array, threads=threads)

    def numpy(self, threads: int) -> Callable[[], Any]:
        return lambda: np.sort(self.array)

    def check(self, result: Any) -> None:
        if not np.array_equal(np.asarray(result), np.sort(self.array)):
            raise WrongResult("the numbers are not in order")
