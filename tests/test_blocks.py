"""gilkit.blocks: the same bits however the work is divided and whichever worker does it."""

import math
import time
from concurrent.futures import CancelledError, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gilkit
from gilkit import blocks
from gilkit.kernels.clustering import assign
from gilkit.kernels.fsum import fsum_parts
from gilkit.kernels.pi import inside
from gilkit.reference import nearest as reference_nearest
from gilkit.reference import pi as reference_pi

FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=64)
CUTS = st.lists(st.integers(0, 60), max_size=5)


def cut(array, places):
    return np.split(array, sorted(place % (len(array) + 1) for place in places))


def bits(value):
    return np.float64(value).tobytes()


# ---- sum


@given(values=hnp.arrays(np.float64, st.integers(0, 60), elements=FLOATS), places=CUTS)
@settings(max_examples=200, deadline=None)
def test_sum_equals_fsum_however_the_data_are_split(values, places):
    try:
        expected = math.fsum(values)
    except OverflowError:
        with pytest.raises(OverflowError):
            gilkit.fsum(values)
        return
    try:
        assert bits(blocks.sum(cut(values, places))) == bits(expected) == bits(gilkit.fsum(values))
    except OverflowError:  # an intermediate overflow, as in math.fsum with another order
        assert np.abs(values).sum() > 2.0**1000


@pytest.mark.parametrize("dtype", ["f", "d"])
def test_sum_of_a_long_array(isa, dtype):
    rng = np.random.default_rng(5)
    values = (rng.standard_normal(300_000) * 10.0 ** rng.integers(-30, 30, 300_000)).astype(dtype)
    expected = math.fsum(values)
    for workers in (1, 2, 3, 7):
        assert bits(blocks.sum(np.array_split(values, workers), threads=workers)) == bits(expected)
    # The order of the blocks does not matter.
    assert bits(blocks.sum(np.array_split(values, 5)[::-1])) == bits(expected)


@given(values=hnp.arrays(st.sampled_from("?bBhHiIqQ"), st.integers(1, 60)), places=CUTS)
@settings(max_examples=100, deadline=None)
def test_sum_of_integers(values, places):
    result = blocks.sum(cut(values, places))
    expected = gilkit.sum(values)
    assert (result, result.dtype) == (expected, expected.dtype)


def test_sum_of_non_finite_values():
    assert blocks.sum([[1.0], [math.inf]]) == math.inf
    assert math.isnan(blocks.sum([[1.0], [math.nan, math.inf]]))
    with pytest.raises(ValueError, match="inf"):
        blocks.sum([[math.inf], [-math.inf]])
    assert blocks.sum([[1e308], [-1e308, 3.0]]) == 3.0  # computed by math.fsum
    with pytest.raises(OverflowError):
        blocks.sum([[1e308] * 2, [1e308]])


def test_sum_of_empty_and_of_mixed_blocks():
    assert blocks.sum([]) == 0.0
    assert blocks.sum([np.empty(0)]) == 0.0
    for mixed in ([[1.0], [1]], [np.zeros(1, np.uint8), np.zeros(1, np.int8)]):
        with pytest.raises(TypeError, match="blocks"):
            blocks.sum(mixed)
    with pytest.raises(TypeError, match="a must be an array of"):
        blocks.sum([["text"]])


@given(values=hnp.arrays(np.float64, st.integers(1, 40), elements=FLOATS.filter(lambda x: abs(x) < 1e300)))
@settings(max_examples=100, deadline=None)
def test_parts_are_exact(values):
    from fractions import Fraction

    parts = fsum_parts(values)
    assert sum(map(Fraction, parts), Fraction()) == sum(map(Fraction, values.tolist()), Fraction())
    assert len(parts) <= 44


# ---- histogram


@given(
    values=hnp.arrays(
        st.sampled_from("bBiqfd"), st.integers(1, 60), elements={"min_value": 0, "max_value": 100}
    ).filter(lambda a: np.isfinite(a).all()),
    places=CUTS,
    bins=st.integers(1, 20) | st.lists(st.integers(0, 99), min_size=2, max_size=9).map(sorted),
)
@settings(max_examples=200, deadline=None)
def test_histogram_equals_that_of_the_whole(values, places, bins):
    for bounds in (None, (3, 50)):
        counts, edges = blocks.histogram(cut(values, places), bins, bounds)
        for whole in (np.histogram(values, bins, bounds), gilkit.histogram(values, bins, bounds)):
            np.testing.assert_array_equal(counts, whole[0])
            np.testing.assert_array_equal(edges, whole[1])
            assert edges.dtype == whole[1].dtype


def test_histogram_of_no_items():
    for given_blocks in ([], [np.empty(0)]):
        counts, edges = blocks.histogram(given_blocks, 4)
        np.testing.assert_array_equal(counts, [0, 0, 0, 0])
        np.testing.assert_array_equal(edges, np.histogram([], 4)[1])


@pytest.mark.parametrize(
    ("given_blocks", "arguments", "error", "match"),
    [
        ([[1.0]], ("auto",), TypeError, "bins"),
        ([[1.0], [1]], (3,), TypeError, "blocks"),
        ([[1.0]], (0,), ValueError, "bins"),
        ([[1.0]], (2.5,), TypeError, "integer"),
        ([[1.0], [np.nan]], (3,), ValueError, "finite"),
        ([[1.0]], ([3, 1],), ValueError, "bins"),
        ([[1.0]], (3, (2, 1)), ValueError, "max must be larger"),
    ],
)
def test_histogram_errors(given_blocks, arguments, error, match):
    with pytest.raises(error, match=match):
        blocks.histogram([np.array(block) for block in given_blocks], *arguments)


# ---- pi


@given(cuts=st.lists(st.integers(0, 3000), min_size=2, max_size=6), seed=st.integers(0, 2**64 - 1))
@settings(max_examples=60, deadline=None)
def test_inside_equals_the_reference(cuts, seed):
    cuts = sorted(cuts)
    for begin, end in zip(cuts, cuts[1:], strict=False):
        assert inside(begin, end, seed=seed) == reference_pi.inside(begin, end, seed)


def test_inside_far_away(isa):
    for begin in (2**33 - 77, 2**62 + 1, 2**63 - 201):
        assert inside(begin, begin + 200, seed=3) == reference_pi.inside(begin, begin + 200, 3)


def test_ranges_add_up_to_pi(isa):
    samples = 1_000_003
    for parts in (1, 2, 3, 64, 1000):
        assert blocks.pi(samples, seed=4, parts=parts) == gilkit.pi(samples, seed=4)
    assert blocks.pi(1, parts=5) == gilkit.pi(1)


@pytest.mark.parametrize(
    ("error", "name", "call"),
    [
        (ValueError, "begin", lambda: inside(5, 4)),
        (ValueError, "end", lambda: inside(0, 2**63 + 1)),
        (TypeError, "begin", lambda: inside(0.5, 4)),
        (ValueError, "seed", lambda: inside(0, 4, seed=-1)),
        (ValueError, "threads", lambda: inside(0, 4, threads=0)),
        (ValueError, "samples", lambda: blocks.pi(0)),
        (ValueError, "parts", lambda: blocks.pi(10, parts=0)),
        (TypeError, "float", lambda: blocks.pi(1e6)),
    ],
)
def test_pi_errors(error, name, call):
    with pytest.raises(error, match=name):
        call()


# ---- kmeans


def points_of(n=4000, dtype="d"):
    rng = np.random.default_rng(8)
    return (rng.standard_normal((n, 3)) + rng.integers(0, 4, (n, 1)) * 5).astype(dtype)


@pytest.mark.parametrize("dtype", ["f", "d"])
def test_kmeans_continues_like_a_single_process(isa, dtype):
    points = points_of(dtype=dtype)
    for length in (1, 2, 5):
        start = gilkit.kmeans(points, 5, seed=2, max_iter=1)
        expected = gilkit.kmeans(points, 5, seed=2, max_iter=1 + length)
        result = blocks.kmeans([points], start.centers, max_iter=length)
        assert result.centers.tobytes() == expected.centers.tobytes()
        assert result.centers.dtype == points.dtype
        assert result.inertia == pytest.approx(expected.inertia, rel=1e-6)
        assert result.iterations + 1 == expected.iterations
    whole = blocks.kmeans([points], start.centers)
    np.testing.assert_array_equal(whole.centers, gilkit.kmeans(points, 5, seed=2).centers)


def test_kmeans_of_blocks_equals_kmeans_of_the_whole():
    points = points_of()
    start = points[:5]
    expected = blocks.kmeans([points], start)
    for count in (2, 3, 8):
        result = blocks.kmeans(np.array_split(points, count), start)
        np.testing.assert_allclose(result.centers, expected.centers, rtol=1e-12)
        assert result.inertia == pytest.approx(expected.inertia, rel=1e-12)
    centers, _, inertia = reference_nearest.kmeans(points.tolist(), start.tolist())
    np.testing.assert_allclose(expected.centers, centers)
    assert inertia == pytest.approx(expected.inertia)


def test_kmeans_has_the_same_bits_for_any_threads_and_an_empty_block():
    split = [*np.array_split(points_of(), 3), np.empty((0, 3))]
    expected = blocks.kmeans(split, split[0][:6])
    for threads in (1, 2, 3, 8):
        result = blocks.kmeans(split, split[0][:6], threads=threads)
        assert result.centers.tobytes() == expected.centers.tobytes()
        assert result[1:] == expected[1:]


def test_kmeans_with_clusters_that_become_empty():
    points = np.array([[0.0], [0.0], [5.0], [9.0]])
    start = np.array([[0.0], [100.0], [200.0]])
    expected = blocks.kmeans([points], start)
    assert sorted(expected.centers.ravel()) == [0.0, 5.0, 9.0]
    for places in ([1], [2], [1, 2, 3]):
        result = blocks.kmeans(np.split(points, places), start)
        np.testing.assert_array_equal(result.centers, expected.centers)
        assert result.inertia == 0


def test_kmeans_takes_mixed_types_as_float64():
    points = points_of(100)
    mixed = [points[:50].astype("f"), points[50:]]
    assert blocks.kmeans(mixed, points[:2].astype("f")).centers.dtype == np.float64
    assert blocks.kmeans([[[1, 2]], [[3, 4]]], [[1, 2]]).centers.tolist() == [[2.0, 3.0]]


@pytest.mark.parametrize(
    ("error", "match", "arguments"),
    [
        (ValueError, "blocks", (([1.0],), [[1.0]])),
        (ValueError, "blocks", (([[1.0, 2.0]],), [[1.0]])),
        (ValueError, "block 1", (([[1.0]], [[np.nan]]), [[1.0]])),
        (ValueError, "centers", (([[1.0]],), [1.0])),
        (ValueError, "centers", (([[1.0]],), np.empty((0, 1)))),
        (ValueError, "centers", (([[1.0]],), [[np.inf]])),
        (ValueError, "centers", (([[1.0]],), [[1.0], [2.0]])),
        (ValueError, "max_iter", (([[1.0]],), [[1.0]], 0)),
        (ValueError, "tol", (([[1.0]],), [[1.0]], 1, -1.0)),
    ],
)
def test_kmeans_errors(error, match, arguments):
    given_blocks, centers, *rest = arguments
    keywords = dict(zip(("max_iter", "tol"), rest, strict=False))
    with pytest.raises(error, match=match):
        blocks.kmeans(given_blocks, centers, **keywords)


def test_assign_sums_by_label(isa):
    points = points_of(3000)
    labels, distance, sums, members = assign(points, points[:4])
    expected = gilkit.nearest(points, points[:4])
    np.testing.assert_array_equal(labels, expected[0])
    np.testing.assert_array_equal(distance, expected[1])
    np.testing.assert_array_equal(members, np.bincount(labels, minlength=4))
    for cluster in range(4):
        np.testing.assert_allclose(sums[cluster], points[labels == cluster].sum(axis=0))


# ---- Timeouts and tokens


def every_function(values, points, mapped):
    return [
        lambda: blocks.sum(values, map=mapped),
        lambda: blocks.histogram(values, 20, map=mapped),
        lambda: blocks.histogram(values, [-1, 0, 1], map=mapped),
        lambda: blocks.pi(1000, parts=len(values), map=mapped),
        lambda: blocks.kmeans(points, points[0][:4], map=mapped),
    ]


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("way", ["timeout", "token"])
def test_a_timeout_or_token_ends_a_function_whose_calls_run_elsewhere(number, way):
    """The threads of an executor know nothing of the caller's `with` blocks."""
    values, points = np.array_split(np.random.default_rng(3).standard_normal(3000), 100), [points_of()] * 100
    token, limit = gilkit.CancelToken(), gilkit.timeout(0.05)
    done = []

    def slow(function, *block):
        time.sleep(0.02)
        result = function(*block)
        done.append(result)
        if way == "token":
            token.cancel()
        return result

    with ThreadPoolExecutor(1) as executor:
        call = every_function(values, points, lambda function, *each: executor.map(partial(slow, function), *each))[
            number
        ]
        with limit if way == "timeout" else token, pytest.raises(TimeoutError if way == "timeout" else CancelledError):
            call()
    assert len(done) < 50


# ---- Workers


def everything(values, points, mapped):
    return (
        blocks.sum(values, map=mapped),
        [part.tobytes() for part in blocks.histogram(values, 20, map=mapped)],
        blocks.pi(300_001, seed=1, parts=5, map=mapped),
        *(np.asarray(part).tobytes() for part in blocks.kmeans(points, points[0][:4], map=mapped)),
    )


def test_other_map_functions_give_the_same_bits():
    values = np.array_split(np.random.default_rng(3).standard_normal(50_000), 6)
    points = np.array_split(points_of(), 6)
    expected = everything(values, points, map)
    assert everything(values, points, gilkit.map) == expected
    with ThreadPoolExecutor(3) as threads:
        assert everything(values, points, threads.map) == expected
    for workers in (1, 2, 3):
        with ProcessPoolExecutor(workers, get_context("spawn")) as processes:
            assert everything(values, points, partial(processes.map, timeout=120)) == expected
