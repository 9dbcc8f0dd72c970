"""sum, mean, var, min, max, fsum, cumsum, uniform, dot and jacobi against their best peers in the same session.

gilkit and its peers alternate in one run (pytest-benchmark sorts them into a group). Each result is compared with
NumPy's outside the timed part.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gilkit

N = 10**7
DTYPES = ["float64", "float32", "int64"]
REDUCTIONS = ("sum", "mean", "var", "min", "max")
M = 10**6  # size of the default run; --full uses N
SIZES = [M, pytest.param(N, marks=pytest.mark.full)]
CASES = [
    pytest.param(dtype, n, marks=[] if n == M or (dtype == "float64" and n < M) else pytest.mark.full)
    for dtype in DTYPES
    for n in (100, 10_000, M, N)
]
SHAPES = [
    *[(1000, 1000), (M // 8, 8)],
    *(pytest.param(shape, marks=pytest.mark.full) for shape in [(10_000, 1000), (N // 8, 8), (N // 3, 3)]),
]


@functools.lru_cache(1)  # run benchmarks that share data one after another
def data(dtype: str, n: int) -> np.ndarray:
    """Return test data, created on first use to keep collection fast."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 1000, n) if dtype == "int64" else rng.random(n, dtype=dtype)


def check(result: Any, expected: Any) -> None:
    np.testing.assert_allclose(result, expected, rtol=1e-4 if np.asarray(result).dtype == np.float32 else 1e-9)


@functools.cache  # compiling takes longer than the benchmark
def numba_reduction(name: str) -> Callable[[Any], Any]:
    """Return a numba prange loop for the reductions that it can express."""
    numba = pytest.importorskip("numba")
    if name in ("min", "max"):
        pick = min if name == "min" else max

        @numba.njit(parallel=True, fastmath=True)
        def extreme(a):
            best = a[0]
            for i in numba.prange(a.shape[0]):
                best = pick(best, a[i])
            return best

        return extreme

    @numba.njit(parallel=True, fastmath=True)
    def total(a):
        s = 0.0
        for i in numba.prange(a.shape[0]):
            s += a[i]
        return s

    if name == "sum":
        return total
    if name == "mean":
        add = numba_reduction("sum")
        return lambda a: add(a) / a.size
    pytest.skip("two loops in numba")


@pytest.mark.parametrize("peer", ["gilkit", "gilkit-1", "numpy", "numba"])
@pytest.mark.parametrize(("dtype", "n"), CASES)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction(benchmark, name, dtype, n, peer):
    benchmark.group = f"{name}, {n} {dtype}"
    a = data(dtype, n)
    if peer == "numba" and dtype == "float64":
        function = numba_reduction(name)
    elif peer == "numba":
        pytest.skip("doubles only")
    else:
        function = getattr(np if peer == "numpy" else gilkit, name)
    arguments = {"threads": 1} if peer == "gilkit-1" else {}
    check(benchmark(lambda: function(a, **arguments)), getattr(np, name)(a.astype("f8")))


@pytest.mark.parametrize("peer", ["gilkit", "numpy"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", ["sum", "var", "max"])
def test_axis(benchmark, name, shape, axis, peer):
    benchmark.group = f"{name} of {shape} along {axis}"
    a = data("float64", math.prod(shape)).reshape(shape)
    function = getattr(np if peer == "numpy" else gilkit, name)
    check(benchmark(lambda: function(a, axis=axis)), getattr(np, name)(a, axis=axis))


@pytest.mark.parametrize("peer", ["gilkit", "BLAS dot"])
@pytest.mark.parametrize("n", SIZES)
def test_bandwidth(benchmark, n, peer):
    """Compare gilkit.sum with the memory bandwidth: the BLAS dot of the array with itself reads it once on all cores."""
    benchmark.group = f"reading {n} float64: sum"
    a = data("float64", n)
    benchmark((lambda: gilkit.sum(a)) if peer == "gilkit" else (lambda: np.dot(a, a)))


@pytest.mark.benchmark(group=f"fsum, {M} float64")
@pytest.mark.parametrize("peer", ["gilkit", "gilkit.sum", "math.fsum"])
def test_fsum(benchmark, peer):
    a = data("float64", M)
    function = {"gilkit": gilkit.fsum, "gilkit.sum": gilkit.sum, "math.fsum": math.fsum}[peer]
    result = benchmark(lambda: function(a))
    assert result == math.fsum(a) or peer == "gilkit.sum"


@pytest.mark.parametrize("peer", ["gilkit", "numpy"])
@pytest.mark.parametrize("into", ["new array", "out"])
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_cumsum(benchmark, dtype, n, into, peer):
    benchmark.group = f"cumsum into {into}, {n} {dtype}"
    a = data(dtype, n)
    arguments = {"out": np.zeros_like(a)} if into == "out" else {}
    function = (np if peer == "numpy" else gilkit).cumsum
    check(benchmark(lambda: function(a, **arguments)), np.cumsum(a.astype("f8")))


@pytest.mark.parametrize("peer", ["gilkit", "Philox", "PCG64"])
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_uniform(benchmark, dtype, n, peer):
    benchmark.group = f"uniform into out, {n} {dtype}"
    out = np.zeros(n, dtype)
    if peer == "gilkit":
        benchmark(lambda: gilkit.uniform(n, seed=1, dtype=dtype, out=out))
        np.testing.assert_array_equal(out, np.random.Generator(np.random.Philox(1)).random(n, dtype))
    else:
        generator = np.random.Generator(getattr(np.random, peer)(1))
        benchmark(lambda: generator.random(dtype=dtype, out=out))
        assert 0.49 < out.mean() < 0.51


@pytest.mark.parametrize("peer", ["gilkit", "numpy"])
@pytest.mark.parametrize("n", SIZES)
def test_dot(benchmark, n, peer):
    benchmark.group = f"dot, {n} float64"
    a, b = data("float64", n), data("float64", n)[::-1].copy()
    check(benchmark(lambda: (np if peer == "numpy" else gilkit).dot(a, b)), np.dot(a, b))


def numba_jacobi() -> Callable[[Any, int], Any]:
    numba = pytest.importorskip("numba")

    @numba.njit(parallel=True)
    def sweep(a, b):
        for i in numba.prange(1, a.shape[0] - 1):
            for j in range(1, a.shape[1] - 1):
                b[i, j] = 0.25 * ((a[i - 1, j] + a[i + 1, j]) + (a[i, j - 1] + a[i, j + 1]))

    def jacobi(a, b, iterations):
        for _ in range(iterations):
            sweep(a, b)
            a, b = b, a
        return a

    return jacobi


@pytest.mark.parametrize("peer", ["gilkit", "gilkit-1", "numba"])
@pytest.mark.parametrize(("side", "iterations"), [(512, 100), pytest.param(4096, 100, marks=pytest.mark.full)])
def test_jacobi(benchmark, side, iterations, peer):
    benchmark.group = f"jacobi, {iterations} sweeps of {side} x {side}"
    grid = np.random.default_rng(1).random((side, side))
    work = grid.copy(), grid.copy()
    if peer == "numba":
        function = numba_jacobi()
        np.testing.assert_array_equal(function(*work, 3), gilkit.jacobi(grid, iterations=3))  # and compiles
        benchmark.pedantic(lambda: function(*work, iterations), rounds=3)
    else:
        threads = 1 if peer == "gilkit-1" else None
        benchmark.pedantic(lambda: gilkit.jacobi(grid, iterations=iterations, out=work[0], threads=threads), rounds=3)
        np.testing.assert_array_equal(work[0], gilkit.jacobi(grid, iterations=iterations, threads=3))
