"""take, where, nonzero and selection by a mask against NumPy's own, for all layouts and all dtypes except object."""

import numpy as np
import pytest
from against_numpy import assert_same, check, outcome
from hypothesis import given, settings
from hypothesis import strategies as st
from outcomes_of_calls import outcome as effects

import gilkit

DTYPES = [*"?bBhHiIlLqQfdeFDgG", "M8[s]", "m8[ns]", "S1", "S3", "S8", "U2", "U4"]
SHAPES = [
    (0,),
    (1,),
    (7,),
    (20_011,),
    (130, 171),
    (171, 130),
    (7000, 3),
    (3, 7000),
    (40, 1, 300),
    (20, 30, 19),
    (5, 0, 4),
    (),
]
THREADS = [1, 2, 3, 8, 64]
seeds = st.integers(0, 2**32 - 1)
layouts = st.sampled_from(["C", "C", "F", "reversed", "strided", "swapped", "read-only", "unaligned", "half aligned"])


def array(seed, dtype, shape, layout="C", spread=250):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 2 if dtype == "?" else min(spread, 100) if dtype == "b" else spread, shape)
    a = (np.where(a == 3, np.nan, np.where(a == 5, -0.0, a)) if np.dtype(dtype).kind in "fc" else a).astype(dtype)
    if layout == "F":
        return np.asfortranarray(a)
    if layout == "reversed":
        return np.asarray(a[tuple(slice(None, None, -1) for _ in shape)])
    if layout == "strided" and a.ndim:
        wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
        wide[..., 1::2] = a
        return wide[..., 1::2]
    if layout == "swapped":
        return a.astype(a.dtype.newbyteorder())
    if layout == "read-only":
        a.flags.writeable = False
    if layout in ("unaligned", "half aligned"):
        memory = np.zeros(a.nbytes + 16, np.uint8)
        moved = memory[(1 if layout == "unaligned" else 4) :][: a.nbytes].view(a.dtype).reshape(a.shape)
        moved[...] = a
        return moved
    return a


arrays = st.builds(array, seeds, st.sampled_from(DTYPES), st.sampled_from(SHAPES), layouts)
threads = st.sampled_from(THREADS)


@st.composite
def masks(draw, shape, dtypes="?????bhiqfdFO"):
    """A mask of the shape, dense, sparse or in runs."""
    rng = np.random.default_rng(draw(seeds))
    share = draw(st.sampled_from([0, 0.001, 0.1, 0.5, 0.95, 1]))
    mask = np.asarray(rng.random(shape) < share)
    if draw(st.booleans()):
        mask = np.repeat(mask.ravel(), 70)[: mask.size].reshape(shape)
    mask = mask.astype(draw(st.sampled_from(dtypes)))
    if mask.ndim and draw(st.booleans()):
        mask = np.repeat(mask, 2, axis=-1)[..., ::2] if draw(st.booleans()) else np.asfortranarray(mask)
    return mask


@given(data=st.data(), a=arrays, threads=threads)
@settings(max_examples=200, deadline=None)
def test_masks(data, a, threads):
    mask = data.draw(masks(a.shape))
    with gilkit.threads(threads):
        check("nonzero", a if a.dtype.kind != "V" else mask)
        check("nonzero", mask)
        check("flatnonzero", mask)
        check("extract", mask, a)
        check("extract", mask, a.ravel()[: a.size // 2])
        check("extract", mask.ravel()[: a.size // 2], a)
        check("compress", mask, a)
        for axis in (None, *range(-a.ndim - 1, a.ndim)):
            length = a.size if axis is None else a.shape[axis] if -a.ndim <= axis < a.ndim else 3
            along = data.draw(masks((data.draw(st.sampled_from([length, length // 2, length + 1])),)))
            check("compress", along, a, axis)
        if mask.dtype == bool:
            for part in (mask, mask[:, 0] if a.ndim > 1 and 0 not in a.shape else mask, mask[:-1] if a.ndim else mask):
                got, expected = outcome(gilkit.masked_select, a, part)[0], outcome(lambda a, m: a[m], a, part)[0]
                assert_same(got, expected)


@given(data=st.data(), a=arrays, threads=threads, mode=st.sampled_from(["raise", "wrap", "clip", "clip", "bogus", 1]),
       dtype=st.sampled_from("lllllqibBHI?Qd"), shape=st.sampled_from([(), (1,), (3, 4), (0,), (6000,), (150, 90)]))  # fmt: skip
@settings(max_examples=250, deadline=None)
def test_take(data, a, threads, mode, dtype, shape):
    axis = data.draw(st.sampled_from([None, *range(-a.ndim - 1, a.ndim + 1), np.int64(0), True, 0.5, "x"]))
    length = (
        a.size
        if axis is None or not isinstance(axis, (int, np.integer)) or not -a.ndim <= axis < a.ndim
        else a.shape[axis]
    )
    rng = np.random.default_rng(data.draw(seeds))
    reach = data.draw(st.sampled_from([1, 1, 1, 3])) * max(length, 1)
    if np.prod(shape) * a.size / max(length, 1) > 3e5:
        shape = (3, 4)
    indices = rng.integers(-reach, reach, shape).astype(dtype)
    layout = data.draw(st.sampled_from(["C", "reversed", "swapped", "list"]))
    if layout == "reversed" and indices.ndim:
        indices = indices[::-1]
    if layout == "swapped":
        indices = indices.astype(indices.dtype.newbyteorder())
    if layout == "list" and indices.size < 100:
        indices = indices.tolist()
    with gilkit.threads(threads):
        check("take", a, indices, axis, mode=mode)
        expected = outcome(np.take, a, indices, axis, mode=mode)[0]
        if isinstance(expected, np.ndarray):
            for kind in (a.dtype, np.dtype("c16")):
                ours = np.zeros(expected.shape, kind, order=data.draw(st.sampled_from("CF")))
                theirs = ours.copy(order="K")
                result = outcome(np.take, a, indices, axis, theirs, mode)[0]
                got = outcome(gilkit.take, a, indices, axis, ours, mode)[0]
                if isinstance(result, Exception):
                    assert type(got) is type(result)
                else:
                    assert got is ours
                np.testing.assert_array_equal(ours, theirs)


SCALARS = [
    0,
    1,
    -3,
    2.5,
    True,
    10**10,
    2**63,
    1j,
    "text",
    None,
    np.float32(7),
    np.int8(3),
    np.datetime64("2020-01-01", "s"),
    [4],
    [[2.0]],
]


@st.composite
def choices(draw, shape):
    """An array of the shape, an array that is broadcast to it, or a number."""
    kind = draw(st.sampled_from(["whole", "whole", "whole", "part", "scalar"]))
    if kind == "scalar":
        return draw(st.sampled_from(SCALARS))
    if kind == "part":
        shape = tuple(draw(st.sampled_from([n, 1])) for n in shape)[draw(st.integers(0, len(shape))) :]
    return array(draw(seeds), draw(st.sampled_from(DTYPES)), shape, draw(layouts))


@given(data=st.data(), shape=st.sampled_from(SHAPES), threads=threads)
@settings(max_examples=400, deadline=None)
def test_where(data, shape, threads):
    condition = data.draw(
        masks(shape if data.draw(st.booleans()) else tuple(data.draw(st.sampled_from([n, 1])) for n in shape))
    )
    x, y = data.draw(choices(shape)), data.draw(choices(shape))
    with gilkit.threads(threads):
        check("where", condition, x, y)
        check("where", condition)
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray) and x.dtype == y.dtype and condition.shape == shape:
        got, expected = gilkit.where(condition, x, y), np.where(condition, x, y)
        assert got.dtype.str == expected.dtype.str
        if got.dtype.char not in "gGO":  # those have bytes that belong to no number
            assert got.tobytes() == expected.tobytes()  # also the bits of NaN


def test_where_warns_as_numpys():
    """Once of a number that does not fit, and not of a signaling NaN that is cast."""
    mask = np.arange(20_011) % 3 == 0
    single = np.full(mask.shape, 0x7F800001, np.uint32).view(np.float32)
    for x, y in ((single, 1e300), (1e-46, single), (single, mask.astype(float)), (single, mask.astype(complex))):
        for errors in ("warn", "raise"):
            with np.errstate(all=errors):
                expected, found = (effects(lambda where=where: where(mask, x, y)) for where in (np.where, gilkit.where))
            assert found == expected


@pytest.mark.parametrize("n", [2047, 2049, 32_768, 32_769, 100_003])
def test_same_on_every_instruction_set(isa, n):
    rng = np.random.default_rng(n)
    for share in (0, 0.02, 0.5, 0.98, 1):
        mask = rng.random(n) < share
        for dtype in "bhidD":
            a = rng.integers(-100, 100, n).astype(dtype)
            check("compress", mask, a)
            check("where", mask, a, a[::-1])
            check("nonzero", np.where(mask, a, 0))
        check("nonzero", mask)
        check("nonzero", mask.view(np.uint8) * 0x80)
        check("nonzero", np.where(mask, -0.0, np.nan).astype("f4"))


def test_bytes_that_are_not_0_or_1_are_true():
    odd = np.frombuffer(np.tile(np.array([0, 2, 0, 255, 1], np.uint8), 4000), bool)
    np.testing.assert_array_equal(gilkit.nonzero(odd)[0], np.flatnonzero(odd.view(np.uint8)))
    a = np.arange(odd.size)
    np.testing.assert_array_equal(gilkit.masked_select(a, odd), a[odd.view(np.uint8) != 0])
    np.testing.assert_array_equal(gilkit.where(odd, a, -1), np.where(odd.view(np.uint8) != 0, a, -1))


def test_out_overlaps_and_is_whole_after_an_error():
    a = np.arange(30_000.0)
    expected = a[::-1].copy()
    indices = np.arange(30_000)[::-1].copy()
    for mode in ("raise", "wrap", "clip"):
        same = a.copy()
        assert gilkit.take(same, indices, out=same, mode=mode) is same
        np.testing.assert_array_equal(same, expected)
    out = np.full(30_000, 7.0)
    indices[-1] = 30_000
    with pytest.raises(IndexError, match="index 30000 is out of bounds"):
        gilkit.take(a, indices, out=out)
    assert (out == 7).all()
    with pytest.raises(ValueError, match="read-only"):
        out.flags.writeable = False
        gilkit.take(a, indices[:-1], out=out[:-1])
    mask = a > 100
    target = np.empty(29_899)
    assert gilkit.compress(mask, a, out=target) is target
    np.testing.assert_array_equal(target, a[mask])


def test_arguments_that_are_not_plain_arrays():
    n = 9000
    a = np.arange(n).reshape(90, 100) % 7
    masked, matrix = np.ma.masked_array(a, a == 3), a.view(np.matrix)
    objects = a.astype(object)
    structured = np.zeros(n, [("x", "i2"), ("y", "f8")])
    structured["x"] = a.ravel()
    for each in (masked, matrix, objects, structured, a.tolist(), np.array(["a", "bc"] * n, np.dtypes.StringDType())):
        flat = np.ravel(each)
        condition = np.arange(flat.size) % 3 == 0
        check("take", each, np.arange(8000) % 90, 0) if np.ndim(each) > 1 else check("take", each, np.arange(8000))
        check("compress", condition, each)
        check("extract", condition, each)
        check("where", condition, flat, flat)
        if getattr(each, "dtype", np.dtype("i8")).kind in "iO":
            check("nonzero", each)
            check("flatnonzero", each)
    for name, args in {"where": (a > 3, a), "nonzero": (5,), "compress": ([[1]], a), "take": ([], [0])}.items():
        check(name, *args)
    check("take", range(10), 3)
    check("where", 1, 2, 3)
    check("where", np.ones(7000, bool), None, None)
    with pytest.raises(TypeError, match="mask must be an array of bool, not int64"):
        gilkit.masked_select(a, [0, 1])
    with pytest.raises(IndexError):
        gilkit.masked_select(a, np.ones((90, 99), bool))
    for call in (lambda: gilkit.take(a, [0], threads=0), lambda: gilkit.where(a, a, a, threads=0), lambda: gilkit.nonzero(a, threads=0),
                 lambda: gilkit.compress([1], a, threads=0), lambda: gilkit.masked_select(a, a > 1, threads=0),
                 lambda: gilkit.extract(a, a, threads=0), lambda: gilkit.flatnonzero(a, threads=0)):  # fmt: skip
        with pytest.raises(ValueError, match="threads must be from 1"):
            call()


def test_a_timeout_ends_the_call():
    mask = np.ones(20_000_000, bool)
    indices = np.zeros(20_000_000, np.int64)
    for call in (lambda: gilkit.nonzero(mask), lambda: gilkit.where(mask, indices, 1), lambda: gilkit.take(indices, indices),
                 lambda: gilkit.masked_select(indices, mask)):  # fmt: skip
        with pytest.raises(TimeoutError), gilkit.timeout(1e-4):
            call()


def test_compress_lets_the_condition_decide_what_is_true():
    pandas = pytest.importorskip("pandas")
    condition = pandas.array([1, None, 3] * 2000, dtype="Int64")
    with pytest.raises(ValueError, match="missing values"):
        gilkit.compress(condition, np.arange(6000))
