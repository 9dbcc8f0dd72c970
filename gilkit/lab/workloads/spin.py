"""The busy loop ``x ^= 1``: CPU-bound work without memory access."""

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
        """A prange over the threads.

        An empty piece of assembly keeps LLVM from folding the loop into a constant, as in gilkit's C.
        """
        import numba
        import numpy as np
        from llvmlite import ir
        from numba.extending import intrinsic

        from ..worker.gilkit_tasks.cut import cut

        @intrinsic  # type: ignore[untyped-decorator, unused-ignore]
        def opaque(context: Any, value: Any) -> Any:
            def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                word = ir.IntType(64)
                return builder.asm(ir.FunctionType(word, [word]), "", "=r,0", arguments, True)

            return numba.types.int64(numba.types.int64), generate

        @numba.njit(parallel=True)  # type: ignore[untyped-decorator, unused-ignore]
        def flips(counts: Any) -> int:
            last = np.zeros(len(counts), np.int64)
            for part in numba.prange(len(counts)):
                x = 0
                for _ in range(counts[part]):
                    x = opaque(x ^ 1)  # type: ignore[call-arg, unused-ignore]
                last[part] = x
            return last.sum() & 1

        counts = np.array(cut(self.size["iterations"], threads))
        numba.set_num_threads(threads)
        return lambda: int(flips(counts))
