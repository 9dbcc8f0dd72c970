"""Functions with NumPy's names: the same values, types, byte order, warnings and errors for all dtypes and layouts."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from names import REDUCTIONS

import gilkit

pytestmark = pytest.mark.thread_unsafe(reason="catches warnings, which affects all threads before Python 3.14")

DTYPES = [np.dtype(letter) for letter in "?bBhHiIlLqQfd"]
DTYPES += [dtype.newbyteorder(">") for dtype in DTYPES if dtype.itemsize > 1]
SPECIAL = [0.0, -0.0, 1.0, -2.5, np.nan, np.inf, -np.inf, 3e38, -3e38, 1e308, 1e-30]

NATIVE = {dtype: dtype.newbyteorder("=") for dtype in DTYPES}


def elements(dtype):
    if dtype.kind != "f":
        return hnp.from_dtype(NATIVE[dtype])
    few = st.sampled_from([x for x in SPECIAL if dtype.itemsize == 8 or not 1e39 < abs(x) < np.inf])
    return st.integers(-1000, 1000).map(lambda x: x / 8) | few


@st.composite
def arrays(draw, dtypes=DTYPES, min_dims=0, max_dims=3):
    dtype = draw(st.sampled_from(dtypes))
    shape = draw(hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=0, max_side=5))
    a = draw(hnp.arrays(NATIVE[dtype], shape, elements=elements(dtype), fill=st.just(NATIVE[dtype].type(1))))
    a = a.astype(dtype)
    layout = draw(st.sampled_from(["C", "F", "negative", "transposed", "strided", "read-only", "not aligned"]))
    if layout == "F":
        return np.asfortranarray(a)
    if layout == "transposed":
        return a.T
    if layout == "negative":
        return a[tuple(slice(None, None, -1) for _ in shape)]
    if layout == "strided" and a.ndim:
        wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), dtype)
        wide[..., ::2] = a
        return wide[..., ::2]
    if layout == "read-only":
        a.flags.writeable = False
    if layout == "not aligned":
        packed = np.zeros(a.shape, [("byte", "u1"), ("item", dtype)])
        packed["item"] = a
        return packed["item"]
    return a


AXES = st.one_of(
    st.none(), st.integers(-4, 3), st.integers(-2, 1).map(np.int64), st.lists(st.integers(-3, 2), max_size=3).map(tuple),
    st.sampled_from([True, False, np.True_, 1.0, "0", [0], (True,), np.array(1), np.array([0])]),
)  # fmt: skip


def outcome(function, *arguments, errstate=None, **keywords):
    """Return the result or the exception, and the messages of the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with np.errstate(**errstate or {}):
                result = function(*arguments, **keywords)
        except Exception as error:
            result = error
    return result, {f"{each.category.__name__}: {each.message}" for each in caught}


def assert_same_kind(got, expected):
    if isinstance(expected, Exception):
        assert type(got) is type(expected), (got, expected)
        return False
    assert type(got) is type(expected), (got, expected)
    assert got.dtype.char == expected.dtype.char
    assert got.dtype.str == expected.dtype.str
    assert got.shape == expected.shape
    return True


def assert_close(got, expected):
    """Check for equal results; gilkit may round less and overflow less. Return whether the warnings must be equal too."""
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(got, expected)
        return True
    if np.any(np.isfinite(got) & ~np.isfinite(expected)):
        return False
    scale = np.max(np.abs(expected), where=np.isfinite(expected), initial=1)
    np.testing.assert_allclose(got, expected, rtol=1e-5 if expected.itemsize == 4 else 1e-12, atol=1e-6 * scale)
    return True


ERRSTATES = st.sampled_from(
    [None, {"over": "raise"}, {"invalid": "raise"}, {"all": "ignore"}, {"over": "raise", "invalid": "raise"}]
)


@pytest.mark.parametrize("name", REDUCTIONS)
@given(a=arrays(), axis=AXES, keepdims=st.sampled_from([False, True, 0, 1, 2.5, None, "x"]), errstate=ERRSTATES,
       ddof=st.sampled_from([0, 0, 1, 2, 0.5]))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_reductions(name, a, axis, keepdims, errstate, ddof):
    keywords = {"axis": axis, "keepdims": keepdims, "errstate": errstate}
    if name in ("var", "std"):
        keywords["ddof"] = ddof
    got, got_warnings = outcome(getattr(gilkit, name), a, **keywords)
    expected, expected_warnings = outcome(getattr(np, name), a, **keywords)
    if isinstance(expected, FloatingPointError) and not isinstance(got, Exception):
        assert np.isfinite(got).all()  # computed without the overflow
        return
    if assert_same_kind(got, expected) and assert_close(got, expected):
        assert got_warnings == expected_warnings


@pytest.mark.parametrize("name", ["var", "std", "nanvar", "nanstd"])
@pytest.mark.parametrize(
    "number", [[0], (0, 1), np.array([1]), 1j, None, "x", -(2**70), np.int8(1), np.float32(0.5), 1.5]
)
def test_ddof_of_any_kind(name, number):
    a = np.arange(12.0).reshape(3, 4)
    for argument in ("ddof", "correction"):
        for axis in (None, 0):
            got, got_warnings = outcome(getattr(gilkit, name), a, axis=axis, **{argument: number})
            expected, expected_warnings = outcome(getattr(np, name), a, axis=axis, **{argument: number})
            if assert_same_kind(got, expected):
                np.testing.assert_allclose(got, expected, rtol=1e-12)
            assert got_warnings == expected_warnings


@given(a=arrays(), axis=AXES, errstate=ERRSTATES)
@settings(max_examples=200, deadline=None)
def test_cumsum(a, axis, errstate):
    got, got_warnings = outcome(gilkit.cumsum, a, axis, errstate=errstate)
    expected, expected_warnings = outcome(np.cumsum, a, axis, errstate=errstate)
    if isinstance(expected, FloatingPointError) and not isinstance(got, Exception):
        assert np.isfinite(got).all()
        return
    if assert_same_kind(got, expected) and assert_close(got, expected):
        assert got_warnings == expected_warnings


@pytest.mark.parametrize("name", ["sort", "argsort"])
@given(a=arrays(), axis=AXES, kind=st.sampled_from([None, None, "stable", "mergesort", "heapsort", "quicksort", "Q", "s", b"m",
                                                    "bogus", "", 1]),
       stable=st.sampled_from([None, None, None, True, False, 1]))  # fmt: skip
@settings(max_examples=250, deadline=None)
def test_sorts(name, a, axis, kind, stable):
    got, got_warnings = outcome(getattr(gilkit, name), a, axis, kind, stable=stable)
    if name == "argsort":  # gilkit is always stable; NumPy's errors come from the unchanged arguments
        expected, expected_warnings = outcome(np.argsort, a, axis, kind, stable=stable)
        if not isinstance(expected, Exception):
            expected = np.argsort(a, axis, kind="stable")
    else:
        expected, expected_warnings = outcome(np.sort, a, axis, kind, stable=stable)
    if assert_same_kind(got, expected):
        np.testing.assert_array_equal(got, expected)
        if name == "sort" and (stable or kind in ("stable", "mergesort", "s", b"m")):
            assert got.tobytes() == expected.tobytes()
        assert got_warnings == expected_warnings


@given(data=st.data(), errstate=ERRSTATES)
@settings(max_examples=250, deadline=None)
def test_dot(data, errstate):
    a = data.draw(arrays(min_dims=1, max_dims=1))
    b = data.draw(arrays(min_dims=1, max_dims=1))
    n = min(len(a), len(b))
    a, b = a[:n], b[:n]
    got, got_warnings = outcome(gilkit.dot, a, b, errstate=errstate)
    expected, expected_warnings = outcome(np.dot, a, b, errstate=errstate)
    if isinstance(expected, FloatingPointError) and not isinstance(got, Exception):
        assert np.isfinite(got)
        return
    if assert_same_kind(got, expected) and assert_close(got, expected):
        assert got_warnings == expected_warnings


@given(x=arrays(max_dims=2), weights=st.none() | arrays(max_dims=2) | st.just([1j]) | st.just(["x"]),
       minlength=st.sampled_from([0, 0, 0, 3, np.int8(3), -1, True, np.True_, 1.0, None, "1"]))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_bincount(x, weights, minlength):
    if x.dtype.kind in "iu":
        x = np.where((x < -2) | (x > 300), x % 7, x).astype(x.dtype)  # not many, and few negative ones
    got, _ = outcome(gilkit.bincount, x, weights, minlength)
    expected, _ = outcome(np.bincount, x, weights, minlength)
    if assert_same_kind(got, expected):
        assert_close(got, expected)


@given(a=arrays(), bins=st.sampled_from([10, 1, 3, np.int64(4), 0, -1, 2.5, True, [0, 1, 5], [3, 2], [], "auto", "bogus", None]),
       limits=st.sampled_from([None, None, (0, 5), (5, 0), (0, np.nan), (0, np.inf), (1,), 3]),
       density=st.sampled_from([None, False, True]), weighted=st.booleans())  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_histogram(a, bins, limits, density, weighted):
    weights = (np.arange(a.size) % 5.0).reshape(a.shape) if weighted else None
    got, got_warnings = outcome(gilkit.histogram, a, bins, limits, density, weights)
    expected, expected_warnings = outcome(np.histogram, a, bins, limits, density, weights)
    if isinstance(expected, Exception):
        assert type(got) is type(expected), (got, expected)
    else:
        for ours, theirs in zip(got, expected, strict=True):
            assert_same_kind(ours, theirs)
            np.testing.assert_array_equal(ours, theirs)
        assert got_warnings == expected_warnings


@pytest.mark.parametrize("name", [*REDUCTIONS, "cumsum"])
@given(a=arrays(), axis=st.none() | st.integers(-3, 2), data=st.data())
@settings(max_examples=60, deadline=None)
def test_out_of_the_result_type(name, a, axis, data):
    expected, _ = outcome(getattr(np, name), a, axis=axis)
    if isinstance(expected, Exception):
        return
    out = np.empty(expected.shape, expected.dtype, order=data.draw(st.sampled_from("CF")))
    if data.draw(st.booleans()) and out.ndim == 2:
        out = out.view(np.matrix)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = getattr(gilkit, name)(a, axis=axis)
        assert getattr(gilkit, name)(a, axis=axis, out=out) is out
    np.testing.assert_array_equal(np.asarray(out), plain)


def test_errstate_calls_its_function():
    """errstate's callback is also called for arrays that several threads reduce."""
    for n in (4, 3000, 200_000):
        huge, infinite = np.full(n, 1e308), np.tile([np.inf, -np.inf], n // 2)
        for name in ("sum", "mean", "var", "std", "cumsum"):
            for values, flag in ((huge, "over"), (infinite, "invalid")):
                if (name, flag) in (("var", "over"), ("std", "over")):
                    values = np.tile([1e308, -1e308], n // 2)
                seen, expected = [], []
                with np.errstate(**{"all": "ignore", flag: "call"}, call=lambda *error, into=seen: into.append(error)):
                    getattr(gilkit, name)(values)
                with np.errstate(
                    **{"all": "ignore", flag: "call"}, call=lambda *error, into=expected: into.append(error)
                ):
                    getattr(np, name)(values)
                assert bool(seen) == bool(expected), (n, name, flag)
        for x, y, flag in ((huge, huge, "over"), (infinite, np.zeros(n), "invalid")):
            with np.errstate(**{"all": "ignore", flag: "raise"}), pytest.raises(FloatingPointError):
                gilkit.dot(x, y)
            with pytest.warns(RuntimeWarning):
                gilkit.dot(x, y)
        quiet = np.ones(n)
        quiet[0] = np.inf
        with np.errstate(all="raise"):
            assert gilkit.dot(quiet, quiet) == gilkit.sum(quiet) == gilkit.mean(quiet) == np.inf


def test_var_float32_neighbours():
    """An overflow in one column does not affect the variance of the others, for any axis and memory order."""
    columns = np.zeros((8, 3), np.float32)
    columns[:4] = 1.8e19, 3e19, 3e38
    columns[4:, 2] = -3e38
    columns = np.hstack([columns, np.full((8, 1), np.inf, np.float32)])
    for repeat in (1, 1000):
        table = np.repeat(columns, repeat, axis=0)
        for function in (gilkit.var, gilkit.std, gilkit.mean, gilkit.sum):
            with np.errstate(all="ignore"):
                alone = [function(table[:, i : i + 1], axis=0).tolist() for i in range(4)]
                for same, axis in ((table, 0), (np.asfortranarray(table), 0), (table.T, 1), (table[::-1][::-1], 0)):
                    together = function(same, axis=axis)
                    np.testing.assert_array_equal(together, np.ravel(alone))
                    out = np.empty((1, 4) if axis == 0 else (4, 1), np.float32)
                    assert function(same, axis=axis, keepdims=True, out=out) is out
                    np.testing.assert_array_equal(np.ravel(out), together)
