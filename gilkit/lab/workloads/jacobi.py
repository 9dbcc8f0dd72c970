"""Solve the heat equation by Jacobi sweeps."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

import gilkit

from ..worker.gilkit_tasks import data
from ..workload import Workload, WrongResult


class Jacobi(Workload):
    name = "jacobi"
    title = "the heat equation (Jacobi)"
    unit = "cells"

    def __init__(self, height: int = 300, width: int = 300, iterations: int = 30) -> None:
        super().__init__(height=height, width=width, iterations=iterations)

    @property
    def amount(self) -> float:
        return float(self.size["height"] * self.size["width"] * self.size["iterations"])

    @cached_property
    def grid(self) -> Any:
        return np.array(data.grid(self.size["height"], self.size["width"]))

    def kernel(self, threads: int) -> Any:
        return gilkit.jacobi(self.grid, iterations=self.size["iterations"], threads=threads)

    def numpy(self, threads: int) -> Callable[[], Any]:
        def work() -> Any:
            old, new = self.grid.copy(), self.grid.copy()
            for _ in range(self.size["iterations"]):
                new[1:-1, 1:-1] = 0.25 * ((old[:-2, 1:-1] + old[2:, 1:-1]) + (old[1:-1, :-2] + old[1:-1, 2:]))
                old, new = new, old
            return old

        return work

    def numba(self, threads: int) -> Callable[[], Any]:
        import numba

        @numba.njit(parallel=True)  # type: ignore[untyped-decorator, unused-ignore]
        def sweeps(old: Any, new: Any, iterations: int) -> Any:
            for _ in range(iterations):
                for i in numba.prange(1, old.shape[0] - 1):
                    for j in range(1, old.shape[1] - 1):
                        new[i, j] = 0.25 * ((old[i - 1, j] + old[i + 1, j]) + (old[i, j - 1] + old[i, j + 1]))
                old, new = new, old
            return old

        numba.set_num_threads(threads)
        return lambda: sweeps(self.grid.copy(), self.grid.copy(), self.size["iterations"])

    @cached_property
    def expected(self) -> Any:
        return self.numpy(1)()

    def check(self, result: Any) -> None:
        if not np.allclose(np.asarray(result), self.expected, rtol=1e-12, atol=0):
            raise WrongResult("the grid is not the one that NumPy computes")
