"""Functions of an array that lies in blocks: in several files, in other processes, on other machines.

Each function does its share of the work on every block and puts the results together so that they have the same bits
whoever did it, in whatever number: where the blocks are, and how many workers there are, is the business of ``map``
alone. It is called like the builtin ``map``, which is the default and computes here; an executor's ``map`` computes in
its workers::

    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor() as executor:
        gilkit.blocks.pi(10**9, map=executor.map)

With Dask it is ``client.get_executor(pure=False).map``, and the blocks may be Dask's futures: each is then computed on
where it lies. What is called is picklable as long as the blocks are. ``gilkit.dask`` keeps the workers' threads in bounds.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple, SupportsFloat, SupportsIndex, TypeAlias

import numpy.typing as npt

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


def _numbers_as(block: npt.ArrayLike, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    return numbers(block, "block").astype(dtype, copy=False)


# ---- sum


def _sum_of(block: npt.ArrayLike, threads: SupportsIndex | None) -> Any:
    """Of integers gilkit.sum's scalar, of floats the exact sum in parts."""
    array = numbers(block, "block")
    return _sum(array, threads=threads) if array.dtype.kind in "biu" else fsum_parts(array, threads=threads)


def sum(blocks: Iterable[Any], *, threads: SupportsIndex | None = None, map: Map = _here) -> Any:
    """The sum of all elements of all blocks.

    blocks: arrays of bool, integers, float32 or float64 of any shape, or what *map* makes such of; all of floats, all of
    signed integers and bool, or all of unsigned integers. threads: of each call on a block; None: the worker's
    ``num_threads()``. map: see the module.

    Of floats it is a float, the exact sum rounded once: ``gilkit.fsum`` and ``math.fsum`` of all elements, bit for bit,
    however they are cut into blocks; with their errors. Of integers it is int64 or uint64, modulo 2**64: ``gilkit.sum`` of
    all elements. 0.0 for no blocks. TypeError for blocks of different kinds. Thread-safe.
    """
    results = list(map(partial(_sum_of, threads=threads), blocks))
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
    """Counts the items of all blocks by bins: ``(hist, bin_edges)``, those of ``numpy.histogram`` of all items, however
    they are cut into blocks.

    blocks: arrays of numbers, or what *map* makes such of, all of one dtype. bins: a number of bins of equal width, or an
    ascending sequence of edges. range: (low, high) of equal bins; None: the least and the greatest item, for which the
    blocks are looked at twice. threads, map: as of ``sum``.

    hist is int64. For densities, divide by the sum and the widths. TypeError for other bins and for blocks of different
    dtypes; ValueError as of ``numpy.histogram``. Thread-safe.
    """
    if isinstance(bins, str):
        raise TypeError(f"bins must be a number or a sequence of edges, not {bins!r}")
    held = list(blocks)
    if np.ndim(bins) == 0:  # type: ignore[arg-type]
        number = operator.index(bins)  # type: ignore[arg-type]
        found = list(map(partial(_minmax_of, threads=threads), held))
        dtypes = {each.dtype for each in found} or {np.dtype(float)}
        if len(dtypes) > 1:
            raise TypeError(f"blocks must have one dtype, not {', '.join(sorted(str(dtype) for dtype in dtypes))}")
        dtype = dtypes.pop()
        if range is None:
            ends = [end for each in found if each.min is not None for end in (each.min, each.max)]
            whole = np.array(ends, dtype)
            edges = np.histogram_bin_edges(whole, number)
            # NaN and infinity have been refused.
            bounds = (whole.min(), whole.max()) if ends else (0, 1)
        else:
            edges = np.histogram_bin_edges(np.empty(0, dtype), number, range)  # type: ignore[arg-type]
            bounds = range
        count = partial(_counts_in_range, bins=number, range=bounds, dtype=dtype, threads=threads)
    else:
        edges = np.histogram_bin_edges(np.empty(0), bins)
        count = partial(_counts_of, edges=edges, threads=threads)
    hist = np.zeros(len(edges) - 1, np.int64)
    for counts in map(count, held):
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
    """Estimates pi from *samples* random points: ``gilkit.pi(samples, seed=seed)``, bit for bit.

    parts: 1 to 2**20; into so many ranges of points the work is cut, which the result does not depend on. samples, seed: as
    of ``gilkit.pi``. threads, map: as of ``sum``. Thread-safe.
    """
    number = operator.index(samples)
    if not 1 <= number <= 2**63:
        raise ValueError(f"samples must be from 1 to {2**63}, not {number}")
    pieces = operator.index(parts)
    if not 1 <= pieces <= 2**20:
        raise ValueError(f"parts must be from 1 to {2**20}, not {pieces}")
    cuts = [number * i // pieces for i in range(pieces + 1)]
    counts: int = 0
    for count in map(partial(inside, seed=operator.index(seed), threads=threads), cuts[:-1], cuts[1:]):
        counts += count
    return 4 * counts / number


# ---- kmeans


class Clusters(NamedTuple):
    """The result of ``kmeans``."""

    centers: npt.NDArray[Any]
    inertia: float
    iterations: int


class _Look(NamedTuple):
    """What a block is like."""

    rows: int
    columns: int
    single: bool  # float32
    finite: bool


class _Step(NamedTuple):
    """One block's share of a step."""

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
    """The points of block `number` that are farthest from their centres, at most so many."""
    points = _numbers_as(block, centers.dtype)
    labels, distance, _, _ = assign(points, centers, threads=threads)
    rows = np.argsort(-distance, kind="stable")[:most]
    return [_Far(float(distance[row]), number, int(row), int(labels[row]), points[row]) for row in rows]


def _fill_empty(sums: npt.NDArray[np.float64], members: npt.NDArray[np.int64], far: Iterator[_Far]) -> None:
    """Gives each cluster without members the point that is farthest from its own centre, of a cluster that has others."""
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
    """Clusters the points of all blocks by Lloyd's algorithm, from the given centres: ``Clusters(centers, inertia,
    iterations)``.

    blocks: arrays (n, d) of finite numbers, or what *map* makes such of; taken as float32 if all and the centres are, else
    as float64. centers: (k, d), finite, k at most the number of points: for instance those that ``gilkit.kmeans`` finds for
    a sample. max_iter, tol: as of ``gilkit.kmeans``; so are the centres that become empty. threads, map: as of ``sum``.

    The blocks' sums are added in the order of the blocks: centres, inertia and iterations have the same bits for any number
    of workers and threads. How the points are cut into blocks shows in the centres' last bits; for one block they are those
    of ``gilkit.kmeans`` from the same centres. The inertia is the exact sum of the distances, rounded once. Labels
    are ``gilkit.nearest(block, centers)[0]``. Between client and workers travel the centres and as many sums for each block
    and iteration. Raises ValueError for other shapes and values. Thread-safe.
    """
    held = list(blocks)
    found = numbers(centers, "centers")
    if found.ndim != 2 or len(found) == 0:
        raise ValueError(f"centers must have two dimensions, (clusters, coordinates), not the shape {found.shape}")
    looks = list(map(_look_at, held))
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
        steps = list(map(partial(_step_of, centers=found, threads=threads), held))
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
            # As many as may be passed over, each the last of its cluster, and as many as are needed.
            far = partial(_farthest_of, centers=found, most=2 * len(found), threads=threads)
            candidates = itertools.chain.from_iterable(map(far, held, range(len(held))))
            _fill_empty(sums, members, iter(sorted(candidates, key=lambda point: (-point.distance, *point[1:3]))))
        found = (sums / np.maximum(members, 1)[:, None]).astype(found.dtype)
        now = step()
        moved = np.sqrt(((found - before).astype(np.float64) ** 2).sum(axis=1).max())
        same = np.array_equal(now.members, previous.members) and np.array_equal(now.sums, previous.sums)
        if moved <= limit or same:
            break
    return Clusters(found, math.fsum(now.inertia), iteration)
