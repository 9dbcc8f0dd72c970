"""Pi by Monte Carlo. Every contender throws with its own generator, as its users would write it, and the estimate is
checked statistically: pure Python uses random.Random.random(), numba its built-in random.random(), NumPy and numexpr
numpy.random.default_rng(), gilkit its counter-based Philox.
"""

from __future__ import annotations

import pytest

from gilkit.lab import workloads


@pytest.mark.benchmark(group="pi")
def test_pi(race):
    race(workloads.get("pi"))


@pytest.mark.strategies("gilkit", "numpy", "numba", "numexpr")
@pytest.mark.benchmark(group="pi, 10 million samples")
def test_pi_large(race):
    race(workloads.get("pi", samples=10_000_000))
