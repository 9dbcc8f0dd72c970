"""NumPy's functions with `gilkit.patch_numpy()`, next to NumPy alone, mkl_umath, numexpr and Numba.

numexpr and Numba compute an expression in one pass, without temporary arrays, so they win where there are several
operations. mkl_umath (`pip install mkl-umath`) has Intel's functions in place of NumPy's, where it has one of that name.
The results with the patch must have NumPy's bits; those of the others are compared with a tolerance.
"""

from __future__ import annotations

import contextlib
import functools

import numpy as np
import pytest

import gilkit

N = 10**7
M = 10**6  # size of the default run; --full adds the others
RNG = np.random.default_rng(0)
SIZES = [pytest.param(n, marks=[] if n == M else pytest.mark.full) for n in (10, 1000, 10_000, 100_000, M, N)]

UNARY = ["sin", "cos", "exp", "log", "sqrt"]
BINARY = ["add", "multiply", "greater", "power", "arctan2", "hypot"]


@contextlib.contextmanager
def way(peer: str):
    """NumPy alone, or patched."""
    if peer == "patched":
        with gilkit.patch_numpy():
            yield
    else:
        yield


def same_bits(result, expected):
    assert np.asarray(result).tobytes() == np.asarray(expected).tobytes()


@pytest.mark.parametrize("peer", ["patched", "numpy", "mkl_umath"])
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", UNARY + BINARY)
def test_ufunc(benchmark, name, n, peer):
    benchmark.group = f"{name}, {n} float64, into out"
    function = getattr(np, name)
    operands = [RNG.random(n) + 0.5 for _ in range(1 if name in UNARY else 2)]
    expected = function(*operands)
    out = np.empty_like(expected)
    if peer == "mkl_umath":
        function = getattr(pytest.importorskip("mkl_umath"), name, None)
        if function is None:
            pytest.skip(f"mkl_umath has no {name}")
    with way(peer):
        benchmark(lambda: function(*operands, out=out))
    if peer == "mkl_umath":
        np.testing.assert_allclose(out, expected)
    else:
        same_bits(out, expected)


@pytest.mark.parametrize("peer", ["patched", "numpy"])
@pytest.mark.parametrize("n", [M, pytest.param(N, marks=pytest.mark.full)])
@pytest.mark.parametrize("name", ["add", "sum", "mean", "std", "max", "argmax", "astype", "take", "less"])
def test_fresh(benchmark, name, n, peer):
    benchmark.group = f"{name}, {n} float64, a new result"
    a, order = RNG.random(n), RNG.permutation(n)
    calls = {
        "add": lambda: a + a, "less": lambda: a < 0.5, "astype": lambda: a.astype("f4"), "take": lambda: a.take(order),
    }  # fmt: skip
    call = calls.get(name) or getattr(a, name)
    expected = call()
    with way(peer):
        result = benchmark(call)
    same_bits(result, expected)


@pytest.mark.parametrize("peer", ["patched", "numpy"])
@pytest.mark.parametrize("n", [M, pytest.param(N, marks=pytest.mark.full)])
@pytest.mark.parametrize("name", ["sort floats", "sort", "argsort, stable", "cumsum", "bincount"])
def test_one_row(benchmark, name, n, peer):
    benchmark.group = f"{name}, {n} {'float64' if name == 'sort floats' else 'int64'}"
    floats, wide, small = RNG.random(n), RNG.integers(-(2**60), 2**60, n), RNG.integers(0, 1000, n)
    call = {
        "sort floats": lambda: np.sort(floats), "sort": lambda: np.sort(wide), "cumsum": lambda: np.cumsum(wide),
        "argsort, stable": lambda: np.argsort(wide, kind="stable"), "bincount": lambda: np.bincount(small),
    }[name]  # fmt: skip
    expected = call()
    with way(peer):
        result = benchmark(call)
    same_bits(result, expected)


@pytest.mark.parametrize("peer", ["patched", "numpy"])
@pytest.mark.parametrize("name", ["where", "a[mask]", "searchsorted", "median", "unique", "histogram"])
def test_by_kernels(benchmark, name, peer):
    benchmark.group = f"{name}, {M}"
    a, wide = RNG.standard_normal(M), RNG.integers(0, 2**60, M)
    mask, table = a > 0, np.sort(a[:1000])
    call = {
        "where": lambda: np.where(mask, a, 0.0), "a[mask]": lambda: a[mask], "median": lambda: np.median(a),
        "searchsorted": lambda: np.searchsorted(table, a), "unique": lambda: np.unique(wide),
        "histogram": lambda: np.histogram(a, 100)[0],
    }[name]  # fmt: skip
    expected = call()
    with way(peer):
        result = benchmark(call)
    same_bits(result, expected)


@pytest.mark.parametrize("peer", ["patched", "numpy"])
@pytest.mark.parametrize("name", ["random", "standard_normal", "poisson", "np.random.rand"])
def test_random(benchmark, name, peer):
    benchmark.group = f"{name}, {M}"

    def draw(generator, legacy):
        return legacy.rand(M) if name == "np.random.rand" else getattr(generator, name)(size=M)

    expected = draw(np.random.default_rng(7), np.random.RandomState(7))
    generator, legacy = np.random.default_rng(7), np.random.RandomState(7)
    with way(peer):
        same_bits(draw(generator, legacy), expected)
        benchmark(lambda: draw(generator, legacy))


@pytest.mark.parametrize("peer", ["patched", "numpy"])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", ["sum", "max", "sort"])
def test_axis(benchmark, name, axis, peer):
    benchmark.group = f"{name} along {axis}, 2000 x 2000 float64"
    a = RNG.random((2000, 2000))
    expected = getattr(np, name)(a, axis=axis)
    with way(peer):
        result = benchmark(lambda: getattr(np, name)(a, axis=axis))
    same_bits(result, expected)


def race(benchmark, peer, compute, operands, expression, names):
    """Measure one way to compute an expression; numexpr has it as a string with these names of arrays."""
    expected = compute(*operands)
    call = functools.partial(compute, *operands)
    if peer == "numexpr":
        numexpr = pytest.importorskip("numexpr")
        call = functools.partial(numexpr.evaluate, expression, local_dict=names)
    elif peer == "numba":
        numba = pytest.importorskip("numba")
        call = functools.partial(numba.njit(parallel=True)(compute), *operands)
    with way(peer):
        result = benchmark(call)
    if peer in ("numexpr", "numba"):
        np.testing.assert_allclose(result, expected)
    else:
        same_bits(result, expected)


def stencil(a):
    return 0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[:-2, 1:-1] + a[2:, 1:-1])


@pytest.mark.parametrize("peer", ["patched", "numpy", "numexpr", "numba"])
@pytest.mark.parametrize("side", [1000, pytest.param(4000, marks=pytest.mark.full)])
def test_stencil(benchmark, side, peer):
    benchmark.group = f"five-point stencil, {side} x {side} float64"
    a = RNG.random((side, side))
    parts = {"c": a[1:-1, 1:-1], "w": a[1:-1, :-2], "e": a[1:-1, 2:], "n": a[:-2, 1:-1], "s": a[2:, 1:-1]}
    race(benchmark, peer, stencil, (a,), "0.2 * (c + w + e + n + s)", parts)


def sine_and_products(a, b):
    return np.sin(a) * b + 2 * a


@pytest.mark.parametrize("peer", ["patched", "numpy", "numexpr", "numba"])
@pytest.mark.parametrize("n", [M, pytest.param(N, marks=pytest.mark.full)])
def test_expression(benchmark, n, peer):
    benchmark.group = f"sin(a) * b + 2 * a, {n} float64"
    a, b = RNG.random(n), RNG.random(n)
    race(benchmark, peer, sine_and_products, (a, b), "sin(a) * b + 2 * a", {"a": a, "b": b})
