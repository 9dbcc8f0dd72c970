"""sort and argsort against NumPy on data of several shapes. Results are checked outside the timed part."""

from __future__ import annotations

import numpy as np
import pytest

import gilkit

N = 10**7
M = 10**6  # size of the default run; --full uses N
RNG = np.random.default_rng(0)
PEERS = ["gilkit", "gilkit-1", "numpy"]
DTYPES = ["float64", "float32", "int64", "int32", "int16", "uint8"]
CASES = [
    pytest.param(dtype, n, marks=[] if n == M or (dtype == "float64" and n < M) else pytest.mark.full)
    for dtype in DTYPES
    for n in (100, 1000, 10_000, 100_000, M, N)
]


def data(kind: str, dtype: str, n: int) -> np.ndarray:
    a = RNG.random(n) if dtype.startswith("float") else RNG.integers(0, np.iinfo(dtype).max, n)
    a = a.astype(dtype)
    if kind == "sorted":
        a.sort()
    elif kind == "reversed":
        a = np.sort(a)[::-1].copy()
    elif kind == "equal":
        a[:] = a[0]
    elif kind == "few":
        a = a[RNG.integers(0, min(n, 10), n)]
    return a


def race(benchmark, name, peer, a):
    function = getattr(np if peer == "numpy" else gilkit, name)
    arguments = {"threads": 1} if peer == "gilkit-1" else {}
    expected = np.sort(a) if name == "sort" else np.argsort(a, kind="stable")
    result = benchmark(lambda: function(a, **arguments))
    if name == "argsort" and peer == "numpy":
        np.testing.assert_array_equal(a[result], a[expected])  # not stable
    else:
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize(("dtype", "n"), CASES)
@pytest.mark.parametrize("name", ["sort", "argsort"])
def test_random(benchmark, name, dtype, n, peer):
    benchmark.group = f"{name}, {n} {dtype}"
    race(benchmark, name, peer, data("random", dtype, n))


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("n", [M, pytest.param(N, marks=pytest.mark.full)])
@pytest.mark.parametrize("kind", ["sorted", "reversed", "equal", "few"])
@pytest.mark.parametrize("name", ["sort", "argsort"])
def test_hard(benchmark, name, kind, n, peer):
    benchmark.group = f"{name}, {n} float64, {kind}"
    race(benchmark, name, peer, data(kind, "float64", n))


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(1000, 300), pytest.param((3000, 1000), marks=pytest.mark.full)], ids=str)
@pytest.mark.parametrize("name", ["sort", "argsort"])
def test_matrix(benchmark, name, shape, axis, peer):
    a = RNG.random(shape)
    benchmark.group = f"{name}, {shape} along {axis}"
    function = getattr(np if peer == "numpy" else gilkit, name)
    arguments = {"threads": 1} if peer == "gilkit-1" else {}
    result = benchmark(lambda: function(a, axis, **arguments))
    np.testing.assert_array_equal(result, getattr(np, name)(a, axis))
