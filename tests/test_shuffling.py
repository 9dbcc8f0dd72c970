"""permutation, shuffle and choice: NumPy's results for few items, and uniform permutations of many."""

import against_numpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gilkit
from gilkit.reference.shuffle import permutation as reference

SHORT = 32_768
ITEMS = ["?", "b", "<h", ">h", "f", ">f", "d", "<q", ">Q", "D", "g", "F", "S3", "M8[s]", "i4,f8", "i1,f8", "S16", "O"]


def generator(seed):
    return np.random.Generator(np.random.Philox(seed))


def key(seed):
    return np.random.SeedSequence(seed).generate_state(2, np.uint64).tolist()


def same(got, expected):
    assert type(got) is type(expected)
    if isinstance(expected, np.ndarray):
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
        assert np.array_equal(got, expected) or got.tobytes() == expected.tobytes()
    else:
        assert got == expected


@given(
    dtype=st.sampled_from(ITEMS).map(np.dtype),
    shape=hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=9),
    layout=st.sampled_from(["C", "F", "reversed", "every second"]),
    seed=st.integers(0, 2**70),
    data=st.data(),
)
@settings(max_examples=200, deadline=None)
def test_arrays_of_any_kind(dtype, shape, layout, seed, data):
    a = np.zeros(shape, dtype)
    number = np.arange(a.size).reshape(shape)
    if a.dtype.names:
        a[a.dtype.names[0]] = number
    else:
        a[...] = number.astype(a.dtype)
    a = {"C": a, "F": np.asfortranarray(a), "reversed": a[::-1], "every second": a[::2]}[layout]
    axis = data.draw(st.integers(-a.ndim, a.ndim - 1))
    expected = generator(seed).permutation(a, axis)
    got = gilkit.permutation(a, axis, seed=seed)
    assert not np.may_share_memory(got, a)
    same(got, expected)
    assert gilkit.shuffle(a, axis, seed=seed) is None
    numpys = a.copy()
    same(a, expected)
    gilkit.shuffle(numpys, axis, seed=seed + 1)
    same(numpys, generator(seed + 1).permutation(a, axis))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 63, 64, 1000, SHORT - 1, SHORT])
def test_few_items_are_permuted_as_by_numpy(n):
    for seed in range(3):
        same(gilkit.permutation(n, seed=seed), generator(seed).permutation(n))
        a, b = np.arange(n), np.arange(n)
        gilkit.shuffle(a, seed=seed)
        generator(seed).shuffle(b)
        same(a, b)


@pytest.mark.parametrize("n", [SHORT + 1, 65_536, 70_001, 300_001])
def test_many_items(isa, n):
    expected = gilkit.permutation(n, seed=5, threads=1)
    np.testing.assert_array_equal(np.sort(expected), np.arange(n))
    if n < 100_000 and isa == "scalar":
        assert expected.tolist() == reference(n, key(5))
    for threads in (2, 3, 8, 64):
        same(gilkit.permutation(n, seed=5, threads=threads), expected)
    for dtype in ("i1", "u2", ">f4", "f8", "D", "S3"):
        a = np.arange(n).astype(dtype)
        shuffled = a.copy()
        gilkit.shuffle(shuffled, seed=5, threads=3)
        same(shuffled, a[expected])
        same(gilkit.permutation(a, seed=5, threads=2), a[expected])
    rows = np.arange(2 * n).reshape(2, n)
    same(gilkit.permutation(rows, 1, seed=5), rows[:, expected])


def test_many_items_are_in_random_order():
    """Each statistic is within five standard deviations of its mean. The seeds are fixed."""
    n, groups = 1_000_000, 50
    for seed in range(3):
        p = gilkit.permutation(n, seed=seed)
        # Divide old and new positions into fifty parts each, and count the items in each pair of parts.
        counts = np.bincount(p * groups // n * groups + np.arange(n) * groups // n, minlength=groups**2)
        chi_square, freedom = ((counts - n / groups**2) ** 2).sum() / (n / groups**2), (groups - 1) ** 2
        assert abs(chi_square - freedom) < 5 * np.sqrt(2 * freedom)
        # The order of all items, of neighbours, and of items some buckets apart.
        centred = p - (n - 1) / 2
        variance = (n * n - 1) / 12
        for distance in (1, 2, 1000, 31_250, 62_500):
            correlation = (centred[:-distance] * centred[distance:]).mean() / variance
            assert abs(correlation) < 5 / np.sqrt(n - distance), distance
        assert abs((centred * (np.arange(n) - (n - 1) / 2)).mean() / variance) < 5 / np.sqrt(n)
        ascents = (p[1:] > p[:-1]).sum()
        assert abs(ascents - (n - 1) / 2) < 5 * np.sqrt((n + 1) / 12)
    # Fixed points: one on average, with a variance of one.
    small = [gilkit.permutation(40_000, seed=seed) for seed in range(200)]
    fixed = sum(int((p == np.arange(40_000)).sum()) for p in small)
    assert abs(fixed - 200) < 5 * np.sqrt(200)
    # The first item is any item: Kolmogorov and Smirnov's test, whose statistic exceeds 2 in 0.07 % of cases.
    first = np.sort([p[0] for p in small]) / 40_000
    assert np.abs(first - np.arange(200) / 200).max() * np.sqrt(200) < 2


def test_sequences_and_subclasses_are_left_to_numpy():
    for make in (
        lambda: list(range(20)),
        lambda: bytearray(range(20)),
        lambda: np.ma.masked_array(np.arange(20), np.arange(20) % 3 == 0),
        lambda: np.arange(20).reshape(5, 4).view(type("Kind", (np.ndarray,), {})),
    ):
        ours, numpys = make(), make()
        gilkit.shuffle(ours, seed=6)
        generator(6).shuffle(numpys)
        assert repr(ours) == repr(numpys)
    same(gilkit.permutation([1, 4, 9, 12], seed=6), generator(6).permutation([1, 4, 9, 12]))
    same(gilkit.permutation(np.uint8(9), seed=6), generator(6).permutation(np.uint8(9)))
    same(gilkit.permutation(True, seed=6), generator(6).permutation(True))
    same(gilkit.permutation(-3, seed=6), generator(6).permutation(-3))


def test_memory_mapped_arrays(tmp_path):
    mapped = np.memmap(tmp_path / "items", np.int64, "w+", shape=100_000)
    mapped[:] = np.arange(100_000)
    gilkit.shuffle(mapped, seed=6)
    same(np.asarray(mapped), gilkit.permutation(100_000, seed=6))


def test_wrong_arguments_raise_numpys_exceptions():
    frozen = np.arange(5)
    frozen.flags.writeable = False
    for x, axis in ((5.5, 0), ("abc", 0), (np.arange(5), 1), (np.arange(6).reshape(2, 3), -3), ([1, 2], 1), (None, 0), (np.array(3), 0), ({}, 0), (frozen, 0)):  # fmt: skip
        for name in ("permutation", "shuffle"):
            expected, _ = against_numpy.outcome(getattr(generator(1), name), x, axis)
            got, _ = against_numpy.outcome(getattr(gilkit, name), x, axis, seed=1)
            assert type(got) is type(expected), (name, x, got, expected)
    for call in (gilkit.permutation, lambda n, **k: gilkit.shuffle(np.arange(n), **k), gilkit.choice):
        with pytest.raises(TypeError, match="seed"):
            call(5)
        with pytest.raises(ValueError, match="threads"):
            call(5, seed=1, threads=0)
    with pytest.raises((MemoryError, ValueError)):
        gilkit.permutation(2**62, seed=1)
    for population in (np.uint64(2**63 + 5), 2**70):
        with pytest.raises((ValueError, OverflowError)) as expected:
            generator(1).choice(population, 3)
        with pytest.raises(expected.type):
            gilkit.choice(population, 3, seed=1)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_call_that_ends_early_loses_no_item(threads):
    a = np.arange(8_000_000)
    for limit in (1e-4, 3e-3, 1e-2, 2e-2):
        try:
            with gilkit.timeout(limit):
                gilkit.shuffle(a, seed=1, threads=threads)
        except TimeoutError:
            assert (a == np.arange(a.size)).all()
        else:
            break
    with pytest.raises(TimeoutError), gilkit.timeout(1e-4):
        gilkit.permutation(a, seed=1, threads=threads)


# ---- choice

TABLE = np.arange(12).reshape(3, 4)


@given(
    a=st.integers(0, 50) | st.sampled_from([[1, 5, 3], TABLE, np.arange(7)[::-1], "abc", 40_000, [], np.float64(3), 2.5, None]),
    size=st.none() | st.integers(-1, 60) | st.lists(st.integers(0, 5), max_size=3).map(tuple),
    replace=st.booleans(),
    p=st.none() | st.lists(st.floats(0, 1), min_size=1, max_size=8) | st.sampled_from([[0.5, 0.2, 0.3], [0.5, 0.6, 0], [-0.5, 1, 0.5], [np.nan, 1, 0], [[1]], "x", np.float32([0.5, 0.2, 0.3])]),
    axis=st.sampled_from([0, 0, 0, 1, -1, 2]),
    order=st.booleans(),
    seed=st.integers(0, 2**70),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_choice_is_numpys(a, size, replace, p, axis, order, seed):
    arguments = (a, size, replace, p, axis, order)
    expected, _ = against_numpy.outcome(generator(seed).choice, *arguments)
    got, _ = against_numpy.outcome(gilkit.choice, *arguments, seed=seed)
    if isinstance(expected, Exception):
        assert type(got) is type(expected), (got, expected)
    else:
        same(got, expected)


def test_large_choices():
    weights = np.random.default_rng(1).random(1000)
    weights /= weights.sum()
    for arguments in (
        (1000, 200_000),
        (np.arange(1000.0), (2, 50_000)),
        (1000, 200_000, True, weights),
        (10**6, 1000, False),
    ):
        expected = generator(3).choice(*arguments)
        for threads in (1, 3):
            same(gilkit.choice(*arguments, seed=3, threads=threads), expected)
    permutation = gilkit.permutation(200_000, seed=3)
    same(gilkit.choice(200_000, (2, 50_000), False, seed=3), permutation[:100_000].reshape(2, -1))
    same(
        gilkit.choice(TABLE.repeat(50_000, 1), 200_000, False, axis=1, seed=3), TABLE.repeat(50_000, 1)[:, permutation]
    )
