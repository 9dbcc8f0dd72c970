"""histogram and bincount against NumPy. Results are checked outside the timed part."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import gilkit

N = 10**7
M = 10**6  # size of the default run; --full uses N
PEERS = ["gilkit", "gilkit-1", "numpy"]
# The data, the bins, and whether there are weights.
HISTOGRAMS = {
    "10 bins": ("floats", 10, False),
    "256 bins": ("floats", 256, False),
    "256 bins, float32": ("floats32", 256, False),
    "256 bins, int64": ("bytes", 256, False),
    "100000 bins": ("floats", 100_000, False),
    "3000000 bins": ("floats", 3_000_000, False),
    "256 even edges": ("floats", np.linspace(0, 1, 257), False),
    "256 uneven edges": ("floats", np.linspace(0, 1, 257) ** 2, False),
    "256 bins, weights": ("floats", 256, True),
}
COUNTS = {
    "256 values": ("bytes", False),
    "256 values, uint8": ("uint8", False),
    "1 value": ("zeros", False),
    "10000000 values": ("many", False),
    "256 values, weights": ("bytes", True),
}


@functools.lru_cache(2)  # run benchmarks that share data one after another
def data(kind: str, n: int) -> np.ndarray:
    """Return test data, created on first use to keep collection fast."""
    rng = np.random.default_rng(0)
    if kind == "zeros":
        return np.zeros(n, int)
    if kind == "many":
        return rng.integers(0, N, n)
    if kind in ("bytes", "uint8"):
        return rng.integers(0, 256, n, dtype=np.uint8 if kind == "uint8" else np.int64)
    return rng.random(n, dtype=np.float32 if kind == "floats32" else np.float64)


def cases(inputs):
    """Yield each kind of input in each size; by default, skip those whose tables are larger than their data."""
    for what in inputs:
        for n in (100, 10_000, M, N):
            short = n == M or what == "256 bins" or (n == 10_000 and "00000 " not in what)
            yield pytest.param(what, n, marks=[] if short and n < N and "000000 " not in what else pytest.mark.full)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize(("what", "n"), list(cases(HISTOGRAMS)))
def test_histogram(benchmark, what, n, peer):
    kind, bins, weighted = HISTOGRAMS[what]
    a, weights = data(kind, n), data("floats", n)[::-1].copy() if weighted else None
    benchmark.group = f"histogram, {n} items, {what}"
    function = np.histogram if peer == "numpy" else gilkit.histogram
    arguments = {"threads": 1} if peer == "gilkit-1" else {}
    counts, edges = benchmark(lambda: function(a, bins, weights=weights, **arguments))
    expected = np.histogram(a, bins, weights=weights)
    np.testing.assert_array_equal(counts, expected[0])
    np.testing.assert_array_equal(edges, expected[1])


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize(("what", "n"), list(cases(COUNTS)))
def test_bincount(benchmark, what, n, peer):
    kind, weighted = COUNTS[what]
    x, weights = data(kind, n), data("floats", n)[::-1].copy() if weighted else None
    benchmark.group = f"bincount, {n} items, {what}"
    function = np.bincount if peer == "numpy" else gilkit.bincount
    arguments = {"threads": 1} if peer == "gilkit-1" else {}
    result = benchmark(lambda: function(x, weights, **arguments))
    np.testing.assert_allclose(result, np.bincount(x, weights), rtol=1e-9)
