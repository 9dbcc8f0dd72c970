"""nearest against SciPy's vq and scikit-learn's pairwise_distances_argmin_min; k-means against scikit-learn's.

Both k-means use the same kind of initialization. Distances are checked outside the timed part.
"""

from __future__ import annotations

import numpy as np
import pytest

import gilkit

RNG = np.random.default_rng(0)
SIZES = [
    *[(1000, 8, 16), (100_000, 8, 16)],
    *(pytest.param(*size, marks=pytest.mark.full) for size in [(1_000_000, 8, 16), (100_000, 64, 256)]),
]


@pytest.mark.parametrize("peer", ["gilkit", "gilkit-1", "scipy", "scikit-learn"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("n", "d", "k"), SIZES)
def test_nearest(benchmark, n, d, k, dtype, peer):
    benchmark.group = f"nearest, {n} x {d}, {k} centres, {dtype}"
    points, centers = RNG.standard_normal((n, d)).astype(dtype), RNG.standard_normal((k, d)).astype(dtype)
    if peer == "scipy":
        vq = pytest.importorskip("scipy.cluster.vq").vq
        index, distance = benchmark(lambda: vq(points, centers, check_finite=False))
        distance = distance**2
    elif peer == "scikit-learn":
        find = pytest.importorskip("sklearn.metrics").pairwise_distances_argmin_min
        index, distance = benchmark(lambda: find(points, centers, metric="sqeuclidean"))
    else:
        arguments = {"threads": 1} if peer == "gilkit-1" else {}
        index, distance = benchmark(lambda: gilkit.nearest(points, centers, **arguments))
    np.testing.assert_allclose(distance, ((points - centers[index]) ** 2).sum(axis=1), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("peer", ["gilkit", "scikit-learn"])
def test_kmeans(benchmark, peer):
    benchmark.group = "kmeans, 100000 x 8, 16 clusters, 20 iterations"
    points = RNG.standard_normal((100_000, 8))
    if peer == "gilkit":
        inertia = benchmark(lambda: gilkit.kmeans(points, 16, seed=0, max_iter=20)).inertia
    else:
        cluster = pytest.importorskip("sklearn.cluster")
        model = cluster.KMeans(16, n_init=1, max_iter=20, tol=0, random_state=0)
        inertia = benchmark(lambda: model.fit(points)).inertia_
    assert 0 < inertia < ((points - points.mean(axis=0)) ** 2).sum()
