"""uniform, random, normal, exponential and integers: the numbers of numpy.random.Philox.

Bit for bit, except for the last digits of normal numbers and of float32's exponential ones: NumPy's tables for these have
rounding errors."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gilkit
from gilkit.reference.integers import integers as reference_integers
from gilkit.reference.uniform import uniform as reference

INTEGERS = "bBhHiIqQ"


def generator(seed):
    return np.random.Generator(np.random.Philox(seed))


def numpys(shape, seed, dtype="f8"):
    return generator(seed).random(shape, dtype)


def key(seed):
    return np.random.SeedSequence(seed).generate_state(2, np.uint64).tolist()


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
    assert gilkit.uniform(23, seed=3).tolist() == reference(23, key(3))


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


# ---- The functions of numpy.random.Generator

sizes = st.none() | st.integers(0, 3000) | st.lists(st.integers(0, 12), max_size=3).map(tuple)
scales = st.floats(0, 1e9) | st.sampled_from([np.inf, np.nan, np.float32(0.1), 3, np.int16(4), np.array(2.5)])
BAD_SCALES = [-1, -0.0, -np.inf, "x", [1, -1], 2j]


def same(got, expected):
    assert type(got) is type(expected)
    if isinstance(expected, np.ndarray):
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(got, expected)


def near(got, expected, loc=0.0):
    """Check for equality except in the last digits: those of ``loc + scale * z`` if z has another last digit."""
    assert type(got) is type(expected)
    assert (np.asarray(got).dtype, np.shape(got)) == (np.asarray(expected).dtype, np.shape(expected))
    eps = 60 * np.finfo(np.asarray(expected).dtype).eps
    np.testing.assert_allclose(got, expected, rtol=eps, atol=eps * np.max(np.nan_to_num(np.abs(loc), posinf=0)))


def raises_the_same(call, numpys_call):
    with pytest.raises((TypeError, ValueError)) as expected:
        numpys_call()
    with pytest.raises(expected.type):
        call()


@given(
    size=sizes, seed=st.integers(0, 2**70), loc=scales, scale=scales, single=st.booleans(), threads=st.integers(1, 8)
)
@settings(max_examples=200, deadline=None)
def test_numbers_and_shapes_are_numpys(size, seed, loc, scale, single, threads):
    dtype = np.dtype("f4" if single else "f8")
    same(gilkit.random(size, dtype, seed=seed, threads=threads), generator(seed).random(size, dtype))
    keywords = {"seed": seed, "dtype": dtype, "threads": threads}
    near(gilkit.normal(size=size, **keywords), generator(seed).standard_normal(size, dtype))
    near(gilkit.exponential(size=size, **keywords), generator(seed).standard_exponential(size, dtype))
    with np.errstate(all="ignore"):
        if single and size is not None:
            z, x = generator(seed).standard_normal(size, dtype), generator(seed).standard_exponential(size, dtype)
            near(gilkit.normal(loc, scale, size, **keywords), np.asarray(np.float32(loc) + np.float32(scale) * z), loc)
            near(gilkit.exponential(scale, size, **keywords), np.asarray(np.float32(scale) * x))
        elif not single:
            near(gilkit.normal(loc, scale, size, **keywords), generator(seed).normal(loc, scale, size), loc)
            same(gilkit.exponential(scale, size, **keywords), generator(seed).exponential(scale, size))


@given(
    dtype=st.sampled_from(INTEGERS),
    ends=st.tuples(st.integers(0, 2**64) | st.integers(0, 300), st.integers(0, 2**64) | st.integers(0, 300)),
    size=sizes,
    seed=st.integers(0, 2**70),
    endpoint=st.booleans(),
    threads=st.integers(1, 8),
)
@settings(max_examples=300, deadline=None)
def test_integers_are_numpys(dtype, ends, size, seed, endpoint, threads):
    limits = np.iinfo(dtype)
    low, high = (limits.min + end % (limits.max - limits.min + 2) for end in sorted(ends))
    try:
        expected = generator(seed).integers(low, high, size, dtype, endpoint)
    except ValueError as error:
        with pytest.raises(ValueError, match=str(error)[:9]):
            gilkit.integers(low, high, size, dtype, endpoint, seed=seed)
    else:
        same(gilkit.integers(low, high, size, dtype, endpoint, seed=seed, threads=threads), expected)


# Rejected: none, hardly any, few, half of all units.
RANGES = [
    (0, 2**15),
    (-5, 95),
    (0, 3 * 2**28),
    (1 - 2**31, 2),
    (0, 2**40 + 1),
    (-(2**62) - 1, 2**62),
    (-(2**63), 2**63),
]
LARGE = {
    "random": (lambda **k: gilkit.random(300_001, **k), lambda g: g.random(300_001)),
    "normal": (lambda **k: gilkit.normal(3, 0.5, 700_001, **k), lambda g: g.normal(3, 0.5, 700_001)),
    "exponential": (lambda **k: gilkit.exponential(2, 300_001, **k), lambda g: g.exponential(2, 300_001)),
    "normal f4": (
        lambda **k: gilkit.normal(size=300_001, dtype="f4", **k), lambda g: g.standard_normal(300_001, "f4"),
    ),
    "exponential f4": (
        lambda **k: gilkit.exponential(size=700_001, dtype="f4", **k), lambda g: g.standard_exponential(700_001, "f4"),
    ),
    **{
        f"integers {low} {high}": (
            lambda low=low, high=high, **k: gilkit.integers(low, high, 150_001, **k),
            lambda g, low=low, high=high: g.integers(low, high, 150_001),
        )
        for low, high in RANGES
    },
    **{
        f"integers {dtype} {high}": (
            lambda dtype=dtype, high=high, **k: gilkit.integers(3, high, 150_001, dtype, **k),
            lambda g, dtype=dtype, high=high: g.integers(3, high, 150_001, dtype),
        )
        for dtype, high in (("b", 67), ("B", 132), ("h", 2**14 + 9), ("H", 2**16), ("i", 2**31), ("I", 2**31 + 5))
    },
}  # fmt: skip


of_the_first_isa = {}


@pytest.mark.parametrize("name", LARGE)
def test_the_same_numbers_with_every_isa_and_number_of_threads(isa, name):
    call, numpys_call = LARGE[name]
    expected = numpys_call(generator(5))
    if name.startswith("normal") or name.endswith("f4"):
        near(call(seed=5), expected, 3)
        expected = of_the_first_isa.setdefault(name, call(seed=5))
    for threads in (1, 2, 3, 8, 64):
        same(call(seed=5, threads=threads), expected)


def test_short_and_long_pieces():
    """Sizes around those at which another way is taken, and at which pieces end."""
    expected = generator(9).standard_normal(70_000)
    for n in (2047, 2048, 2049, 4096, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537):
        for threads in (1, 2, 5):
            near(gilkit.normal(size=n, seed=9, threads=threads), expected[:n])


def test_the_tails():
    """One normal number in 4000 is from the tail, which has a method of its own."""
    z, x = gilkit.normal(size=2_000_000, seed=4), gilkit.exponential(size=2_000_000, seed=4)
    near(z, generator(4).standard_normal(2_000_000))
    same(x, generator(4).standard_exponential(2_000_000))
    assert (np.abs(z) > 3.66).sum() > 400
    assert (x > 7.7).sum() > 800


@pytest.mark.parametrize("shape", [(4, 1), (3,), (4, 3), (2, 4, 3)])
def test_parameters_that_are_arrays(shape):
    loc, scale = np.arange(4.0).reshape(4, 1), np.array([0.5, 1, 2])
    for size in (None, shape):
        raises = size is not None and np.broadcast_shapes(shape, (4, 3)) != shape
        if raises:
            raises_the_same(
                lambda: gilkit.normal(loc, scale, shape, seed=2), lambda: generator(2).normal(loc, scale, shape)
            )
        else:
            near(gilkit.normal(loc, scale, size, seed=2), generator(2).normal(loc, scale, size), loc)
    near(gilkit.normal([1, 2], seed=2), generator(2).normal([1, 2]), 2)
    out = np.empty((4, 3))
    assert gilkit.normal(loc, scale, out=out, seed=2) is out
    near(out, generator(2).normal(loc, scale), loc)
    with pytest.raises(ValueError, match="shape"):
        gilkit.exponential(np.ones(5), out=out, seed=2)
    same(gilkit.exponential(scale, seed=2), generator(2).exponential(scale))
    same(gilkit.exponential(scale, (2, 3), seed=2), generator(2).exponential(scale, (2, 3)))
    same(gilkit.normal(loc, scale.astype("f4"), seed=2, dtype="f4").dtype, np.dtype("f4"))
    same(gilkit.integers([1, 2], [5, 9], seed=2), generator(2).integers([1, 2], [5, 9]))
    same(gilkit.integers(0, 2, 9, bool, seed=2), generator(2).integers(0, 2, 9, bool))
    same(gilkit.integers(7, seed=2), generator(2).integers(7))
    same(gilkit.integers(7, dtype=int, seed=2), generator(2).integers(7, dtype=int))
    same(gilkit.integers(np.int8(3), 9.5, 5, seed=2), generator(2).integers(np.int8(3), 9.5, 5))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_out(dtype, order):
    for name, numpys_name in (("random",) * 2, ("normal", "standard_normal"), ("exponential", "standard_exponential")):
        out, expected = (np.full((5, 7), 9, dtype, order) for _ in range(2))
        getattr(generator(3), numpys_name)(dtype=dtype, out=expected)
        for size in ({}, {"size": (5, 7)}):
            out[:] = 9
            assert getattr(gilkit, name)(**size, dtype=dtype, out=out, seed=3) is out
            near(out, expected)
        function = getattr(gilkit, name)
        with pytest.raises(ValueError, match="shape"):
            function(size=5, dtype=dtype, out=out, seed=3)
        with pytest.raises(TypeError, match="dtype float16|dtype must be"):
            function(dtype="f2", out=out, seed=3)
        with pytest.raises(ValueError, match="contiguous"):
            function(dtype=dtype, out=np.empty(8, dtype)[::2], seed=3)
        with pytest.raises(ValueError, match="read-only"):
            function(dtype=dtype, out=np.frombuffer(bytes(16), dtype), seed=3)
        with pytest.raises(TypeError, match="out must be a NumPy array"):
            function(dtype=dtype, out=[0.0], seed=3)


def test_wrong_arguments_raise_numpys_exceptions():
    for scale in BAD_SCALES:
        raises_the_same(lambda s=scale: gilkit.normal(0, s, 2, seed=1), lambda s=scale: generator(1).normal(0, s, 2))
        raises_the_same(
            lambda s=scale: gilkit.exponential(s, 2, seed=1), lambda s=scale: generator(1).exponential(s, 2)
        )
    for size in (-1, (2, -1), 2.5, [1.5]):
        for name in ("random", "normal", "exponential"):
            raises_the_same(
                lambda n=name, s=size: getattr(gilkit, n)(size=s, seed=1),
                lambda n=name, s=size: getattr(generator(1), n)(size=s),
            )
        raises_the_same(
            lambda s=size: gilkit.integers(5, size=s, seed=1), lambda s=size: generator(1).integers(5, size=s)
        )
    for dtype in ("i8", "f2", ">f8", "c16", "O", "nonsense"):
        raises_the_same(lambda d=dtype: gilkit.random(2, d, seed=1), lambda d=dtype: generator(1).random(2, d))
        raises_the_same(
            lambda d=dtype: gilkit.normal(size=2, dtype=d, seed=1), lambda d=dtype: generator(1).standard_normal(2, d)
        )
    for low, high, dtype in ((0, 0, "i8"), (5, 3, "i8"), (0, 300, "u1"), (-1, 5, "u8"), (0, 2**64, "i8"), (0, 5, "f8"), (0, 5, ">i8"), ("a", 5, "i8"), (None, None, "i8")):  # fmt: skip
        raises_the_same(
            lambda a=low, b=high, d=dtype: gilkit.integers(a, b, 3, d, seed=1),
            lambda a=low, b=high, d=dtype: generator(1).integers(a, b, 3, d),
        )
    for name in ("random", "normal", "exponential"):
        with pytest.raises(TypeError, match="seed"):
            getattr(gilkit, name)(size=3)
        with pytest.raises(ValueError, match="threads"):
            getattr(gilkit, name)(size=3, seed=1, threads=0)
    with pytest.raises(ValueError, match="threads"):
        gilkit.integers(3, size=3, seed=1, threads=0)


@pytest.mark.parametrize(("low", "last", "size"), [(0, 0, 8), (-7, 92, 8), (0, 2**40, 8), (0, 2**63, 8), (0, 129, 1), (0, 2**15, 2), (0, 3 * 2**28, 4)])  # fmt: skip
def test_integers_of_the_reference(low, last, size):
    dtype = np.dtype(f"{'i' if low < 0 else 'u'}{size}")
    got = gilkit.integers(low, last, 500, dtype, endpoint=True, seed=8)
    assert got.tolist() == reference_integers(500, low, last, key(8), size)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_timeout_ends_the_call(threads):
    out = np.empty(20_000_000)
    for call in (
        lambda: gilkit.random(out=out, seed=1, threads=threads),
        lambda: gilkit.normal(out=out, seed=1, threads=threads),
        lambda: gilkit.exponential(out=out, seed=1, threads=threads),
        lambda: gilkit.integers(0, 130, out.size, "u1", seed=1, threads=threads),
    ):
        with pytest.raises(TimeoutError), gilkit.timeout(0.002):
            call()


def test_the_tables_are_those_that_the_tool_computes():
    root = Path(__file__).resolve().parents[1]
    made = subprocess.run(
        [sys.executable, root / "tools/ziggurat_tables.py"], capture_output=True, text=True, check=True
    )
    assert made.stdout == (root / "csrc/kernels/random/ziggurat_tables.h").read_text()


@pytest.mark.parametrize("size", [np.int64(3), np.array([2, 3]), [2, 3], ()])
def test_choice_of_a_size_from_numpy(size):
    same(gilkit.choice(5, size, seed=1), generator(1).choice(5, size))
