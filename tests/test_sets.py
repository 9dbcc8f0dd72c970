"""unique, isin, the set functions and searchsorted against NumPy's own."""

import numpy as np
import pytest
from against_numpy import arrays, check
from hypothesis import given, settings
from hypothesis import strategies as st

import gilkit

PAIRS = ["intersect1d", "union1d", "setdiff1d", "setxor1d"]

booleans = st.booleans()


@given(a=arrays(), index=booleans, inverse=booleans, counts=booleans, equal_nan=booleans)
@settings(max_examples=120, deadline=None)
def test_unique(a, index, inverse, counts, equal_nan):
    if inverse and not equal_nan:
        a = np.where(np.isnan(a), 1, a) if a.dtype.kind == "f" else a  # NumPy numbers NaNs in an unspecified order
    check("unique", a, index, inverse, counts, equal_nan=equal_nan)


@given(a=arrays())
@settings(max_examples=100, deadline=None)
def test_functions_of_the_array_api(a):
    if a.dtype.kind == "f":
        a = np.where(np.isnan(a), 1, a)
    for name in ("unique_all", "unique_counts", "unique_inverse"):
        check(name, a)
    np.testing.assert_array_equal(gilkit.unique_values(a), np.sort(np.unique_values(a)))


@given(a=arrays(), b=arrays(), invert=booleans)
@settings(max_examples=120, deadline=None)
def test_isin(a, b, invert):
    check("isin", a, b, invert=invert)


@pytest.mark.parametrize("name", PAIRS)
@given(a=arrays(), b=arrays())
@settings(max_examples=60, deadline=None)
def test_pairs(name, a, b):
    check(name, a, b)


@given(a=arrays(max_dims=1), v=arrays(), side=st.sampled_from(["left", "right", "middle", None]), sort=booleans)
@settings(max_examples=200, deadline=None)
def test_searchsorted(a, v, side, sort):
    a = np.atleast_1d(a)
    if sort:
        check("searchsorted", np.sort(a), v, side)
    else:
        check("searchsorted", a, v, side, sorter=np.argsort(a))


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 64])
@pytest.mark.parametrize("distinct", [3, 10**9])
@pytest.mark.parametrize("dtype", "BhqQfd")
def test_long_arrays(dtype, distinct, threads, rng):
    a = rng.integers(0, min(distinct, 200 if dtype == "B" else 30_000 if dtype == "h" else distinct), 300_001).astype(
        dtype
    )
    b = np.concatenate([a[::7], rng.integers(0, 100, 1000).astype(dtype)])
    with gilkit.threads(threads):
        check("unique", a)
        check("unique", a, True, True, True)
        check("isin", a, b)
        check("isin", a, b[:11], invert=True)
        check("searchsorted", np.sort(b), a)
        check("searchsorted", np.sort(b), a, "right")
        for name in PAIRS:
            check(name, a, b)


def test_isin_of_numbers_far_apart(rng):
    """The hash table: with few and with many elements, with 0 and the largest numbers, and with many elements of one
    slot."""
    for dtype in ("q", "Q", "d"):
        info = np.iinfo(dtype) if dtype != "d" else np.finfo(dtype)
        ends = np.array([0, info.min, info.max, 1], dtype)
        for m in (1, 2, 5, 100, 5000, 9000, 70_000, 300_000):
            wide = (rng.integers(0, 2**62, m).astype(dtype) * 3).astype(dtype)
            elements = np.concatenate([ends[: rng.integers(0, 5)], wide])
            items = np.concatenate([ends, elements[::2], wide[:50] + np.asarray(1, dtype), np.zeros(3, dtype)])
            check("isin", items, elements)
        # Multiples of a large power of two hash to few slots.
        strided = (np.arange(2000, dtype=np.uint64) << np.uint64(50)).astype(dtype)
        check("isin", np.arange(0, 2**60, 2**48, dtype=np.uint64).astype(dtype), strided)


def test_numpys_other_arguments():
    table = np.array([[1, 2], [1, 2], [3, 4]])
    check("unique", table, axis=0)
    check("unique", table, True, True, True, axis=1)
    check("unique", ["b", "a", "b"])
    check("unique", np.array([1j, 2, 1j]), return_counts=True)
    check("isin", ["a", "b"], ["b"])
    check("isin", [1, 2], [2.0])
    check("isin", np.uint64([2**63 + 1]), np.int64([-1, 1]))
    check("isin", [1, 2], [2], kind="table")
    check("isin", [1, 2], [2], kind="sort")
    check("isin", [1.0, 2], [2], kind="table")
    check("isin", [1, 2], [2], kind="bogus")
    check("isin", 3, [3])
    check("isin", [1, 2], {1, 2})
    check("intersect1d", [1, 2, 3, 3], [3, 2], return_indices=True)
    check("intersect1d", [3, 1], [1, 3], assume_unique=True)
    check("setdiff1d", [3, 1, 2], [1], assume_unique=True)
    check("setxor1d", [3, 1], [1, 5], assume_unique=True)
    check("union1d", ["a"], ["b"])
    check("searchsorted", ["a", "c"], ["b", "d"])
    check("searchsorted", [[1, 2]], 1)
    check("searchsorted", [1, 2, 3], 2.5)
    check("searchsorted", [1, 2, 3], [])
    check("searchsorted", [], [1, 2])
    check("searchsorted", [3, 1, 2], 2, sorter=[1, 2, 0])
    check("searchsorted", [3, 1, 2], 2, sorter=[1, 2])
    check("searchsorted", [3, 1, 2], 2, sorter=[1, 2, 7])
    check("searchsorted", [3, 1, 2], 2, sorter=[1, 2, -1])
    check("searchsorted", [3, 1, 2], 2, sorter=[1.5, 2, 0])
    check("searchsorted", np.array([1, 2, 3], object), 2)
    check("searchsorted", [3, 1, 2], 2, sorter=np.ma.masked_array([1, 2, 0]))
    for call in (lambda: gilkit.unique([1], threads=0), lambda: gilkit.isin([1], [1], threads=0),
                 lambda: gilkit.searchsorted([1], 1, threads=0), lambda: gilkit.union1d([1], [2], threads=0)):  # fmt: skip
        with pytest.raises(ValueError, match="threads must be from 1"):
            call()


def test_integers_that_become_equal_floats():
    integers = np.array([2**53, 2**53 + 1, 7, 7])
    for name in PAIRS:
        for other in (np.array([2**53, 9], np.uint64), np.array([2.0**53, 9]), np.array([7, 9], np.float32)):
            check(name, integers, other)
            check(name, other, integers)


def test_isin_of_numbers_that_a_hash_function_puts_together():
    inverse = np.uint64(pow(0x9E3779B97F4A7C15, -1, 2**64))
    together = np.arange(3000, dtype=np.uint64) * inverse
    for elements in (together ^ together >> np.uint64(32), np.arange(3000) * 196418, np.arange(3000.0) * 2**-40):
        check("isin", np.concatenate([elements, elements + 1]), elements)


def test_same_bits_on_every_instruction_set(isa, rng):
    a = rng.standard_normal(200_000).round(3)
    a[::50] = np.nan
    check("unique", a, True, True, True)
    check("isin", a, a[::3])
    check("searchsorted", np.sort(a), a)


def test_a_timeout_ends_the_call(rng):
    a = rng.integers(0, 2**60, 3_000_000)
    for call in (lambda: gilkit.unique(a), lambda: gilkit.isin(a, a), lambda: gilkit.searchsorted(a, a)):
        with pytest.raises(TimeoutError), gilkit.timeout(1e-4):
            call()
