"""Medians, quantiles and percentiles: NumPy's bits, dtypes, shapes, warnings and errors."""

import numpy as np
import pytest
from against_numpy import arrays, check
from hypothesis import given, settings
from hypothesis import strategies as st

import gilkit
from gilkit.kernels import quantiles

NAMES = ["median", "quantile", "percentile", "nanmedian", "nanquantile", "nanpercentile"]
METHODS = [
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull", "linear",
    "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest", "bogus",
]  # fmt: skip
QS = [
    0.5,
    0,
    1,
    np.float32(0.3),
    [0.1, 0.5, 0.9],
    [],
    [[0.2, 0.4]],
    1.5,
    -0.1,
    np.nan,
    "x",
    np.array([0.25], np.float32),
]


@pytest.fixture(autouse=True)
def short_arrays_too(monkeypatch):
    """Make gilkit compute short arrays itself, which it normally leaves to NumPy."""
    monkeypatch.setattr(quantiles, "_SHORT", 0)


def arguments(name, q):
    if "median" in name:
        return ()
    return (np.multiply(q, 100) if "percentile" in name and not isinstance(q, str) else q,)


@pytest.mark.parametrize("name", NAMES)
@given(a=arrays(max_dims=3), q=st.sampled_from(QS), axis=st.sampled_from([None, 0, 1, -1, 2, (0, 1), (1,), 1.5, np.int64(0)]),
       keepdims=st.booleans(), overwrite=st.booleans())  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_equals_numpy(name, a, q, axis, keepdims, overwrite):
    before = a.copy()
    check(name, a.copy(), *arguments(name, q), axis=axis, keepdims=keepdims, overwrite_input=overwrite)
    if not overwrite:
        np.testing.assert_array_equal(a, before)


@pytest.mark.parametrize("dtype", [">i2", ">f8"])
@pytest.mark.parametrize("q", [0, [0, 1], 0.5])
@pytest.mark.parametrize("axis", [None, 0])
def test_byte_order_is_numpys(dtype, q, axis):
    """Regression test: the result was native where NumPy's has the byte order of the array."""
    a = np.arange(12).reshape(3, 4).astype(dtype)
    for name in ("quantile", "nanquantile"):
        check(name, a, q, axis)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["quantile", "nanquantile"])
def test_methods(name, method, rng):
    for a in (
        rng.standard_normal(1001),
        rng.integers(0, 50, (40, 25)),
        rng.standard_normal((30, 20)).astype("f4"),
        [7],
    ):
        for axis in (None, 0, -1):
            check(name, a, [0, 0.1, 1 / 3, 0.5, 0.99, 1], axis=axis, method=method)


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 64])
@pytest.mark.parametrize("dtype", "bHiqQfd")
def test_long_arrays(dtype, threads, rng):
    spread = {"b": 100, "H": 60_000}.get(dtype, 2**31 - 1)
    for n in (32_767, 32_768, 400_001):
        for distinct in (1, 5, spread):
            a = rng.integers(0, distinct, n).astype(dtype)
            if dtype in "fd" and distinct > 5:
                a = (rng.standard_normal(n) ** 3).astype(dtype)
                a[:: n // 100] = -0.0
            with gilkit.threads(threads):
                check("median", a)
                check("quantile", a, [0, 0.001, 0.5, 0.9, 1])
            if dtype in "fd":
                a[rng.integers(0, n, 1000)] = np.nan
                with gilkit.threads(threads):
                    check("median", a)
                    check("nanmedian", a)
                    check("nanpercentile", a, [1, 99])


def test_hard_to_divide():
    """Orders and values that a sample represents badly."""
    n = 300_000
    ramp = np.arange(n, dtype=float)
    for a in (ramp, ramp[::-1], np.where(np.arange(n) % 997, 0.0, ramp), np.exp2(-ramp / 300), np.sin(ramp), np.tile([1.0, np.inf], n // 2),
              np.concatenate([np.zeros(n - 5), ramp[:5]]), np.full(n, np.nan), np.where(ramp < 3, ramp, np.nan)):  # fmt: skip
        for name in ("quantile", "nanquantile"):
            check(name, a, [0, 1e-6, 0.25, 0.5, 0.75, 1 - 1e-6, 1])


def test_out_and_weights(rng):
    a = rng.standard_normal((40, 30))
    for name in NAMES:
        args = arguments(name, 0.25)
        for axis, shape in ((0, 30), (1, 40), (None, ())):
            out = np.empty(shape)
            assert getattr(gilkit, name)(a, *args, axis=axis, out=out) is out
            np.testing.assert_array_equal(out, getattr(np, name)(a, *args, axis=axis))
        if args:
            check(name, a, *args, weights=np.arange(1200.0).reshape(40, 30), method="inverted_cdf")
            check(name, a, *args, weights=np.ones((40, 30)))
        check(name, np.array([3, 1, 2], "M8[s]"), *args)
        check(name, np.array([3, 1, 2], np.float16), *args)
        check(name, [1j, 2], *args)
        check(name, np.ma.masked_array([1.0, 2, 9], [0, 0, 1]), *args)
        with pytest.raises(ValueError, match="threads must be from 1"):
            getattr(gilkit, name)(a, *args, threads=0)


class Overriding(np.ndarray):
    """An array that intercepts NumPy's functions, and returns whether each argument is of a class of NumPy or
    Python."""

    def __array_function__(self, function, types, args, kwargs):
        return np.array([type(each) in (np.ndarray, Overriding, int, float) for each in args])


class Inheriting(np.ndarray):
    pass


def test_q_and_out_that_numpy_dispatches_on(rng):
    a = rng.standard_normal((100, 100))
    for name in NAMES:
        args = arguments(name, 0.5)
        for axis, out in ((None, np.empty(())), (0, np.empty(100)), (0, np.empty(100, np.float32))):
            for kind in (Overriding, Inheriting, np.ma.MaskedArray):
                check(name, a, *args, axis=axis, out=out.view(kind))
        for kind in (Overriding, Inheriting, np.matrix) if args else ():
            for q in (0.5, [0.5, 0.25]):
                for method in ("linear", "lower"):
                    check(name, a, np.array(*arguments(name, q)).view(kind), axis=0, method=method)


def test_short_arrays(monkeypatch):
    monkeypatch.undo()
    for a in ([], [3.0, 1.0], [np.nan, 2.0], [[3, 1], [7, 5]], range(100)):
        for name in NAMES:
            check(name, np.array(a), *arguments(name, 0.3))


def test_an_unknown_version_of_numpy_computes_the_result(monkeypatch, rng):
    monkeypatch.setattr(quantiles, "_KNOWN_VERSION", False)
    a = rng.standard_normal(1000)
    for name in NAMES:
        check(name, a, *arguments(name, 0.3))


def test_same_bits_on_every_instruction_set(isa, rng):
    a = rng.standard_normal(300_000)
    for dtype in "fd":
        check("quantile", a.astype(dtype), [0.1, 0.5, 0.9])


@pytest.mark.parametrize("name", ["quantile", "nanpercentile"])
def test_many_quantiles(name, rng):
    """More than are computed at once."""
    a, q = rng.standard_normal(30_000), rng.random(70_000) * (100 if "percentile" in name else 1)
    check(name, a, q)
    check(name, np.where(a > 1, np.nan, a), q, method="lower")
    check(name, a.astype(np.float32), q)
    with pytest.raises(ValueError, match="must be in the range"):
        getattr(gilkit, name)(a, q * 1.01)


def test_a_timeout_ends_the_call(rng):
    a = rng.standard_normal(3_000_000)
    with pytest.raises(TimeoutError), gilkit.timeout(1e-4):
        gilkit.median(a)
