"""gilkit.nearest and gilkit.kmeans: exact results on every instruction set and number of threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from instruction_sets import AVAILABLE

import gilkit
from gilkit.reference import nearest as reference

THREADS = [1, 2, 3, 8, 64]


def by_definition(points, centers):
    distances = np.zeros((len(points), len(centers)), points.dtype)
    with np.errstate(all="ignore"):
        for j in range(points.shape[1]):
            difference = points[:, j, None] - centers[None, :, j]
            distances += difference * difference
    index = distances.argmin(axis=1)
    return index, distances[np.arange(len(points)), index]


@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize(("n", "k", "d"), [(0, 3, 2), (1, 1, 1), (5, 7, 3), (1000, 16, 8), (777, 33, 64), (300, 5, 0)])
def test_nearest_is_exact(isa, dtype, n, k, d):
    rng = np.random.default_rng(n + k)
    points, centers = rng.standard_normal((n, d)).astype(dtype), rng.standard_normal((k, d)).astype(dtype)
    for p, c in ((points, centers), (np.round(points), np.round(centers))):  # the second has many ties
        index, distance = by_definition(p, c)
        for threads in THREADS:
            result = gilkit.nearest(p, c, threads=threads)
            assert result[0].dtype == np.int64
            assert result[1].dtype == p.dtype
            np.testing.assert_array_equal(result[0], index)
            np.testing.assert_array_equal(result[1], distance)


@given(data=st.data(), d=st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_nearest_equals_the_reference(data, d):
    shape = st.tuples(st.integers(1, 20), st.just(d))
    points, centers = (
        data.draw(hnp.arrays(np.float64, shape, elements=st.integers(-3, 3).map(float) | st.floats(-1e6, 1e6)))
        for _ in range(2)
    )
    index, distance = gilkit.nearest(points, centers)
    assert (index.tolist(), distance.tolist()) == reference.nearest(points.tolist(), centers.tolist())


def test_non_finite_points(isa):
    points = np.array([[np.nan, 0], [np.inf, 0], [1e200, 0], [3, 4]])
    index, distance = gilkit.nearest(points, [[0, 0], [1, 1]])
    np.testing.assert_array_equal(index, [0, 0, 0, 1])
    np.testing.assert_array_equal(distance, [np.nan, np.inf, np.inf, 13])


def test_nearest_takes_other_layouts_and_types():
    rng = np.random.default_rng(1)
    points, centers = rng.integers(0, 99, (50, 6)), rng.integers(0, 99, (9, 6))
    index, distance = by_definition(points.astype(float), centers.astype(float))
    for p, c in [(points, centers), (points.tolist(), centers.tolist()), (np.asfortranarray(points), centers),
                 (points.astype("f"), centers.astype("d"))]:  # fmt: skip
        result = gilkit.nearest(p, c)
        np.testing.assert_array_equal(result[0], index)
        np.testing.assert_array_equal(result[1], distance)


@pytest.mark.parametrize(
    ("points", "centers", "error", "match"),
    [
        ([1.0], [[1.0]], ValueError, "points"),
        ([[1.0]], [1.0], ValueError, "centers"),
        ([[1.0]], [[1.0, 2.0]], ValueError, "centers"),
        ([[1.0]], np.empty((0, 1)), ValueError, "centers"),
        ([[1.0]], [[np.nan]], ValueError, "centers"),
        ([["a"]], [[1.0]], TypeError, "points"),
    ],
)
def test_nearest_errors(points, centers, error, match):
    with pytest.raises(error, match=match):
        gilkit.nearest(points, centers)


def blobs(dtype="d", each=500):
    rng = np.random.default_rng(2)
    middles = np.array([[0, 0], [10, 0], [0, 10], [10, 10]])
    return (rng.standard_normal((len(middles), each, 2)) + middles[:, None]).reshape(-1, 2).astype(dtype)


@pytest.mark.parametrize("dtype", ["f", "d"])
def test_kmeans_finds_the_blobs_with_the_same_bits(isa, dtype):
    points = blobs(dtype)
    results = [gilkit.kmeans(points, 4, seed=1, threads=threads) for threads in THREADS]
    assert sorted(np.round(results[0].centers).tolist()) == [[0, 0], [0, 10], [10, 0], [10, 10]]
    for result in results:
        np.testing.assert_array_equal(result.centers, results[0].centers)
        np.testing.assert_array_equal(result.labels, results[0].labels)
        assert (result.inertia, result.iterations) == (results[0].inertia, results[0].iterations)
    np.testing.assert_array_equal(results[0].labels, gilkit.nearest(points, results[0].centers)[0])


@pytest.mark.thread_unsafe(reason="set_isa() must not be called while other calls run")
def test_kmeans_is_the_same_on_every_instruction_set():
    from gilkit.runtime import set_isa

    points = blobs(each=3000)
    expected = gilkit.kmeans(points, 7, seed=3)
    for name in AVAILABLE:
        set_isa(name)
        result = gilkit.kmeans(points, 7, seed=3)
        np.testing.assert_array_equal(result.centers, expected.centers)
        assert result.inertia == expected.inertia


def test_kmeans_equals_the_reference():
    points = blobs(each=50)
    result = gilkit.kmeans(points, 4, seed=5)
    centers, labels, inertia = reference.kmeans(points.tolist(), result.centers.tolist())
    assert labels == result.labels.tolist()  # Lloyd's fixed point
    np.testing.assert_allclose(centers, result.centers)
    assert inertia == pytest.approx(result.inertia)


def test_kmeans_with_coinciding_points():
    result = gilkit.kmeans(np.ones((10, 2)), 4, seed=0)
    assert result.inertia == 0
    result = gilkit.kmeans([[0.0], [0.0], [5.0]], 3, seed=0)
    assert set(result.centers.ravel()) == {0.0, 5.0}


def test_kmeans_errors():
    points = blobs(each=5)
    for keywords, error in [({"k": 0}, ValueError), ({"k": 21}, ValueError), ({"k": 2.5}, TypeError),
                            ({"k": 2, "max_iter": 0}, ValueError), ({"k": 2, "tol": -1}, ValueError)]:  # fmt: skip
        with pytest.raises(error):
            gilkit.kmeans(points, seed=0, **keywords)
    with pytest.raises(ValueError, match="points"):
        gilkit.kmeans([[np.nan], [1.0]], 1, seed=0)
    with pytest.raises(ValueError, match="points"):
        gilkit.kmeans(np.empty((0, 2)), 1, seed=0)


def test_nearest_where_rounding_to_float_would_mislead(isa):
    """Doubles are first compared in float; values that float cannot distinguish or represent are compared exactly."""
    rng = np.random.default_rng(5)
    centers = rng.standard_normal((40, 24))
    centers[20:] = centers[:20]  # each twice
    close = centers + 1e-9 * rng.standard_normal(centers.shape)
    points = rng.standard_normal((333, 24))
    wild = points.copy()
    wild[::5] *= 1e60
    wild[1::5] *= 1e-60
    wild[2::5, 3] = np.nan
    wild[3::5, 7] = np.inf
    for p in (points, points + 1e8, points * 1e-200, points * 1e100, wild):
        for c in (centers, close, centers + 1e8, centers * 1e-200, centers * 1e100, close[::-1]):
            with np.errstate(all="ignore"):
                index, distance = by_definition(p, c)
            result = gilkit.nearest(p, c, threads=2)
            np.testing.assert_array_equal(result[0], index)
            np.testing.assert_array_equal(result[1], distance)


def test_the_reference_stops_at_max_iter():
    points = [[0.0], [1.0], [10.0], [11.0]]
    assert reference.kmeans(points, [[0.0], [1.0]], max_iter=0)[0] == [[0.0], [1.0]]
    assert reference.kmeans(points, [[0.0], [1.0]], max_iter=1)[0] == [[0.0], [22 / 3]]
    centers, labels, inertia = reference.kmeans(points, [[0.0], [1.0]])
    assert (centers, labels, inertia) == ([[0.5], [10.5]], [0, 0, 1, 1], 1.0)
