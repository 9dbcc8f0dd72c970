"""dot: against NumPy, and exactly rounded sums."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gilkit

DTYPES = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]


@given(
    dtypes=st.tuples(st.sampled_from(DTYPES), st.sampled_from(DTYPES)),
    n=st.integers(0, 200) | st.sampled_from([2047, 2048, 2049, 20_000, 50_001]),
    steps=st.tuples(*[st.sampled_from([1, 1, -1, 2])] * 2),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=300, deadline=None)
def test_equals_numpy(dtypes, n, steps, seed):
    rng = np.random.default_rng(seed)
    a, b = (
        rng.integers(0, 2**40, n * abs(step)).astype(dtype)[::step][:n]
        for dtype, step in zip(dtypes, steps, strict=True)
    )
    expected, got = np.dot(a, b), gilkit.dot(a, b)
    assert type(got) is type(expected)
    assert got.dtype == expected.dtype
    if expected.dtype.kind == "f":
        # Against sums in float64: where products cancel, NumPy's sum in float32 can be off by more than gilkit's.
        products = a.astype(float) * b.astype(float)
        error = abs(float(got) - math.fsum(products))
        assert error <= np.finfo(expected.dtype).eps * np.abs(products).sum()
    else:
        assert got == expected


def test_accuracy():
    rng = np.random.default_rng(0)
    for n in (5, 1000, 100_000):
        a, b = rng.standard_normal((2, n))
        products = a * b
        assert abs(gilkit.dot(a, b) - math.fsum(products)) <= 8 * np.finfo(float).eps * np.abs(products).sum()


def test_same_bits(isa):
    a, b = np.random.default_rng(1).standard_normal((2, 300_000))
    results = {gilkit.dot(x, y, threads=n).tobytes() for n in (1, 2, 3, 8, 64) for x, y in ((a, b), (b, a))}
    assert len(results) == 1
    assert results == {gilkit.dot(a[::-1][::-1], np.repeat(b, 2)[::2]).tobytes()}


def test_edges_and_errors():
    assert gilkit.dot([], []) == 0
    assert not np.signbit(gilkit.dot([-0.0], [1.0]))  # as np.dot
    with pytest.warns(RuntimeWarning, match="invalid value encountered in dot"):  # as np.dot
        assert math.isnan(gilkit.dot([math.inf, 1], [0, 1]))
    assert gilkit.dot([math.inf, 1], [1, 1]) == math.inf
    for shapes in itertools.product([(), (2,), (2, 2)], repeat=2):
        a, b = np.ones(shapes[0]), np.ones(shapes[1])
        np.testing.assert_array_equal(gilkit.dot(a, b), np.dot(a, b))
        out = np.empty_like(np.dot(a, b))
        assert gilkit.dot(a, b, out) is out or out.ndim == 0
        np.testing.assert_array_equal(out, np.dot(a, b))
    with pytest.raises(ValueError, match="not aligned"):
        gilkit.dot([1, 2], [1, 2, 3])
    assert gilkit.dot([1.0], [1j]) == 1j
    assert gilkit.dot(np.ones(2, "f2"), np.ones(2, "f2")).dtype == "f2"
    with pytest.raises(TypeError):
        gilkit.dot([None], [{}])
    with pytest.raises(ValueError, match="threads"):
        gilkit.dot([1.0], [1.0], threads=0)
