"""histogram and bincount beside NumPy. The result is checked outside the timed part."""

from __future__ import annotations

import numpy as np
import pytest

import gilkit

N = 10**7
M = 10**6  # enough for the default run; N with --full
RNG = np.random.default_rng(0)
FLOATS = RNG.random(N)
SMALL = RNG.integers(0, 256, N)
WEIGHTS = RNG.random(N)
PEERS = ["gilkit", "gilkit-1", "numpy"]
HISTOGRAMS = {
    "10 bins": (FLOATS, 10, None),
    "256 bins": (FLOATS, 256, None),
    "256 bins, float32": (FLOATS.astype("f4"), 256, None),
    "256 bins, int64": (SMALL, 256, None),
    "100000 bins": (FLOATS, 100_000, None),
    "3000000 bins": (FLOATS, 3_000_000, None),
    "256 even edges": (FLOATS, np.linspace(0, 1, 257), None),
    "256 uneven edges": (FLOATS, np.linspace(0, 1, 257) ** 2, None),
    "256 bins, weights": (FLOATS, 256, WEIGHTS),
}
COUNTS = {
    "256 values": (SMALL, None),
    "256 values, uint8": (SMALL.astype("u1"), None),
    "1 value": (np.zeros(N, int), None),
    "10000000 values": (RNG.integers(0, N, N), None),
    "256 values, weights": (SMALL, WEIGHTS),
}


def cases(inputs):
    """Each kind of input in each size; by default not those whose tables are larger than their data."""
    for what in inputs:
        for n in (100, 10_000, M, N):
            short = n == M or what == "256 bins" or (n == 10_000 and "00000 " not in what)
            yield pytest.param(what, n, marks=[] if short and n < N and "000000 " not in what else pytest.mark.full)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize(("what", "n"), cases(HISTOGRAMS))
def test_histogram(benchmark, what, n, peer):
    a, bins, weights = HISTOGRAMS[what]
    a, weights = a[:n], None if weights is None else weights[:n]
    benchmark.group = f"histogram, {n} items, {what}"
    function = np.histogram if peer == "numpy" else gilkit.histogram
    arguments = {"threads": 1} if peer == "gilkit-1" else {}
    counts, edges = benchmark(lambda: function(a, bins, weights=weights, **arguments))
    expected = np.histogram(a, bins, weights=weights)
    np.testing.assert_array_equal(counts, expected[0])
    np.testing.assert_array_equal(edges, expected[1])


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize(("what", "n"), cases(COUNTS))
def test_bincount(benchmark, what, n, peer):
    x, weights = COUNTS[what]
    x, weights = x[:n], None if weights is None else weights[:n]
    benchmark.group = f"bincount, {n} items, {what}"
    function = np.bincount if peer == "numpy" else gilkit.bincount
    arguments = {"threads": 1} if peer == "gilkit-1" else {}
    result = benchmark(lambda: function(x, weights, **arguments))
    np.testing.assert_allclose(result, np.bincount(x, weights), rtol=1e-9)
