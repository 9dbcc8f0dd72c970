"""Pi by throwing darts at a square: independent samples, limited by the random generator."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import gilkit

from ..workload import Workload, WrongResult

SPREAD = math.sqrt(math.pi * (4 - math.pi))  # standard deviation of one dart's estimate


class Pi(Workload):
    """Every contender uses its own generator, as its users would, so the answers differ by chance."""

    name = "pi"
    title = "pi by Monte Carlo"
    unit = "samples"

    def __init__(self, samples: int = 4_000_000, seed: int = 0) -> None:
        super().__init__(samples=samples, seed=seed)

    @property
    def amount(self) -> float:
        return float(self.size["samples"])

    def kernel(self, threads: int) -> float:
        return gilkit.pi(self.size["samples"], seed=self.size["seed"], threads=threads)

    def check(self, result: Any) -> None:
        # Six standard deviations: a correct generator fails once in half a billion runs.
        bound = 6 * SPREAD / math.sqrt(self.size["samples"])
        if not abs(result - math.pi) <= bound:
            raise WrongResult(f"pi from {self.size['samples']} samples is within {bound:.2g}, got {result!r}")

    def numpy(self, threads: int) -> Callable[[], Any]:
        import numpy as np

        samples, block = self.size["samples"], 1 << 16
        generator = np.random.default_rng(self.size["seed"])

        def work() -> float:
            inside = 0
            for begin in range(0, samples, block):  # blocks that stay in cache
                x, y = generator.random((2, min(block, samples - begin)))
                inside += int(np.count_nonzero(x * x + y * y < 1.0))
            return 4.0 * inside / samples

        return work

    def numba(self, threads: int) -> Callable[[], Any]:
        """The loop from numba's documentation, with numba's generator."""
        import random

        import numba

        @numba.njit(parallel=True)  # type: ignore[untyped-decorator, unused-ignore]
        def estimate(samples: int) -> float:
            inside = 0
            for _ in numba.prange(samples):
                x = random.random()
                y = random.random()
                if x * x + y * y < 1.0:
                    inside += 1
            return 4.0 * inside / samples

        numba.set_num_threads(threads)
        return lambda: estimate(self.size["samples"])

    def numexpr(self, threads: int) -> Callable[[], Any]:
        """NumPy throws the darts, because numexpr has no generator; numexpr counts them."""
        import numexpr
        import numpy as np

        samples, block = self.size["samples"], 1 << 18
        generator = np.random.default_rng(self.size["seed"])
        numexpr.set_num_threads(threads)

        def work() -> float:
            inside = 0.0
            for begin in range(0, samples, block):
                x, y = generator.random((2, min(block, samples - begin)))
                inside += float(numexpr.evaluate("sum(where(x * x + y * y < 1.0, 1, 0))", {"x": x, "y": y}))
            return 4.0 * inside / samples

        return work
