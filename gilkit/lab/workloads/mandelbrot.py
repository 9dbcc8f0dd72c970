"""The Mandelbrot set, whose rows differ widely in cost and so test load balancing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

import gilkit
from gilkit.reference.mandelbrot import mandelbrot as reference

from ..workload import Workload, WrongResult


class Mandelbrot(Workload):
    name = "mandelbrot"
    title = "the Mandelbrot set"
    unit = "pixels"

    def __init__(
        self,
        width: int = 400,
        height: int = 400,
        x: tuple[float, float] = (-2.0, 1.0),
        y: tuple[float, float] = (-1.5, 1.5),
        max_iter: int = 200,
    ) -> None:
        # Sizes go to workers as JSON, which turns tuples into lists.
        super().__init__(width=width, height=height, x=tuple(x), y=tuple(y), max_iter=max_iter)

    @property
    def amount(self) -> float:
        return float(self.size["width"] * self.size["height"])

    def kernel(self, threads: int) -> Any:
        return gilkit.mandelbrot(**self.size, threads=threads)

    def check(self, result: Any) -> None:
        got = np.asarray(result, dtype=np.int32)
        expected = _expected(*self.size.values())
        if got.shape != expected.shape:
            raise WrongResult(f"mandelbrot has the shape {expected.shape}, got {got.shape}")
        # Compilers may fuse or reorder the arithmetic that decides pixels at the very edge of the set.
        wrong = np.count_nonzero(got != expected)
        if wrong > got.size // 1000:
            raise WrongResult(f"mandelbrot differs in {wrong} of {got.size} pixels")

    def _axes(self) -> tuple[Any, Any]:
        size = self.size
        (x0, x1), (y0, y1) = size["x"], size["y"]
        return np.linspace(x0, x1, size["width"]), np.linspace(y0, y1, size["height"])

    def numpy(self, threads: int) -> Callable[[], Any]:
        """Whole-array steps that drop escaped points, which saves most of the work."""
        xs, ys = self._axes()
        max_iter = self.size["max_iter"]

        def work() -> Any:
            c = (xs[None, :] + 1j * ys[:, None]).ravel()
            counts = np.full(c.size, max_iter, np.int32)
            index = np.arange(c.size)
            z = np.zeros_like(c)
            for step in range(max_iter):
                kept = z.real * z.real + z.imag * z.imag <= 4.0
                if not kept.all():
                    counts[index[~kept]] = step
                    index, z, c = index[kept], z[kept], c[kept]
                z = z * z + c
            return counts.reshape(len(ys), len(xs))

        return work

    def numba(self, threads: int) -> Callable[[], Any]:
        """Scalar loops with a prange over the rows."""
        import numba

        @numba.njit(parallel=True)  # type: ignore[untyped-decorator, unused-ignore]
        def fill(xs: Any, ys: Any, max_iter: int) -> Any:
            counts = np.empty((len(ys), len(xs)), np.int32)
            for i in numba.prange(len(ys)):
                cy = ys[i]
                for j in range(len(xs)):
                    cx = xs[j]
                    zx = zy = 0.0
                    count = 0
                    while count < max_iter:
                        xx = zx * zx
                        yy = zy * zy
                        if xx + yy > 4.0:
                            break
                        zy = 2.0 * zx * zy + cy
                        zx = xx - yy + cx
                        count += 1
                    counts[i, j] = count
            return counts

        xs, ys = self._axes()
        numba.set_num_threads(threads)
        return lambda: fill(xs, ys, self.size["max_iter"])

    def numexpr(self, threads: int) -> Callable[[], Any]:
        """The NumPy version, with numexpr for the arithmetic."""
        import numexpr

        xs, ys = self._axes()
        max_iter = self.size["max_iter"]
        numexpr.set_num_threads(threads)

        def work() -> Any:
            c = (xs[None, :] + 1j * ys[:, None]).ravel()
            counts = np.full(c.size, max_iter, np.int32)
            index = np.arange(c.size)
            z = np.zeros_like(c)
            for step in range(max_iter):
                kept = numexpr.evaluate("real(z) * real(z) + imag(z) * imag(z) <= 4.0", {"z": z})
                if not kept.all():
                    counts[index[~kept]] = step
                    index, z, c = index[kept], z[kept], c[kept]
                z = numexpr.evaluate("z * z + c", {"z": z, "c": c})
            return counts.reshape(len(ys), len(xs))

        return work


@cache
def _expected(*size: Any) -> Any:
    width, height, x, y, max_iter = size
    return np.array(reference(width, height, x=x, y=y, max_iter=max_iter), np.int32)
