"""The busy loop x ^= 1 in pure Python, in processes, on a free-threaded build and on native threads.

There is no NumPy or numexpr form: each step depends on the previous one.
"""

from __future__ import annotations

import pytest

from gilkit.lab import workloads


@pytest.mark.parametrize("iterations", [4_000_001, pytest.param(40_000_001, marks=pytest.mark.full)])
def test_spin(benchmark, race, iterations):
    benchmark.group = f"spin, {iterations:,} loops"
    race(workloads.get("spin", iterations=iterations))


@pytest.mark.full
@pytest.mark.strategies("gilkit", "numpy", "numba", "numexpr")
@pytest.mark.benchmark(group="spin, 400 million loops")
def test_spin_large(race):
    race(workloads.get("spin", iterations=400_000_000))
