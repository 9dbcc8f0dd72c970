"""One call of a function: random arguments, the call itself, and the comparison of results."""

from __future__ import annotations

import contextlib
import math
import threading
import warnings

import numpy as np
from numpy.lib.stride_tricks import as_strided

import gilkit

ACCEPTED = [np.dtype(code) for code in "?bhilqBHILQfd"]
OTHERS = [np.dtype(code) for code in ("e", "g", "D", "S3", "M8[s]", "O")]
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, 1e308, -1e308, 1e-40, 3e38, 2.0**53, 0.1]


class Lying(np.ndarray):
    """An array whose attributes are wrong. None of them may lead to a write outside its memory."""

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


def unaligned(a):
    if not a.size:
        return a
    copy = np.zeros(a.nbytes + 1, np.uint8)[1:].view(a.dtype).reshape(a.shape)
    copy[...] = a
    return copy


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
        elif layout == "odd":
            a = unaligned(a)
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
        if x.dtype.char in "gO":  # some of their bytes are padding
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
