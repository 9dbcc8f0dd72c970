"""Call gilkit's array functions with random arguments and compare each answer with NumPy's or the reference's.

``nox -s fuzz`` builds gilkit with AddressSanitizer and UndefinedBehaviorSanitizer and runs this file. It works with any
build:

    python tests/fuzz/fuzz.py --seconds 60
    python tests/fuzz/fuzz.py --seed 5 --case 1234      # repeat one case, as a finding suggests

A case depends only on the seed and its number. The cases run in a child process, so a crash is a finding as well.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from concurrent.futures import CancelledError
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import as_strided

import gilkit
import gilkit.reference.jacobi
import gilkit.reference.mandelbrot
import gilkit.reference.nearest
import gilkit.reference.pi

ACCEPTED = [np.dtype(code) for code in "?bhilqBHILQfd"]
OTHERS = [np.dtype(code) for code in ("e", "g", "D", "S3", "M8[s]", "O")]
# Errors that a function may raise for arguments that it does not accept. NumPy's axis errors are subclasses of them.
REFUSALS = (TypeError, ValueError, OverflowError, MemoryError, IndexError, ZeroDivisionError)
ENDED = (TimeoutError, CancelledError)
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, 1e308, -1e308, 1e-40, 3e38, 2.0**53, 0.1]
BATCH = 2000  # cases per child process


class Lying(np.ndarray):
    """An array whose attributes are false. None of them may lead to a write beyond its memory."""

    shape = property(lambda self: (1000,))
    dtype = property(lambda self: np.dtype(float))
    strides = property(lambda self: (8,))
    ndim = property(lambda self: 1)
    size = property(lambda self: 1000)

    def transpose(self, *axes):
        return np.zeros(1000)


class Raising(np.ndarray):
    """An array that raises when a view of it is made."""

    def __array_finalize__(self, parent):
        if getattr(parent, "armed", False):
            raise RuntimeError("armed")


class Case:
    """One call: random arguments, the answer, and the expected result."""

    def __init__(self, seed, number, hostile):
        self.rng = np.random.default_rng([seed, number])
        self.hostile = hostile
        self.said = []

    def chance(self, percent):
        return self.rng.integers(100) < percent

    def pick(self, items):
        return items[self.rng.integers(len(items))]

    def shape(self, ndim=None):
        if ndim is None:
            ndim = int(self.pick([0, 1, 1, 1, 2, 2, 2, 3, 4, 6, 12]))
        most = int(self.pick([3, 100, 5000, 200_000]))
        shape = []
        for _ in range(ndim):
            side = int(self.pick([0, 1, 1, 2, 3, 7, 16, 17, 64, 255, 256, 257, 1000, 2048, 2049, 32768, 70_001, most]))
            others = math.prod(each or 1 for each in shape)  # an empty array's results need not be empty
            if side > 0 and side * others > most:
                side = 1 if self.chance(70) else max(1, most // others)
            shape.append(side)
        self.rng.shuffle(shape)
        return tuple(shape)

    def values(self, n, dtype):
        kind = self.pick(["random", "random", "few", "special", "constant", "sorted", "small"])
        if dtype.kind == "f":
            x = self.rng.standard_normal(n) * 10.0 ** self.rng.integers(-3, 4)
            if kind == "special":
                x = self.rng.choice(SPECIAL, n)
        elif dtype.kind == "b":
            x = self.rng.integers(0, 2, n)
        else:
            info = np.iinfo(dtype)
            low, high = (0, 100) if kind == "small" else (info.min, info.max)
            x = self.rng.integers(low, high, n, dtype, endpoint=True)
        if kind == "few":
            x = x[self.rng.integers(0, max(1, min(n, 3)), n)] if n else x
        elif kind == "constant":
            x = np.full(n, x[0]) if n else x
        elif kind == "sorted":
            x = np.sort(x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(x).astype(dtype)

    def array(self, ndim=None, dtype=None, layout=None):
        if dtype is None:
            if self.chance(3):
                dtype = self.pick(OTHERS)
                return np.zeros(self.shape(ndim), dtype)
            dtype = self.pick(ACCEPTED)
        shape = self.shape(ndim)
        a = self.values(math.prod(shape), dtype).reshape(shape)
        layout = layout or self.pick(
            ["C", "C", "C", "F", "step", "flip", "swap", "odd", "byteorder", "broadcast", "tall"]
        )
        self.said.append(f"{dtype} {shape} {layout}")
        if layout == "F":
            a = np.asfortranarray(a)
        elif layout == "step" and a.ndim:
            wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1] + 1), dtype)
            wide[..., 1::2] = a
            a = wide[..., 1::2]
        elif layout == "flip":
            a = a[tuple(slice(None, None, -1) if self.chance(60) else slice(None) for _ in a.shape)]
        elif layout == "swap":
            a = a.transpose(self.rng.permutation(a.ndim))
        elif layout == "odd":  # not aligned
            memory = np.zeros(a.nbytes + 1, np.uint8)
            view = memory[1:].view(dtype).reshape(a.shape) if a.size else a
            view[...] = a
            a = view
        elif layout == "byteorder":
            a = a.astype(dtype.newbyteorder())
        elif layout == "broadcast" and a.ndim:
            a = np.broadcast_to(a[:1] if a.shape[0] else a, a.shape)
        elif layout == "tall" and a.ndim and a.size > 1:  # windows that overlap
            flat = np.ascontiguousarray(a).reshape(-1)
            a = as_strided(flat, (flat.size // 2, 2), (flat.itemsize, flat.itemsize), writeable=False)
            if ndim is not None and ndim != 2:
                a = flat
        if self.hostile and self.chance(5):
            self.said.append("Lying")
            a = a.view(self.pick([Lying, Raising]))
        if self.chance(5):
            a = a[...] if a.ndim else a
            a.setflags(write=False)
        return a

    def out_for(self, a, shape, dtype):
        """Return an out of this shape and dtype; often one that overlaps a, sometimes a wrong one."""
        kind = self.pick(
            ["new", "new", "same", "shifted", "flip", "step", "odd", "wrong shape", "wrong dtype", "lying"]
        )
        self.said.append(f"out {kind}")
        n = math.prod(shape)
        if kind == "same" and a.shape == shape and a.dtype == dtype and a.flags.writeable:
            return a
        ours = type(a) is np.ndarray and a.flags.c_contiguous and a.flags.writeable and a.dtype == dtype
        if kind == "shifted" and ours and 0 < n < a.size:
            return a.reshape(-1)[self.rng.integers(0, a.size - n + 1) :][:n].reshape(shape)
        if kind == "flip":
            return np.zeros(shape, dtype)[tuple(slice(None, None, -1) for _ in shape)]
        if kind == "step" and shape:
            return np.zeros((*shape[:-1], 2 * shape[-1] + 1), dtype)[..., 1::2]
        if kind == "odd":
            return np.zeros(n * dtype.itemsize + 1, np.uint8)[1:].view(dtype).reshape(shape)
        if kind == "wrong shape":
            return np.zeros((*shape, 2), dtype)
        if kind == "wrong dtype":
            return np.zeros(shape, self.pick(ACCEPTED))
        if kind == "lying" and self.hostile:
            return np.zeros(2, dtype).view(Lying)
        return np.zeros(shape, dtype)

    def axis(self, ndim, several=True):
        if self.chance(30):
            return None
        if self.chance(4):
            return int(self.rng.integers(-100, 100))
        if several and ndim and self.chance(40):
            axes = self.rng.permutation(ndim)[: self.rng.integers(1, ndim + 1)]
            return tuple(int(axis) - (ndim if self.chance(30) else 0) for axis in axes)
        return int(self.rng.integers(-ndim, ndim)) if ndim else 0

    def call(self, function, *args, **keywords):
        """Call the function on a random number of threads, sometimes in a scope that ends it, and return the answer.

        Sometimes the call is repeated on another number of threads, which must give the same bits.
        """
        threads = int(self.pick([1, 2, 3, 4, 7, 16, 64]))
        self.said.append(f"{function.__name__} {keywords} threads={threads}")
        scope, timer = contextlib.nullcontext(), None
        if self.chance(8):
            scope = gilkit.timeout(float(self.pick([0, 1e-6, 1e-4, 1e-3, 1e9])))
        elif self.chance(5):
            scope = gilkit.CancelToken()
            timer = threading.Timer(float(self.pick([0, 1e-4, 1e-3])), scope.cancel)
            timer.start()
        try:
            with scope:
                if self.chance(5):  # nested in a parallel call
                    return next(iter(gilkit.map(lambda _: function(*args, threads=threads, **keywords), range(1))))
                answer = function(*args, threads=threads, **keywords)
                if "out" not in keywords and self.chance(20):
                    again = function(*args, threads=int(self.pick([1, 2, 5])), **keywords)
                    same_bits(answer, again)
                return answer
        finally:
            if timer is not None:
                timer.join()


def same_bits(a, b):
    for x, y in zip(a, b, strict=True) if isinstance(a, tuple) else [(a, b)]:
        x, y = np.asarray(x), np.asarray(y)
        if x.dtype.char in "gO":  # some of their bytes say nothing
            same(x, y)
        elif x.dtype != y.dtype or x.shape != y.shape or x.tobytes() != y.tobytes():
            raise AssertionError(f"different bits on another number of threads: {x!r} and {y!r}")


def same(got, expected, slack=0.0):
    """Check that the results are equal or within the slack; NaN equals NaN."""
    got, expected = np.asarray(got), np.asarray(expected)
    if got.shape != expected.shape or got.dtype.newbyteorder("=") != expected.dtype.newbyteorder("="):
        raise AssertionError(f"{got.dtype}{got.shape} where {expected.dtype}{expected.shape} is right")
    with np.errstate(all="ignore"):
        right = (got == expected) | ((got != got) & (expected != expected))
        if got.dtype.kind == "f":
            right |= np.abs(got.astype(np.longdouble) - expected) <= slack
    if not np.all(right):
        at = np.argwhere(~np.asarray(right))[0]
        raise AssertionError(f"at {at}: {got[tuple(at)]!r} where {expected[tuple(at)]!r} is right")


def plain(a):
    """Return a copy of the array as a plain ndarray."""
    return np.array(a.view(np.ndarray) if isinstance(a, np.ndarray) else a, copy=True)


def is_accepted(dtype):
    return dtype.newbyteorder("=") in ACCEPTED


def is_cast(out, expected):
    return out.dtype != np.asarray(expected).dtype and out.shape == np.shape(expected)


def both_cast(case, name, a, keywords):
    """Return gilkit's and NumPy's result for an out of another dtype, with which NumPy's own function computes."""
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(a, **{**keywords, "out": np.zeros_like(keywords["out"])})
        return case.call(getattr(gilkit, name), a, **keywords), expected


def reduction(case):
    name = case.pick(["", "nan"]) + case.pick(["sum", "prod", "mean", "var", "std", "min", "max"])
    a = case.array()
    x = plain(a)
    keywords = {"axis": case.axis(x.ndim), "keepdims": case.chance(30)}
    if name.endswith(("var", "std")) and case.chance(50):
        keywords["ddof"] = int(case.rng.integers(0, 3))
    expected = getattr(np, name)(x, **keywords)
    if case.chance(30):
        keywords["out"] = case.out_for(a, np.shape(expected), np.asarray(expected).dtype)
        if is_cast(keywords["out"], expected):
            same(*both_cast(case, name, a, keywords))
            return
    got = case.call(getattr(gilkit, name), a, **keywords)
    if not is_accepted(x.dtype):
        same(got, expected)
        return
    if not name.endswith(("min", "max")) and np.asarray(expected).dtype.kind == "f":
        with np.errstate(all="ignore"):
            large = float(np.nanmax(np.abs(x.astype(np.float64)), initial=0))
            if name.endswith("prod") or not large < 1e30 or (np.isnan(x).any() and not name.startswith("nan")):
                return  # intermediate overflows differ: NumPy adds float32 in float32
            scale = {"sum": x.size * large, "mean": large, "var": large * large, "std": large}[name.removeprefix("nan")]
        eps = float(np.finfo(np.asarray(expected).dtype).eps)
        slack = scale * eps * (64 + x.size**0.5) + (scale * eps**0.5 * 8 if name.endswith("std") else 0)
        if name.endswith(("var", "std")) and not np.all(np.isfinite(expected)):
            return  # no degrees of freedom are left
        same(got, expected, slack)
    else:
        same(got, expected)


def cumsum(case):
    a = case.array()
    x = plain(a)
    axis = case.axis(x.ndim, several=False)
    expected = np.cumsum(x, axis=axis)
    keywords = {"axis": axis}
    if case.chance(30):
        keywords["out"] = case.out_for(a, expected.shape, expected.dtype)
        if is_cast(keywords["out"], expected):
            same(*both_cast(case, "cumsum", a, keywords))
            return
    got = case.call(gilkit.cumsum, a, **keywords)
    if type(a) is not np.ndarray or not is_accepted(x.dtype):  # NumPy computes, and accepts an out of more dimensions
        if np.shape(got) == np.shape(expected):
            same(got, expected)
    elif x.dtype.kind == "f":
        large = float(np.abs(x).max(initial=0).astype(float))
        if large < 1e30:
            expected = np.cumsum(x.astype(np.longdouble), axis=axis).astype(x.dtype)  # NumPy's own sums are less exact
            same(got, expected, large * x.size * float(np.finfo(x.dtype).eps) * (16 + x.size**0.5))
    else:
        same(got, expected)


def sorting(case):
    a = case.array()
    x = plain(a)
    axis = case.axis(x.ndim, several=False)
    if case.chance(40):
        # A subclass is sorted by NumPy in NumPy's usual way, which is not stable.
        expected = np.argsort(x, axis=axis, kind="stable" if type(a) is np.ndarray else None)
        same(case.call(gilkit.argsort, a, axis=axis), expected)
        return
    expected = np.sort(x, axis=axis)
    keywords = {"axis": axis}
    if case.chance(30):
        keywords["out"] = case.out_for(a, expected.shape, expected.dtype)
    got = case.call(gilkit.sort, a, **keywords)
    same(np.asarray(got).astype(expected.dtype), expected)


def partitions(case):
    a = case.array()
    x = plain(a)
    axis = case.axis(x.ndim, several=False)
    order = np.argsort(x, axis=axis, kind="stable")  # raises for a bad axis
    along = -1 if axis is None else axis
    k = int(case.rng.integers(order.shape[along] + 1))
    if type(a) is not np.ndarray:  # NumPy believes what a subclass says of itself
        case.call(gilkit.partition, a, k, axis)
    elif case.chance(50) and k < order.shape[along]:
        got = case.call(gilkit.partition, a, k, axis)
        same(np.take(got, k, along), np.take(np.sort(x, axis), k, along))
    elif x.ndim:
        got = case.call(gilkit.topk, a, k, axis=axis, largest=False)
        same(got.indices, np.take(order, np.arange(k), along))


def quantiles(case):
    name = case.pick(["median", "quantile", "percentile", "nanmedian", "nanquantile", "nanpercentile"])
    a = case.array()
    x = plain(a)
    if name.startswith("nan") and x.size > 5000:
        name = name[3:]  # NumPy calls Python for each slice
    args = () if "median" in name else (case.pick([0, 0.5, 1, [0.1, 0.9], np.linspace(0, 1, 7), 3, []]),)
    axis = case.axis(x.ndim)
    expected = getattr(np, name)(x, *args, axis=axis)
    got = case.call(getattr(gilkit, name), a, *args, axis=axis)
    if name == "nanmedian" and x.dtype.kind == "f" and np.any(np.abs(x) > np.finfo(x.dtype).max / 2):
        return  # NumPy adds an item to itself, which may overflow
    if type(a) is np.ndarray:  # NumPy believes what a subclass says of itself
        same(got, expected)


def sets(case):
    a, b = case.array(), case.array(dtype=case.pick([None, *ACCEPTED]))
    x, y = plain(a), plain(b)
    name = case.pick(["unique", "isin", "searchsorted", "intersect1d", "union1d", "setdiff1d", "setxor1d"])
    if not type(a) is type(b) is np.ndarray:  # NumPy believes what a subclass says of itself
        case.call(getattr(gilkit, name), *([a] if name == "unique" else [a, b]))
    elif name == "unique":
        keywords = {f"return_{what}": case.chance(40) for what in ("index", "inverse", "counts")}
        keywords["equal_nan"] = case.chance(70)
        expected, got = np.unique(x, **keywords), case.call(gilkit.unique, a, **keywords)
        if not keywords["equal_nan"] and keywords["return_inverse"]:
            return  # NumPy numbers NaNs in no certain order
        for one, other in zip(got, expected, strict=True) if isinstance(expected, tuple) else [(got, expected)]:
            same(one, other)
    elif name == "searchsorted":
        x = np.sort(x.reshape(-1))
        side = case.pick(["left", "right"])
        same(case.call(gilkit.searchsorted, x, b, side), np.searchsorted(x, y, side))
    else:
        same(case.call(getattr(gilkit, name), a, b), getattr(np, name)(x, y))


def dot(case):
    a = case.array(1)
    b = case.array(1, case.pick([None, a.dtype]) if a.dtype in ACCEPTED else None)
    n = min(a.shape[0], b.shape[0]) if case.chance(95) else None
    a, b = a[:n], b[:n]
    got = case.call(gilkit.dot, a, b)
    x, y = plain(a), plain(b)
    if np.asarray(got).dtype.kind == "f":
        large = float(np.abs(x.astype(float)).max(initial=0)) * float(np.abs(y.astype(float)).max(initial=0))
        if large < 1e30:
            same(
                got,
                np.dot(x, y),
                large * (x.size + 1) * float(np.finfo(np.asarray(got).dtype).eps) * (16 + x.size**0.5),
            )
    else:
        same(got, np.dot(x, y))


def fsum(case):
    a = case.array()
    x = plain(a)
    got = case.call(gilkit.fsum, a)
    same(got, math.fsum(x.ravel().tolist()))


def histogram(case):
    a = case.array()
    x = plain(a)
    bins = case.pick(
        [1, 2, 10, 100, 1023, 4096, 70_000, 300_000, "auto", np.array([0, 1, 5, 9]), np.linspace(-2, 2, 999)]
    )
    if isinstance(bins, str) and x.size > 1000:
        bins = 10  # with one distant value, NumPy's rules make more bins than fit in memory
    keywords = {"bins": bins, "density": case.chance(20)}
    if case.chance(30):
        keywords["range"] = case.pick([(0, 1), (-3.5, 3.25), (0, 0), (1, 0), (-1e300, 1e300), (0, np.inf), (0.1, 0.7)])
    if case.chance(30):
        keywords["weights"] = case.values(x.size, case.pick(ACCEPTED)).reshape(x.shape)
    expected = np.histogram(x, **keywords)
    got = case.call(gilkit.histogram, a, **keywords)
    same(got[1], expected[1])
    weights = keywords.get("weights")
    whole = weights is not None and weights.dtype.kind in "iu"
    if whole and float(np.abs(weights.astype(float)).sum()) > np.iinfo(weights.dtype).max:
        return  # NumPy casts floats to integers that they do not fit
    if "weights" in keywords and keywords["weights"].dtype.kind == "f":
        large = float(np.abs(keywords["weights"].astype(float)).max(initial=0))
        if not large < 1e30 or keywords["density"]:
            return
        slack = large * (x.size + 1) * float(np.finfo(expected[0].dtype).eps) * (16 + x.size**0.5)
        same(got[0], expected[0], slack)
    elif not keywords["density"] or "weights" not in keywords:
        same(got[0], expected[0])


def bincount(case):
    dtype = case.pick([np.dtype(code) for code in "bhilBHIL?"])
    n = int(case.pick([0, 1, 5, 2048, 2049, 40_000, 70_000]))
    most = min(int(case.pick([1, 10, 1000, 70_000, 3_000_000])), np.iinfo(dtype).max if dtype.kind in "iu" else 1)
    x = case.rng.integers(0 if case.chance(95) else -1 if dtype.kind == "i" else 0, most, n, endpoint=True).astype(
        dtype
    )
    keywords = {}
    if case.chance(30):
        keywords["minlength"] = int(case.pick([0, 1, 70_000, 2_000_000, -1, 2**62]))
    if case.chance(30):
        keywords["weights"] = case.values(n, case.pick([np.dtype("d"), np.dtype("f"), np.dtype("i")]))
    case.said.append(f"{dtype} {n} {most}")
    a = x[::-1] if case.chance(30) else x
    got = case.call(gilkit.bincount, a, **keywords)
    if "weights" not in keywords:
        same(got, np.bincount(a, **keywords))
    else:
        large = float(np.abs(keywords["weights"].astype(float)).max(initial=0))
        if large < 1e30:
            same(got, np.bincount(a, **keywords), large * (n + 1) * 2.0**-52 * (16 + n**0.5))


def nearest(case):
    dims = int(case.pick([0, 1, 2, 3, 16, 17, 33]))
    n, k = int(case.pick([0, 1, 5, 63, 64, 65, 1000])), int(case.pick([0, 1, 3, 4, 9, 31, 32, 40, 130]))
    kind = case.pick([np.dtype("f"), np.dtype("d"), np.dtype("i2")])
    points, centers = (case.rng.integers(-9, 9, (rows, dims)).astype(kind) for rows in (n, k))
    if kind.kind == "f":
        points += case.rng.standard_normal(points.shape).astype(kind)
        if case.chance(20) and points.size:
            points.flat[case.rng.integers(points.size)] = case.pick([np.nan, np.inf, 1e30])
    case.said.append(f"{kind} n={n} k={k} dims={dims}")
    if case.chance(20):
        points = np.asfortranarray(points)
    got = case.call(gilkit.nearest, points, centers)
    if k and n * k * dims < 300_000:
        wanted = gilkit.reference.nearest.nearest(points, centers)
        same(got[0], np.asarray(wanted[0], np.int64))
        same(np.asarray(got[1], float), np.asarray(wanted[1], float), 0)


def jacobi(case):
    grid = case.array(2 if case.chance(95) else None, case.pick([np.dtype("d"), np.dtype("f"), None]))
    sweeps = int(case.pick([0, 1, 2, 15, 16, 17, 33]))
    keywords = {"iterations": sweeps}
    x = plain(grid)
    if case.chance(40):
        keywords["out"] = case.out_for(grid, x.shape, x.dtype)
    got = case.call(gilkit.jacobi, grid, **keywords)
    with np.errstate(all="ignore"):
        for _ in range(sweeps if min(x.shape) >= 3 else 0):
            new = x.copy()
            quarter = x.dtype.type(0.25)
            new[1:-1, 1:-1] = quarter * ((x[:-2, 1:-1] + x[2:, 1:-1]) + (x[1:-1, :-2] + x[1:-1, 2:]))
            x = new
    same(got, x)


def uniform(case):
    shape, seed = case.shape(), int(case.rng.integers(2**40))
    dtype = case.pick([np.float32, np.float64])
    keywords = {"seed": seed, "dtype": dtype}
    if case.chance(30):
        keywords["out"] = case.out_for(np.zeros(0), shape, np.dtype(dtype))
    got = case.call(gilkit.uniform, shape, **keywords)
    same(got, np.random.Generator(np.random.Philox(seed)).random(shape, dtype))


def random(case):
    """Check distributions, integers of random ranges, permutations and samples."""
    shape, seed = case.shape(), int(case.rng.integers(2**40))
    numpys = np.random.Generator(np.random.Philox(seed))
    name = case.pick(["normal", "exponential", "integers", "permutation", "shuffle", "choice"])
    if name in ("normal", "exponential"):
        dtype = np.dtype(case.pick([np.float32, np.float64]))
        keywords = {"seed": seed, "dtype": dtype}
        if case.chance(30):
            keywords["out"] = case.out_for(np.zeros(0), shape, dtype)
            if not np.asarray(keywords["out"]).flags.c_contiguous:
                case.call(getattr(gilkit, name), size=shape, **keywords)
                return
        got = case.call(getattr(gilkit, name), size=shape, **keywords)
        # NumPy's tables have other last digits than gilkit's.
        same(got, getattr(numpys, f"standard_{name}")(shape, dtype), slack=400 * np.finfo(dtype).eps)
    elif name == "integers":
        dtype = np.dtype(case.pick("bBhHiIqQ"))
        low, high = sorted(int(case.rng.integers(0, 2**63)) >> int(case.rng.integers(1, 63)) for _ in range(2))
        limits = np.iinfo(dtype)
        arguments = (min(low, limits.max), min(high, limits.max), shape, dtype, True)
        same(case.call(gilkit.integers, *arguments, seed=seed), numpys.integers(*arguments))
    elif name == "choice":
        arguments = (int(case.rng.integers(1, 60)), shape, case.chance(80))
        same(case.call(gilkit.choice, *arguments, seed=seed), numpys.choice(*arguments))
    else:
        a = plain(case.array())
        axis = int(case.rng.integers(max(a.ndim, 1)))
        if a.ndim and a.shape[axis] > 32_768:  # other permutations than NumPy's
            got = case.call(gilkit.permutation, a.shape[axis], seed=seed)
            same(np.sort(got), np.arange(a.shape[axis]))
            return
        if name == "permutation":
            same(case.call(gilkit.permutation, a, axis, seed=seed), numpys.permutation(a, axis))
        else:

            def shuffled(**keywords):
                copy = a.copy()
                gilkit.shuffle(copy, axis, **keywords)
                return copy

            got = case.call(shuffled, seed=seed)
            numpys.shuffle(a, axis)
            same(got, a)


def numbers(case):
    """Check pi, spin and mandelbrot, also near the ends of their ranges."""
    if case.chance(30):
        n, seed = int(case.rng.integers(1, 3000)), int(case.rng.integers(2**63))
        same(case.call(gilkit.pi, n, seed=seed), gilkit.reference.pi.pi(n, seed=seed))
    elif case.chance(40):
        n = int(case.rng.integers(0, 10**6))
        same(np.int64(case.call(gilkit.spin, n)), np.int64(n % 2))
    elif case.chance(50):
        with gilkit.timeout(0.001):
            case.pick([lambda: gilkit.spin(2**63 - 1), lambda: gilkit.pi(2**63), lambda: gilkit.pi(2**64)])()
    else:
        width, height, steps = (int(case.rng.integers(1, 40)) for _ in range(3))
        got = case.call(gilkit.mandelbrot, width, height, max_iter=steps)
        same(got, np.asarray(gilkit.reference.mandelbrot.mandelbrot(width, height, max_iter=steps), np.int32))


def virtual(case):
    """Check arrays with sizes near 2**63, far larger than memory: all items are one item in memory."""
    dtype = case.pick(ACCEPTED)
    n = (2**63 - 1) // dtype.itemsize - int(case.pick([0, 1, 100, 2**20]))
    shape = case.pick([(n,), (n // 2, 2), (2, n // 2), (n // 256, 256), (3, n // 48, 16), (2**20, n >> 20)])
    a = np.broadcast_to(np.ones((), dtype), shape)
    case.said.append(f"virtual {dtype} {shape}")
    names = ["sum", "min", "max", "mean", "var", "fsum", "dot", "cumsum", "sort", "argsort", "histogram", "bincount",
             "median", "nanmedian", "unique", "isin", "searchsorted", "partition", "argpartition", "topk"]  # fmt: skip
    name = case.pick([*names, "nearest", "jacobi"])
    keywords = {}
    if name in ("cumsum", "sort") and case.chance(70):  # all writes go to a single item
        keywords["out"] = as_strided(
            np.zeros(1, np.cumsum(np.ones(1, dtype)).dtype if name == "cumsum" else dtype), shape, (0,) * len(shape)
        )
        keywords["axis"] = int(case.rng.integers(len(shape)))
    elif name in ("sum", "min", "max", "mean", "var"):
        keywords["axis"] = case.axis(len(shape))
    elif name == "jacobi":
        keywords["iterations"] = 1
    with gilkit.timeout(0.01):
        getattr(gilkit, name)(
            *([a, a] if name in ("dot", "nearest", "isin", "searchsorted") else [a]),
            *([1] if name in ("partition", "argpartition", "topk") else []),
            threads=int(case.pick([1, 2, 64])),
            **keywords,
        )


def accumulations(case):
    """Check cumulative functions other than cumsum, and differences."""
    a = case.array()
    x = plain(a)
    name = case.pick(["cummax", "cummin", "cumprod", "nancumsum", "nancumprod", "diff"])
    if name == "diff":
        n, axis = int(case.pick([0, 1, 1, 2, 5])), int(case.axis(x.ndim, several=False) or 0)
        expected = np.diff(x, n, axis)
        got = case.call(gilkit.diff, a, n, axis)
        if type(a) is np.ndarray:  # NumPy believes what a subclass says of itself
            same(got, expected)
        return
    axis = case.axis(x.ndim, several=False)
    if name in ("cummax", "cummin"):
        function = np.maximum if name == "cummax" else np.minimum
        expected = function.accumulate(x.reshape(-1) if axis is None else x, axis or 0)
    else:
        expected = getattr(np, name)(x, axis)
    got = case.call(getattr(gilkit, name), a, axis)
    if type(a) is not np.ndarray:
        return
    if "cumm" in name or expected.dtype.kind != "f":
        same(got, expected)
        return
    # Rounding depends on the order, and so does what overflows or is too small.
    exact = getattr(np, name)(x.astype(np.longdouble), axis)
    sizes = np.cumsum(np.nan_to_num(np.abs(x.astype(np.longdouble))), axis) if name == "nancumsum" else np.abs(exact)
    limits = np.finfo(expected.dtype)
    if np.all(np.isfinite(x)) and not np.any((sizes > limits.max / 4) | ((sizes < limits.tiny) & (sizes > 0))):
        same(got, exact.astype(expected.dtype), (sizes * x.size * limits.eps * 4).max(initial=0))


def positions(case):
    a = case.array()
    x = plain(a)
    name = case.pick(["argmin", "argmax", "nanargmin", "nanargmax", "count_nonzero", "all", "any", "ptp"])
    axis = case.axis(x.ndim, several=not name.startswith(("arg", "nanarg")))
    keywords = {"axis": axis, "keepdims": case.chance(30)}
    if name.startswith("nanarg") and type(a) is not np.ndarray:
        return  # NumPy writes into what a subclass gives for a copy
    expected = getattr(np, name)(x, **keywords)
    got = case.call(getattr(gilkit, name), a, **keywords)
    if type(a) is np.ndarray:
        same(got, expected)


def selection(case):
    """Check functions that select items, by conditions or by positions."""
    a = case.array()
    x = plain(a)
    name = case.pick(["nonzero", "flatnonzero", "compress", "extract", "where", "take"])
    if name in ("nonzero", "flatnonzero"):
        if x.ndim == 0:
            return  # deprecated in NumPy
        got, expected = case.call(getattr(gilkit, name), a), getattr(np, name)(x)
    elif name == "compress":
        axis = case.axis(x.ndim, several=False)
        length = x.size if axis is None else x.shape[axis]
        condition = case.rng.integers(0, 2, case.rng.integers(0, length + 1)).astype(bool)
        expected = np.compress(condition, x, axis)
        got = case.call(gilkit.compress, condition, a, axis)
    elif name == "take":
        axis = case.axis(x.ndim, several=False)
        length = x.size if axis is None else x.shape[axis]
        indices = case.rng.integers(-length - 2, length + 2, case.shape(case.pick([0, 1, 2])))
        mode = case.pick(["raise", "wrap", "clip"])
        if mode == "raise" and length and case.chance(90):
            indices = indices.clip(-length, length - 1)
        if indices.size * (x.size // max(length, 1)) > 10**6:
            return
        expected = np.take(x, indices, axis, mode=mode)
        got = case.call(gilkit.take, a, indices, axis, mode=mode)
    else:
        condition = case.rng.integers(0, 2, x.shape).astype(case.pick(["?", "i", "d"]))
        if name == "extract":
            got, expected = case.call(gilkit.extract, condition, a), np.extract(condition, x)
        else:
            other = case.pick([0, 1.5, np.float32(2), case.values(x.size, case.pick(ACCEPTED)).reshape(x.shape)])
            arguments = (a, other) if case.chance(50) else (other, a)
            expected = np.where(condition, *(x if each is a else each for each in arguments))
            got = case.call(gilkit.where, condition, *arguments)
    if type(a) is np.ndarray:
        for one, other in zip(got, expected, strict=True) if isinstance(expected, tuple) else [(got, expected)]:
            same(one, other)


def moving(case):
    a = case.array(dtype=case.pick([None, np.dtype("d"), np.dtype("f")]))
    x = plain(a)
    name = case.pick(["sum", "mean", "var", "std", "min", "max", "median"])
    axis = int(case.axis(x.ndim, several=False) or 0)
    length = x.shape[axis]
    window = int(case.pick([1, 2, 3, 12, 13, 100, max(1, length // 2), length, length + 1]))
    least = int(case.rng.integers(1, window + 1)) if window and case.chance(40) else None
    got = case.call(getattr(gilkit, f"move_{name}"), a, window, least, axis)
    if type(a) is not np.ndarray or x.size * window > 10**6 or not length:
        return
    result = np.dtype("f" if x.dtype.newbyteorder("=") == np.dtype("f") else "d")
    before = np.full((window - 1, *np.moveaxis(x, axis, 0).shape[1:]), np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([before, np.moveaxis(x, axis, 0).astype(float)]), window, axis=0
    )
    expected = getattr(np, f"nan{name}")(windows, axis=-1)
    expected[(windows == windows).sum(-1) < (least or window)] = np.nan
    large = np.abs(x[x == x].astype(float)).max(initial=0)
    if name in ("min", "max", "median"):
        same(got, np.moveaxis(expected, 0, axis).astype(result), 0 if large < 1e30 else np.inf)
    elif large < 1e30:
        slack = max(large, large * large if name == "var" else 0) * window * float(np.finfo(result).eps) * 16
        if name == "std":
            slack = large * (window * float(np.finfo(result).eps) * 16) ** 0.5
        same(got, np.moveaxis(expected, 0, axis).astype(result), slack)


def groups(case):
    """What is computed exactly; tests/test_groups.py compares the rest."""
    a = case.array(ndim=1)
    x = plain(a)
    op = case.pick(["count", "min", "max", "first", "last", "nanmin", "nanmax", "nancount"])
    if x.dtype not in ACCEPTED:
        case.call(gilkit.group_reduce, np.zeros(x.size, int), a, op)
        return
    num_groups = int(case.pick([1, 3, 100, 3000, 100_000]))
    labels = case.rng.integers(-1, num_groups, x.size)
    got = case.call(gilkit.group_reduce, labels, a, op, num_groups=num_groups, fill_value=0)
    kept = labels >= 0
    if op.startswith("nan"):
        kept &= x == x
    counts = np.bincount(labels[kept], minlength=num_groups)
    order = np.flatnonzero(kept)[np.argsort(labels[kept], kind="stable")]
    starts = np.cumsum(counts) - counts
    some = counts > 0
    if op.endswith("count"):
        expected = counts
    else:
        expected = np.zeros(num_groups, x.dtype.newbyteorder("="))
        if op == "first":
            expected[some] = x[order[starts[some]]]
        elif op == "last":
            expected[some] = x[order[(starts + counts - 1)[some]]]
        elif some.any():
            function = np.minimum if op.endswith("min") else np.maximum
            expected[some] = function.reduceat(x[order], starts[some])
    same(got, expected)


KINDS = [
    groups, reduction, reduction, cumsum, accumulations, positions, selection, moving, sorting, sorting, partitions,
    quantiles, quantiles, sets, sets, dot, fsum, histogram, bincount, nearest, jacobi, uniform, random, numbers, virtual,
]  # fmt: skip


def run_case(seed, number, hostile):
    """Run the case; raise AssertionError for a wrong answer."""
    case = Case(seed, number, hostile)
    kind = case.pick(KINDS)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            kind(case)
    except (*REFUSALS, *ENDED):
        return
    except RuntimeError as error:
        if str(error) != "armed":
            raise
    except BaseException:
        print(f"{kind.__name__}: {'; '.join(case.said)}", file=sys.stderr)
        raise


def child(seed, first, last, place, hostile, until):
    for number in range(first, last):
        if time.monotonic() > until:
            return
        place.write_text(str(number))
        run_case(seed, number, hostile)
    place.write_text(str(last))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, help="default: a random seed, which is printed")
    parser.add_argument("--case", type=int, help="run only this case, in this process")
    parser.add_argument("--findings", type=int, default=10, help="stop after this number of findings")
    parser.add_argument("--without-hostile", action="store_true", help="use no subclasses with false attributes")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    seed = secrets.randbits(32) if args.seed is None else args.seed
    if args.child:
        first, last, place = args.child
        child(seed, int(first), int(last), Path(place), not args.without_hostile, time.monotonic() + args.seconds)
        return 0
    if args.case is not None:
        run_case(seed, args.case, not args.without_hostile)
        return 0
    print(f"seed {seed}", flush=True)
    until, next_case, findings = time.monotonic() + args.seconds, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "case")
        while time.monotonic() < until and findings < args.findings:
            options = ["--without-hostile"] if args.without_hostile else []
            me = [sys.executable, __file__, "--seed", str(seed), *options]
            left = str(max(0.0, until - time.monotonic()))
            place.write_text(str(next_case))
            process = subprocess.Popen(
                [*me, "--seconds", left, "--child", str(next_case), str(next_case + BATCH), str(place)],
                stderr=subprocess.PIPE,
                text=True,
            )
            seen = None
            while True:  # a case that hangs is a finding as well
                try:
                    _, said = process.communicate(timeout=120)
                    break
                except subprocess.TimeoutExpired:
                    if place.read_text() == seen:
                        process.kill()
                    seen = place.read_text()
            at = int(place.read_text() or next_case)
            if process.returncode == 0:
                next_case = at
                continue
            findings += 1
            next_case = at + 1
            print(f"case {at} ended with {process.returncode}:\n{said[-6000:]}")
            print(f"again: {' '.join([*me, '--case', str(at)])}", flush=True)
    print(f"{next_case} cases, {findings} findings, seed {seed}")
    return min(findings, 1)


if __name__ == "__main__":
    try:
        status = main()
    except AssertionError:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    os._exit(status) if "--case" in sys.argv else sys.exit(status)
