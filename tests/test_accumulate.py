"""Running products, maxima and minima, and differences: NumPy's bits."""

import platform
import warnings

import numpy as np
import pytest
from against_numpy import DTYPES, FEW, arrays, check, outcome
from hypothesis import given, settings
from hypothesis import strategies as st

import gilkit

NUMPYS = {
    "cumprod": np.cumprod,
    "nancumprod": np.nancumprod,
    "cummax": lambda a, axis=None, dtype=None, out=None: np.maximum.accumulate(
        np.ravel(a) if axis is None else a, 0 if axis is None else axis, dtype, out
    ),
    "cummin": lambda a, axis=None, dtype=None, out=None: np.minimum.accumulate(
        np.ravel(a) if axis is None else a, 0 if axis is None else axis, dtype, out
    ),
}
NAMES = list(NUMPYS)
THREADS = [1, 2, 3, 8, 64]


def bits(name, a):
    """Return the bytes, which have the signs of zeros. The sign of a NaN in a product depends on the instruction set.
    Of -0.0 and 0.0, NumPy's minimum is the second one on x86-64, and -0.0 on aarch64."""
    if name in ("cummax", "cummin") and a.dtype.kind == "f" and platform.machine() not in ("x86_64", "AMD64"):
        a = a + a.dtype.type(0)
    if name.endswith("prod") and a.dtype.kind in "fc":
        a = a.copy()
        a[a != a] = np.nan
    return a.tobytes()


def compare(name, a, axis=None, errstate=None, **keywords):
    with np.errstate(**errstate or {}):
        got, got_warnings = outcome(getattr(gilkit, name), a, axis, **keywords)
        expected, expected_warnings = outcome(NUMPYS[name], a, axis, **keywords)
    if isinstance(expected, Exception):
        assert type(got) is type(expected), (got, expected)
        return
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    if got.dtype == object:
        np.testing.assert_array_equal(got, expected)
    else:
        same = bits(name, got) == bits(
            name, expected
        )  # in a variable, because pytest would compare the bytes line by line
        assert same
    assert set(got_warnings) == set(expected_warnings)


@pytest.mark.parametrize("name", NAMES)
@given(a=arrays(max_dims=3), axis=st.sampled_from([None, 0, -1, 1, 2, 5, True, 0.5, (0,)]),
       errstate=st.sampled_from([None, {"over": "raise"}, {"invalid": "raise"}]))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_equals_numpy(name, a, axis, errstate):
    if a.ndim == 0 and name in ("cummax", "cummin") and axis is not None:
        return  # ufuncs refuse it, but cumsum and the other scans do not
    compare(name, a, axis, errstate)


@given(seed=st.integers(0, 2**32), dtype=st.sampled_from(DTYPES), name=st.sampled_from(NAMES), threads=st.sampled_from(THREADS),
       shape=st.sampled_from([(511,), (513,), (300_001,), (3, 5000), (5000, 3), (40, 700), (700, 40), (3, 19, 300), (2, 270_000)]),
       kind=st.sampled_from(["near 1", "few", "any", "nan late", "nan early", "zeros"]), layout=st.sampled_from(["C", "F", "reversed", "strided"]))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_long_slices(seed, dtype, name, threads, shape, kind, layout):
    rng = np.random.default_rng(seed)
    a = 1 + rng.standard_normal(shape) / 1000
    if kind == "few":
        a = rng.choice(FEW, shape)
    elif kind == "any":
        a = rng.standard_normal(shape) * 100
    elif kind.startswith("nan"):
        a.flat[rng.integers(a.size - 99, a.size) if kind == "nan late" else rng.integers(0, 99)] = np.nan
    elif kind == "zeros":
        a = np.copysign(0, a - 1)
    with np.errstate(all="ignore"):
        a = a.astype(dtype)
    if layout == "F":
        a = np.asfortranarray(a)
    elif layout == "reversed":
        a = a[::-1]
    elif layout == "strided":
        a = np.repeat(a, 2, axis=-1)[..., ::2]
    with gilkit.threads(threads), np.errstate(under="ignore"):
        for axis in (None, *range(a.ndim)):
            compare(name, a, axis)
        with np.errstate(all="ignore"):
            expected = getattr(gilkit, name)(a, -1)
        if a.dtype == expected.dtype and layout != "strided":
            same = a.copy(order="K")
            with np.errstate(all="ignore"):
                assert getattr(gilkit, name)(same, -1, out=same) is same
            assert bits(name, same) == bits(name, expected)


@pytest.mark.parametrize("name", NAMES)
def test_arguments(name):
    a = np.arange(1.0, 9).reshape(2, 4)
    function = getattr(gilkit, name)
    for out in (np.empty((2, 4)), np.empty((2, 4), np.complex128), np.empty((2, 8))[:, ::2], np.empty((4, 2)).T):
        assert function(a, 1, out=out) is out
        np.testing.assert_array_equal(out, NUMPYS[name](a, 1))
    shifted = np.arange(1.0, 10)
    function(shifted[:-1], out=shifted[1:])
    np.testing.assert_array_equal(shifted[1:], NUMPYS[name](np.arange(1.0, 9)))
    for other in ("f4", "c16", "i8", "O"):
        compare(name, a, 0, dtype=other)
    for each in ([1, 2, 3], np.float16([1, 2]), np.array([3, 1], object), np.ma.masked_array([1, 2, 3], [0, 1, 0]), [1j, 2],
                 np.array([3, 1, 2], "m8[s]"), [], 5, [2**70, 1]):  # fmt: skip
        compare(name, each)
    with pytest.raises(ValueError, match="out must have the shape"):
        function(a, out=np.empty((2, 4)))
    with pytest.raises(ValueError, match="threads must be from 1"):
        function(a, threads=0)
    with pytest.raises(TimeoutError), gilkit.timeout(1e-4):
        function(np.ones(5_000_000, np.int32))


def test_nancumsum_is_cumsum_without_the_nans():
    rng = np.random.default_rng(1)
    for shape, axis in [((7,), None), ((300_001,), None), ((40, 700), 0), ((40, 700), 1), ((700, 40), 0)]:
        for dtype in "fd":
            a = rng.standard_normal(shape).astype(dtype)
            a[rng.random(shape) < 0.1] = np.nan
            for view in (a, a[::-1], np.asfortranarray(a)):
                expected = gilkit.cumsum(np.where(np.isnan(view), 0, view).astype(dtype), axis)
                got = {gilkit.nancumsum(view, axis, threads=n).tobytes() for n in THREADS}
                assert got == {gilkit.nancumsum(view, axis).tobytes()}
                np.testing.assert_array_equal(gilkit.nancumsum(view, axis), expected)
                np.testing.assert_allclose(expected, np.nancumsum(view, axis), rtol=1e-3, atol=0.1)
    for a in ([1, 2, 3], [True, True], [np.nan, 1j], [None, 1], np.float16([np.nan, 2])):
        check("nancumsum", a)


@pytest.mark.parametrize("name", NAMES)
def test_same_on_every_instruction_set(isa, name):
    a = 1 + np.random.default_rng(1).standard_normal((300, 1000)) / 100
    for dtype in "bqfd":
        for axis in (None, 0, 1):
            compare(name, a.astype(dtype), axis)


@given(a=arrays(max_dims=3), n=st.sampled_from([1, 1, 2, 3, 0, -1, 1.5]), axis=st.sampled_from([-1, 0, 1, 5, None, True]),
       repeat=st.sampled_from([1, 9000]), data=st.data())  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_diff(a, n, axis, repeat, data):
    if a.ndim and repeat > 1:
        a = np.repeat(a, repeat, axis=data.draw(st.integers(0, a.ndim - 1)))[
            : 10**6 // max(1, a.size // max(1, len(a)))
        ]
    extra = [{}, {"prepend": 3}, {"append": [7]}, {"prepend": a, "append": a}, {"append": 1.5, "prepend": [[2]]}]
    keywords = data.draw(st.sampled_from(extra))
    with gilkit.threads(data.draw(st.sampled_from(THREADS))):
        check("diff", a, n, axis, **keywords)


def test_diff_of_other_arrays():
    for a in ([1, 2, 4], (), 5, [[1j, 2]], np.array(["2020-01-01", "2020-03-01"], "M8[D]"), ["a", "b"], np.ma.masked_array([1, 5, 7], [0, 1, 0]),
              np.arange(5).view(np.matrix), [True, False, True], np.array([3, 1], object)):  # fmt: skip
        check("diff", a)
    dates = np.arange(100_000).astype("M8[s]")
    check("diff", dates, append=np.datetime64(7, "s"))
    check("diff", np.full(100_000, 1e308) * np.resize([1, -1], 100_000))
    with warnings.catch_warnings(), pytest.raises(ValueError, match="threads must be from 1"):
        gilkit.diff([1, 2], threads=0)
    with pytest.raises(ValueError, match="threads must be from 1"):
        gilkit.diff(np.ones(5), threads=0)
    np.testing.assert_array_equal(gilkit.diff(np.arange(200_000.0), threads=2), 1)
