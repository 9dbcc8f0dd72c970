"""Pi by Monte Carlo.

Each contender uses the generator that its users would choose, and the estimate is checked statistically: pure Python
uses random.Random.random(), numba its built-in random.random(), NumPy and numexpr numpy.random.default_rng(), gilkit
its counter-based Philox.
"""

from __future__ import annotations

import pytest

from gilkit.lab import workloads


@pytest.mark.parametrize("samples", [400_000, pytest.param(4_000_000, marks=pytest.mark.full)])
def test_pi(benchmark, race, samples):
    benchmark.group = f"pi, {samples:,} samples"
    race(workloads.get("pi", samples=samples))


@pytest.mark.full
@pytest.mark.strategies("gilkit", "numpy", "numba", "numexpr")
@pytest.mark.benchmark(group="pi, 10 million samples")
def test_pi_large(race):
    race(workloads.get("pi", samples=10_000_000))
