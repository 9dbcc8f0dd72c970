"""Nearest centres and k-means."""
from typing import NamedTuple

from libc.stdint cimport int64_t

cimport numpy as cnp

from gilkit._call cimport Call, call_begin, call_end, integer
from gilkit._exports cimport gk_options, import_core
from gilkit.kernels._arrays cimport GK_FLOAT32, as_input, gk_type, type_of

from gilkit.kernels import _numpy as np
from gilkit.kernels.random import generator
from gilkit.kernels.reductions import sum as _sum

cnp.import_array()
import_core()

cdef extern from *:
    ctypedef struct gk_nearest_input:
        gk_type type
        int64_t n
        int64_t k
        int64_t dims
        const void *points
        const void *centers
    int gk_nearest "GK(gk_nearest)" (
        const gk_nearest_input *input, int64_t *index, void *distance, const gk_options *options) noexcept nogil
    int gk_cluster_sums "GK(gk_cluster_sums)" (
        const gk_nearest_input *input, const int64_t *index, double *sums, int64_t *members,
        const gk_options *options) noexcept nogil


cdef cnp.ndarray _table(object value, str name):
    """Return value as a C-contiguous table of float32, or of float64 for all other dtypes."""
    cdef cnp.ndarray table = as_input(value, name)
    if table.ndim != 2:
        shape = (<object>table).shape
        raise ValueError(f"{name} must have two dimensions, (number, coordinates), not the shape {shape}")
    table = np.ascontiguousarray(table, np.float32 if type_of(cnp.PyArray_TYPE(table)) == GK_FLOAT32 else np.float64)
    return table.view()  # other arguments may run code that assigns to the shape of the caller's array


cdef gk_nearest_input _input(cnp.ndarray points, cnp.ndarray centers) noexcept:
    cdef gk_nearest_input given
    given.type = type_of(cnp.PyArray_TYPE(points))
    given.n = points.shape[0]
    given.k = centers.shape[0]
    given.dims = points.shape[1]
    given.points = cnp.PyArray_DATA(points)
    given.centers = cnp.PyArray_DATA(centers)
    return given


cdef int _find(cnp.ndarray points, cnp.ndarray centers, cnp.ndarray index, cnp.ndarray distance,
               object threads) except -1:
    cdef gk_nearest_input given = _input(points, centers)
    cdef int64_t *indices = <int64_t *>cnp.PyArray_DATA(index)
    cdef void *distances = cnp.PyArray_DATA(distance)
    cdef int status
    cdef Call call
    call_begin(&call, threads)
    with nogil:
        status = gk_nearest(&given, indices, distances, &call.options)
    return call_end(&call, status)


def nearest(points, centers, *, threads=None):
    """Find the nearest centre of each point.

    Parameters
    ----------
    points : array_like, shape (n, d)
        float32 if *centers* are float32 too. All other combinations are converted to float64.
    centers : array_like, shape (k, d)
        Finite, with ``1 <= k < 2**31 - 1``.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    index : numpy.ndarray, shape (n,)
        int64, the row of the nearest centre. Ties go to the lowest index.
    distance : numpy.ndarray, shape (n,)
        The squared Euclidean distance to that centre, float32 or float64 as above.

    Raises
    ------
    TypeError
        For other dtypes.
    ValueError
        For other shapes, and for centres that are not finite.

    Notes
    -----
    The squared differences are added in the order of the coordinates, so the bits are the same for any number of
    threads and on every instruction set. A point with NaN has the index 0 and the distance NaN. Scratch memory is up to
    640 bytes per coordinate for each thread, and a float32 copy of the centres if there are many float64 centres. The
    reference implementation is ``gilkit.reference.nearest.nearest``.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to the arrays during the call.

    Examples
    --------
    >>> import gilkit
    >>> index, distance = gilkit.nearest([[0.0, 1.0], [8.0, 9.0]], centers=[[0.0, 0.0], [9.0, 9.0]])
    >>> index, distance
    (array([0, 1]), array([1., 1.]))
    """
    return _nearest(_table(points, "points"), _table(centers, "centers"), threads)


cdef tuple _nearest(cnp.ndarray table, cnp.ndarray targets, object threads):
    cdef cnp.ndarray index, distance
    if table.shape[1] != targets.shape[1]:
        raise ValueError(f"centers must have as many coordinates as points, {table.shape[1]}, not {targets.shape[1]}")
    if not 1 <= targets.shape[0] < 0x7fffffff:
        raise ValueError(f"centers must have 1 to 2**31 - 2 rows, not {targets.shape[0]}")
    if not np.isfinite(targets).all():
        raise ValueError("centers must be finite, but some are NaN or infinite")
    if table.dtype != targets.dtype:
        table, targets = table.astype(np.float64, copy=False), targets.astype(np.float64, copy=False)
    index = np.empty(table.shape[0], np.int64)
    distance = np.empty(table.shape[0], table.dtype)
    _find(table, targets, index, distance, threads)
    return index, distance


cdef int _add(cnp.ndarray points, int64_t clusters, cnp.ndarray labels, cnp.ndarray sums, cnp.ndarray members,
              object threads) except -1:
    """Fill sums and members with the sum and the number of the points of each cluster."""
    cdef gk_nearest_input given = _input(points, points)
    cdef int64_t *indices = <int64_t *>cnp.PyArray_DATA(labels)
    cdef double *totals = <double *>cnp.PyArray_DATA(sums)
    cdef int64_t *counts = <int64_t *>cnp.PyArray_DATA(members)
    cdef int status
    cdef Call call
    given.k = clusters
    call_begin(&call, threads)
    with nogil:
        status = gk_cluster_sums(&given, indices, totals, counts, &call.options)
    return call_end(&call, status)


def assign(points, centers, *, threads=None):
    """Run one step of k-means on some of the points.

    Parameters
    ----------
    points, centers : array_like
        As for ``nearest``.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    labels, distance : numpy.ndarray
        The index and the distance that ``nearest`` returns.
    sums : numpy.ndarray, shape (k, d)
        float64, the sum of the points of each cluster.
    members : numpy.ndarray, shape (k,)
        int64, the number of points of each cluster.

    Notes
    -----
    The bits are the same for any number of threads. ``gilkit.blocks.kmeans`` uses this function.
    """
    # Convert once, because an object may return a different array each time it is asked.
    cdef cnp.ndarray table = _table(points, "points"), targets = _table(centers, "centers")
    cdef int64_t clusters = targets.shape[0]
    labels, distance = _nearest(table, targets, threads)
    sums, members = np.zeros((clusters, table.shape[1]), np.float64), np.zeros(clusters, np.int64)
    if table.shape[0] > 0:
        _add(table, clusters, labels, sums, members, threads)
    return labels, distance, sums, members


class KMeans(NamedTuple):
    """The result of ``gilkit.kmeans``.

    Attributes
    ----------
    centers : numpy.ndarray, shape (k, d)
        The centres.
    labels : numpy.ndarray, shape (n,)
        int64, the index of the nearest centre of each point.
    inertia : float
        The sum of the squared distances of the points to their centres.
    iterations : int
        The number of iterations that were run.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.kmeans([[0.0], [1.0], [8.0]], 2, seed=1)._fields
    ('centers', 'labels', 'inertia', 'iterations')
    """

    centers: np.ndarray
    labels: np.ndarray
    inertia: float
    iterations: int


cdef object _plus_plus(cnp.ndarray points, int64_t k, object rng, object threads):
    """Draw k points, each with a probability proportional to its squared distance from the nearest point drawn before
    (k-means++)."""
    cdef cnp.ndarray index = np.empty(points.shape[0], np.int64), distance = np.empty(points.shape[0], points.dtype)
    cdef cnp.ndarray centers = np.empty((k, points.shape[1]), points.dtype)
    n = points.shape[0]
    chosen = int(rng.random() * n)
    nearest_yet = None
    for c in range(k):
        centers[c] = points[chosen]
        _find(points, centers[c:c + 1], index, distance, threads)
        nearest_yet = distance.copy() if nearest_yet is None else np.minimum(nearest_yet, distance, out=nearest_yet)
        if c == 0 and not np.isfinite(nearest_yet).all():
            raise ValueError("points must be finite, and their squared distances too")
        reached = np.cumsum(nearest_yet, dtype=np.float64)
        chosen = int(np.searchsorted(reached, rng.random() * reached[n - 1], side="right"))
        if chosen >= n:  # all points coincide with centres
            chosen = int(rng.random() * n)
    return centers


cdef object _fill_empty(object points, object labels, object distance, object sums, object members):
    """Move to each empty cluster the point that is farthest from its centre and not alone in its cluster."""
    farthest = iter(np.argsort(-distance, kind="stable"))
    for c in np.flatnonzero(members == 0):
        for i in farthest:
            if members[labels[i]] > 1:
                sums[labels[i]] -= points[i]
                members[labels[i]] -= 1
                sums[c] += points[i]
                members[c] = 1
                break


def kmeans(points, k, *, seed, max_iter=300, tol=0.0, threads=None):
    """Cluster points with Lloyd's algorithm.

    Parameters
    ----------
    points : array_like, shape (n, d)
        Finite, float32 or converted to float64.
    k : int
        The number of clusters, 1 to n.
    seed : None, int, sequence of int or numpy.random.SeedSequence
        A seed as for ``numpy.random.Philox``. It determines the first centres, which k-means++ draws from the points.
    max_iter : int, default 300
        The maximum number of iterations.
    tol : float, default 0.0
        Stop when no centre moves further than this, or when no label changes.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    KMeans
        The named tuple ``(centers, labels, inertia, iterations)``.

    Raises
    ------
    TypeError
        For other dtypes.
    ValueError
        For other shapes, and for values out of range.

    Notes
    -----
    A cluster that becomes empty continues from the point that is farthest from its centre. The same seed gives the same
    bits for any number of threads and on every instruction set. Memory besides the result is two labels and two
    distances per point, and at most 64 copies of the centres or 32 MB. The reference implementation is
    ``gilkit.reference.nearest.kmeans``.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to *points* during the call.

    Examples
    --------
    >>> import gilkit
    >>> found = gilkit.kmeans([[0.0, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 8.0]], 2, seed=1)
    >>> sorted(found.centers.tolist()), found.inertia
    ([[0.0, 0.5], [9.0, 8.5]], 1.0)
    """
    cdef cnp.ndarray table = _table(points, "points"), centers, labels, distance, sums, members
    cdef int64_t clusters, iterations_allowed
    if table.shape[0] == 0:
        raise ValueError("points must have at least one row")
    clusters = integer(k, "k", 1, min(table.shape[0], 0x7ffffffe))
    iterations_allowed = integer(max_iter, "max_iter", 1, 2**62)
    tol = float(tol)
    if not tol >= 0:
        raise ValueError(f"tol must be at least 0, not {tol}")
    centers = _plus_plus(table, clusters, generator(seed), threads)
    labels, distance = np.empty(table.shape[0], np.int64), np.empty(table.shape[0], table.dtype)
    sums, members = np.empty((clusters, table.shape[1]), np.float64), np.empty(clusters, np.int64)
    _find(table, centers, labels, distance, threads)
    for iteration in range(1, iterations_allowed + 1):  # no-cython-lint: it is used after the loop
        _add(table, clusters, labels, sums, members, threads)
        if not (<object>members).all():
            _fill_empty(table, labels, distance, sums, members)
        before, labels_before = centers, labels
        centers = (sums / np.maximum(members, 1)[:, None]).astype(table.dtype)
        labels = np.empty(table.shape[0], np.int64)
        _find(table, centers, labels, distance, threads)
        moved = np.sqrt(((centers - before).astype(np.float64) ** 2).sum(axis=1).max())
        if moved <= tol or np.array_equal(labels, labels_before):
            break
    return KMeans(centers, labels, float(_sum(distance, threads=threads)), iteration)
