"""gilkit.partition, argpartition and topk: valid partitions, NumPy's errors, the same for every number of threads."""

import pickle

import numpy as np
import pytest
from against_numpy import arrays, assert_same, outcome
from hypothesis import given, settings
from hypothesis import strategies as st

import gilkit
from gilkit.reference import sort as reference

LONG = 40_000  # more than is left to NumPy
THREADS = [1, 3, 64]
PLACES = [
    0,
    -1,
    3,
    [1, 0],
    np.array([2, -2, 2], np.int8),
    [],
    99,
    [0, -99],
    1.0,
    True,
    "x",
    [[1]],
    None,
    2**70,
    np.int64(1),
]


def assert_partitioned(got, a, kth, axis=-1):
    """Check that each position k has the k-th item, with no larger ones before it and no smaller ones after it."""
    if axis is None:
        a, axis = a.ravel(), 0
    assert got.shape == a.shape
    assert got.dtype == a.dtype
    ordered, got = np.moveaxis(np.sort(a, axis), axis, -1), np.moveaxis(got, axis, -1)
    cuts = np.unique(np.atleast_1d(kth) % a.shape[axis])
    edges = sorted({0, a.shape[axis], *cuts.tolist(), *(cuts + 1).tolist()})
    for begin, end in zip(edges[:-1], edges[1:], strict=True):
        np.testing.assert_array_equal(np.sort(got[..., begin:end], -1), ordered[..., begin:end])


def best(a, k, largest, axis=-1):
    """Return the indices of the k largest or smallest items, in order, from a stable sort."""
    n = a.shape[axis]
    if largest:
        order = n - 1 - np.flip(np.argsort(np.flip(a, axis), axis, kind="stable"), axis)
    else:
        order = np.argsort(a, axis, kind="stable")
    return np.take(order, range(k), axis)


@given(a=arrays(max_dims=3), kth=st.sampled_from(PLACES), axis=st.sampled_from([None, 0, 1, -1, -4, np.int64(0), True, 0.5]),
       kind=st.sampled_from(["introselect", "introselect", "quicksort", None]))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_short_arrays_equal_numpy(a, kth, axis, kind):
    before = a.copy()
    for name in ("partition", "argpartition"):
        got, _ = outcome(getattr(gilkit, name), a, kth, axis, kind)
        expected, _ = outcome(getattr(np, name), a, kth, axis, kind)
        assert_same(got, expected)
    np.testing.assert_array_equal(a, before)


def samples(dtype, n, rng):
    yield rng.integers(0, 2, n).astype(dtype)
    if dtype == "?":
        return
    spread = min(2 ** (8 * np.dtype(dtype).itemsize - 1) - 1, 2**31)
    yield rng.integers(0, spread, n).astype(dtype)
    yield np.full(n, 7, dtype)
    yield np.where(rng.random(n) < 0.001, rng.integers(0, 100, n), 3).astype(dtype)
    if dtype in "fd":
        yield rng.choice(np.array([0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 1], dtype), n)
        yield (rng.standard_normal(n) ** 9).astype(dtype)


@pytest.mark.parametrize("dtype", "?bHiQfd")
def test_long_arrays(dtype, rng):
    n = LONG + 1
    for a in samples(dtype, n, rng):
        for kth in (0, [-1, n // 3, 7, 7, n // 3 + 1], np.arange(0, n, 9)):
            results = [gilkit.partition(a, kth, threads=t) for t in THREADS]
            assert_partitioned(results[0], a, kth)
            assert len({result.tobytes() for result in results}) == 1
            if dtype in "fd":  # a permutation of the bits
                bits = np.dtype(f"u{a.itemsize}")
                np.testing.assert_array_equal(np.sort(results[0].view(bits)), np.sort(a.view(bits)))
            results = [gilkit.argpartition(a, kth, threads=t) for t in THREADS]
            np.testing.assert_array_equal(np.sort(results[0]), np.arange(n))
            assert_partitioned(a[results[0]], a, kth)
            assert len({result.tobytes() for result in results}) == 1
        for largest in (False, True):
            order = best(a, n, largest)
            for k in (1, 100, n // 2, n):
                for threads in (1, 3):
                    values, indices = gilkit.topk(a, k, largest=largest, threads=threads)
                    np.testing.assert_array_equal(indices, order[:k])
                    assert values.tobytes() == a[order[:k]].tobytes()
            indices = gilkit.topk(a, 100, largest=largest, sorted=False).indices
            np.testing.assert_array_equal(indices, np.sort(order[:100]))


def test_every_instruction_set(isa, rng):
    for dtype in "ifd":
        for a in samples(dtype, LONG, rng):
            assert_partitioned(gilkit.partition(a, [9, LONG // 2]), a, [9, LONG // 2])
            assert_partitioned(a[gilkit.argpartition(a, -9)], a, -9)


def test_hard_to_divide():
    """Orders and values that a sample represents badly."""
    n = 300_000
    ramp = np.arange(n, dtype=float)
    for a in (np.where(np.arange(n) % 997, 0.0, ramp), np.exp2(-ramp / 300), np.sin(ramp), np.full(n, np.nan),
              np.concatenate([np.zeros(n - 5), ramp[:5]]), np.where(ramp < 3, ramp, np.nan), np.tile([1.0, np.inf], n // 2)):  # fmt: skip
        kth = [0, 2, n // 2, n - 3]
        assert_partitioned(gilkit.partition(a, kth), a, kth)
        assert_partitioned(a[gilkit.argpartition(a, kth)], a, kth)
        for k in (3, 1000):
            np.testing.assert_array_equal(gilkit.topk(a, k).indices, best(a, k, True))
            np.testing.assert_array_equal(gilkit.topk(a, k, largest=False).indices, best(a, k, False))


@pytest.mark.parametrize("shape", [(3, LONG), (LONG, 3), (5, 200, 110)])
def test_layouts(shape, rng):
    a = rng.integers(0, 1000, shape).astype(">i4")
    for view in (a, a.T, a[::-1], np.asfortranarray(a), a[..., ::-2], a.astype("d")):
        for axis in (0, 1, -1, None):
            n = view.size if axis is None else view.shape[axis]
            kth = [n // 2, -1]
            assert_partitioned(gilkit.partition(view, kth, axis), view, kth, axis)
            indices = gilkit.argpartition(view, kth, axis)
            flat, along = (view.ravel(), 0) if axis is None else (view, axis)
            assert_partitioned(np.take_along_axis(flat, indices, along), view, kth, axis)
            values, indices = gilkit.topk(view, 2, axis=axis)
            order = best(flat, 2, True, along)
            np.testing.assert_array_equal(indices, order)
            np.testing.assert_array_equal(values, np.take_along_axis(flat, order, along))
            assert values.dtype == view.dtype


@given(a=arrays(max_dims=3), k=st.integers(0, 13), largest=st.booleans(), in_order=st.booleans(), data=st.data())
@settings(max_examples=200, deadline=None)
def test_topk_of_short_arrays(a, k, largest, in_order, data):
    axis = data.draw(st.none() | st.integers(-a.ndim, a.ndim - 1)) if a.ndim else None
    flat, along = (a.ravel(), 0) if axis is None else (a, axis)
    if k > flat.shape[along]:
        with pytest.raises(ValueError, match=f"k must be from 0 to {flat.shape[along]}, not {k}"):
            gilkit.topk(a, k, axis=axis)
        return
    result = gilkit.topk(a, k, axis=axis, largest=largest, sorted=in_order)
    order = best(flat, k, largest, along)
    order = order if in_order else np.sort(order, along)
    np.testing.assert_array_equal(result.indices, order)
    np.testing.assert_array_equal(result.values, np.take_along_axis(flat, order, along))
    assert result.values.dtype == a.dtype
    if flat.ndim == 1 and in_order:
        assert reference.topk(flat.tolist(), k, largest) == order.tolist()


class Subclass(np.ndarray):
    pass


def test_other_dtypes_and_arguments():
    table = np.array([(2, 1.0), (1, 3.0), (0, 2.0)], "i4,f8")
    masked = np.ma.masked_array([3.0, 1, 2], [0, 1, 0])
    for name in ("partition", "argpartition"):
        function, numpys = getattr(gilkit, name), getattr(np, name)
        for a in (["b", "a", "c"], [2, 1j, 0], np.array([3, "NaT", 1], "M8[s]"), np.array([2, np.nan, 1], "e"), [2**70, 1, 5],
                  table, masked, np.array([[3, 1, 2]]).view(Subclass), (3, 1, 2), np.arange(80_000, dtype="e").reshape(-1, 4)):  # fmt: skip
            assert_same(outcome(function, a, 1)[0], outcome(numpys, a, 1)[0])
        assert_same(function(table, 1, order="f1"), numpys(table, 1, order="f1"))
        assert_same(outcome(function, np.zeros(LONG), 1, 1)[0], outcome(numpys, np.zeros(LONG), 1, 1)[0])
        assert_same(outcome(function, np.zeros(LONG), LONG)[0], outcome(numpys, np.zeros(LONG), LONG)[0])
        assert_same(
            outcome(function, np.zeros((9, LONG)), 3, kind="x")[0], outcome(numpys, np.zeros((9, 4)), 3, kind="x")[0]
        )
        for a in ([1, 2], np.zeros(LONG), np.zeros((LONG, 4))):
            with pytest.raises(ValueError, match="threads must be from 1"):
                function(a, 1, threads=0)
    for a in (np.array(["b", "a", "b"]), np.array([3, "NaT", 1], "M8[s]"), np.array([2, np.nan, 1], "e"), np.array([2, 1j, 0]),
              np.array([2**70, 1, 5])):  # fmt: skip
        for largest in (False, True):
            result = gilkit.topk(a, 2, largest=largest)
            np.testing.assert_array_equal(result.indices, best(a, 2, largest))
            assert_same(result.values, a[result.indices])
    with pytest.raises(TypeError):
        gilkit.topk([None, 1], 1)
    with pytest.raises(TypeError, match="masked"):
        gilkit.topk(masked, 1)
    with pytest.raises(TypeError, match="k must be an integer"):
        gilkit.topk([1, 2], 1.0)
    for k in (-1, 3, 2**70):
        with pytest.raises(ValueError, match="k must be from 0 to 2"):
            gilkit.topk([1, 2], k)
    for a in (3, [1, 2]):
        with pytest.raises(np.exceptions.AxisError):
            gilkit.topk(a, 1, axis=1)
    with pytest.raises(ValueError, match="threads must be from 1"):
        gilkit.topk([1, 2], 1, threads=0)


def test_topk_result():
    result = gilkit.topk([[1, 5, 3]], 2)
    assert pickle.loads(pickle.dumps(result)).values.tolist() == [[5, 3]]
    values, indices = result
    assert values is result.values
    assert indices.tolist() == [[1, 2]]
    empty = gilkit.topk(np.zeros((0, 4)), 3)
    assert empty.values.shape == empty.indices.shape == (0, 3)
    assert gilkit.topk([], 0).values.shape == (0,)


def test_a_timeout_ends_the_call(rng):
    a = rng.standard_normal(3_000_000)
    for call in (lambda: gilkit.partition(a, 5), lambda: gilkit.argpartition(a, 5), lambda: gilkit.topk(a, 5),
                 lambda: gilkit.partition(a.reshape(-1, 300), 5)):  # fmt: skip
        with pytest.raises(TimeoutError), gilkit.timeout(1e-4):
            call()


def test_huge_sizes():
    """Arrays of more items than memory has: all are one item."""
    for dtype in ("b", "f", "d"):
        n = (2**63 - 1) // np.dtype(dtype).itemsize
        for shape in ((n,), (n // 2, 2), (2, n // 2), (n // 256, 256)):
            a = np.broadcast_to(np.ones((), dtype), shape)
            for call in (
                lambda a=a: gilkit.partition(a, 1),
                lambda a=a: gilkit.argpartition(a, 1),
                lambda a=a: gilkit.topk(a, 1),
            ):
                with pytest.raises((MemoryError, ValueError)):
                    call()
