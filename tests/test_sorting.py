"""gilkit.sort and gilkit.argsort: NumPy's results, and the same bits for every number of threads."""

import numpy as np
import pytest
from against_numpy import assert_same, outcome
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gilkit
from gilkit.reference import sort as reference

DTYPES = ["?", "b", "B", "h", "H", "i", "I", "q", "Q", "f", "d"]
THREADS = [1, 2, 3, 8, 64]
LONG = 70_000  # more than the kernels sort in one piece
arrays = hnp.arrays(
    st.sampled_from(DTYPES).map(np.dtype), hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=12)
)


def bits(a):
    return a.view(f"u{a.itemsize}") if a.dtype.kind == "f" else a


def in_total_order(a):
    """Sort by value, -0.0 before 0.0, NaNs last: positive NaNs by rising bits, then negative ones by falling bits."""
    if a.dtype.kind != "f":
        return np.sort(a)
    u = bits(a).astype(object)
    top = 1 << (8 * a.itemsize - 1)
    rank = [x + top if x < top else 2 * top - 1 - x for x in u]  # the bits of negative floats descend
    nans = np.isnan(a)
    order = sorted(
        range(a.size), key=lambda i: (bool(nans[i]), rank[i] if not nans[i] else u[i] if u[i] < top else 4 * top - u[i])
    )
    return a[order] if a.size else a.copy()


def samples(dtype, n, seed=0):
    """Yield inputs that are difficult for sorts."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        yield rng.random(n) < 0.5
        return
    if dtype.kind == "f":
        anything = (
            rng.integers(0, 1 << 8 * dtype.itemsize, n, dtype=f"u{dtype.itemsize}", endpoint=False)
            if (dtype.itemsize < 8)
            else rng.integers(0, 2**64 - 1, n, dtype="u8", endpoint=True)
        )
        yield anything.view(dtype)
        normal = rng.standard_normal(n).astype(dtype)
        yield normal
        yield np.sort(normal)
        yield np.sort(normal)[::-1]
        yield rng.choice(np.array([0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 1]), n).astype(dtype)
    else:
        limits = np.iinfo(dtype)
        yield rng.integers(limits.min, limits.max, n, dtype=dtype, endpoint=True)
        yield np.full(n, limits.max, dtype)
        yield np.full(n, limits.min, dtype)
        yield np.where(rng.random(n) < 0.5, np.array(limits.max, dtype), np.array(limits.min, dtype))
    yield np.zeros(n, dtype)
    yield rng.integers(0, 5, n).astype(dtype)
    yield np.arange(n)[np.argsort(np.arange(n) % 7, kind="stable")].astype(dtype)


@given(a=arrays, threads=st.sampled_from(THREADS), data=st.data())
@settings(max_examples=300, deadline=None)
def test_small_arrays_equal_numpy(a, threads, data):
    axis = data.draw(st.none() | st.integers(-a.ndim, a.ndim - 1))
    np.testing.assert_array_equal(gilkit.sort(a, axis, threads=threads), np.sort(a, axis))
    np.testing.assert_array_equal(gilkit.argsort(a, axis, threads=threads), np.argsort(a, axis, kind="stable"))


@given(a=arrays)
@settings(max_examples=100, deadline=None)
def test_equals_the_reference(a):
    flat = a.ravel()
    expected = np.array(reference.sort(flat.tolist()), a.dtype)
    result = gilkit.sort(flat)
    np.testing.assert_array_equal(result, expected)
    if a.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(result[result == 0]), np.signbit(expected[expected == 0]))
    assert gilkit.argsort(flat).tolist() == reference.argsort(flat.tolist())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1000, LONG])
def test_long_slices_with_every_instruction_set(isa, dtype, n):
    for a in samples(dtype, n):
        expected, order = in_total_order(a), np.argsort(a, kind="stable")
        for threads in THREADS if n == LONG else [1]:
            result = gilkit.sort(a, threads=threads)
            assert result.dtype == a.dtype
            np.testing.assert_array_equal(bits(result), bits(expected))
            np.testing.assert_array_equal(gilkit.argsort(a, threads=threads), order)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("at", [0, 20_000, LONG - 1])
def test_a_single_negative_zero_or_nan_far_into_a_slice(isa, dtype, at):
    """One thread looks for them in blocks while it copies the slice."""
    for special in (-0.0, np.nan, -np.nan):
        a = np.random.default_rng(at).integers(-3, 4, LONG).astype(dtype)
        a[at] = special
        result = gilkit.sort(a, threads=1)
        np.testing.assert_array_equal(bits(result), bits(in_total_order(a)))
        np.testing.assert_array_equal(bits(gilkit.sort(a, out=a, threads=1)), bits(result))


def falling(a):
    """Return the stable order of a slice from the largest item to the smallest one, with NaNs at the end."""
    return sorted(range(a.size), key=lambda i: (bool(a[i] != a[i]), -a.item(i)))


@given(a=arrays, threads=st.sampled_from(THREADS), stable=st.sampled_from([None, False, True]), data=st.data())
@settings(max_examples=150, deadline=None)
def test_descending_order(a, threads, stable, data):
    axis = data.draw(st.none() | st.integers(-a.ndim, a.ndim - 1))
    flat = a.ravel() if axis is None else a
    order = np.apply_along_axis(falling, axis or 0, flat) if a.size else np.empty(flat.shape, int)
    keywords = {"axis": axis, "stable": stable, "descending": True, "threads": threads}
    np.testing.assert_array_equal(gilkit.argsort(a, **keywords), order)
    result = gilkit.sort(a, **keywords)
    expected = np.take_along_axis(flat, order, axis or 0)
    np.testing.assert_array_equal(result, expected)
    if stable:
        np.testing.assert_array_equal(bits(result), bits(expected))
    np.testing.assert_array_equal(gilkit.sort(a, axis, stable=stable, descending=False), np.sort(a, axis))
    if np.lib.NumpyVersion(np.__version__) >= "2.5.0" and stable:  # otherwise equal items may be in another order
        del keywords["threads"]
        for function in ("sort", "argsort"):
            assert_same(getattr(gilkit, function)(a, **keywords), getattr(np, function)(a, **keywords))


@pytest.mark.parametrize("dtype", DTYPES)
def test_descending_order_of_long_slices(dtype):
    for a in samples(dtype, LONG):
        nans = np.count_nonzero(a != a)
        last_first = LONG - 1 - np.argsort(a[::-1], kind="stable")[::-1]
        order = np.concatenate([last_first[nans:], last_first[:nans]])
        for threads in (1, 3):
            np.testing.assert_array_equal(gilkit.argsort(a, descending=True, threads=threads), order)
            for stable in (None, True):
                result = gilkit.sort(a, descending=True, stable=stable, threads=threads)
                np.testing.assert_array_equal(result, a[order])
                if stable:
                    np.testing.assert_array_equal(bits(result), bits(a[order]))
                out = a.copy()
                assert gilkit.sort(out, descending=True, stable=stable, out=out, threads=threads) is out
                np.testing.assert_array_equal(bits(out), bits(result))


def test_descending_order_of_what_is_left_to_numpy():
    for function in (gilkit.sort, gilkit.argsort):
        for descending in (True, False):
            with pytest.raises(ValueError, match="`kind` and keyword parameters can't be provided at the same time"):
                function([1], kind="stable", descending=descending)
        a = np.array([1, 3, 2], np.float16)
        np.testing.assert_array_equal(function(a, descending=False), function(a))
        if np.lib.NumpyVersion(np.__version__) >= "2.5.0":
            assert_same(function(a, descending=True), getattr(np, function.__name__)(a, descending=True))
        else:
            with pytest.raises(TypeError, match="needs NumPy 2.5"):
                function(a, descending=True)


def test_keys_that_differ_in_their_last_bits_only():
    """argsort first ignores the low bits, and must compare them in the end."""
    rng = np.random.default_rng(1)
    a = np.concatenate([rng.permutation(LONG) + 2**62, [-(2**62)] * 3, [2**63 - 1] * 2])
    np.testing.assert_array_equal(gilkit.argsort(a), np.argsort(a, kind="stable"))
    b = 1 + rng.permutation(LONG) * 2.0**-52
    b[::1000] = -np.inf
    b[1::1000] = np.nan
    np.testing.assert_array_equal(gilkit.argsort(b, threads=2), np.argsort(b, kind="stable"))


@pytest.mark.parametrize("shape", [(3, LONG), (LONG, 3), (300, 70), (2, 3, 500)])
@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_layouts(shape, axis):
    a = np.random.default_rng(2).standard_normal(shape)
    for view in (a, a.T, a[::-1], a[..., ::-2], np.asfortranarray(a), a[1:, ::2]):
        np.testing.assert_array_equal(gilkit.sort(view, axis), np.sort(view, axis))
        np.testing.assert_array_equal(gilkit.argsort(view, axis), np.argsort(view, axis, kind="stable"))


@pytest.mark.parametrize("n", [0, 1, 100, LONG])
def test_out(n):
    a = np.random.default_rng(3).standard_normal(n)
    expected = np.sort(a)
    out = np.empty(n)
    assert gilkit.sort(a, out=out) is out
    np.testing.assert_array_equal(out, expected)
    strided = np.empty(2 * n)[::2]
    np.testing.assert_array_equal(gilkit.sort(a, out=strided), expected)
    b = a.copy()
    gilkit.sort(b, out=b)
    np.testing.assert_array_equal(b, expected)
    b = a.copy()
    gilkit.sort(b[::-1], out=b)
    np.testing.assert_array_equal(b, expected)
    if n > 1:
        both = np.concatenate([a, [0.0]])
        gilkit.sort(both[:-1], out=both[1:])
        np.testing.assert_array_equal(both[1:], expected)


def test_out_along_the_other_axis_in_place():
    a = np.random.default_rng(4).standard_normal((200, 33))
    expected = np.sort(a, 0)
    np.testing.assert_array_equal(gilkit.sort(a, 0, out=a), expected)


def test_out_is_checked():
    a = np.arange(5.0)
    locked = np.empty(5)
    locked.flags.writeable = False
    misaligned = np.empty(41, np.uint8)[1:].view(np.float64)
    for out, error in [([0.0] * 5, TypeError), (np.empty(4), ValueError), (np.empty(5, "f"), TypeError),
                       (locked, ValueError), (misaligned, ValueError)]:  # fmt: skip
        with pytest.raises(error, match="out"):
            gilkit.sort(a, out=out)


def test_inputs_that_are_not_plain_arrays():
    np.testing.assert_array_equal(gilkit.sort([3, 1, 2]), [1, 2, 3])
    swapped = np.array([3, 1, 2], ">i4")
    np.testing.assert_array_equal(gilkit.sort(swapped), [1, 2, 3])
    misaligned = np.zeros(25, np.uint8)[1:].view(np.float64)
    misaligned[:] = [3, 1, 2]
    np.testing.assert_array_equal(gilkit.sort(misaligned), [1, 2, 3])
    locked = np.array([3, 1, 2])
    locked.flags.writeable = False
    np.testing.assert_array_equal(gilkit.sort(locked), [1, 2, 3])


@pytest.mark.parametrize("function", [gilkit.sort, gilkit.argsort])
def test_errors(function):
    numpys = getattr(np, function.__name__)
    for other in (["b", "a"], [2, 1j], np.array([3, "NaT", 1], "M8[s]"), np.array([2, np.nan, 1], "e"), [2**70, 1],
                  np.array([(2, 1), (1, 3)], "i4,f8")):  # fmt: skip
        np.testing.assert_array_equal(function(other), numpys(other, kind="stable"))
    with pytest.raises(TypeError):
        function([None, 1])
    for axis in (1, -2):
        with pytest.raises(np.exceptions.AxisError):
            function([1, 2], axis)
    if function is gilkit.sort:
        with pytest.raises(np.exceptions.AxisError):
            function(3)
    else:
        assert function(3).tolist() == np.argsort(3).tolist() == [0]  # as NumPy
    with pytest.raises(np.exceptions.AxisError):
        function(3, 1)
    with pytest.raises(TypeError):
        function([1, 2], 0.5)
    with pytest.raises(ValueError, match="threads"):
        function([1, 2], threads=0)
    np.testing.assert_array_equal(function(3, None), np.sort(3, None) if function is gilkit.sort else [0])


@given(a=arrays, threads=st.sampled_from(THREADS), data=st.data())
@settings(max_examples=200, deadline=None)
def test_stable_sorts_have_numpys_bits(a, threads, data):
    if a.dtype.kind == "f":
        a = np.where(np.arange(a.size).reshape(a.shape) % 3 == 0, np.copysign(0, a), a).astype(a.dtype)
    axis = data.draw(st.none() | st.integers(-a.ndim, a.ndim - 1))
    expected = np.sort(a, axis, kind="stable")
    assert gilkit.sort(a, axis, kind="stable", threads=threads).tobytes() == expected.tobytes()
    if axis is not None:
        out = a.copy()
        assert gilkit.sort(out, axis, stable=True, out=out, threads=threads).tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", ["B", "h", "i", "q", "f", "d"])
def test_long_stable_sorts_have_numpys_bits(dtype):
    n = LONG
    runs = [np.concatenate([np.arange(n // 7)[:: 1 - 2 * (k % 2)] for k in range(count)]) for count in (1, 5, 7)]
    nearly = np.arange(n)
    nearly[n // 2] = 3
    for a in [*samples(dtype, n), *(run.astype(dtype) for run in [*runs, nearly, nearly[::-1]])]:
        a = a.astype(dtype)
        if dtype in "fd":  # several payloads, and zeros of either sign at the ends of runs
            ends = np.array([0.0, -0.0, 1.0, np.nan, -np.nan], dtype)  # of this dtype, since a cast may report a NaN
            a = np.concatenate([a, ends[:3], a[:9], -a[:5], ends[3:]])
        expected = np.sort(a, kind="stable")
        for threads in (1, 3):
            assert gilkit.sort(a, kind="stable", threads=threads).tobytes() == expected.tobytes()
            np.testing.assert_array_equal(gilkit.argsort(a, threads=threads), np.argsort(a, kind="stable"))
        np.testing.assert_array_equal(gilkit.argsort(expected), np.argsort(expected, kind="stable"))
        np.testing.assert_array_equal(bits(gilkit.sort(a, stable=True, out=a)), bits(expected))


@given(shape=hnp.array_shapes(max_dims=2, min_side=0, max_side=9), dtypes=st.lists(st.sampled_from(DTYPES), max_size=4),
       axis=st.sampled_from([-1, 0, 1, -3, None, True, np.int64(0), 0.5]), threads=st.sampled_from(THREADS), seed=st.integers(0, 99))  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_lexsort(shape, dtypes, axis, threads, seed):
    rng = np.random.default_rng(seed)
    keys = [rng.choice([0, 1, 2, 3, 100], shape).astype(dtype) for dtype in dtypes]
    for key in keys:
        if key.dtype.kind == "f":
            key[key == 2] = -0.0
            key[key == 3] = np.nan
    with gilkit.threads(threads):
        assert_same(outcome(gilkit.lexsort, keys, axis)[0], outcome(np.lexsort, keys, axis)[0])


def test_lexsort_of_long_keys():
    rng = np.random.default_rng(5)
    n = LONG
    few = [rng.integers(0, 3, n).astype(dtype) for dtype in "?bH"]
    wide = [rng.integers(-(2**63), 2**63 - 1, n), rng.integers(2**63, 2**64 - 1, n, dtype="u8") >> 3 << 3]
    large = [
        rng.integers(0, 2**20, n, dtype="u8") + np.uint64(2**64 - 2**20),
        rng.integers(0, 2**20, n) + np.int64(-(2**63)),
    ]
    floats = [rng.choice([0.0, -0.0, np.nan, 1.0], n).astype(dtype) for dtype in "fd"]
    for keys in (few, few[:1], wide, large, floats, [*few, *large], [*wide, *few, wide[0] % 4], [*few, *floats, *few], wide + floats + large,
                 np.array(large[1:] * 3), [large[0].astype(">u8"), few[0][::-1], list(few[1])]):  # fmt: skip
        expected = np.lexsort(keys)
        for threads in (1, 3):
            got = gilkit.lexsort(keys, threads=threads)
            assert got.dtype == expected.dtype
            np.testing.assert_array_equal(got, expected)
    table = rng.integers(0, 3, (3, 400, 10))
    for axis in (0, 1, -1):
        np.testing.assert_array_equal(gilkit.lexsort(table, axis), np.lexsort(table, axis))


def test_what_lexsort_leaves_to_numpy():
    long = np.zeros(LONG)
    for keys in ((), [], 3, [3, 4], np.arange(4), "ab", [["a", "b"], ["c", "b"]], [long, long[1:]], [long, long.reshape(1, -1)],
                 [long, np.ma.masked_array(long)], [long[:2000].astype("M8[s]"), long[:2000]], [[1j, 2], [3, 4]], None):  # fmt: skip
        assert_same(outcome(gilkit.lexsort, keys)[0], outcome(np.lexsort, keys)[0])
    for keys in ([long, long], [[1, 2]]):
        assert_same(outcome(gilkit.lexsort, keys, 3)[0], outcome(np.lexsort, keys, 3)[0])
        with pytest.raises(ValueError, match="threads must be from 1"):
            gilkit.lexsort(keys, threads=0)
