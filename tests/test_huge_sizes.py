"""Sizes near 2**63, and tables of one gigabyte that a timeout leaves unfinished."""

import subprocess
import sys

import numpy as np
import pytest
from names import POSITIONS, REDUCTIONS
from numpy.lib.stride_tricks import as_strided

import gilkit

# Print how many megabytes the process grew in a call whose table has one gigabyte.
LEFT = """
import resource, sys
import numpy as np, gilkit
x = np.linspace(0, 1, 1000)
def grown(work):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with gilkit.timeout(0.02): work()
        print("no timeout")
    except TimeoutError:
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(kilobytes // (1 << (20 if sys.platform == "darwin" else 10)))
grown(lambda: WORK)
"""
HUGE = {
    "bincount": "gilkit.bincount(np.array([2**27]))",
    "bincount of few": "gilkit.bincount(np.array([2**27] * 5000), threads=64)",
    "bincount with weights": "gilkit.bincount(np.array([2**27]), weights=[1.0])",
    "bincount with minlength": "gilkit.bincount([1], minlength=2**27)",
    "histogram": "gilkit.histogram(x, 2**27)",
    "histogram with range": "gilkit.histogram(x, 2**27, range=(0, 1))",
    "histogram with weights": "gilkit.histogram(x, 2**27, weights=x)",
    "histogram with density": "gilkit.histogram(x, 2**27, density=True)",
    "histogram2d": "gilkit.histogram2d(np.tile(x, 5), np.tile(x, 5), (2**13, 2**14))",
    "histogramdd": "gilkit.histogramdd([np.tile(x, 5)] * 3, 2**9)",
}


@pytest.mark.skipif(sys.platform == "win32", reason="the system has no resource module")
@pytest.mark.parametrize("work", HUGE.values(), ids=HUGE.keys())
def test_a_timeout_leaves_a_huge_table_unfinished(work):
    """A table that was cleared completely would use one gigabyte of memory, however fast the machine is."""
    code = LEFT.replace("WORK", work)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 700, done.stdout


@pytest.mark.parametrize("size", [60_000, 100_000])
def test_a_timeout_ends_repeated_differences(size):
    with pytest.raises(TimeoutError), gilkit.timeout(0.02):
        gilkit.diff(np.zeros(size), n=size)


def virtual(shape, dtype=np.int8):
    """Return an array of this shape that has one item in memory."""
    return np.broadcast_to(np.ones((), dtype), shape)


SHAPES = [(2**63 - 1,), (2**63 - 2,), (2**62 - 1, 2), (2, 2**62 - 1), ((2**63 - 1) // 256, 256), (3, 2**56, 16)]


ENDLESS = sorted({*REDUCTIONS, *POSITIONS} - {"any"})


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", [*ENDLESS, "fsum"])
def test_reductions_of_nearly_2_to_the_63_items_start(name, shape):
    with gilkit.timeout(0.01), pytest.raises(TimeoutError):
        getattr(gilkit, name)(virtual(shape))


@pytest.mark.parametrize("name", ENDLESS)
def test_reductions_along_an_axis_of_nearly_2_to_the_63_items_start(name):
    with gilkit.timeout(0.01), pytest.raises(TimeoutError):
        getattr(gilkit, name)(virtual((2**60, 7)), axis=0)


@pytest.mark.parametrize("dtype", [np.int8, np.float32, np.float64])
def test_dot_of_the_maximum_number_of_items(dtype):
    a = virtual(((2**63 - 1) // np.dtype(dtype).itemsize,), dtype)
    with gilkit.timeout(0.01), pytest.raises(TimeoutError):
        gilkit.dot(a, a)


@pytest.mark.parametrize("name", ["sort", "argsort", "cumsum", "histogram", "bincount", "nearest", "jacobi"])
def test_calls_that_need_memory_per_item_raise_memory_error(name):
    a = virtual((2**58, 2) if name in ("nearest", "jacobi") else (2**60,), np.float64 if name == "jacobi" else np.int8)
    rest = {"nearest": [a], "jacobi": []}.get(name, [])
    keywords = {"iterations": 1} if name == "jacobi" else {}
    with gilkit.timeout(5), pytest.raises((MemoryError, ValueError)):
        getattr(gilkit, name)(a, *rest, **keywords)


@pytest.mark.parametrize("shape", [(2**59,), (2**58, 2), (2, 2**58)], ids=str)
@pytest.mark.parametrize("name", ["sort", "cumsum"])
def test_an_out_larger_than_any_memory(name, shape):
    a = virtual(shape, np.int64)
    out = as_strided(np.zeros(1, np.int64), shape, (0,) * len(shape))
    with gilkit.timeout(0.05), pytest.raises((MemoryError, TimeoutError)):
        getattr(gilkit, name)(a, axis=0, out=out)


def test_a_stride_without_meaning():
    """NumPy keeps any stride that was requested for an axis with one item."""
    a = as_strided(np.arange(40.0), (1, 40), (-(2**63), 8))
    assert gilkit.sum(a) == 780
    assert np.array_equal(gilkit.sum(a, axis=0), np.arange(40.0))
    assert np.array_equal(gilkit.cumsum(a, axis=0), a)
    assert np.array_equal(gilkit.cumsum(a, axis=1), np.cumsum(a, axis=1))
    assert np.array_equal(gilkit.sort(a, axis=0), a)
    assert gilkit.fsum(a) == 780


@pytest.mark.parametrize("iterations", [2**63 - 1, 2**63 - 16, 2**62])
def test_jacobi_makes_the_maximum_number_of_sweeps(iterations):
    """Regression test: the number of passes overflowed, and the result was uninitialized memory."""
    with gilkit.timeout(0.01), pytest.raises(TimeoutError):
        gilkit.jacobi(np.ones((5, 5)), iterations=iterations)


def test_numbers_at_the_ends_of_their_ranges():
    for work in (lambda: gilkit.spin(2**63 - 1), lambda: gilkit.pi(2**63)):
        with gilkit.timeout(0.01), pytest.raises(TimeoutError):
            work()
    for work in (
        lambda: gilkit.uniform(2**60, seed=1),
        lambda: gilkit.normal(size=2**60, seed=1),
        lambda: gilkit.integers(0, 9, 2**60, seed=1),
        lambda: gilkit.permutation(2**60, seed=1),
        lambda: gilkit.uniform((2**31, 2**31), seed=1, dtype=np.float32),
        lambda: gilkit.mandelbrot(2**30, 2**31),
        lambda: gilkit.mandelbrot(2**61 - 1, 1),
    ):
        with pytest.raises((MemoryError, ValueError)):
            work()


@pytest.mark.parametrize("seconds", [1e-9, 3.9e9, 4e9, 9.3e9, 1e300, float("inf")])
def test_timeouts_of_any_length(seconds):
    with gilkit.timeout(seconds):
        if seconds > 1:
            assert gilkit.sum(np.ones(10_000)) == 10_000


@pytest.mark.parametrize("bins", [2**18, 2**18 + 1, 2**18 + 2, 700_001])
@pytest.mark.parametrize("outer", [None, (0, 1), (-3.7, 1e5), (0.1, 0.3)], ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32, np.uint8])
def test_many_equal_bins_have_numpys_edges(bins, outer, dtype):
    """gilkit computes the edges in pieces."""
    x = (np.random.default_rng(7).random(3000) * 200).astype(dtype)
    try:
        expected = np.histogram(x, bins, outer)
    except ValueError as error:
        with pytest.raises(ValueError, match=str(error)[:20]):
            gilkit.histogram(x, bins, outer)
        return
    got = gilkit.histogram(x, bins, outer)
    for a, b in zip(got, expected, strict=True):
        assert a.dtype == b.dtype
        assert np.array_equal(a, b)
    with np.errstate(invalid="ignore"):  # where no item is within the range, both divide 0 by 0
        got, expected = (module.histogram(x, bins, outer, density=True, weights=x) for module in (gilkit, np))
    assert got[0].dtype == expected[0].dtype
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-6, equal_nan=True)
