"""Selection by mask and by index, against NumPy and polars. Results are checked outside the timed part."""

from __future__ import annotations

import numpy as np
import pytest

import gilkit

SIZES = [pytest.param(100, marks=pytest.mark.full), 10_000, 10**6, pytest.param(10**7, marks=pytest.mark.full)]
PEERS = ["gilkit", "numpy", "polars"]
RNG = np.random.default_rng(0)


def series(a: np.ndarray):
    return pytest.importorskip("polars").Series(a)


def race(benchmark, group, peer, calls, expected):
    """Measure what calls[peer]() returns, and check its result."""
    benchmark.group = group
    np.testing.assert_array_equal(np.asarray(benchmark(calls[peer]())), expected)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("share", [0.01, 0.5])
@pytest.mark.parametrize("n", SIZES)
def test_mask(benchmark, n, share, peer):
    a, mask = RNG.standard_normal(n), RNG.random(n) < share
    calls = {
        "gilkit": lambda: lambda: gilkit.masked_select(a, mask),
        "numpy": lambda: lambda: a[mask],
        "polars": lambda: lambda s=series(a), m=series(mask): s.filter(m),
    }
    race(benchmark, f"a[mask], {n} float64, of which {share}", peer, calls, a[mask])


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("n", SIZES)
def test_where(benchmark, n, peer):
    a, b, mask = RNG.standard_normal(n), RNG.standard_normal(n), RNG.random(n) < 0.5
    calls = {
        "gilkit": lambda: lambda: gilkit.where(mask, a, b),
        "numpy": lambda: lambda: np.where(mask, a, b),
        "polars": lambda: lambda s=series(a), o=series(b), m=series(mask): s.zip_with(m, o),
    }
    race(benchmark, f"where, {n} float64", peer, calls, np.where(mask, a, b))


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("n", SIZES)
def test_take(benchmark, n, peer):
    a, indices = RNG.standard_normal(n), RNG.integers(0, n, n)
    calls = {
        "gilkit": lambda: lambda: gilkit.take(a, indices),
        "numpy": lambda: lambda: np.take(a, indices),
        "polars": lambda: lambda s=series(a), i=series(indices): s.gather(i),
    }
    race(benchmark, f"take, {n} float64, at random", peer, calls, a[indices])


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("n", SIZES)
def test_nonzero(benchmark, n, peer):
    mask = RNG.random(n) < 0.5
    calls = {
        "gilkit": lambda: lambda: gilkit.flatnonzero(mask),
        "numpy": lambda: lambda: np.flatnonzero(mask),
        "polars": lambda: series(mask).arg_true,
    }
    race(benchmark, f"flatnonzero, {n} bool", peer, calls, np.flatnonzero(mask))
