"""The Mandelbrot set: rows of very unequal cost, so the load balancer's test too."""

from __future__ import annotations

import pytest

from gilkit.lab import workloads


@pytest.mark.benchmark(group="mandelbrot")
def test_mandelbrot(race):
    race(workloads.get("mandelbrot"))


@pytest.mark.strategies("gilkit", "numpy", "numba", "numexpr")
@pytest.mark.benchmark(group="mandelbrot, 1000 x 1000")
def test_mandelbrot_large(race):
    race(workloads.get("mandelbrot", width=1000, height=1000))
