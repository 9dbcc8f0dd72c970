"""Medians, unique items, sets and search against NumPy, polars and bottleneck. Results are checked outside the timed part."""

from __future__ import annotations

import numpy as np
import pytest

import gilkit

SIZES = [pytest.param(100, marks=pytest.mark.full), 10_000, 10**6, pytest.param(10**7, marks=pytest.mark.full)]
PEERS = ["gilkit", "numpy", "polars"]
RNG = np.random.default_rng(0)
QS = [0.1, 0.5, 0.9]


def integers(n: int, distinct: int) -> np.ndarray:
    return RNG.integers(0, distinct, n) * (2**61 // distinct)


def series(a: np.ndarray):
    return pytest.importorskip("polars").Series(a)


def race(benchmark, group, peer, calls):
    """Measure what calls[peer]() returns, and return its result."""
    benchmark.group = group
    return np.asarray(benchmark(calls[peer]()))


@pytest.mark.parametrize("peer", [*PEERS, "bottleneck"])
@pytest.mark.parametrize("n", SIZES)
def test_median(benchmark, n, peer):
    a = RNG.standard_normal(n)
    calls = {
        "gilkit": lambda: lambda: gilkit.median(a),
        "numpy": lambda: lambda: np.median(a),
        "polars": lambda: series(a).median,
        "bottleneck": lambda: lambda median=pytest.importorskip("bottleneck").median: median(a),
    }
    assert race(benchmark, f"median, {n} float64", peer, calls) == np.median(a)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("n", SIZES)
def test_quantiles(benchmark, n, peer):
    a = RNG.standard_normal(n)
    calls = {
        "gilkit": lambda: lambda: gilkit.quantile(a, QS),
        "numpy": lambda: lambda: np.quantile(a, QS),
        "polars": lambda: lambda s=series(a): [s.quantile(q, "linear") for q in QS],
    }
    result = race(benchmark, f"three quantiles, {n} float64", peer, calls)
    np.testing.assert_allclose(result, np.quantile(a, QS), rtol=1e-12)


@pytest.mark.parametrize("peer", ["gilkit", "numpy", "bottleneck"])
@pytest.mark.parametrize("n", SIZES)
def test_partition(benchmark, n, peer):
    a = RNG.standard_normal(n)
    calls = {
        "gilkit": lambda: lambda: gilkit.partition(a, n // 2),
        "numpy": lambda: lambda: np.partition(a, n // 2),
        "bottleneck": lambda: lambda partition=pytest.importorskip("bottleneck").partition: partition(a, n // 2),
    }
    assert race(benchmark, f"partition, {n} float64", peer, calls)[n // 2] == np.sort(a)[n // 2]


def numpys_topk(a, k):
    indices = np.argpartition(a, len(a) - k)[len(a) - k :]
    return a[indices[np.argsort(a[indices])[::-1]]]


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("n", SIZES)
def test_topk(benchmark, n, peer):
    a, k = RNG.standard_normal(n), 100
    calls = {
        "gilkit": lambda: lambda: gilkit.topk(a, k).values,
        "numpy": lambda: lambda: numpys_topk(a, k),
        "polars": lambda: lambda s=series(a): s.top_k(k),
    }
    result = race(benchmark, f"{k} largest, {n} float64", peer, calls)
    np.testing.assert_array_equal(np.sort(result), np.sort(a)[-k:])


@pytest.mark.parametrize("peer", ["gilkit", "numpy", "bottleneck"])
@pytest.mark.parametrize("axis", [0, 1])
def test_median_along_an_axis(benchmark, axis, peer):
    a = RNG.standard_normal((1000, 1000))
    calls = {
        "gilkit": lambda: lambda: gilkit.median(a, axis=axis),
        "numpy": lambda: lambda: np.median(a, axis=axis),
        "bottleneck": lambda: lambda median=pytest.importorskip("bottleneck").median: median(a, axis=axis),
    }
    result = race(benchmark, f"median, 1000 x 1000 float64 along {axis}", peer, calls)
    np.testing.assert_array_equal(result, np.median(a, axis=axis))


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("distinct", [1000, 2**60])
@pytest.mark.parametrize("n", SIZES)
def test_unique(benchmark, n, distinct, peer):
    a = integers(n, distinct)
    calls = {
        "gilkit": lambda: lambda: gilkit.unique(a),
        "numpy": lambda: lambda: np.unique(a),
        "polars": lambda: series(a).unique,
    }
    result = race(benchmark, f"unique, {n} int64, of {distinct} values", peer, calls)
    ordered = np.sort(a)
    np.testing.assert_array_equal(np.sort(result), ordered[np.append(True, ordered[1:] != ordered[:-1])])


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("m", [10, 1000, pytest.param(10**6, marks=pytest.mark.full)])
@pytest.mark.parametrize("n", SIZES)
def test_isin(benchmark, n, m, peer):
    a = integers(n, 2**60)
    elements = np.concatenate([RNG.choice(a, m // 2), integers(m - m // 2, 2**60)])
    calls = {
        "gilkit": lambda: lambda: gilkit.isin(a, elements),
        "numpy": lambda: lambda: np.isin(a, elements),
        "polars": lambda: lambda s=series(a), test=series(elements): s.is_in(test.implode()),
    }
    result = race(benchmark, f"isin, {n} int64 among {m}", peer, calls)
    np.testing.assert_array_equal(result, np.isin(a, elements))


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("m", [1000, 10**6, pytest.param(10**7, marks=pytest.mark.full)])
@pytest.mark.parametrize("n", SIZES[:3])
def test_searchsorted(benchmark, n, m, peer):
    a, keys = np.sort(integers(m, 2**60)), integers(n, 2**60)
    calls = {
        "gilkit": lambda: lambda: gilkit.searchsorted(a, keys),
        "numpy": lambda: lambda: np.searchsorted(a, keys),
        "polars": lambda: lambda s=series(a), wanted=series(keys): s.search_sorted(wanted),
    }
    result = race(benchmark, f"searchsorted, {n} int64 in {m}", peer, calls)
    np.testing.assert_array_equal(result, np.searchsorted(a, keys))
