"""Functions of an array that is divided into blocks: in several files, in other processes, or on other machines.

Each function does its share of the work on every block and combines the results, with the same bits for any placement
of the blocks and any number of workers. Only ``map`` knows where the blocks are and how many workers there are. It is
called like builtin ``map``, which is the default and computes in this process. The ``map`` of an executor computes in
its workers::

    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor() as executor:
        gilkit.blocks.pi(10**9, map=executor.map)

With Dask, pass ``client.get_executor(pure=False).map``. Blocks may be Dask futures; each is then processed on the
worker that holds it. The calls are picklable if the blocks are. ``gilkit.dask`` limits the workers' threads.

``gilkit.timeout`` and cancel tokens end these functions between the results of ``map``, wherever it computes. They also
end the call on a block if it runs in the same thread.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple, SupportsFloat, SupportsIndex, TypeAlias

import numpy.typing as npt

from gilkit._call import check
from gilkit.kernels import _numpy as np
from gilkit.kernels._arrays import numbers
from gilkit.kernels.clustering import assign
from gilkit.kernels.fsum import fsum_parts
from gilkit.kernels.histograms import histogram as _histogram
from gilkit.kernels.pi import inside
from gilkit.kernels.reductions import max as _max
from gilkit.kernels.reductions import min as _min
from gilkit.kernels.reductions import sum as _sum

__all__ = ["Clusters", "histogram", "kmeans", "pi", "sum"]

Map: TypeAlias = Callable[..., Iterable[Any]]
_here: Map = map


def _results(map: Map, function: Callable[..., Any], *blocks: Iterable[Any]) -> Iterator[Any]:
    """Yield the results of the calls, until a timeout or a cancel token of this thread ends them."""
    check()
    results = map(function, *blocks)
    try:
        for result in results:
            yield result
            check()
    finally:
        close = getattr(results, "close", None)
        if close is not None:
            close()  # an executor's map cancels the calls that have not begun


def _numbers_as(block: npt.ArrayLike, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    return numbers(block, "block").astype(dtype, copy=False)


# ---- sum


def _sum_of(block: npt.ArrayLike, threads: SupportsIndex | None) -> Any:
    """Return the sum of integers as a scalar, or the exact sum of floats as a list of parts."""
    array = numbers(block, "block")
    return _sum(array, threads=threads) if array.dtype.kind in "biu" else fsum_parts(array, threads=threads)


def sum(blocks: Iterable[Any], *, threads: SupportsIndex | None = None, map: Map = _here) -> Any:
    """Return the sum of all elements of all blocks.

    Parameters
    ----------
    blocks : iterable
        Arrays of bool, integers, float32 or float64 of any shape, or objects that
        ``map`` resolves to such arrays. They must be all of floats, all of signed
        integers and bool, or all of unsigned integers.
    threads : int, optional
        Number of threads of each call on a block. Default: the worker's
        ``num_threads()``.
    map : callable, default builtin ``map``
        Computes the calls on the blocks, in order; see ``gilkit.blocks``.

    Returns
    -------
    float, int64 or uint64
        For floats, the exact sum rounded once: the bits of ``math.fsum`` of all
        elements, for any division into blocks. For integers, the sum modulo 2**64,
        as ``gilkit.sum`` of all elements. 0.0 if there are no blocks.

    Raises
    ------
    TypeError
        If the blocks are of different kinds.
    OverflowError, ValueError
        As ``math.fsum``.

    Notes
    -----
    Thread-safe.

    Examples
    --------
    >>> import numpy as np
    >>> gilkit.blocks.sum([np.array([0.1, 1e100]), np.array([-1e100, 0.1])])
    0.2
    """
    results = list(_results(map, partial(_sum_of, threads=threads), blocks))
    if all(isinstance(result, list) for result in results):
        return math.fsum(itertools.chain.from_iterable(results))
    kinds = {None if isinstance(result, list) else result.dtype.kind for result in results}
    if len(kinds) > 1:
        raise TypeError("blocks must be all of floats, all of signed or all of unsigned integers, not of several kinds")
    total = np.array(0, np.uint64 if kinds == {"u"} else np.int64)
    for result in results:
        total += result
    return total[()]


# ---- histogram


class _MinMax(NamedTuple):
    min: Any
    max: Any
    dtype: np.dtype[Any]


def _minmax_of(block: npt.ArrayLike, threads: SupportsIndex | None) -> _MinMax:
    array = numbers(block, "block")
    if array.size == 0:
        return _MinMax(None, None, array.dtype)
    return _MinMax(_min(array, threads=threads), _max(array, threads=threads), array.dtype)


def _counts_of(block: npt.ArrayLike, edges: npt.NDArray[Any], threads: SupportsIndex | None) -> npt.NDArray[np.int64]:
    counts: npt.NDArray[np.int64] = _histogram(numbers(block, "block"), edges, threads=threads)[0]
    return counts


def _counts_in_range(
    block: npt.ArrayLike, bins: int, range: tuple[Any, Any], dtype: np.dtype[Any], threads: SupportsIndex | None
) -> npt.NDArray[np.int64]:
    counts: npt.NDArray[np.int64] = _histogram(_numbers_as(block, dtype), bins, range, threads=threads)[0]
    return counts


def histogram(
    blocks: Iterable[Any],
    bins: SupportsIndex | npt.ArrayLike = 10,
    range: tuple[SupportsFloat, SupportsFloat] | None = None,
    *,
    threads: SupportsIndex | None = None,
    map: Map = _here,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Count the elements of all blocks in bins.

    Parameters
    ----------
    blocks : iterable
        Arrays of numbers, all of one dtype, or objects that ``map`` resolves to such
        arrays.
    bins : int or array_like, default 10
        A number of bins of equal width, or an ascending sequence of edges.
    range : (float, float), optional
        The outer edges, if ``bins`` is a number. Default: the smallest and the
        largest element, for which the blocks are read twice.
    threads : int, optional
        Number of threads of each call on a block. Default: the worker's
        ``num_threads()``.
    map : callable, default builtin ``map``
        Computes the calls on the blocks, in order; see ``gilkit.blocks``.

    Returns
    -------
    hist : ndarray of int64
        For densities, divide it by its sum and by the widths of the bins.
    bin_edges : ndarray
        Both are those of ``numpy.histogram`` of all elements, for any division
        into blocks.

    Raises
    ------
    TypeError
        If bins is a string, or the blocks have different dtypes.
    ValueError
        As ``numpy.histogram``.

    Notes
    -----
    Thread-safe.

    Examples
    --------
    >>> hist, edges = gilkit.blocks.histogram([[1, 2], [2, 9]], bins=[0, 2, 4, 10])
    >>> hist
    array([1, 2, 1])
    """
    if isinstance(bins, str):
        raise TypeError(f"bins must be a number or a sequence of edges, not {bins!r}")
    held = list(blocks)
    if np.ndim(bins) == 0:  # type: ignore[arg-type]
        number = operator.index(bins)  # type: ignore[arg-type]
        found = list(_results(map, partial(_minmax_of, threads=threads), held))
        dtypes = {each.dtype for each in found} or {np.dtype(float)}
        if len(dtypes) > 1:
            raise TypeError(f"blocks must have one dtype, not {', '.join(sorted(str(dtype) for dtype in dtypes))}")
        dtype = dtypes.pop()
        if range is None:
            ends = [end for each in found if each.min is not None for end in (each.min, each.max)]
            whole = np.array(ends, dtype)
            edges = np.histogram_bin_edges(whole, number)
            # histogram_bin_edges has rejected NaN and infinity.
            bounds = (whole.min(), whole.max()) if ends else (0, 1)
        else:
            edges = np.histogram_bin_edges(np.empty(0, dtype), number, range)  # type: ignore[arg-type]
            bounds = range
        count = partial(_counts_in_range, bins=number, range=bounds, dtype=dtype, threads=threads)
    else:
        edges = np.histogram_bin_edges(np.empty(0), bins)
        count = partial(_counts_of, edges=edges, threads=threads)
    hist = np.zeros(len(edges) - 1, np.int64)
    for counts in _results(map, count, held):
        hist += counts
    return hist, edges


# ---- pi


def pi(
    samples: SupportsIndex,
    *,
    seed: SupportsIndex = 0,
    parts: SupportsIndex = 64,
    threads: SupportsIndex | None = None,
    map: Map = _here,
) -> float:
    """Estimate pi from random points, with the bits of ``gilkit.pi(samples, seed=seed)``.

    Parameters
    ----------
    samples : int
        Number of points, 1 to 2**63.
    seed : int, default 0
        0 to 2**64 - 1.
    parts : int, default 64
        Number of ranges into which the points are divided, 1 to 2**20. The result
        does not depend on it.
    threads : int, optional
        Number of threads of each call on a block. Default: the worker's
        ``num_threads()``.
    map : callable, default builtin ``map``
        Computes the calls on the blocks, in order; see ``gilkit.blocks``.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If an argument is not an integer.
    ValueError
        If an argument is out of range.

    Notes
    -----
    Thread-safe.

    Examples
    --------
    >>> gilkit.blocks.pi(10**6) == gilkit.pi(10**6)
    True
    """
    number = operator.index(samples)
    if not 1 <= number <= 2**63:
        raise ValueError(f"samples must be from 1 to {2**63}, not {number}")
    pieces = operator.index(parts)
    if not 1 <= pieces <= 2**20:
        raise ValueError(f"parts must be from 1 to {2**20}, not {pieces}")
    cuts = [number * i // pieces for i in range(pieces + 1)]
    counts: int = 0
    part = partial(inside, seed=operator.index(seed), threads=threads)
    for count in _results(map, part, cuts[:-1], cuts[1:]):
        counts += count
    return 4 * counts / number


# ---- kmeans


class Clusters(NamedTuple):
    """The result of ``gilkit.blocks.kmeans``.

    Attributes
    ----------
    centers : ndarray of shape (k, d)
    inertia : float
        The sum of squared distances from the points to their nearest centres.
    iterations : int
    """

    centers: npt.NDArray[Any]
    inertia: float
    iterations: int


class _Look(NamedTuple):
    """The properties of a block."""

    rows: int
    columns: int
    single: bool  # float32
    finite: bool


class _Step(NamedTuple):
    """The contribution of one block to a step."""

    sums: npt.NDArray[np.float64]
    members: npt.NDArray[np.int64]
    inertia: list[float]


class _Far(NamedTuple):
    """A point far from its centre."""

    distance: float
    block: int
    row: int
    label: int
    point: npt.NDArray[Any]


def _look_at(block: npt.ArrayLike) -> _Look:
    points = numbers(block, "block")
    if points.ndim != 2:
        raise ValueError(f"blocks must have two dimensions, (points, coordinates), not the shape {points.shape}")
    rows, columns = points.shape
    return _Look(rows, columns, points.dtype == np.float32, bool(np.isfinite(points).all()))


def _step_of(block: npt.ArrayLike, centers: npt.NDArray[Any], threads: SupportsIndex | None) -> _Step:
    _, distance, sums, members = assign(_numbers_as(block, centers.dtype), centers, threads=threads)
    return _Step(sums, members, fsum_parts(distance, threads=threads))


def _farthest_of(
    block: npt.ArrayLike, number: int, centers: npt.NDArray[Any], most: int, threads: SupportsIndex | None
) -> list[_Far]:
    """Return the `most` points of block `number` that are farthest from their centres."""
    points = _numbers_as(block, centers.dtype)
    labels, distance, _, _ = assign(points, centers, threads=threads)
    rows = np.argsort(-distance, kind="stable")[:most]
    return [_Far(float(distance[row]), number, int(row), int(labels[row]), points[row]) for row in rows]


def _fill_empty(sums: npt.NDArray[np.float64], members: npt.NDArray[np.int64], far: Iterator[_Far]) -> None:
    """Move to each empty cluster the point farthest from its own centre, among clusters that have other members."""
    for cluster in np.flatnonzero(members == 0):
        for point in far:
            if members[point.label] > 1:
                sums[point.label] -= point.point
                members[point.label] -= 1
                sums[cluster] += point.point
                members[cluster] = 1
                break


def kmeans(
    blocks: Iterable[Any],
    centers: npt.ArrayLike,
    *,
    max_iter: SupportsIndex = 300,
    tol: SupportsFloat = 0.0,
    threads: SupportsIndex | None = None,
    map: Map = _here,
) -> Clusters:
    """Cluster the points of all blocks by Lloyd's algorithm, from given centres.

    Parameters
    ----------
    blocks : iterable
        Arrays of shape (n, d) of finite numbers, or objects that ``map`` resolves to
        such arrays. They are processed as float32 if all of them and the centres
        are, else as float64.
    centers : array_like of shape (k, d)
        Finite initial centres, at most as many as there are points; for instance
        those that ``gilkit.kmeans`` finds for a sample.
    max_iter : int, default 300
        Maximum number of iterations, as of ``gilkit.kmeans``.
    tol : float, default 0.0
        As of ``gilkit.kmeans``.
    threads : int, optional
        Number of threads of each call on a block. Default: the worker's
        ``num_threads()``.
    map : callable, default builtin ``map``
        Computes the calls on the blocks, in order; see ``gilkit.blocks``.

    Returns
    -------
    Clusters
        A named tuple (centers, inertia, iterations). The inertia is the exact sum of
        the distances, rounded once. For the labels of a block, call
        ``gilkit.nearest(block, centers)[0]``.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If a shape or a value is not as above.

    Notes
    -----
    The blocks' sums are added in the order of the blocks, so the result has the same
    bits for any number of workers and threads. The last bits of the centres depend on
    the division into blocks; for one block they are those of ``gilkit.kmeans`` from
    the same centres. Empty clusters are treated as by ``gilkit.kmeans``. In each
    iteration, every block receives the centres and returns as many sums. Thread-safe.

    Examples
    --------
    >>> found = gilkit.blocks.kmeans([[[0.0], [1.0]], [[10.0], [11.0]]], centers=[[0.0], [9.0]])
    >>> found.centers.ravel()
    array([ 0.5, 10.5])
    """
    held = list(blocks)
    found = numbers(centers, "centers")
    if found.ndim != 2 or len(found) == 0:
        raise ValueError(f"centers must have two dimensions, (clusters, coordinates), not the shape {found.shape}")
    looks = list(_results(map, _look_at, held))
    for number, look in enumerate(looks):
        if look.columns != found.shape[1]:
            raise ValueError(f"blocks must have as many coordinates as centers, {found.shape[1]}, "
                             f"not {look.columns} as block {number}")  # fmt: skip
        if not look.finite:
            raise ValueError(f"blocks must be finite, but there is NaN or infinity in block {number}")
    points = np.sum([look.rows for look in looks], dtype=int)
    if len(found) > points:
        raise ValueError(f"centers must have at most as many rows as there are points, {points}, not {len(found)}")
    most = operator.index(max_iter)
    if most < 1:
        raise ValueError(f"max_iter must be at least 1, not {most}")
    limit = float(tol)
    if not limit >= 0:
        raise ValueError(f"tol must be at least 0, not {limit}")
    single = found.dtype == np.float32 and all(look.single for look in looks)
    found = found.astype(np.float32 if single else np.float64)
    if not np.isfinite(found).all():
        raise ValueError("centers must be finite, but there is NaN or infinity among them")

    def step() -> _Step:
        steps = list(_results(map, partial(_step_of, centers=found, threads=threads), held))
        sums, members = steps[0].sums.copy(), steps[0].members.copy()
        for each in steps[1:]:
            sums += each.sums
            members += each.members
        return _Step(sums, members, list(itertools.chain.from_iterable(each.inertia for each in steps)))

    now = step()
    iteration = 0
    for iteration in range(1, most + 1):  # noqa: B007
        before, previous = found, now
        sums, members = now.sums.copy(), now.members.copy()
        if not members.all():
            # Up to len(found) points may be skipped, as the last of their clusters, and up to as many are needed.
            far = partial(_farthest_of, centers=found, most=2 * len(found), threads=threads)
            candidates = itertools.chain.from_iterable(_results(map, far, held, range(len(held))))
            _fill_empty(sums, members, iter(sorted(candidates, key=lambda point: (-point.distance, *point[1:3]))))
        found = (sums / np.maximum(members, 1)[:, None]).astype(found.dtype)
        now = step()
        moved = np.sqrt(((found - before).astype(np.float64) ** 2).sum(axis=1).max())
        same = np.array_equal(now.members, previous.members) and np.array_equal(now.sums, previous.sums)
        if moved <= limit or same:
            break
    return Clusters(found, math.fsum(now.inertia), iteration)
