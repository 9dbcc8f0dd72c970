"""The move_* functions against plain loops, and against bottleneck where it is installed."""

import warnings

import numpy as np
import pytest
from against_numpy import DTYPES
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gilkit

NAMES = ["move_sum", "move_mean", "move_var", "move_std", "move_min", "move_max", "move_median"]


def reference(name, a, window, min_count, axis=-1, ddof=0):
    function = getattr(np, name.removeprefix("move_"))
    rows = np.moveaxis(a, axis, -1).astype(float)
    result = np.full(rows.shape, np.nan)
    for place in np.ndindex(rows.shape):
        items = rows[place[:-1]][max(0, place[-1] - window + 1) : place[-1] + 1]
        items = items[~np.isnan(items)]
        if items.size >= min_count:
            if name in ("move_var", "move_std"):
                squares = np.sum((items - items.mean()) ** 2)
                divided = np.divide(squares, items.size - ddof)
                result[place] = np.sqrt(divided) if name == "move_std" else divided
            else:
                result[place] = function(items)
    result = np.moveaxis(result, -1, axis)
    return result.astype(np.float32) if a.dtype.newbyteorder("=") == np.float32 else result


def close(got, expected, a, name):
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    if name in ("move_min", "move_max"):
        np.testing.assert_array_equal(got, expected)
        return
    finite = np.abs(a[np.isfinite(a)].astype(float))
    scale = finite.max(initial=0) ** (2 if name == "move_var" else 1) + 1
    rtol = 1e-5 if got.dtype == np.float32 else 1e-11
    atol = scale * (1e-6 if name == "move_std" else rtol)
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)


@st.composite
def cases(draw):
    dtype = draw(st.sampled_from(DTYPES))
    number = st.integers(-50, 50).map(lambda i: i / 8) | st.sampled_from([np.nan, np.nan, 1e6, -0.0])
    chosen = number if dtype.kind == "f" else st.integers(0, 1 if dtype.kind == "b" else 100)
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=60 if draw(st.booleans()) else 5))
    size = int(np.prod(shape))
    pool = np.array(draw(st.lists(chosen, min_size=1, max_size=30)))
    seed = draw(st.integers(0, 2**32 - 1))
    a = np.random.default_rng(seed).choice(pool, min(size, 4000)).astype(dtype)
    a = np.resize(a, shape[:1] if size > 4000 else shape)
    axis = draw(st.integers(-a.ndim, a.ndim - 1))
    window = draw(st.integers(1, a.shape[axis]))
    layout = draw(st.sampled_from(["C", "F", "reversed", "swapped", "read-only", "step"]))
    if layout == "F":
        a = np.asfortranarray(a)
    elif layout == "reversed":
        a = a[::-1]
    elif layout == "swapped":
        a = a.astype(dtype.newbyteorder())
    elif layout == "read-only":
        a.flags.writeable = False
    elif layout == "step":
        a = np.repeat(a, 2, axis=-1)[..., ::2]
    return a, window, draw(st.integers(1, window)), axis


@pytest.mark.parametrize("name", NAMES)
@given(case=cases(), ddof=st.sampled_from([0, 1, 2]))
@settings(max_examples=60, deadline=None)
def test_equals_plain_loops(name, case, ddof):
    a, window, min_count, axis = case
    keywords = {"ddof": ddof} if name in ("move_var", "move_std") else {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        expected = reference(name, a, window, min_count, axis, **keywords)
    result = getattr(gilkit, name)(a, window, min_count, axis, **keywords)
    if keywords and ddof:  # dividing by 0, infinity and NaN depend on whether equal items have a variance of exactly 0
        unclear = ~np.isfinite(expected) | ~np.isfinite(result)
        result, expected = np.where(unclear, 0, result), np.where(unclear, 0, expected)
        result, expected = result.astype(expected.dtype), expected.astype(expected.dtype)
    close(result, expected, a, name)


@pytest.mark.parametrize("name", NAMES)
def test_long_arrays(name, rng):
    """In pieces, with NaNs, and the same bits for any number of threads; bottleneck has the same results."""
    a = rng.standard_normal(300_001)
    a[rng.integers(0, a.size, 3000)] = np.nan
    function = getattr(gilkit, name)
    for items in (a, a.astype("f4"), (np.nan_to_num(a) * 100).astype(int)):
        for window in (2, 24, 25, 1000, 150_000, 300_001):
            for min_count in (1, window):
                first = function(items, window, min_count, threads=1)
                for threads in (2, 3, 64):
                    assert function(items, window, min_count, threads=threads).tobytes() == first.tobytes()
                for i in (0, window - 1, window, 123_456, a.size - 1):
                    one = (
                        reference(name, items[max(0, i - window + 1) : i + 1], window, min_count)[-1:]
                        if window < 100
                        else None
                    )
                    if one is not None and i < a.size:
                        close(first[i : i + 1], one, items, name)
    bottleneck = pytest.importorskip("bottleneck")
    for window in (2, 24, 25, 1000):
        for min_count in (1, window):
            expected = getattr(bottleneck, name)(a, window, min_count)
            np.testing.assert_allclose(function(a, window, min_count), expected, rtol=1e-9, atol=1e-6)
    rows = a[: 300 * 1000].reshape(300, 1000)
    for axis in (0, 1):
        expected = getattr(bottleneck, name)(rows, 30, 20, axis)
        result = function(rows, 30, 20, axis)
        np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-6)
        assert result.tobytes() == function(rows, 30, 20, axis, threads=3).tobytes()
        np.testing.assert_array_equal(function(np.asfortranarray(rows), 30, 20, axis), result)


def test_what_has_left_the_window_has_no_effect():
    for window in (2, 40):
        a = np.ones(1000)
        a[[3, 300]] = 1e17, np.inf
        for name, value in (
            ("sum", window),
            ("mean", 1),
            ("var", 0),
            ("std", 0),
            ("min", 1),
            ("max", 1),
            ("median", 1),
        ):
            result = getattr(gilkit, "move_" + name)(a, window)
            assert (result[3 + window : 300] == value).all()
            assert (result[300 + window :] == value).all()


def test_small_variances_of_large_numbers(rng):
    a = 1e8 + rng.standard_normal(5000)
    for window in (10, 300):
        expected = [np.var(a[i - window + 1 : i + 1] - 1e8) for i in range(window - 1, a.size)]
        np.testing.assert_allclose(gilkit.move_var(a, window)[window - 1 :], expected, rtol=1e-7)


@pytest.mark.parametrize("window", [5, 50])
def test_blocks_with_and_without_nans(window, rng):
    """Blocks in every order, the first and the last among them; float32 and integers are converted."""
    for pattern in np.ndindex(2, 2, 2, 2):
        a = 1e3 + rng.standard_normal(4 * window - 3)
        for block in np.flatnonzero(pattern):
            a[block * window + rng.integers(window - 3)] = np.nan
        for items in (a, a.astype("f4"), np.nan_to_num(a).astype(int)):
            padded = np.concatenate([np.full(window - 1, np.nan), items])
            windows = np.lib.stride_tricks.sliding_window_view(padded, window)
            count = np.sum(~np.isnan(windows), axis=1)
            for name in ("sum", "var", "max"):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # windows without items
                    expected = getattr(np, "nan" + name)(windows, axis=1)
                for min_count in (1, window - 1, window):
                    result = getattr(gilkit, "move_" + name)(items, window, min_count)
                    wanted = np.where(count >= min_count, expected, np.nan)
                    rtol = 1e-6 if items.dtype == np.float32 else 1e-10
                    np.testing.assert_allclose(result, wanted, rtol=rtol)


def test_variances_of_infinities_and_outliers(rng):
    for window in (4, 40):
        for first in (np.inf, 1e12, -np.inf):
            a = rng.standard_normal(4 * window)
            a[window] = first  # begins a block
            for name in ("move_var", "move_std"):
                result = getattr(gilkit, name)(a, window, 1)
                with np.errstate(all="ignore"):
                    expected = reference(name, a, window, 1)
                clear = np.ones(a.size, bool)
                clear[window : 2 * window] = False
                np.testing.assert_allclose(result[clear], expected[clear], rtol=1e-12)
                np.testing.assert_allclose(result[~clear][1:], expected[~clear][1:], rtol=1e-9)


@pytest.mark.parametrize(("outlier", "window"), [(1e9 / 3, 1000), (1e9 / 3, 50_000), (1e153, 1000)])
def test_variances_where_each_block_begins_with_an_outlier(outlier, window):
    """Deviations from it lost up to all digits, or overflowed."""
    a = np.zeros(3 * window)
    a[::window] = outlier
    for name in ("move_var", "move_std"):
        result = getattr(gilkit, name)(a, window, 1)
        for at in (window // 2, window - 1, window, 3 * window // 2, 3 * window - 1):
            expected = getattr(np, name[5:])(a[max(0, at + 1 - window) : at + 1])
            np.testing.assert_allclose(result[at], expected, rtol=1e-12)


def test_bad_arguments():
    a = [1.0, 2.0, 3.0]
    for name in NAMES:
        function = getattr(gilkit, name)
        for error, message, call in (
            (ValueError, "window must be from 1 to 3", lambda f=function: f(a, 0)),
            (ValueError, "window must be from 1 to 3", lambda f=function: f(a, 4)),
            (TypeError, "window", lambda f=function: f(a, 1.5)),
            (ValueError, "min_count must be from 1 to 2", lambda f=function: f(a, 2, 0)),
            (ValueError, "min_count must be from 1 to 2", lambda f=function: f(a, 2, 3)),
            (TypeError, "axis|integer", lambda f=function: f(a, 2, axis=None)),
            (np.exceptions.AxisError, "axis 1", lambda f=function: f(a, 2, axis=1)),
            (np.exceptions.AxisError, "axis -1", lambda f=function: f(1.0, 1)),
            (ValueError, "at least one item", lambda f=function: f([], 1)),
            (TypeError, "a must be an array of", lambda f=function: f([1j], 1)),
            (ValueError, "threads must be from 1", lambda f=function: f(a, 2, threads=0)),
        ):
            with pytest.raises(error, match=message):
                call()
        assert function(np.ones((0, 3)), 2).shape == (0, 3)
    with pytest.raises(TypeError):
        gilkit.move_var(a, 2, ddof="1")


def test_same_bits_on_every_instruction_set(isa, rng):
    a = rng.standard_normal(50_000).astype("f4")
    a[5::37] = np.nan
    for name in NAMES:
        for window in (9, 200):
            ours = getattr(gilkit, name)(a, window, 3)
            assert ours.tobytes() == getattr(gilkit, name)(a, window, 3, threads=3).tobytes()
    for window in (9, 200):
        expected = [float(np.nansum(a[max(0, i - window + 1) : i + 1].astype(float))) for i in range(1000)]
        np.testing.assert_allclose(gilkit.move_sum(a, window, 1)[:1000], expected, rtol=1e-5, atol=1e-5)


def test_a_timeout_ends_the_call(rng):
    a = rng.standard_normal(3_000_000)
    for name in NAMES:
        with pytest.raises(TimeoutError), gilkit.timeout(1e-4):
            getattr(gilkit, name)(a, 1000)
