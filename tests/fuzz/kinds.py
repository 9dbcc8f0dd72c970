"""The kinds of calls: each draws arguments, calls gilkit, and compares the answer with NumPy's or the reference's."""

from __future__ import annotations

import math

import numpy as np
from case import ACCEPTED, both_cast, is_accepted, is_cast, plain, same, unaligned
from numpy.lib.stride_tricks import as_strided

import gilkit
import gilkit.reference.jacobi
import gilkit.reference.mandelbrot
import gilkit.reference.nearest
import gilkit.reference.pi


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
    if type(a) is not np.ndarray:  # NumPy trusts the attributes of a subclass
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
    if type(a) is np.ndarray:  # NumPy trusts the attributes of a subclass
        same(got, expected)


def sets(case):
    a, b = case.array(), case.array(dtype=case.pick([None, *ACCEPTED]))
    x, y = plain(a), plain(b)
    name = case.pick(["unique", "isin", "searchsorted", "intersect1d", "union1d", "setdiff1d", "setxor1d"])
    if not type(a) is type(b) is np.ndarray:  # NumPy trusts the attributes of a subclass
        case.call(getattr(gilkit, name), *([a] if name == "unique" else [a, b]))
    elif name == "unique":
        keywords = {f"return_{what}": case.chance(40) for what in ("index", "inverse", "counts")}
        keywords["equal_nan"] = case.chance(70)
        expected, got = np.unique(x, **keywords), case.call(gilkit.unique, a, **keywords)
        if not keywords["equal_nan"] and keywords["return_inverse"]:
            return  # NumPy numbers NaNs in an unspecified order
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
    a = x[::-1] if case.chance(30) else unaligned(x) if case.chance(30) else x
    if "weights" in keywords and case.chance(30):
        keywords["weights"] = unaligned(keywords["weights"])
    got = case.call(gilkit.bincount, a, **keywords)
    if "weights" not in keywords:
        same(got, np.bincount(a, **keywords))
    else:
        large = float(np.abs(keywords["weights"].astype(float)).max(initial=0))
        if large < 1e30:
            same(got, np.bincount(a, **keywords), large * (n + 1) * 2.0**-53 * (16 + n))  # equal errors add up


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
        # NumPy's tables differ from gilkit's in the last digits.
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
        if type(a) is np.ndarray:  # NumPy trusts the attributes of a subclass
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
    """Check the operations that are computed exactly; tests/test_groups.py compares the rest."""
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


def group_statistics(case):
    """Check sums, means, variances and quantiles of groups, along any axis, and labels that are wrong."""
    a = case.array()
    x = plain(a)
    op = case.pick(["", "", "nan"]) + case.pick(
        ["sum", "mean", "var", "std", "prod", "median", "quantile", "min", "last"]
    )
    axis = None if case.chance(20) else int(case.rng.integers(-x.ndim, x.ndim)) if x.ndim else -1
    length = x.size if axis is None else x.shape[axis] if x.ndim else 1
    num_groups = int(case.pick([1, 3, 100, 3000]))
    labels = case.rng.integers(-1, num_groups, length).astype(case.pick(["i8", "i8", "i4", "i2", ">i8"]))
    if axis is None and x.ndim:
        labels = labels.reshape(x.shape)
    keywords = {"num_groups": num_groups, "axis": axis}
    if case.chance(30):
        keywords["fill_value"] = case.pick([0, -1.5, np.nan, 2**70, "x"])
    if op.endswith(("var", "std")) and case.chance(50):
        keywords["ddof"] = case.pick([0, 1, 2, 0.5, -1, np.inf])
    if op.endswith("quantile"):
        keywords["q"] = case.pick([0, 1, 0.3, [0.1, 0.9], [], [[0.5]], 2, np.nan])
    if case.chance(10) and labels.size:
        labels.flat[case.rng.integers(labels.size)] = case.pick([num_groups, -(2**15), 2**15 - 1])
    elif case.chance(5):
        labels = case.pick([labels[:-1], labels.astype(float), unaligned(labels)])
    case.said.append(f"{op} {labels.dtype} {labels.shape} {keywords}")
    others = 1 if axis is None or not x.ndim else math.prod(np.delete(x.shape, axis).tolist())
    if num_groups * others > 10**6:  # the result is large even if there are no values
        return
    got = case.call(gilkit.group_reduce, labels, a, op, **keywords)
    if type(a) is not np.ndarray or not is_accepted(x.dtype) or x.size > 20_000 or num_groups > 100 or "prod" in op:
        return
    if "fill_value" in keywords or not np.all(np.abs(x.astype(float)) < 1e30) or np.size(keywords.get("q", 0)) != 1:
        return
    keywords = {key: keywords[key] for key in ("ddof", "q") if key in keywords}
    rows = x.reshape(-1, 1) if axis is None else np.moveaxis(np.atleast_1d(x), axis, 0)
    got = np.moveaxis(got, -1 if axis is None else np.ndim(keywords.get("q", 0)) + (axis % max(x.ndim, 1)), 0)
    for group in range(num_groups):
        own = rows[labels.reshape(-1) == group]
        if not len(own) or not own.size:
            continue
        if op.endswith("last"):
            expected = own[-1]
        else:
            expected = getattr(np, op)(own.astype(float) if own.dtype.kind == "f" else own, 0, **keywords)
        scale = float(np.abs(own.astype(float)).max(initial=0)) * (len(own) if "sum" in op else 1)
        eps = 1.2e-7 if x.dtype.itemsize == 4 and x.dtype.kind == "f" else 2.3e-16
        slack = scale * eps * 64 * len(own)
        if op.endswith(("var", "std")):
            slack = scale**2 * eps * 64 * len(own) if op.endswith("var") else scale * eps**0.5 * 64
        same(np.asarray(got[group], float).reshape(-1), np.asarray(expected, float).reshape(-1), slack)


KINDS = [
    groups, group_statistics, reduction, reduction, cumsum, accumulations, positions, selection, moving, sorting, sorting,
    partitions, quantiles, quantiles, sets, sets, dot, fsum, histogram, bincount, nearest, jacobi, uniform, random,
    numbers, virtual,
]  # fmt: skip
