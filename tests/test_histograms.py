"""gilkit.histogram and gilkit.bincount: NumPy's counts, edges and errors."""

import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gilkit
from gilkit.kernels import _numpy
from gilkit.reference import histogram as reference

DTYPES = ["b", "B", "h", "H", "i", "I", "q", "Q", "f", "d"]
THREADS = [1, 2, 3, 8, 64]
numbers = hnp.arrays(st.sampled_from(DTYPES).map(np.dtype), st.integers(0, 50))
tame = hnp.arrays(np.float64, st.integers(0, 50), elements=st.floats(-100, 100) | st.integers(-20, 20).map(float))


def assert_same(ours, numpys):
    """Check for the same result with the same dtype, or the same type of error."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            expected = numpys()
        except Exception as error:
            with pytest.raises(type(error)):
                ours()
            return
        result = ours()
    for mine, theirs in zip(np.atleast_1d(result) if not isinstance(result, tuple) else result,
                            np.atleast_1d(expected) if not isinstance(expected, tuple) else expected,
                            strict=True):  # fmt: skip
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)


@given(
    a=numbers | tame,
    bins=st.integers(0, 40) | st.sampled_from(["auto", "sqrt", "nope"]) | st.lists(st.floats(-10, 10), max_size=6),
    limits=st.none() | st.tuples(st.floats(-50, 50), st.floats(-50, 50)),
    density=st.booleans(),
)
@settings(max_examples=400, deadline=None)
def test_histogram_equals_numpy(a, bins, limits, density):
    if bins == "auto":  # with far outliers, NumPy's rules make bins that fill the memory
        a = np.clip(np.nan_to_num(a.astype(float)), -50, 50).round()
    assert_same(lambda: gilkit.histogram(a, bins, limits, density), lambda: np.histogram(a, bins, limits, density))


@given(a=tame, edges=st.lists(st.integers(-50, 50), min_size=2, max_size=9).map(sorted))
@settings(max_examples=100, deadline=None)
def test_histogram_equals_the_reference(a, edges):
    assert gilkit.histogram(a, edges)[0].tolist() == reference.histogram(a.tolist(), edges)


@pytest.mark.parametrize("dtype", DTYPES)
def test_long_histogram_with_every_instruction_set(isa, dtype):
    rng = np.random.default_rng(1)
    for a in (rng.integers(0, 100, 150_000), 50 + 10 * rng.standard_normal(150_000), np.full(150_000, 7)):
        a = a.astype(dtype)
        for bins in (1, 10, 100, 1000, 5000, np.linspace(20, 80, 61), [0, 1, 5, 50, 50, 99]):
            for limits in (None, (20, 60)):
                expected = np.histogram(a, bins, limits)
                for threads in (1, 2, 8):
                    result = gilkit.histogram(a, bins, limits, threads=threads)
                    np.testing.assert_array_equal(result[0], expected[0])
                    np.testing.assert_array_equal(result[1], expected[1])


def test_items_on_and_next_to_the_edges():
    for bins, limits in [(10, (0.0, 1.0)), (7, (-0.3, 0.9)), (256, (0.0, 256.0)), (1000, (1e3, 1e3 + 1))]:
        for dtype in (np.float32, np.float64):
            edges = np.histogram_bin_edges(np.empty(0, dtype), bins, limits)
            a = np.concatenate([edges, np.nextafter(edges, dtype(-np.inf)), np.nextafter(edges, dtype(np.inf))])
            assert_same(lambda a=a, b=bins, r=limits: gilkit.histogram(a, b, r),
                        lambda a=a, b=bins, r=limits: np.histogram(a, b, r))  # fmt: skip


def test_widths_near_the_rounding_of_the_edges():
    rng = np.random.default_rng(2)
    for start, reach in [(1e16, 64), (1.0, 1e-13), (-1e300, 1e290), (0, 1e-300), (0, 5e-324)]:
        a = start + reach * rng.random(1000)
        assert_same(lambda a=a: gilkit.histogram(a, 10), lambda a=a: np.histogram(a, 10))
    wide = np.array([-(2**63), 2**63 - 1, 2**62, 2**53 + 1])
    assert_same(lambda: gilkit.histogram(wide, 5), lambda: np.histogram(wide, 5))


def test_nan_and_infinity():
    a = np.array([0.1, np.nan, 0.9, np.inf, -np.inf])
    assert_same(lambda: gilkit.histogram(a, 4, (0, 1)), lambda: np.histogram(a, 4, (0, 1)))
    assert_same(lambda: gilkit.histogram(a, [0, 0.5, 1]), lambda: np.histogram(a, [0, 0.5, 1]))
    with pytest.raises(ValueError, match="not finite"):
        gilkit.histogram(a)


@pytest.mark.parametrize("weights", ["d", "f", "q", "B", "?", "D", "e"])
def test_weights(weights):
    rng = np.random.default_rng(3)
    a = rng.random(200_000)
    w = ((1 if weights == "e" else 100) * rng.random(a.size)).astype(weights)
    if weights == "e":
        a, w = a[:1000], w[:1000]  # the sum of more items overflows
    for bins in (10, 300):
        expected = np.histogram(a, bins, weights=w)[0]
        for threads in THREADS:
            result = gilkit.histogram(a, bins, weights=w, threads=threads)[0]
            assert result.dtype == expected.dtype
            np.testing.assert_array_equal(result, expected)
    assert_same(lambda: gilkit.histogram(a, 5, weights=w[:-1]), lambda: np.histogram(a, 5, weights=w[:-1]))


def test_more_bins_than_private_tables_hold():
    rng = np.random.default_rng(4)
    a = rng.random(300_000)
    np.testing.assert_array_equal(gilkit.histogram(a, 3_000_000, threads=2)[0], np.histogram(a, 3_000_000)[0])
    x = rng.integers(0, 3_000_000, 300_000)
    w = rng.random(x.size)
    for threads in THREADS:
        np.testing.assert_array_equal(gilkit.bincount(x, threads=threads), np.bincount(x))
        np.testing.assert_array_equal(gilkit.bincount(x, w, threads=threads), np.bincount(x, w))


@given(
    x=hnp.arrays(st.sampled_from("?bBhHiIq").map(np.dtype), st.integers(0, 50), elements=st.integers(0, 1))
    | hnp.arrays(np.int64, st.integers(0, 50), elements=st.integers(-1, 300)),
    minlength=st.integers(0, 400),
    weighted=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_bincount_equals_numpy(x, minlength, weighted):
    w = np.linspace(0, 1, x.size) if weighted else None
    assert_same(lambda: gilkit.bincount(x, w, minlength), lambda: np.bincount(x, w, minlength))
    if x.size and x.min() >= 0:
        assert gilkit.bincount(x, w, minlength).tolist() == reference.bincount(
            x.astype(int).tolist(), None if w is None else w.tolist(), minlength
        )


@pytest.mark.parametrize("dtype", ["B", "h", "i", "q"])
def test_long_bincount_with_every_instruction_set(isa, dtype):
    rng = np.random.default_rng(5)
    for high in (1, 5, 256, 20_000):
        x = rng.integers(0, min(high, np.iinfo(dtype).max), 150_000).astype(dtype)
        late = x.copy()
        late[-1] = np.iinfo(dtype).max if dtype != "i" and dtype != "q" else 10**6
        for values in (x, late):
            for threads in THREADS:
                np.testing.assert_array_equal(gilkit.bincount(values, threads=threads), np.bincount(values))
        w = rng.random(x.size)
        sums = gilkit.bincount(x, w, threads=1)
        np.testing.assert_allclose(sums, np.bincount(x, w), rtol=1e-12)
        for threads in THREADS:
            np.testing.assert_array_equal(gilkit.bincount(x, w, threads=threads), sums)


def test_bincount_errors():
    late = np.zeros(100_000, int)
    late[-1] = -1
    for bad, error in [([-1], ValueError), (late, ValueError), ([[1]], ValueError), (1, ValueError),
                       (np.array([0.5]), TypeError)]:  # fmt: skip
        with pytest.raises(error):
            gilkit.bincount(bad)
    for arguments, error in [(([1], [1, 2]), ValueError), (([1], [1j]), TypeError), (([1], None, -1), ValueError),
                             (([1], None, 1.5), TypeError)]:  # fmt: skip
        with pytest.raises(error):
            gilkit.bincount(*arguments)


@pytest.mark.parametrize("arguments", [([0.5, 1.2],), (["0", "1"],), ([1, 2], None, "x"), ([1, 2], None, None),
                                       ([1, 2], None, -1), ([1, 2], None, 3.0), ([1, 2], [1j, 2])], ids=str)  # fmt: skip
@pytest.mark.thread_unsafe(reason="catches warnings, which affects all threads before Python 3.14")
def test_bincount_leaves_to_numpy_what_numpy_refuses_or_deprecates(arguments):
    found = []
    for function in (gilkit.bincount, np.bincount):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                result = function(*arguments).tolist()
            except (TypeError, ValueError) as error:
                result = str(error)
        found.append((result, [str(each.message) for each in caught]))
    assert found[0] == found[1]


def test_unaligned_items_are_copied():
    x, weights = (np.ndarray(5000, dtype, bytearray(8 * 5000 + 1), offset=1) for dtype in (np.int64, np.float64))
    x[:], weights[:] = np.arange(5000) % 50, np.arange(5000)
    assert _numpy.ascontiguousarray(x).flags.aligned  # what the kernels get
    np.testing.assert_array_equal(gilkit.bincount(x), np.bincount(x))
    np.testing.assert_array_equal(gilkit.bincount(x, weights), np.bincount(x, weights))
    np.testing.assert_array_equal(gilkit.histogram(x, weights=weights)[0], np.histogram(x, weights=weights)[0])
    columns = x[:, np.newaxis]
    result, expected = gilkit.histogramdd(columns, weights=weights), np.histogramdd(columns, weights=weights)
    np.testing.assert_array_equal(result[0], expected[0])


@pytest.mark.thread_unsafe(reason="other threads count references too")
def test_weighted_counts_keep_no_reference_to_their_dtype():
    """numpy.empty(n) keeps one to float64 in some versions; numpy.empty(n, float64) does not."""
    doubles = np.dtype(np.float64)
    values, weights = np.arange(10_000) % 7, np.ones(10_000)
    before = sys.getrefcount(doubles)
    for _ in range(10):
        gilkit.bincount(values, weights)
        gilkit.histogram(values, 7, weights=weights)
    assert sys.getrefcount(doubles) < before + 10
