"""uniform: the same bits as numpy.random.Philox."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gilkit
from gilkit.reference.uniform import uniform as reference


def numpys(shape, seed, dtype="f8"):
    return np.random.Generator(np.random.Philox(seed)).random(shape, dtype)


@given(
    shape=st.integers(0, 3000) | st.lists(st.integers(0, 12), max_size=4).map(tuple),
    seed=st.integers(0, 2**200) | st.lists(st.integers(0, 2**64), min_size=1, max_size=4),
    dtype=st.sampled_from(["f4", "f8"]),
)
@settings(max_examples=300, deadline=None)
def test_equals_numpy(shape, seed, dtype):
    got = gilkit.uniform(shape, seed=seed, dtype=dtype)
    expected = numpys(shape, seed, dtype)
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)
    out = np.full(expected.shape, 7, dtype)
    assert gilkit.uniform(shape, seed=seed, dtype=dtype, out=out) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_every_isa_and_number_of_threads(isa, dtype):
    for n in (32_767, 32_768, 65_536, 65_537, 400_003):
        expected = numpys(n, 11, dtype)
        for threads in (1, 2, 3, 8, 64):
            np.testing.assert_array_equal(gilkit.uniform(n, seed=11, dtype=dtype, threads=threads), expected)


def test_seeds():
    sequence = np.random.SeedSequence(5, spawn_key=(1, 2))
    np.testing.assert_array_equal(gilkit.uniform(9, seed=sequence), numpys(9, sequence))
    assert not np.array_equal(gilkit.uniform(9, seed=None), gilkit.uniform(9, seed=None))
    for seed in (-1, "x", 1.5):
        with pytest.raises((TypeError, ValueError)) as expected:
            np.random.Philox(seed)
        with pytest.raises(expected.type):
            gilkit.uniform(9, seed=seed)


def test_reference():
    key = np.random.SeedSequence(3).generate_state(2, np.uint64).tolist()
    assert gilkit.uniform(23, seed=3).tolist() == reference(23, key)


def test_bad_arguments():
    with pytest.raises(TypeError, match="dtype must be float64 or float32, not int64"):
        gilkit.uniform(3, seed=1, dtype="i8")
    with pytest.raises(ValueError, match=r"out must have the shape \(3,\), not \(4,\)"):
        gilkit.uniform(3, seed=1, out=np.empty(4))
    with pytest.raises(TypeError, match="out must have the dtype float32, not float64"):
        gilkit.uniform(3, seed=1, dtype="f4", out=np.empty(3))
    with pytest.raises(ValueError, match="C-contiguous"):
        gilkit.uniform(3, seed=1, out=np.empty(6)[::2])
    with pytest.raises(ValueError, match="read-only"):
        gilkit.uniform(3, seed=1, out=np.broadcast_to(0.0, 3))
    with pytest.raises(ValueError, match="negative"):
        gilkit.uniform(-3, seed=1)
    with pytest.raises(TypeError, match="seed"):
        gilkit.uniform(3)
    with pytest.raises(ValueError, match="threads"):
        gilkit.uniform(3, seed=1, threads=0)
