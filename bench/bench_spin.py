"""The busy loop x ^= 1: what pure Python, processes, a free-threaded build and native threads make of the cores.

There is no NumPy or numexpr form: each step needs the one before.
"""

from __future__ import annotations

import pytest

from gilkit.lab import workloads


@pytest.mark.benchmark(group="spin")
def test_spin(race):
    race(workloads.get("spin"))


@pytest.mark.strategies("gilkit", "numpy", "numba", "numexpr")
@pytest.mark.benchmark(group="spin, 400 million loops")
def test_spin_large(race):
    race(workloads.get("spin", iterations=400_000_000))
