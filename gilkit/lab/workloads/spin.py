"""The busy loop ``x ^= 1``: nothing but instructions, the purest CPU-bound work there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gilkit

from ..workload import Workload, WrongResult


class Spin(Workload):
    name = "spin"
    title = "the busy loop x ^= 1"
    unit = "loops"

    def __init__(self, iterations: int = 40_000_001) -> None:
        super().__init__(iterations=iterations)

    @property
    def amount(self) -> float:
        return float(self.size["iterations"])

    def kernel(self, threads: int) -> int:
        return gilkit.spin(self.size["iterations"], threads=threads)

    def check(self, result: Any) -> None:
        expected = self.size["iterations"] % 2
        if result != expected:
            raise WrongResult(f"spin({self.size['iterations']}) is {expected}, got {result!r}")

    def numba(self, threads: int) -> Callable[[], Any]:
        """A prange over the threads; each adds its parity through an array cell that the compiler must write.

        A plain ``x ^= 1`` loop is folded to a constant by LLVM, and a loop that does nothing is no contender. Writing
        every step to memory, which is what keeps it, makes this one slower than the instructions need to be.
        """
        import numba
        import numpy as np

        from ..guest.gilkit_tasks.cut import cut

        @numba.njit(parallel=True, cache=False)  # type: ignore[untyped-decorator, unused-ignore]
        def flips(cells: Any, counts: Any) -> int:
            for part in numba.prange(len(counts)):
                for step in range(counts[part]):
                    cells[part, step & 1] = cells[part, 1 - (step & 1)] ^ 1
            total = 0
            for part in range(len(counts)):
                total ^= counts[part] & 1
            return total

        counts = np.array(cut(self.size["iterations"], threads))
        cells = np.zeros((threads, 8), np.int64)
        numba.set_num_threads(threads)
        return lambda: int(flips(cells, counts))
