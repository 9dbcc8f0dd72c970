"""Random numbers, permutations and samples against NumPy's generators and numba. Results are checked outside the timed part."""

from __future__ import annotations

import numpy as np
import pytest

import gilkit

SIZES = [1, pytest.param(100, marks=pytest.mark.full), 10_000, 10**6, pytest.param(10**7, marks=pytest.mark.full)]
PEERS = ["gilkit", "Philox", "PCG64", "SFC64"]
WEIGHTS = np.arange(1.0, 1001.0) / 500_500


def generator(peer: str) -> np.random.Generator:
    return np.random.Generator(getattr(np.random, "Philox" if peer == "gilkit" else peer)(1))


def race(benchmark, group, peer, ours, theirs):
    """Measure ours(), or theirs(generator) of the peer. Return the result, and the expected result if it is
    gilkit's."""
    benchmark.group = group
    if peer != "gilkit":
        numbers = generator(peer)
        return benchmark(lambda: theirs(numbers)), None
    return benchmark(ours), theirs(generator(peer))


def check(result, expected, mean, tolerance):
    if expected is not None:
        # NumPy's tables for normal and float32's exponential numbers have other last digits.
        digits = 60 * np.finfo(result.dtype).eps if result.dtype.kind == "f" else 0
        np.testing.assert_allclose(result, expected, rtol=digits)
    if np.size(result) >= 10_000:
        assert abs(np.mean(result, dtype="f8") - mean) < tolerance


@pytest.mark.parametrize("peer", [*PEERS, "numba"])
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_normal(benchmark, dtype, n, peer):
    if peer == "numba":
        benchmark.group = f"normal, {n} {dtype}"
        check(benchmark(numbas_normal(dtype), n), None, 0, 0.1)
        return
    ours = lambda: gilkit.normal(size=n, seed=1, dtype=dtype)  # noqa: E731
    check(*race(benchmark, f"normal, {n} {dtype}", peer, ours, lambda g: g.standard_normal(n, dtype)), 0, 0.1)


def numbas_normal(dtype):
    numba = pytest.importorskip("numba")

    @numba.njit(parallel=True)
    def normal(n):
        out = np.empty(n, dtype)
        for i in numba.prange(n):
            out[i] = np.random.standard_normal()
        return out

    normal(1)  # compiles
    return normal


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_exponential(benchmark, dtype, n, peer):
    ours = lambda: gilkit.exponential(size=n, seed=1, dtype=dtype)  # noqa: E731
    theirs = lambda g: g.standard_exponential(n, dtype)  # noqa: E731
    check(*race(benchmark, f"exponential, {n} {dtype}", peer, ours, theirs), 1, 0.1)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("high", "dtype"), [(100, "int64"), (2**40 + 1, "int64"), (100, "int32"), (100, "uint8")])
def test_integers(benchmark, high, dtype, n, peer):
    ours = lambda: gilkit.integers(0, high, n, dtype, seed=1)  # noqa: E731
    theirs = lambda g: g.integers(0, high, n, dtype)  # noqa: E731
    check(*race(benchmark, f"integers up to {high}, {n} {dtype}", peer, ours, theirs), high / 2, high / 50)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("n", SIZES)
def test_permutation(benchmark, n, peer):
    ours = lambda: gilkit.permutation(n, seed=1)  # noqa: E731
    result, _ = race(benchmark, f"permutation, {n}", peer, ours, lambda g: g.permutation(n))
    np.testing.assert_array_equal(np.sort(result), np.arange(n))


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", ["float64", "int32"])
def test_shuffle(benchmark, dtype, n, peer):
    a = np.arange(n, dtype=dtype)
    race(benchmark, f"shuffle, {n} {dtype}", peer, lambda: gilkit.shuffle(a, seed=1), lambda g: g.shuffle(a))
    np.testing.assert_array_equal(np.sort(a), np.arange(n))


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("p", [None, WEIGHTS], ids=["equal", "weights"])
def test_choice(benchmark, p, n, peer):
    group = f"choice of 1000, {n}{'' if p is None else ', with weights'}"
    ours = lambda: gilkit.choice(1000, n, p=p, seed=1)  # noqa: E731
    check(*race(benchmark, group, peer, ours, lambda g: g.choice(1000, n, p=p)), 499.5 if p is None else 666, 20)
