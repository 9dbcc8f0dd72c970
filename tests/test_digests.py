"""Results have the same bits on every processor: their digests are those in tests/digests.txt.

The file was written on x86-64. Here the results are computed with each instruction set of this machine; `nox -s aarch64`
does so on aarch64. If a change of a kernel alters bits on purpose, write the file anew with

    python tests/test_digests.py >tests/digests.txt

The list has only what gilkit itself computes. Results of NumPy's own functions, and of the C library's, may have other
bits on other platforms. Nor does it have NaNs that arithmetic makes, whose sign and payload are the processor's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import gilkit
from gilkit.kernels.clustering import assign

FILE = Path(__file__).with_name("digests.txt")
INTEGERS = ("?", "b", "B", "h", "H", "i", "I", "q", "Q")
FLOATS = ("f", "d")
SHAPE = (131, 263)  # above the sizes that are left to NumPy, and divided into several pieces

# ---- Numbers that are the same everywhere


@cache
def words(n: int, seed: int = 0) -> np.ndarray:
    """Return random bits, which NumPy promises never to change."""
    return np.random.PCG64(seed).random_raw(n)


def numbers(dtype: str, shape: Any = SHAPE, seed: int = 0) -> np.ndarray:
    """Return numbers of all sizes, negative ones too. They are made by operations that IEEE 754 defines to the last bit."""
    w = words(int(np.prod(shape)), seed)
    if dtype == "?":
        return (w >> np.uint64(62) == 0).reshape(shape)
    if dtype not in FLOATS:
        return (w >> np.uint64(11)).astype(dtype).reshape(shape)
    fraction = (w >> np.uint64(11)).astype("d") * 2.0**-53 - 0.5
    return np.ldexp(fraction, (w & np.uint64(31)).astype("i") - 16).astype(dtype).reshape(shape)


def with_nans(dtype: str, shape: Any = SHAPE) -> np.ndarray:
    a = numbers(dtype, shape)
    if dtype in FLOATS:  # in the first half only, so that no slice of an array with two rows has nothing else
        half = a.reshape(-1)[: a.size // 2]
        half[words(half.size, 1) % np.uint64(9) == 0] = np.nan
    return a


def near_one(dtype: str, shape: Any = SHAPE) -> np.ndarray:
    """Return numbers whose product neither overflows nor vanishes."""
    if dtype in FLOATS:
        return (1 + np.ldexp(numbers("d", shape), -22)).astype(dtype)
    return numbers(dtype, shape) | np.array(1, dtype)


def layouts(a: np.ndarray) -> Iterator[np.ndarray]:
    yield a
    yield np.asfortranarray(a)
    yield a[::-2, 1::3]
    yield a.reshape(-1)[: a.size // 2 * 2].reshape(2, -1)


# ---- The results


def over_axes(function: Callable[..., Any], make: Callable[[str], np.ndarray], dtype: str) -> Iterator[Any]:
    a = make(dtype)
    for view in layouts(a) if dtype in FLOATS else (a, a.T[::-1]):
        for axis in (None, 0, 1):
            yield function(view, axis=axis)


def cases() -> dict[str, Callable[[], Any]]:
    """Return what computes each result, by name."""
    found: dict[str, Callable[[], Any]] = {}

    def add(name: str, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> None:
        assert name not in found
        found[name] = lambda: function(*arguments, **keywords)

    for name in ("sum", "mean", "var", "std", "min", "max", "any", "all", "count_nonzero"):
        for dtype in (*INTEGERS, *FLOATS):
            add(f"{name} {dtype}", over_axes, getattr(gilkit, name), numbers, dtype)
    for name in ("nansum", "nanmean", "nanvar", "nanstd", "nanmin", "nanmax", "nanargmin", "nanargmax"):
        for dtype in FLOATS:
            add(f"{name} {dtype} with NaNs", over_axes, getattr(gilkit, name), with_nans, dtype)
    for dtype in (*INTEGERS[1:], *FLOATS):
        add(f"prod {dtype}", over_axes, gilkit.prod, near_one, dtype)
        add(f"ptp {dtype}", over_axes, gilkit.ptp, numbers, dtype)

    for dtype in ("b", "i", "q", "Q", *FLOATS):
        for name in ("cumsum", "cummax", "cummin"):
            add(f"{name} {dtype}", over_axes, getattr(gilkit, name), numbers, dtype)
        add(f"cumprod {dtype}", over_axes, gilkit.cumprod, near_one, dtype)
        add(f"diff {dtype}", lambda dtype: [gilkit.diff(numbers(dtype), axis=k) for k in (0, 1)], dtype)

    for dtype in (*INTEGERS, *FLOATS):
        a = with_nans(dtype)
        add(f"sort {dtype}", over_axes, lambda a, axis: gilkit.sort(a, axis=axis), with_nans, dtype)
        add(f"argsort {dtype}", over_axes, lambda a, axis: gilkit.argsort(a, axis=axis, stable=True), with_nans, dtype)
        if dtype != "?":
            add(
                f"unique {dtype}",
                lambda a: gilkit.unique(a.reshape(-1), return_index=True, return_inverse=True, return_counts=True),
                a,
            )
        add(f"topk {dtype}", lambda a: gilkit.topk(a.reshape(-1), 1000)[0], numbers(dtype))
        add(
            f"partition {dtype}",
            lambda a: [gilkit.partition(a.reshape(-1), k)[k] for k in (99, 20_000)],
            numbers(dtype),
        )
        add(f"nonzero {dtype}", lambda a: [gilkit.flatnonzero(a), *gilkit.nonzero(a)], a)
        add(f"masked_select {dtype}", lambda a: gilkit.masked_select(a, numbers("?")), a)
        add(f"where {dtype}", lambda a: gilkit.where(numbers("?"), a, a[::-1]), a)

    for dtype in ("i", "q", *FLOATS):
        a, b = numbers(dtype).reshape(-1), numbers(dtype, 40_000, 2)
        edges = np.sort(b[:999])
        add(f"isin {dtype}", lambda a, b: gilkit.isin(a, b), a, np.concatenate([a[::7], b]))
        add(
            f"searchsorted {dtype}",
            lambda a, e: [gilkit.searchsorted(e, a, side) for side in ("left", "right")],
            a,
            edges,
        )
        add(f"histogram {dtype}", lambda a, e: gilkit.histogram(a, e)[0], a, np.unique(edges))
        add(f"dot {dtype}", lambda a, b: gilkit.dot(a, b), a, b[: a.size])
        if dtype in FLOATS:
            add(f"fsum {dtype}", lambda a: gilkit.fsum(a), a)
            add(f"histogram {dtype} uniform", lambda a: gilkit.histogram(a, 77, range=(-64.0, 64.0))[0], a)
            add(f"histogram {dtype} weights", lambda a: gilkit.histogram(a, 8, range=(-64.0, 64.0), weights=a)[0], a)
    add("average", lambda a: gilkit.average(a, weights=near_one("d", a.size)), numbers("d").reshape(-1))
    add("interp", lambda a, e: gilkit.interp(a, np.unique(e), near_one("d", e.size)), a, edges)
    add("lexsort", lambda: gilkit.lexsort((numbers("d", 40_000), numbers("b", 40_000, 3))))
    add("bincount", lambda: gilkit.bincount(numbers("H", 40_000)))
    add("bincount weights", lambda: gilkit.bincount(numbers("H", 40_000) % 999, numbers("d", 40_000, 4)))

    for op in ("sum", "prod", "mean", "var", "std", "min", "max", "count", "first", "last", "median", "quantile"):
        for dtype in ("i", "q", *FLOATS):
            labels = numbers("H", 40_000, 5) % 97
            values = near_one(dtype, 40_000) if op == "prod" else numbers(dtype, 40_000)
            add(f"group_reduce {op} {dtype}", gilkit.group_reduce, labels, values, op, num_groups=97)
            if dtype in FLOATS:
                values = np.where(words(40_000, 6) % np.uint64(9) == 0, np.array(np.nan, dtype), values)
                add(f"group_reduce nan{op} {dtype}", gilkit.group_reduce, labels, values, f"nan{op}", num_groups=97)

    for name in ("sum", "mean", "var", "std", "min", "max", "median"):
        for dtype in ("i", *FLOATS):
            for window in (5, 100):
                function = getattr(gilkit, f"move_{name}")
                add(f"move_{name} {dtype} {window}", function, with_nans(dtype, (3, 7001)), window, 1)

    # The tails of these distributions are computed with functions of the C library.
    for dtype in FLOATS:
        for name, tail in (("random", 2), ("normal", 3.6), ("exponential", 7.6)):
            draw = lambda name, tail, dtype: np.where(  # noqa: E731
                abs(x := getattr(gilkit, name)(size=40_001, seed=7, dtype=dtype)) < tail, x, 0
            )
            add(f"{name} {dtype}", draw, name, tail, dtype)
    for dtype in INTEGERS[1:]:
        for high in (100, np.iinfo(dtype).max):
            add(f"integers {dtype} {high}", gilkit.integers, 0, high, 40_001, dtype, seed=7)
    add("permutation", lambda: gilkit.permutation(100_003, seed=7))
    add("choice", lambda: gilkit.choice(1000, 40_001, seed=7))

    for dtype in FLOATS:
        for n, k, dims in ((4001, 5, 3), (3001, 70, 33)):  # with and without the filter in single precision
            points = near_one(dtype, (n, dims))
            add(f"nearest {dtype} {k}", lambda p, k: gilkit.nearest(p, p[:k]), points, k)
            add(f"assign {dtype} {k}", lambda p, k: assign(p, p[:k]), points, k)
        add(f"kmeans {dtype}", lambda p: gilkit.kmeans(p, 9, seed=1, max_iter=5)[:2], near_one(dtype, (2001, 3)))
        add(f"jacobi {dtype}", lambda grid: gilkit.jacobi(grid, iterations=7), numbers(dtype, (97, 131)))
    add("mandelbrot", lambda: gilkit.mandelbrot(201, 151, max_iter=60))
    add("pi", lambda: gilkit.pi(1_000_003, seed=5))
    add("spin", lambda: gilkit.spin(1_000_001))
    return found


def arrays(result: Any) -> Iterator[np.ndarray]:
    if isinstance(result, (tuple, list, Iterator)):
        for each in result:
            yield from arrays(each)
    else:
        yield np.asarray(result)


def digest(result: Any) -> str:
    """Return the beginning of the SHA-256 of the dtypes, shapes and bytes."""
    total = hashlib.sha256()
    for a in arrays(result):
        if a.dtype.kind == "f":
            a = np.where(np.isnan(a), np.array(np.nan, a.dtype), a)
        total.update(f"{a.dtype.newbyteorder('<').str} {a.shape} ".encode())
        total.update(a.astype(a.dtype.newbyteorder("<"), order="C").tobytes())
    return total.hexdigest()[:16]


def test_the_bits_are_those_of_other_processors(isa):
    expected = dict(reversed(line.split("  ", 1)) for line in FILE.read_text().splitlines())
    got = {name: digest(compute()) for name, compute in cases().items()}
    assert got.keys() == expected.keys()
    different = [name for name in got if got[name] != expected[name]]
    assert not different


if __name__ == "__main__":
    for name, compute in cases().items():
        print(f"{digest(compute())}  {name}")
