"""cumsum: NumPy's results, and gilkit's own guarantees."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gilkit
from gilkit.reference import reductions as reference

DTYPES = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
SIDES = st.sampled_from([1, 2, 3, 7, 15, 16, 17, 40, 300])


def check(a, axis=None):
    expected = np.cumsum(a, axis=axis)
    got = gilkit.cumsum(a, axis=axis)
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(got, expected)
    else:
        wide = a.astype(np.longdouble)
        error = np.abs(got - np.cumsum(wide, axis=axis))
        bound = np.finfo(got.dtype).eps * 260 * np.cumsum(np.abs(wide), axis=axis)
        if got.dtype == np.float32:
            bound /= 256  # computed in doubles
        assert np.all(error <= bound)
    out = np.empty_like(expected)
    assert gilkit.cumsum(a, axis=axis, out=out) is out
    np.testing.assert_array_equal(out, got)
    if a.dtype == expected.dtype and a.shape == expected.shape:
        same = a.copy(order="K")
        assert gilkit.cumsum(same, axis=axis, out=same) is same
        np.testing.assert_array_equal(same, got)


@given(data=st.data(), dtype=st.sampled_from(DTYPES), shape=st.lists(SIDES, min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_equals_numpy(data, dtype, shape):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    a = (rng.standard_normal(shape) * 100).astype("i8").astype(dtype)
    if a.dtype.kind == "f":
        a += rng.random(shape).astype(dtype)
    a = a.transpose(data.draw(st.permutations(range(a.ndim))))
    a = a[tuple(slice(None, None, data.draw(st.sampled_from([1, 1, -1, 2]))) for _ in shape)]
    check(a, data.draw(st.none() | st.integers(-a.ndim, a.ndim - 1)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_long_slices(dtype, rng=np.random.default_rng(0)):
    for shape in [(2047,), (2048,), (2049,), (300_001,), (2, 150_000), (150_000, 2), (3000, 20)]:
        a = rng.integers(0, 100, shape).astype(dtype)
        for view in (a, a[::-1], a.T, np.asfortranarray(a)):
            for axis in [None, *range(a.ndim)]:
                check(view, axis)


def test_same_bits(isa):
    a = np.random.default_rng(1).standard_normal(500_000)
    for view, axis in [(a, None), (a.reshape(500, -1), 0), (a.reshape(500, -1), 1), (a.reshape(-1, 2), 0)]:
        for dtype in ("f8", "f4"):
            x = view.astype(dtype)
            results = {gilkit.cumsum(x, axis=axis, threads=n).tobytes() for n in (1, 2, 3, 8, 64)}
            assert len(results) == 1
            assert isa != "scalar" or results == {gilkit.cumsum(x, axis=axis).tobytes()}


@given(n=st.integers(1, 10_000), seed=st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_never_decreases(n, seed):
    """Sums of non-negative numbers never decrease, not even where segments meet."""
    rng = np.random.default_rng(seed)
    sums = gilkit.cumsum(rng.random(n) * 10.0 ** rng.integers(-18, 1, n))
    assert np.all(np.diff(sums) >= 0)


def test_short_slices_have_numpys_bits():
    a = np.random.default_rng(2).standard_normal(127)
    np.testing.assert_array_equal(gilkit.cumsum(a), np.cumsum(a))
    np.testing.assert_array_equal(np.signbit(gilkit.cumsum([-0.0] * 5000)), True)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant == 52, reason="long doubles are doubles here")
def test_accuracy():
    a = np.random.default_rng(3).random(100_000)
    exact = reference.cumsum(a[:1000].tolist())
    np.testing.assert_allclose(gilkit.cumsum(a[:1000]), exact, rtol=1e-14)
    wide = np.cumsum(a.astype(np.longdouble))
    assert np.abs(gilkit.cumsum(a) - wide).max() <= np.abs(np.cumsum(a) - wide).max()


@given(
    values=st.lists(st.sampled_from([0.0, -0.0, 1.0, np.nan, np.inf, -np.inf, 1.7e308, -1.7e308]), max_size=6),
    gap=st.sampled_from([0, 1, 300, 3000, 70_000]),
    columns=st.sampled_from([1, 20]),
)
@settings(max_examples=150, deadline=None)
def test_special_values(values, gap, columns):
    """NaN, infinities and overflows give NumPy's results and warnings."""
    a = np.zeros((len(values) * (gap + 1), columns))
    a[:: gap + 1] = np.array(values)[:, None]
    with warnings.catch_warnings(record=True) as expected_warnings:
        warnings.simplefilter("always")
        expected = np.cumsum(a, axis=0)
    with warnings.catch_warnings(record=True) as got_warnings:
        warnings.simplefilter("always")
        got = gilkit.cumsum(a, axis=0)
    np.testing.assert_array_equal(got, expected)
    assert {str(each.message) for each in got_warnings} == {str(each.message) for each in expected_warnings}


def test_out():
    a = np.random.default_rng(4).standard_normal((40, 50))
    for axis in (0, 1):
        expected = gilkit.cumsum(a, axis=axis)
        for out in (np.empty((40, 50), order="F"), np.empty((40, 50, 2))[..., 1], np.empty((40, 50))[::-1, ::-1]):
            assert gilkit.cumsum(a, axis=axis, out=out) is out
            np.testing.assert_array_equal(out, expected)
    overlapping = np.arange(3000.0)
    gilkit.cumsum(overlapping[:-1], out=overlapping[1:])
    np.testing.assert_array_equal(overlapping[1:], np.cumsum(np.arange(2999.0)))
    integers = np.arange(100, dtype="i4")
    narrow = np.empty(100, "i4")  # another dtype is left to NumPy
    assert gilkit.cumsum(integers, out=narrow) is narrow
    np.testing.assert_array_equal(narrow, np.cumsum(integers))
    with pytest.raises(ValueError, match="out must have the shape"):
        gilkit.cumsum(a, out=np.empty((40, 50)))
    with pytest.raises(ValueError, match="read-only"):
        gilkit.cumsum(a[0], out=np.broadcast_to(0.0, 50))
    assert integers.sum() == 4950


def test_edges_and_errors():
    for a in (np.zeros(0), np.zeros((0, 3)), np.zeros((3, 0), "i2"), np.float64(2), np.ones((1, 1))):
        for axis in (None, 0, -1):
            np.testing.assert_array_equal(gilkit.cumsum(a, axis=axis), np.cumsum(a, axis=axis))
    for axis in (2, -3):
        with pytest.raises(np.exceptions.AxisError):
            gilkit.cumsum(np.ones((2, 2)), axis=axis)
    for axis in (0.5, "x", (0,)):
        with pytest.raises(TypeError):
            gilkit.cumsum(np.ones(2), axis=axis)
    for a in (np.ones(2, complex), np.ones(2, "f2"), np.array([1, 2], object), np.array([1, 2], "m8[s]"), [2**70, 1]):
        got, expected = gilkit.cumsum(a), np.cumsum(a)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)
    with pytest.raises(TypeError):
        gilkit.cumsum(np.zeros(2, "M8[s]"))
    for dtype in ("i8", "f4", "c16", np.int64):
        assert gilkit.cumsum(np.ones(3, "i2"), dtype=dtype).dtype == dtype
    with pytest.raises(ValueError, match="threads"):
        gilkit.cumsum(np.ones(2), threads=0)
