"""gilkit against its peers, as ratios: python bench/ratios.py [WORD...]

gilkit and its peer alternate, A B A B, on the same data. Each line has the median time of
both, the median ratio of the rounds with its quartiles, and the target. Results are checked
first. Before and after, the script compares a busy loop on two threads with one: unless the
speed-up is about 2, other programs used the cores and the figures are not valid. With WORDs,
only lines that contain one run.
"""

import contextlib
import copy
import functools
import gzip
import hashlib
import math
import operator
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
import zlib
from pathlib import Path

import numpy as np

import gilkit
from gilkit.lab.worker.gilkit_tasks.gzip import compress
from gilkit.lab.worker.gilkit_tasks.text import text

N = 10_000_000
QS = [0.1, 0.5, 0.9]


def seconds(function):
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def busy_loop():
    ratios = [
        seconds(lambda: gilkit.spin(10**8, threads=1)) / seconds(lambda: gilkit.spin(10**8, threads=2))
        for _ in range(5)
    ]
    print(f"a busy loop on two threads is {statistics.median(ratios):.2f} times as fast as on one", flush=True)


def pair(name, ours, theirs, target, *, rounds=9, same=np.array_equal, around=contextlib.nullcontext):
    """Measure and print one line.

    `same` compares the results; None means that both write to the same array, which is not copied for a comparison.
    `around` makes a context for ours, which is not timed.
    """
    if len(sys.argv) > 1 and not any(word in name for word in sys.argv[1:]):
        return
    with around():
        first = copy.copy(ours())
    if not same(first, theirs()):
        raise SystemExit(f"{name}: the results differ")
    ours_took, theirs_took = [], []
    for _ in range(rounds):
        with around():
            ours_took.append(seconds(ours))
        theirs_took.append(seconds(theirs))
    low, middle, high = statistics.quantiles((b / a for a, b in zip(ours_took, theirs_took, strict=True)), n=4)
    ours_ms, theirs_ms = (statistics.median(took) * 1e3 for took in (ours_took, theirs_took))
    print(
        f"{name:40} {ours_ms:8.2f} ms {theirs_ms:8.2f} ms  {middle:6.2f} ({low:.2f} to {high:.2f})  target {target}",
        flush=True,
    )


def close(a, b):
    return np.allclose(a, b, rtol=1e-9)


def reductions(x):
    for name in ("sum", "mean", "min", "max", "var"):
        ours, theirs = getattr(gilkit, name), getattr(np, name)
        pair(name, lambda f=ours: f(x), lambda f=theirs: f(x), 8 if name == "var" else 2.3, same=close)
    near_one = x / 1e7 + 1
    pair("prod", lambda: gilkit.prod(near_one), lambda: np.prod(near_one), 2.3, same=close)
    for name in ("argmin", "argmax", "count_nonzero", "any", "all"):
        whole = {"any": x * 0, "all": x + 1}.get(name, x)
        for array in (
            whole,
            whole.astype(np.float32),
            whole.astype(bool) if name in ("any", "all") else (x * 100).astype(np.int8),
        ):
            ours, theirs = getattr(gilkit, name), getattr(np, name)
            pair(f"{name}, {array.dtype}", lambda f=ours, a=array: f(a), lambda f=theirs, a=array: f(a), 1.5)
        table = whole.reshape(1000, -1)
        for axis in (0, 1):
            pair(
                f"{name} along {axis}",
                lambda f=getattr(gilkit, name), k=axis, t=table: f(t, k),
                lambda f=getattr(np, name), k=axis, t=table: f(t, k),
                1.5,
            )
    # BLAS reads the array at the bandwidth of the memory.
    pair("sum, over BLAS dot(x, x)", lambda: gilkit.sum(x), lambda: np.dot(x, x), 0.9, same=lambda a, b: True)
    pair("min, over BLAS dot(x, x)", lambda: gilkit.min(x), lambda: np.dot(x, x), 0.9, same=lambda a, b: True)
    pair("fsum, over math.fsum", lambda: gilkit.fsum(x), lambda: math.fsum(x), 40, rounds=3)
    pair("fsum, over gilkit.sum", lambda: gilkit.fsum(x), lambda: gilkit.sum(x), 0.33, same=close)


def scans(x, whole):
    for array in (x, whole, x.astype(np.float32)):
        out = np.empty_like(array)
        rtol = 1e-2 if array.dtype == np.float32 else 1e-9  # NumPy accumulates rounding errors in float32
        pair(
            f"cumsum into out, {array.dtype}",
            lambda a=array, o=out: gilkit.cumsum(a, out=o),
            lambda a=array, o=out: np.cumsum(a, out=o),
            1.7,
            same=lambda a, b, r=rtol: np.allclose(a, b, rtol=r),
        )
    for array in (1 + (x - 0.5) / 1024, whole):
        out = np.empty_like(array)
        for name, ours, theirs in (
            ("cumprod", gilkit.cumprod, np.cumprod),
            ("cummax", gilkit.cummax, np.maximum.accumulate),
        ):
            pair(
                f"{name} into out, {array.dtype}",
                lambda f=ours, a=array, o=out: f(a, out=o),
                lambda f=theirs, a=array, o=out: f(a, out=o),
                1.7 if array.dtype == np.int64 or name == "cummax" else 1,
            )
    pair("nancumsum", lambda: gilkit.nancumsum(x), lambda: np.nancumsum(x), 1.7, same=close)
    pair("diff", lambda: gilkit.diff(x), lambda: np.diff(x), "none")
    pair("cumsum, with allocation", lambda: gilkit.cumsum(x), lambda: np.cumsum(x), "none", same=close)


def sorting(x, whole):
    for array in (x, whole, x.astype(np.float32), whole.astype(np.int32)):
        pair(f"sort {array.dtype}", lambda a=array: gilkit.sort(a), lambda a=array: np.sort(a), 1.65)
        pair(
            f"sort {array.dtype}, one thread",
            lambda a=array: gilkit.sort(a, threads=1),
            lambda a=array: np.sort(a),
            0.97,
        )
    for array in (x, whole):
        pair(
            f"argsort {array.dtype}",
            lambda a=array: gilkit.argsort(a),
            lambda a=array: np.argsort(a),
            4,
            rounds=3,
            same=lambda p, q, a=array: np.array_equal(a[p], a[q]),
        )


def stable_sorting(x, whole):
    """Floats with zeros of either sign and NaNs, whose order shows whether a sort is stable."""
    special = x.copy()
    for first, value in enumerate((0.0, -0.0, np.nan, -np.nan)):
        special[first::10] = value
    for name, array in (("float64", x), ("float64 with zeros and NaNs", special)):
        pair(
            f"stable sort {name}",
            lambda a=array: gilkit.sort(a, stable=True),
            lambda a=array: np.sort(a, stable=True),
            1.6,
            rounds=3,
            same=lambda p, q: p.tobytes() == q.tobytes(),
        )
    keys = whole[: N // 5] % 1000, whole[: N // 5] // 1000 % 1000
    pair("lexsort by two small integers", lambda: gilkit.lexsort(keys), lambda: np.lexsort(keys), 4, rounds=3)
    floats = special[: N // 5], x[: N // 5]
    pair("lexsort by two floats", lambda: gilkit.lexsort(floats[::-1]), lambda: np.lexsort(floats[::-1]), 2, rounds=3)


def largest(a, k):
    """NumPy's way to get the indices of the k largest items, in order."""
    indices = np.argpartition(a, a.size - k)[a.size - k :]
    return indices[np.argsort(a[indices])[::-1]]


def partitions(x, whole):
    middle = x.size // 2
    for array in (x, whole, x.astype(np.float32), whole.astype(np.int32)):
        pair(
            f"partition {array.dtype}",
            lambda a=array: gilkit.partition(a, middle),
            lambda a=array: np.partition(a, middle),
            2.5,
            same=lambda p, q: p[middle] == q[middle],
        )
        pair(
            f"argpartition {array.dtype}",
            lambda a=array: gilkit.argpartition(a, middle),
            lambda a=array: np.argpartition(a, middle),
            2.5,
            rounds=5,
            same=lambda p, q, a=array: a[p[middle]] == a[q[middle]],
        )
        pair(
            f"topk 100 {array.dtype}",
            lambda a=array: gilkit.topk(a, 100).indices,
            lambda a=array: largest(a, 100),
            2.5,
            rounds=5,
            same=lambda p, q, a=array: np.array_equal(a[p], a[q]),
        )


def without_nans(x):
    """NumPy, and bottleneck if it is installed, on items of which one in a hundred is NaN."""
    table = x.reshape(1000, -1).copy()
    table.reshape(-1)[::101] = np.nan
    plain = x.reshape(1000, -1)
    with contextlib.suppress(ImportError):
        import bottleneck
    for name in ("nansum", "nanmean", "nanvar", "nanmin", "nanmax", "nanargmin"):
        for axis in (None, 0):
            ours = functools.partial(getattr(gilkit, name), table, axis)
            theirs = functools.partial(getattr(np, name), table, axis)
            pair(f"{name} along {axis}", ours, theirs, 5, rounds=5, same=close)
            usual = functools.partial(getattr(gilkit, name[3:]), plain, axis)
            pair(
                f"{name} along {axis}, over {name[3:]}", ours, usual, 0.87, same=lambda a, b: np.shape(a) == np.shape(b)
            )
            if "bottleneck" in locals():
                theirs = functools.partial(getattr(bottleneck, name), table, axis)
                pair(f"{name} along {axis}, over bottleneck", ours, theirs, 2, same=close)


def order(x, whole):
    """NumPy, and polars if it is installed. Slow calls of NumPy are measured on a tenth of the items."""
    few, tenth = whole % 1000, whole[: N // 10]
    pair("median", lambda: gilkit.median(x), lambda: np.median(x), 4, rounds=5)
    pair("three quantiles", lambda: gilkit.quantile(x, QS), lambda: np.quantile(x, QS), 4, rounds=5)
    for axis in (0, 1):
        table = x.reshape(1000, -1)
        pair(
            f"median along {axis}",
            lambda a=axis, t=table: gilkit.median(t, a),
            lambda a=axis, t=table: np.median(t, a),
            1,
            rounds=3,
        )
    pair("unique of a tenth, int64", lambda: gilkit.unique(tenth), lambda: np.unique(tenth), 20, rounds=3)
    pair("unique, 1000 values", lambda: gilkit.unique(few), lambda: np.unique(few), 1, rounds=3)
    elements = {m: np.concatenate([whole[:: 2 * N // m], np.arange(m // 2)]) for m in (10, 1000, 10**6)}
    for m in elements:
        pair(
            f"isin of a tenth among {m}",
            lambda e=elements[m]: gilkit.isin(tenth, e),
            lambda e=elements[m]: np.isin(tenth, e),
            20,
            rounds=3,
        )
        ordered = np.sort(elements[m])
        pair(
            f"searchsorted of a tenth in {m}",
            lambda o=ordered: gilkit.searchsorted(o, tenth),
            lambda o=ordered: np.searchsorted(o, tenth),
            4,
            rounds=3,
        )
    try:
        from polars import Series
    except ImportError:
        return
    floats, wide, narrow = map(Series, (x, whole, few))
    pair("median, over polars", lambda: gilkit.median(x), floats.median, 1)
    pair(
        "three quantiles, over polars",
        lambda: gilkit.quantile(x, QS),
        lambda: [floats.quantile(q, "linear") for q in QS],
        1,
        same=close,
    )
    for name, a, series in (("int64", whole, wide), ("1000 values", few, narrow), ("float64", x, floats)):
        pair(
            f"unique {name}, over polars",
            lambda a=a: gilkit.unique(a),
            lambda s=series: s.unique(),
            1,
            same=sets_are_equal,
            rounds=5,
        )
        pair(
            f"unique {name} with counts, over polars",
            lambda a=a: gilkit.unique(a, return_counts=True),
            lambda s=series: s.value_counts(),
            1,
            same=lambda a, b: len(a[0]) == len(b),
            rounds=3,
        )
    for m in elements:
        test, ordered = Series(elements[m]).implode(), np.sort(elements[m])
        sorted_series, keys = Series(ordered), Series(tenth)
        pair(
            f"isin among {m}, over polars", lambda e=elements[m]: gilkit.isin(whole, e), lambda t=test: wide.is_in(t), 1
        )
        pair(
            f"searchsorted in {m}, over polars",
            lambda o=ordered: gilkit.searchsorted(o, tenth),
            lambda s=sorted_series, k=keys: s.search_sorted(k),
            1,
        )


def sets_are_equal(a, b):
    return np.array_equal(a, np.sort(b))


def selection(x, whole):
    """NumPy, polars if it is installed, and copies of as many bytes as are read and written."""
    mask, y, few = x < 0.5, x[::-1].copy(), whole.astype(np.int32)
    some, table = np.flatnonzero(mask), mask.reshape(1000, -1)
    shuffled = np.random.default_rng(2).permutation(N)
    pair("masked_select", lambda: gilkit.masked_select(x, mask), lambda: x[mask], 1.8)
    pair("compress", lambda: gilkit.compress(mask, x), lambda: np.compress(mask, x), 1.8)
    pair("where", lambda: gilkit.where(mask, x, y), lambda: np.where(mask, x, y), 1.8)
    pair("where of float64 and int32", lambda: gilkit.where(mask, x, few), lambda: np.where(mask, x, few), 1.8)
    pair("take at random", lambda: gilkit.take(x, shuffled), lambda: np.take(x, shuffled), 1.8)
    pair("take in order", lambda: gilkit.take(x, some), lambda: np.take(x, some), 1.8)
    pair("nonzero of bool", lambda: gilkit.nonzero(mask)[0], lambda: np.nonzero(mask)[0], 1.8)
    pair("nonzero of float64", lambda: gilkit.nonzero(x)[0], lambda: np.nonzero(x)[0], 1.8)
    pair("nonzero of 1000 x 10000 bool", lambda: gilkit.nonzero(table), lambda: np.nonzero(table), 1.8)
    for name, call, megabytes in (
        ("masked_select", lambda: gilkit.masked_select(x, mask), 130),
        ("where", lambda: gilkit.where(mask, x, y), 250),
        ("nonzero", lambda: gilkit.nonzero(mask), 50),
    ):
        copied = np.ones(megabytes * 10**6 // 16)
        pair(f"{name}, over copy of as many bytes", call, copied.copy, 0.8, same=lambda a, b: True)
    try:
        from polars import Series
    except ImportError:
        return
    s, m, o, i = map(Series, (x, mask, y, shuffled))
    pair("masked_select, over polars", lambda: gilkit.masked_select(x, mask), lambda: s.filter(m), 1)
    pair("where, over polars", lambda: gilkit.where(mask, x, y), lambda: s.zip_with(m, o), 1)
    pair("take at random, over polars", lambda: gilkit.take(x, shuffled), lambda: s.gather(i), 1)
    pair("nonzero, over polars", lambda: gilkit.flatnonzero(mask), m.arg_true, 1)


def same_groups(a, b):
    if not isinstance(b, np.ndarray):  # polars does not define the order of the groups
        b = b.sort("label")["value"].to_numpy()
    return np.allclose(a, b, rtol=1e-7, atol=1e-9, equal_nan=True)  # variances of single items are NaN


def groups(x):
    """pandas, polars and numbagg, of those that are installed."""
    peers = {}
    for name in ("pandas", "polars", "numbagg"):
        with contextlib.suppress(ImportError):
            peers[name] = __import__(name)
    for count in (10, 1000, 10**6):
        labels = (gilkit.uniform(N, seed=2) * count).astype(np.int64)
        labels[:count] = np.arange(count)
        for op in ("sum", "mean", "var", "min", "first", "median"):
            calls = {}
            if "pandas" in peers:
                frame = peers["pandas"].DataFrame({"label": labels, "value": x})
                calls["pandas"] = lambda f=frame, o=op: getattr(f.groupby("label")["value"], o)().to_numpy()
            if "polars" in peers:
                series = peers["polars"].DataFrame({"label": labels, "value": x})
                column = getattr(peers["polars"].col("value"), op)()
                calls["polars"] = lambda f=series, c=column: f.group_by("label").agg(c)
            function = getattr(peers.get("numbagg"), f"group_nan{op}", None)
            if function:
                calls["numbagg"] = lambda f=function, k=labels: f(x, k, axis=0)
            for name, theirs in calls.items():
                pair(
                    f"group {op}, {count}, over {name}",
                    lambda o=op, k=labels: gilkit.group_reduce(k, x, "nan" + o, ddof=1),
                    theirs,
                    1,
                    rounds=5,
                    same=same_groups,
                )


def moving(x):
    """bottleneck, if it is installed: one array, many rows and many columns."""
    try:
        import bottleneck
    except ImportError:
        return
    near = functools.partial(np.allclose, rtol=1e-7, atol=1e-7, equal_nan=True)
    table = x.reshape(10_000, 1000)
    for name in ("move_sum", "move_mean", "move_var", "move_std", "move_min", "move_max", "move_median"):
        for window in (10, 100, 1000):
            for label, a, axis, target in (
                ("one array", x, 0, 1.5),
                ("10,000 rows", table, 1, 2),
                ("1000 columns", table, 0, 2),
            ):
                pair(
                    f"{name} {window}, {label}",
                    functools.partial(getattr(gilkit, name), a, window, axis=axis),
                    functools.partial(getattr(bottleneck, name), a, window, axis=axis),
                    target,
                    rounds=3 if name == "move_median" else 5,
                    same=near,
                )


def counting(x):
    few = (x * 256).astype(np.int64)
    pair("histogram, 256 bins", lambda: gilkit.histogram(x, 256)[0], lambda: np.histogram(x, 256)[0], 12)
    pair("bincount, 256", lambda: gilkit.bincount(few), lambda: np.bincount(few), 4)
    tenth, other = x[: N // 10], x[-(N // 10) :]
    xp = np.sort(x[:1000])
    for name, args in {
        "histogram2d": (tenth, other, 50),
        "digitize": (tenth, xp),
        "interp": (tenth, xp, x[:1000]),
        "cov": (x.reshape(10, -1),),
    }.items():
        ours, theirs = getattr(gilkit, name), getattr(np, name)
        pair(
            f"{name} of a tenth" if name != "cov" else "cov, 10 x 10^6",
            lambda f=ours, a=args: f(*a),
            lambda f=theirs, a=args: f(*a),
            4 if name != "cov" else 1,
            rounds=5,
            same=lambda a, b: all(map(np.array_equal, a, b)),
        )


OF_ONE_ARRAY = [
    "sum", "prod", "mean", "var", "std", "min", "max", "nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmin",
    "nanmax", "argmin", "argmax", "nanargmin", "nanargmax", "any", "all", "count_nonzero", "ptp", "average",
    "cumsum", "nancumsum", "cumprod", "nancumprod", "diff", "sort", "argsort", "median", "nanmedian", "unique",
    "unique_values", "unique_counts", "unique_inverse", "unique_all", "nonzero", "flatnonzero", "histogram", "cov",
    "corrcoef",
]  # fmt: skip


def short_calls():
    """Every function that NumPy has too, for 1 to 10,000 items, called again and again."""
    generator = np.random.default_rng(1)
    for n in (1, 10, 100, 1000, 10_000):
        x, y = generator.random(n), generator.random(n)
        few, mask, some = (x * 100).astype(np.int64), x < 0.5, np.argsort(y)
        ordered = np.sort(y)
        calls = dict.fromkeys(OF_ONE_ARRAY, (x,)) | {
            "dot": (x, y), "lexsort": ((few, x),), "partition": (x, n // 2), "argpartition": (x, n // 2),
            "quantile": (x, QS), "percentile": (x, 30), "nanquantile": (x, QS), "nanpercentile": (x, 30),
            "isin": (few, few[: n // 2 + 1]), "intersect1d": (x, y), "union1d": (x, y), "setdiff1d": (x, y),
            "setxor1d": (x, y), "searchsorted": (ordered, x), "digitize": (x, ordered), "interp": (x, ordered, y),
            "bincount": (few,), "histogram2d": (x, y), "histogramdd": ((x, y),), "take": (x, some),
            "compress": (mask, x), "extract": (mask, x), "where": (mask, x, y),
        }  # fmt: skip
        for name, args in calls.items():
            ours, theirs = getattr(gilkit, name), getattr(np, name)
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                took = seconds(lambda f=theirs, a=args: [f(*a) for _ in range(3)]) / 3
                k = max(1, min(300, int(1e-3 / took)))
                pair(
                    f"short: {name}, {n}, {k} times",
                    lambda f=ours, a=args, k=k: [f(*a) for _ in range(k)],
                    lambda f=theirs, a=args, k=k: [f(*a) for _ in range(k)],
                    0.97,
                    rounds=15,
                    same=lambda a, b: True,
                )


def random():
    for dtype in (np.float64, np.float32):
        out, other = np.empty(N, dtype), np.empty(N, dtype)
        for peer, target in ((np.random.Philox, 4), (np.random.PCG64, 2)):
            generator = np.random.Generator(peer(1))
            pair(
                f"uniform {np.dtype(dtype)}, over {peer.__name__}",
                lambda d=dtype, o=out: gilkit.uniform(N, seed=1, dtype=d, out=o),
                lambda g=generator, d=dtype, o=other: g.random(out=o, dtype=d),
                target,
                same=np.array_equal if peer is np.random.Philox else lambda a, b: a.shape == b.shape,
            )
    items = np.arange(N)
    for peer in (np.random.Philox, np.random.PCG64):
        for name, ours, theirs, target in (
            ("normal", lambda: gilkit.normal(size=N, seed=1), lambda g: g.standard_normal(N), 4),
            (
                "normal float32",
                lambda: gilkit.normal(size=N, seed=1, dtype="f4"),
                lambda g: g.standard_normal(N, "f4"),
                4,
            ),
            ("exponential", lambda: gilkit.exponential(size=N, seed=1), lambda g: g.standard_exponential(N), 1.7),
            ("integers", lambda: gilkit.integers(0, 100, N, seed=1), lambda g: g.integers(0, 100, N), 2.5),
            ("permutation", lambda: gilkit.permutation(N, seed=1), lambda g: g.permutation(N), 3),
            ("shuffle", lambda: gilkit.shuffle(items, seed=1), lambda g: g.shuffle(items), 3),
            ("choice", lambda: gilkit.choice(1000, N, seed=1), lambda g: g.choice(1000, N), 2.5),
        ):
            equal = peer is np.random.Philox and name not in ("permutation", "shuffle")
            pair(
                f"{name}, over {peer.__name__}",
                ours,
                # A new generator, so that the results can be compared: it costs nothing compared with ten million
                # items.
                lambda f=theirs, p=peer: f(np.random.Generator(p(1))),
                target,
                rounds=5,
                # NumPy's table for normal numbers has other last digits.
                same=(close if name == "normal" else np.array_equal) if equal else lambda a, b: True,
            )


def clustering(generator):
    from scipy.cluster.vq import vq
    from sklearn.metrics import pairwise_distances_argmin_min

    for n, dims, k in ((1_000_000, 8, 16), (100_000, 64, 256)):
        for dtype in (np.float64, np.float32):
            points, centers = generator.random((n, dims)).astype(dtype), generator.random((k, dims)).astype(dtype)
            for peer in (vq, pairwise_distances_argmin_min):
                label = next(i for i, part in enumerate(peer(points[:9], centers)) if part.dtype.kind == "i")
                pair(
                    f"nearest {n} x {dims}, {k}, {np.dtype(dtype)}, {peer.__name__[:12]}",
                    lambda p=points, c=centers: gilkit.nearest(p, c)[0],
                    lambda p=points, c=centers, f=peer, i=label: f(p, c)[i],
                    1.5,
                    rounds=5,
                    same=lambda a, b: (
                        np.mean(a == b) > 0.999
                    ),  # they round differently when two centers are equally near
                )


@contextlib.contextmanager
def keeping_memory(call):
    """Patched NumPy that has kept the memory of earlier results, as in the middle of a program."""
    with gilkit.patch_numpy(memory=True):
        call()
        call()
        yield


def same_bits(a, b):
    return np.asarray(a).tobytes() == np.asarray(b).tobytes()


def compare(name, call, target, when="patched", **settings):
    """Measure a call with gilkit.patch_numpy(), over the same without."""
    pair(f"{when}: {name}", call, call, target, **{"same": same_bits, "around": gilkit.patch_numpy, **settings})


@contextlib.contextmanager
def another_program():
    """A program that always computes, on one core."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as program:
        try:
            yield
        finally:
            program.kill()


def beside_another(x):
    """The same while another program has one of the cores. Each round takes the same time for every number of items."""
    out = np.empty_like(x)
    calls = {
        "sum": lambda a, o: a.sum(),
        "mean": lambda a, o: a.mean(),
        "std": lambda a, o: a.std(),
        "max": lambda a, o: a.max(),
        "argmax": lambda a, o: a.argmax(),
        "add": lambda a, o: np.add(a, a, out=o),
        "sqrt": lambda a, o: np.sqrt(a, out=o),
        "sin": lambda a, o: np.sin(a, out=o),
        "astype": lambda a, o: a.astype("f4"),
    }
    with another_program():
        for name, call in calls.items():
            for n in (10_000, 100_000, 1_000_000, N):
                times = (1 if name == "sin" else 3 if name in ("std", "astype", "sqrt") else 10) * N // n
                compare(
                    f"{name}, {n}, {times} times",
                    lambda f=call, a=x[:n], o=out[:n], k=times: [f(a, o) for _ in range(k)][-1],
                    0.9,
                    when="beside another",
                    rounds=15,
                )


def over_mkl(x):
    """Patched NumPy over mkl_umath, and mkl_umath over NumPy, on the functions that mkl_umath has."""
    os.environ.setdefault("KMP_BLOCKTIME", "10")  # milliseconds for which threads of OpenMP keep a core after a call
    try:
        import mkl_umath
    except ImportError:
        return

    @contextlib.contextmanager
    def patched_alone():
        time.sleep(0.03)
        with gilkit.patch_numpy():
            yield

    def count(ours, theirs):
        apart = np.abs(ours.view("i8") - theirs.view("i8"))
        print(f"{np.count_nonzero(apart)} of {apart.size} results differ, by at most {apart.max()} in the last place")
        return apart.max() <= 4

    for n in (N // 10, N):
        a, out = x[:n] + 0.5, np.empty(n)
        for name in ("sin", "exp", "log", "sqrt", "add"):
            operands = (a, a) if name == "add" else (a,)
            theirs = functools.partial(getattr(mkl_umath, name), *operands, out)
            numpys = functools.partial(getattr(np, name), *operands, out)
            for what, one, other, around in (
                ("mkl_umath: patched, over it", numpys, theirs, patched_alone),
                ("mkl_umath: it, over NumPy", theirs, numpys, contextlib.nullcontext),
            ):
                pair(f"{what}: {name}, {n}", one, other, "none", rounds=15, same=count, around=around)


def random_numbers():
    """Random numbers of patched NumPy."""
    calls = {
        "random": lambda g, n: g.random(n),
        "normal": lambda g, n: g.normal(1, 2, n),
        "exponential": lambda g, n: g.exponential(2, n),
        "integers among 100": lambda g, n: g.integers(0, 100, n),
        "poisson(5)": lambda g, n: g.poisson(5, n),
        "binomial(20, 0.3)": lambda g, n: g.binomial(20, 0.3, n),
        "gamma(2)": lambda g, n: g.gamma(2, 1, n),
        "np.random.rand": lambda g, n: np.random.rand(n),
        "np.random.randn": lambda g, n: np.random.randn(n),
        "np.random.randint(0, 100)": lambda g, n: np.random.randint(0, 100, n),
    }

    def seeded(call, n):
        np.random.seed(5)
        return call(np.random.default_rng(5), n)

    def draws_the_same(call, n):
        """The measured calls go on in the generator's sequence, so their results differ."""
        expected = seeded(call, n)
        with gilkit.patch_numpy():
            return same_bits(seeded(call, n), expected)

    for name, call in calls.items():
        for n in (N // 10, N):
            draw = functools.partial(call, np.random.default_rng(5), n)
            same = functools.partial(draws_the_same, call, n)
            compare(f"{name}, {n}", draw, "none", rounds=15, same=lambda ours, theirs, same=same: same())


def by_kernels(x):
    """Functions of patched NumPy that gilkit's kernels compute."""
    generator = np.random.default_rng(3)
    mask, places, table = generator.random(N) < 0.5, generator.integers(0, N, N), np.sort(x[: N // 10])
    small, wide, few = generator.integers(0, 1000, N), generator.integers(0, 2**60, N // 10), np.arange(0, 90, 10)
    part, other = x[: N // 10], x[N // 10 : 2 * (N // 10)]
    target, selected = x.copy(), x[: np.count_nonzero(mask)].copy()

    def assign(value):
        target[mask] = value
        return target

    def copy_masked():
        np.copyto(target, x, where=mask)
        return target

    calls = {
        f"where, {N}": lambda: np.where(mask, x, 0.0),
        f"a[mask], {N}": lambda: x[mask],
        f"a[mask] = number, {N}": lambda: assign(3.0),
        f"a[mask] = array, {N}": lambda: assign(selected),
        f"copyto(where=), {N}": copy_masked,
        f"a[i], {N}": lambda: x[places],
        f"nonzero, {N}": lambda: mask.nonzero()[0],
        f"count_nonzero, {N}": lambda: np.count_nonzero(x),
        f"maximum.accumulate, {N}": lambda: np.maximum.accumulate(x),
        f"searchsorted, {N // 10} in as many": lambda: np.searchsorted(table, other),
        f"digitize, {N // 10} in 1000": lambda: np.digitize(part, table[::1000]),
        f"interp, {N // 10} in 1000": lambda: np.interp(part, table[::1000], table[::1000]),
        f"median, {N}": lambda: np.median(x),
        f"three quantiles, {N}": lambda: np.quantile(x, [0.1, 0.5, 0.9]),
        f"unique, {N} of 1000": lambda: np.unique(small),
        f"unique, {N // 10} wide": lambda: np.unique(wide),
        f"isin among 9, {N}": lambda: np.isin(small, few),
        f"histogram, {N}": lambda: np.histogram(x, 256)[0],
        f"histogram2d, {N // 10}": lambda: np.histogram2d(part, other, 50)[0],
        f"argsort, {N // 10}": lambda: np.argsort(part),
        f"lexsort, {N // 10}": lambda: np.lexsort((part, small[: N // 10])),
    }
    for name, call in calls.items():
        compare(name, call, "none", rounds=7)


def sorts_by_size(x):
    """Sorts of patched NumPy, into a new array and in place."""

    def copy_and_sort(part, target):
        np.copyto(target, part)
        target.sort()
        return target

    for n in (20_000, 60_000, 100_000, 300_000, N // 10):
        for dtype in ("f8", "f4"):
            part = x[:n].astype(dtype)
            target, times = np.empty_like(part), max(1, 1_200_000 // n)
            calls = {
                "np.sort": functools.partial(np.sort, part),
                "copy, a.sort()": functools.partial(copy_and_sort, part, target),
            }
            for name, call in calls.items():
                compare(
                    f"{name} of {dtype}, {n}, {times} times",
                    lambda f=call, k=times: [f() for _ in range(k)][-1],
                    "none",
                    rounds=25,
                )


def patched(x):
    """NumPy's own functions with the patch."""
    out, y = np.empty_like(x), x + 1
    for n in (N // 10, N):
        a, b, o = x[:n] + 0.5, y[:n], out[:n]
        for function in (np.sin, np.cos, np.exp, np.log):
            compare(f"{function.__name__}, {n}", lambda f=function, a=a, o=o: f(a, out=o), 1.9)
        for function in (np.power, np.arctan2, np.hypot):
            compare(f"{function.__name__}, {n}", lambda f=function, a=a, b=b, o=o: f(a, b, out=o), 1.9)
    for function in (np.add, np.multiply):
        compare(f"{function.__name__} into out, {N}", lambda f=function: f(x, y, out=out), 1.5)
    compare(f"sqrt into out, {N}", lambda: np.sqrt(x, out=out), 1.5)
    for name, call in (("add", lambda: x + y), ("multiply", lambda: x * y), ("sqrt", lambda: np.sqrt(x))):
        compare(f"{name}, {N}", call, 1.3)
        compare(f"{name}, {N}, memory=True", call, 1.8, around=functools.partial(keeping_memory, call))
    for name in ("sum", "mean", "std", "max", "argmax", "copy"):
        compare(f"{name}, {N}", getattr(x, name), "none")
    image = x[:1_000_000].reshape(1000, 1000)
    for name in ("fft2", "rfft2", "fft"):
        compare(f"{name} of 1000 x 1000", functools.partial(getattr(np.fft, name), image), "none")
    for n in (30, 300):
        compare(f"convolve, {N // 10} with {n}", lambda v=x[:n]: np.convolve(x[: N // 10], v), "none")
    for subscripts, *shapes in (
        ("ij,jk->ik", (400, 400), (400, 400)),
        ("bij,bjk->bik", (64, 64, 64), (64, 64, 64)),
        ("ij,ij->i", (3000, 1000), (3000, 1000)),
        ("i,j->ij", (2000,), (2000,)),
    ):
        arrays = [x[: math.prod(shape)].reshape(shape) for shape in shapes]
        compare(f"einsum {subscripts}", lambda s=subscripts, a=arrays: np.einsum(s, *a), "none")
    compare(f"astype float32, {N}", lambda: x.astype("f4"), "none")
    square = x[: 3000 * 3000].reshape(3000, 3000)
    for axis in (0, 1):
        compare(f"sum along {axis}, 3000 x 3000", lambda k=axis: square.sum(axis=k), "none")
        compare(f"sort along {axis}, 3000 x 3000", lambda k=axis: np.sort(square, axis=k), "none", rounds=3)
    wide = (x * 2.0**60).astype("i8")
    compare(f"sort float64, {N}", lambda: np.sort(x), "none", rounds=5)
    compare(f"sort int64, {N}", lambda: np.sort(wide), "none", rounds=5)
    compare(f"stable argsort int64, {N}", lambda: np.argsort(wide, kind="stable"), "none", rounds=3)
    compare(f"cumsum int64, {N}", lambda: np.cumsum(wide), "none")
    compare(f"bincount of 1000, {N}", lambda small=np.abs(wide) % 1000: np.bincount(small), "none")
    sorts_by_size(x)
    by_kernels(x)
    a = np.resize(x, (4000, 4000))
    compare(
        "stencil, 4000 x 4000",
        lambda: 0.2 * (a[1:-1, 1:-1] + a[1:-1, :-2] + a[1:-1, 2:] + a[:-2, 1:-1] + a[2:, 1:-1]),
        1.5,
    )
    for function in (np.add, np.sin):
        for n in (1, 10, 100, 1000, 3000, 5000, 10_000, 30_000, 100_000, 300_000):
            a, o, k = x[:n], out[:n], max(1, min(10_000, 300_000 // n))
            operands = (a, a) if function is np.add else (a,)
            compare(
                f"{function.__name__}, {n}, {k} times",
                lambda f=function, p=operands, o=o, k=k: [f(*p, out=o) for _ in range(k)][-1],
                0.97,
                rounds=25,
            )


def nothing(_):
    pass


def sha256(block):
    return hashlib.sha256(block).digest()


def mapping():
    def over_builtin(name, fn, items, target, rounds=21):
        pair(
            f"map {name}",
            lambda: gilkit.map(fn, items),
            lambda: list(map(fn, items)),
            target,
            rounds=rounds,
            same=operator.eq,
        )

    over_builtin("nothing, a million items", nothing, list(range(1_000_000)), 0.77)
    blocks = [bytes([i % 256]) * 65_536 for i in range(1000)]
    over_builtin("sha256, 64 KiB", sha256, blocks, 1.95)
    over_builtin("crc32, 64 KiB", zlib.crc32, blocks, 1.95)
    # The limit of the machine: the GIL is acquired twice.
    over_builtin("sha256, 2 x 32 MB", sha256, [b"".join(blocks[:500]), b"".join(blocks[500:])], "none")

    if not shutil.which("pigz"):
        return
    data = text(100_000_000)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "text")
        file.write_bytes(data)
        command = ["pigz", "-6", "-c", "-p", str(gilkit.num_threads()), str(file)]
        pair(
            "gzip -6 of 100 MB, over pigz",
            lambda: compress(gilkit.map, memoryview(data), 6),
            lambda: subprocess.run(command, capture_output=True, check=True).stdout,
            1,
            same=lambda a, b: gzip.decompress(a) == gzip.decompress(b) and abs(len(a) - len(b)) < len(b) / 100,
        )


def main():
    generator = np.random.default_rng(1)
    x = generator.random(N)
    whole = generator.integers(-(2**62), 2**62, N)
    busy_loop()
    patched(x)
    random_numbers()
    beside_another(x)
    over_mkl(x)
    reductions(x)
    scans(x, whole)
    sorting(x, whole)
    stable_sorting(x, whole)
    partitions(x, whole)
    without_nans(x)
    order(x, whole)
    selection(x, whole)
    groups(x)
    moving(x)
    counting(x)
    short_calls()
    random()
    clustering(generator)
    mapping()
    busy_loop()


if __name__ == "__main__":
    main()
