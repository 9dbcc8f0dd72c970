"""Results in fresh memory: NumPy with gilkit's cache under its memory handler, next to NumPy alone."""

from __future__ import annotations

import numpy as np
import pytest

from gilkit.patching import _memory

PEERS = ["cache", "numpy"]
SIZES = [pytest.param(mb, marks=[] if mb in (4, 80) else pytest.mark.full) for mb in (2, 4, 8, 20, 40, 80, 200)]


def add(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a + b


def temporaries(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    c = a * 2 + b
    d = c - a
    return c * d


def zeros(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    c = np.zeros(len(a))
    c += b
    return c


EXPECTED = {add: 3.0, temporaries: 12.0, zeros: 2.0}  # of 1.0 and 2.0


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("megabytes", SIZES)
@pytest.mark.parametrize("function", EXPECTED)
def test_fresh(benchmark, function, megabytes, peer):
    benchmark.group = f"{function.__name__}, {megabytes} MB"
    n = megabytes * 10**6 // 8
    a, b = np.full(n, 1.0), np.full(n, 2.0)
    if peer == "cache":
        _memory.install()
    try:
        benchmark(lambda: function(a, b).size)  # the result is freed inside, as temporary arrays are
        for _ in range(4):  # with --benchmark-disable, the line above makes a single call
            function(a, b)
        found = _memory.statistics()
        result = function(a, b)
    finally:
        _memory.uninstall()
    assert result.min() == result.max() == EXPECTED[function]
    if peer == "cache" and not (function is zeros and n * 8 > 32 * 2**20):
        assert found["hits"] > found["misses"]
