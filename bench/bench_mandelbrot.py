"""The Mandelbrot set: the cost of its rows varies widely, which also tests load balancing."""

from __future__ import annotations

import pytest

from gilkit.lab import workloads


@pytest.mark.parametrize("side", [100, pytest.param(400, marks=pytest.mark.full)])
def test_mandelbrot(benchmark, race, side):
    benchmark.group = f"mandelbrot, {side} x {side}"
    race(workloads.get("mandelbrot", width=side, height=side))


@pytest.mark.full
@pytest.mark.strategies("gilkit", "numpy", "numba", "numexpr")
@pytest.mark.benchmark(group="mandelbrot, 1000 x 1000")
def test_mandelbrot_large(race):
    race(workloads.get("mandelbrot", width=1000, height=1000))
