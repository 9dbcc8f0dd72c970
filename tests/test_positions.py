"""argmin, argmax, any, all and count_nonzero against NumPy's own."""

import threading
import time

import numpy as np
import pytest
from against_numpy import arrays, check
from hypothesis import given, settings
from hypothesis import strategies as st
from names import POSITIONS

import gilkit
from gilkit.reference import reductions as reference

ARGS = ["argmin", "argmax", "nanargmin", "nanargmax"]
THREADS = [1, 2, 3, 8, 64]

AXES = st.none() | st.integers(-3, 2) | st.sampled_from([(), (0,), (0, 1), (1, -1), True, 1.0, "0", np.int8(0)])

names = pytest.mark.parametrize("name", POSITIONS)


@names
@given(a=arrays(max_dims=3), axis=AXES, keepdims=st.sampled_from([False, False, True, 0, 1]))
@settings(max_examples=150, deadline=None)
def test_equals_numpy(name, a, axis, keepdims):
    check(name, a, axis, keepdims=keepdims)


@names
@given(a=arrays(max_dims=3), axis=st.none() | st.integers(-2, 1), data=st.data())
@settings(max_examples=60, deadline=None)
def test_out(name, a, axis, data):
    if name == "count_nonzero":
        return
    keepdims = data.draw(st.booleans())
    results = []
    for module in (gilkit, np):
        try:
            expected = getattr(np, name)(a, axis, keepdims=keepdims)
        except ValueError:
            return
        out = np.zeros(np.shape(expected), data.draw(st.just(expected.dtype)), order="F")
        assert getattr(module, name)(a, axis, out, keepdims=keepdims) is out
        results.append(out)
    np.testing.assert_array_equal(*results)


def wide(dtype, n, rng):
    a = rng.integers(0, 100, n).astype(dtype)
    if a.dtype.kind == "f":
        a[rng.integers(0, n, 3)] = -0.0
    return a


@names
@pytest.mark.parametrize("dtype", "?bBhHiIqQfd")
def test_long_arrays(name, dtype, rng):
    """Pieces, buffers and blocks of columns, and the first of several extremes at the borders between them."""
    rows, columns = 300, 1100
    a = wide(dtype, rows * columns, rng)
    table = a.reshape(rows, columns)
    for view in (table, table.T, table[::-1, ::2], table[:, ::-1], table.reshape(3, 100, -1), np.asfortranarray(table)):
        for axis in (None, *range(view.ndim)):
            check(name, view, axis)
    n = a.size
    for place in (0, 1, 31_743, 31_744, 32_767, 32_768, 65_535, 100_001, 262_143, 262_144, n - 2, n - 1):
        for value in (0, 100) if dtype != "?" else (0, 1):
            a[:] = 1 - value if dtype == "?" else 50
            a[[place, min(place + 40_000, n - 1)]] = value
            for threads in THREADS if place in (32_768, n - 1) else [2]:
                with gilkit.threads(threads):
                    check(name, a)
                    check(name, a[::-1])


@names
def test_nans_and_infinities(name, rng):
    for dtype in "fd":
        for n in (5, 1000, 40_000, 300_000):
            for places in ([], [n // 2], [0], [n - 1, n // 3], range(n)):
                for value in (np.inf, -np.inf):
                    a = np.full(n, value, dtype)
                    a[list(places)] = np.nan
                    check(name, a)
                    a[n // 4] = 1
                    check(name, a)
                    table = a.reshape(5, -1)
                    check(name, table, 0)
                    check(name, table, 1)


@pytest.mark.parametrize("name", ["any", "all"])
def test_any_and_all_end_early(name):
    """The second half is never read: reading it would take longer than the limit by far."""
    zeros = np.zeros(4_000_000) if name == "any" else np.ones(4_000_000)
    endless = np.broadcast_to(zeros[:1], (2**40,))
    for first in (0, 5, 70_000, 3_999_999):
        zeros[first] = 1 - zeros[first]
        assert getattr(gilkit, name)(zeros) == (name == "any")
        assert np.array_equal(
            getattr(gilkit, name)(zeros.reshape(8, -1), 1), getattr(np, name)(zeros.reshape(8, -1), 1)
        )
        zeros[first] = 1 - zeros[first]
    found = np.broadcast_to(1 - zeros[:1], (2**40,))
    begin = time.monotonic()
    for threads in THREADS:
        assert getattr(gilkit, name)(found, threads=threads) == (name == "any")
        assert np.all(getattr(gilkit, name)(np.broadcast_to(found[0], (3, 2**30)), 1) == (name == "any"))
        assert gilkit.argmax(np.broadcast_to(np.True_, (2**40,)), threads=threads) == 0
        assert gilkit.argmin(np.broadcast_to(np.nan, (2**40,)), threads=threads) == 0
    assert time.monotonic() - begin < 5
    with pytest.raises(TimeoutError), gilkit.timeout(0.01):
        getattr(gilkit, name)(endless)


@pytest.mark.thread_unsafe(reason="set_isa() must not be called while other calls run")
@names
def test_every_instruction_set(name, isa, rng):
    for dtype in "?bBhHiIqQfd":
        a = wide(dtype, 90_000, rng)
        if a.dtype.kind == "f":
            a[[70_000, 80_000]] = np.nan
        for view, axis in (
            (a, None),
            (a.reshape(300, -1), 0),
            (a.reshape(300, -1), 1),
            (a[::-3], None),
            (a.reshape(-1, 3), 0),
        ):
            check(name, view, axis)


@pytest.mark.parametrize("a", [[], [[]], ["a", ""], np.array([None, 1, ""], object), np.ones((2, 3), "f2"), np.array([1j, 0]),
                               np.array([3, "NaT"], "m8[s]"), np.longdouble([1, 0]), np.ma.masked_array([3, 1], [0, 1]),
                               np.array([[1, 2], [0, 5]]).view(np.matrix), 3, np.float32(0), True, b"x", None], ids=repr)  # fmt: skip
@names
def test_other_arguments(name, a):
    for keywords in ({}, {"axis": 0}, {"keepdims": True}):
        results = []
        for module in (gilkit, np):
            try:
                result = getattr(module, name)(a, **keywords)
                results.append((type(result), repr(result)))
            except Exception as error:
                results.append((type(error), str(error)))
        assert results[0] == results[1]


def test_numpys_other_keywords():
    a = np.arange(6).reshape(2, 3)
    for name in ("any", "all"):
        check(name, a, where=a > 1)
        check(name, a, 0, where=[True, False, True])
        check(name, a, out=np.zeros((), int))
        check(name, a, None, np.zeros((), complex), where=a > 3)
    for name in ARGS:
        for out in (np.zeros(3, "i4"), np.zeros(3, "f8"), np.zeros(2, "i8"), [0, 0, 0]):
            check(name, a, 0, out)
        check(name, a, None, np.zeros((1, 1), np.intp), keepdims=True)
    for name in POSITIONS:
        with pytest.raises(ValueError, match="threads must be from 1"):
            getattr(gilkit, name)(a, threads=0)
        with pytest.raises(ValueError, match="threads must be from 1"):
            getattr(gilkit, name)(np.arange(20_000), threads=0)


def test_out_may_overlap():
    a = np.arange(12).reshape(3, 4)[::-1].copy()
    expected = np.argmin(a, 0)
    assert gilkit.argmin(a, 0, a[1]) is not a
    np.testing.assert_array_equal(a[1], expected)


def test_references():
    a = np.random.default_rng(5).integers(0, 9, 100).astype(float)
    for name in POSITIONS:
        assert getattr(gilkit, name)(a) == getattr(reference, name)(a.tolist())
    a[[3, 50]] = np.nan
    for name in POSITIONS:
        assert getattr(gilkit, name)(a) == getattr(reference, name)(a.tolist())


def test_a_nan_that_another_thread_overwrites_is_not_searched_outside_the_array():
    a, stop = np.zeros((3000, 4)), threading.Event()

    def write():
        while not stop.is_set():
            a.fill(np.nan)
            a.fill(0.0)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3000):
            assert (gilkit.argmax(a, axis=0, threads=1) < 3000).all()
    finally:
        stop.set()
        writer.join()


def test_positions_are_in_c_order():
    a = np.asfortranarray(np.random.default_rng(0).random((4, 50, 60)))
    assert gilkit.argmax(a, axis=0).strides == np.argmax(a, axis=0).strides
