"""fsum: equal to math.fsum, bit for bit."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gilkit


def outcome(function, a):
    """Return the bits of the result, or the error."""
    try:
        sum = function(a)
        return type(sum), math.copysign(1, sum), sum.hex()
    except (ValueError, OverflowError) as error:
        return type(error), str(error)


def check(a):
    a = np.asarray(a)
    got, expected = outcome(gilkit.fsum, a), outcome(math.fsum, a.flat)
    if expected[-1] == "nan":
        assert got[-1] == "nan"
    else:
        assert got == expected


@given(st.lists(st.floats(), max_size=50))
@settings(max_examples=1000, deadline=None)
def test_any_floats(values):
    check(np.array(values, "f8"))


@given(
    n=st.integers(1, 5000),
    spread=st.sampled_from([0, 1, 10, 39, 41, 60, 82, 100, 300, 1000]),
    center=st.sampled_from([0, -900, -1040, 900]),
    cancel=st.booleans(),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=300, deadline=None)
def test_blocks(n, spread, center, cancel, seed):
    """Blocks of all magnitudes are cut off wholly, in part, or not at all."""
    rng = np.random.default_rng(seed)
    exponents = rng.integers(-spread, spread + 1, n) + center
    a = np.ldexp(rng.random(n) - 0.5, np.minimum(exponents, 1020))
    if cancel:
        a = np.concatenate([a, -a])
        rng.shuffle(a)
    check(a)


def test_pieces(isa):
    rng = np.random.default_rng(0)
    for n in (32_768, 32_769, 100_000, 1_000_001):
        a = rng.standard_normal(n) * 10.0 ** rng.integers(-5, 5, n)
        expected = math.fsum(a)
        for threads in (1, 2, 3, 8, 64):
            assert gilkit.fsum(a, threads=threads) == expected
        a[n // 2] = math.inf
        assert gilkit.fsum(a) == math.inf


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", ">f8"])
def test_dtypes_and_layouts(dtype):
    a = np.random.default_rng(1).integers(0, 2**63, (60, 70, 3), dtype="i8").astype(dtype)
    for view in (a, a.T, a[::-1, ::2], a[..., 1], np.asfortranarray(a), a[3, 4, 2], a[:0]):
        check(view)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [0.0],
        [-0.0],
        [-0.0, -0.0],
        [math.nan],
        [math.nan, math.inf],
        [math.nan, math.inf, -math.inf],
        [math.inf, -math.inf],
        [-math.inf, 1.0],
        [1e308, 1e308, -1e308],
        [1e308, -1e308, 1e308],
        [1e308, 1e308, math.inf],
        [math.inf, 1e308, 1e308],
        [5e-324] * 3,
        [1.0, 2.0**-53, 5e-324],
        [1.0, 2.0**-53, -5e-324],
        [2.0**1023, 2.0**1022, -(2.0**1023)],
    ],
)
def test_edges(values):
    check(values)
    check(np.repeat(np.array(values), 50))


def test_bad_arguments():
    for a in (np.ones(3, complex), np.array(["1"]), np.array([None])):
        with pytest.raises(TypeError, match="a must be an array of"):
            gilkit.fsum(a)
    with pytest.raises(ValueError, match="threads"):
        gilkit.fsum([1.0], threads=0)
