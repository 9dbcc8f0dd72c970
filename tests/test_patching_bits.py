"""Patched NumPy equals unpatched NumPy bit for bit: every ufunc, every dtype of its loops, every layout of its operands,
with 1 to 64 threads. The default level takes a sample of the loops; --full takes all."""

from __future__ import annotations

import itertools
import re
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.linalg import _umath_linalg
from outcomes_of_calls import bits, outcome

import gilkit
from gilkit import patching

pytestmark = pytest.mark.thread_unsafe(reason="patches NumPy for the whole process")

THREADS = (1, 2, 3, 8, 64)
SHAPE = (23, 59)  # 1357 items: several parts of 64 items, and a rest
LONG = 20_011  # items: more than two of NumPy's buffers


def ufuncs_of(module):
    found = {id(f): f for f in vars(module).values() if isinstance(f, np.ufunc)}
    return sorted(found.values(), key=lambda f: f.__name__)


PUBLIC = ufuncs_of(np)
ELEMENTWISE = [f for f in PUBLIC if f.signature is None]
GENERALIZED = [f for f in PUBLIC if f.signature is not None] + ufuncs_of(_umath_linalg)


def loops_of(ufunc):
    """Return the dtypes of the inputs of each loop that has no Python objects."""
    each = [loop.partition("->")[0] for loop in ufunc.types]
    return list(dict.fromkeys(loop for loop in each if "O" not in loop))


def sample(ufunc, number):
    """Return a sample of the loops, which differs between ufuncs."""
    loops = loops_of(ufunc)
    return sorted(loops, key=lambda loop: zlib.crc32(f"{ufunc.__name__} {loop}".encode()))[:number]


def cases(ufuncs, in_sample):
    """Return a parameter for each ufunc and loop; those outside the sample have the mark `full`."""
    found = []
    for ufunc in ufuncs:
        small = sample(ufunc, in_sample)
        for loop in loops_of(ufunc):
            marks = () if loop in small else pytest.mark.full
            found.append(pytest.param(ufunc, loop, id=f"{ufunc.__name__}-{loop}", marks=marks))
    return found


# ---- Data ----

UNITS = {"M": "M8[s]", "m": "m8[s]"}


def floats(dtype, n, rng):
    info = np.finfo(dtype)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 1, -1, 0.5, 2, info.max, info.min, info.tiny, info.eps]
    with np.errstate(all="ignore"):
        special = np.array([*special, info.smallest_subnormal, -info.smallest_subnormal, info.tiny / 2], dtype)
        values = (rng.standard_normal(n) * rng.choice([1e-3, 1, 30], n)).astype(dtype)
        values[rng.integers(0, n, n // 6)] = rng.choice(special, n // 6)
    if dtype.itemsize <= 8:
        # Random bits: NaNs with payloads, quiet and signaling, and numbers of any exponent.
        wild = rng.integers(0, 256, (n // 8, dtype.itemsize), np.uint8).reshape(-1).view(dtype)
        values[rng.integers(0, n, n // 8)] = wild
        nan = np.full(1, np.nan, dtype).view(f"u{dtype.itemsize}")
        payloads = (nan | rng.integers(1, 1 << 9, 5).astype(nan.dtype)).view(dtype)
        values[rng.integers(0, n, n // 40 + 1)] = rng.choice(payloads, n // 40 + 1)
    return values


def values_of(char, n, seed):
    """Return n items with every special value of the dtype among them."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(UNITS.get(char, char))
    if dtype.kind == "f":
        return floats(dtype, n, rng)
    if dtype.kind == "c":
        part = np.dtype(dtype.char.lower())
        both = np.empty((n, 2), part)
        both[:, 0], both[:, 1] = floats(part, n, rng), floats(part, n, rng)
        return both.view(dtype).reshape(n)
    if dtype.kind == "b":
        return rng.integers(0, 2, n).astype(bool)
    number = np.dtype("i8") if dtype.kind in "mM" else dtype
    info = np.iinfo(number)
    values = rng.integers(max(info.min, -9), 10, n).astype(number)
    wild = rng.integers(0, 256, (n // 4, number.itemsize), np.uint8).reshape(-1).view(number)
    values[rng.integers(0, n, n // 4)] = wild
    values[rng.integers(0, n, n // 10)] = rng.choice(np.array([info.min, info.max, 0, 1], number), n // 10)
    return values.view(dtype)  # NaT is the least integer


# ---- Layouts ----


def unaligned(values):
    raw = np.zeros(values.nbytes + 1, np.uint8)
    array = raw[1:].view(values.dtype).reshape(values.shape)
    array[...] = values
    return array


def inside(values):
    """Return the values as a part of a larger array, as in stencils."""
    large = np.zeros((values.shape[0] + 3, values.shape[1] + 5), values.dtype)
    part = large[1:-2, 2:-3]
    part[...] = values
    return part


def spread(values, step):
    large = np.zeros(values.size * abs(step), values.dtype)
    part = large[::step]
    part[...] = values
    return part


ONE = {  # layouts of each operand, from one-dimensional values
    "contiguous": lambda v: v,
    "strided": lambda v: spread(v, 3),
    "reversed": lambda v: v[::-1],
    "reversed-strided": lambda v: spread(v, -2),
    "unaligned": unaligned,
    "swapped": lambda v: v.astype(v.dtype.newbyteorder()),
    "empty": lambda v: v[:0],
    "0-d": lambda v: v[7:8].reshape(()),
}
TWO = {  # from two-dimensional values
    "C": lambda v: v,
    "slice": inside,
    "Fortran": np.asfortranarray,
    "transposed": lambda v: v.T,
    "swapped-2d": lambda v: inside(v.astype(v.dtype.newbyteorder())),
    "unaligned-2d": lambda v: unaligned(v)[:, 1:],
    "backwards": lambda v: v[::-1, ::-1],
    "three": lambda v: v[:, :58].reshape(23, 2, 29).transpose(1, 0, 2),
}
BROADCAST = {  # of all operands but one; that one is two-dimensional
    "row": lambda v: v[0],
    "column": lambda v: v[:, :1],
    "NumPy-scalar": lambda v: v[3, 4],
    "0-d-array": lambda v: v[3, 5:6].reshape(()),
    "Python": lambda v: v[3, 4].item(),
    "Python-small": lambda v: 3 if v.dtype.kind in "iu" else 0.5 if v.dtype.kind == "f" else v[3, 4].item(),
}


def operands_of(loop, shape, seed=0):
    n = int(np.prod(shape))
    return [values_of(char, n, [seed, k, ord(char)]).reshape(shape) for k, char in enumerate(loop)]


def layouts(loop, lengths):
    """Return (name, operands) for every layout."""
    for n in lengths:
        flat = operands_of(loop, (n,))
        yield from ((f"{name} {n}", [layout(each) for each in flat]) for name, layout in ONE.items())
    square = operands_of(loop, SHAPE)
    yield from ((name, [layout(each) for each in square]) for name, layout in TWO.items())
    if len(loop) < 2:
        return
    mixed = [("C", "Fortran"), ("slice", "C"), ("Fortran", "slice"), ("swapped-2d", "C")]
    for first, other in mixed:
        yield f"{first}, {other}", [TWO[first if k == 0 else other](each) for k, each in enumerate(square)]
    for name, layout in BROADCAST.items():
        for full in range(len(loop)):
            for whole in ("C", "slice"):
                operands = [TWO[whole](v) if k == full else layout(v) for k, v in enumerate(square)]
                yield f"{name} but {full} ({whole})", operands
    yield "outer", [square[0][:, :1], *(each[:1] for each in square[1:])]
    yield "same", [square[0]] * len(loop) if len(set(loop)) == 1 else square


def difference(found, expected):
    """Return the first parts that differ, small enough to read."""
    if type(found) is not type(expected) or not isinstance(found, tuple | list | bytes):
        return f"{str(found)[:300]} instead of {str(expected)[:300]}"
    if len(found) != len(expected):
        return f"{str(found)[:300]} instead of {str(expected)[:300]}"
    if isinstance(found, bytes):
        places = [k for k in range(len(found)) if found[k] != expected[k]]
        near = slice(max(0, places[0] - places[0] % 16), places[0] + 16)
        return f"bytes {places[:12]} of {len(found)} ({found[near].hex()} instead of {expected[near].hex()})"
    parts = zip(found, expected, strict=True)
    return "; ".join(f"[{k}] {difference(one, other)}" for k, (one, other) in enumerate(parts) if one != other)


def check(call, what, threads):
    """Compare the call, patched with each number of threads, with the unpatched one."""
    __tracebackhide__ = True
    expected = outcome(call)
    for n in threads:
        with gilkit.patch_numpy(min_size=1), gilkit.threads(n):
            found = outcome(call)
        if found != expected:
            pytest.fail(f"{what}, {n} threads: {difference(found, expected)}")


@pytest.mark.parametrize(("ufunc", "loop"), cases(ELEMENTWISE, 2))
def test_every_layout(ufunc, loop, request):
    full = request.config.getoption("--full")
    for name, operands in layouts(loop, (1357, LONG) if full else (1357,)):
        check(lambda: ufunc(*operands), f"{ufunc.__name__} {loop} {name}", THREADS if full else (2, 3))


@pytest.mark.parametrize(("ufunc", "loop"), cases(ELEMENTWISE, 1))
def test_every_keyword(ufunc, loop, request):
    full = request.config.getoption("--full")
    threads = THREADS if full else (3,)
    operands = operands_of(loop, SHAPE)
    dtypes = ufunc.resolve_dtypes((*(each.dtype for each in operands), *([None] * ufunc.nout)))[ufunc.nin :]

    numbers = [each for each in ufunc.types if "O" not in each][-1]

    def fresh(layout=lambda v: v, shape=SHAPE):
        return tuple(layout(np.full(shape, 1, np.int64).astype(dtype)) for dtype in dtypes)

    def with_out(outs, **keywords):
        """Return the results and what was written, which the call itself may not return."""
        out = outs()
        returned = ufunc(*operands, out=out if len(out) > 1 else out[0], **keywords)
        one = returned[0] if isinstance(returned, tuple) else returned
        assert one is out[0] or keywords.get("subok") is False
        return returned, out

    mask = values_of("?", operands[0].size, 5).reshape(SHAPE)
    ways = {
        "out": lambda: with_out(fresh),
        "out-slice": lambda: with_out(lambda: fresh(inside)),
        "out-fortran": lambda: with_out(lambda: fresh(np.asfortranarray)),
        "out-swapped": lambda: with_out(lambda: fresh(lambda v: v.astype(v.dtype.newbyteorder()))),
        "out-unaligned": lambda: with_out(lambda: fresh(unaligned)),
        "out-larger": lambda: with_out(lambda: fresh(shape=(2, *SHAPE))),
        "out-too-small": lambda: with_out(lambda: fresh(shape=SHAPE[1:])),
        "out-read-only": lambda: with_out(lambda: tuple(np.broadcast_to(v, SHAPE) for v in fresh())),
        "out-complex": lambda: with_out(lambda: tuple(np.zeros(SHAPE, "G") for _ in dtypes)),
        "out-float16": lambda: with_out(lambda: tuple(np.zeros(SHAPE, "e") for _ in dtypes)),
        "out-int8": lambda: with_out(lambda: tuple(np.zeros(SHAPE, "b") for _ in dtypes)),
        "out-tuple": lambda: ufunc(*operands, out=fresh()),
        "out-None": lambda: ufunc(*operands, out=None),
        "out-tuple-too-long": lambda: ufunc(*operands, out=(*fresh(), None)),
        "positional": lambda: ufunc(*operands, *fresh()),
        "positional-None": lambda: ufunc(*operands, *([None] * ufunc.nout)),
        "too-many": lambda: ufunc(*operands, *fresh(), None),
        "both": lambda: ufunc(*operands, *fresh(), out=fresh()),
        "where": lambda: with_out(fresh, where=mask),
        "where-row": lambda: with_out(fresh, where=mask[0]),
        "where-column": lambda: with_out(lambda: fresh(inside), where=mask[:, :1]),
        "where-False": lambda: with_out(fresh, where=False),
        "where-True": lambda: with_out(fresh, where=True),
        "where-ints": lambda: with_out(fresh, where=mask.astype("i8")),
        "order-F": lambda: ufunc(*operands, order="F"),
        "order-C": lambda: ufunc(*map(np.asfortranarray, operands), order="C"),
        "order-A": lambda: ufunc(*map(np.asfortranarray, operands), order="A"),
        "order-K": lambda: ufunc(*(each.T for each in operands), order="K"),
        "order-bad": lambda: ufunc(*operands, order="bad"),
        "subok": lambda: ufunc(*operands, subok=False),
        "casting-no": lambda: ufunc(*operands, casting="no"),
        "casting-equiv": lambda: ufunc(*operands, casting="equiv"),
        "casting-safe": lambda: ufunc(*operands, casting="safe"),
        "casting-unsafe": lambda: ufunc(*operands, casting="unsafe"),
        "casting-bad": lambda: ufunc(*operands, casting="bad"),
        "dtype-d": lambda: ufunc(*operands, dtype="d"),
        "dtype-f": lambda: ufunc(*operands, dtype="f", casting="unsafe"),
        "dtype-e": lambda: ufunc(*operands, dtype=np.float16, casting="unsafe"),
        "dtype-i": lambda: ufunc(*operands, dtype=np.int32, casting="unsafe"),
        "dtype-O": lambda: ufunc(*(np.arange(1, 4) for each in operands), dtype=object),
        "dtype-bad": lambda: ufunc(*operands, dtype="bad"),
        "signature": lambda: ufunc(*operands, signature=ufunc.types[0]),
        "signature-casting": lambda: ufunc(*operands, signature=numbers, casting="unsafe"),
        "sig-dtype": lambda: ufunc(*operands, sig="dd", dtype="d"),
        "unknown": lambda: ufunc(*operands, unknown=1),
        "too-few": lambda: ufunc(*operands[:-1]),
    }
    if len(operands) > 1:
        ways["outer"] = lambda: ufunc.outer(*(each[0] for each in operands))
        ways["in-place"] = lambda: ufunc(operands[0].astype(dtypes[0]), operands[1], out=operands[0].astype(dtypes[0]))
        ways["do-not-fit"] = lambda: ufunc(operands[0], operands[1][:, 1:])
    for name, call in ways.items():
        if ufunc.__name__ == "matmul" or (name.startswith("where") and "out" not in name and not dtypes):
            continue
        check(call, f"{ufunc.__name__} {loop} {name}", threads)


BINARY = [f for f in ELEMENTWISE if f.nin == 2 and f.nout == 1]


@pytest.mark.parametrize(("ufunc", "loop"), cases(BINARY, 1))
def test_every_method(ufunc, loop, request):
    a = operands_of(loop, SHAPE)[0]
    ways = {
        "reduce": lambda: ufunc.reduce(a),
        "reduce-1": lambda: ufunc.reduce(a, axis=1),
        "accumulate": lambda: ufunc.accumulate(a[:9], axis=1),
        "accumulate-0": lambda: ufunc.accumulate(a),
        "accumulate-2": lambda: ufunc.accumulate(a[:, :56].reshape(23, 7, 8), axis=1),
        "accumulate-Fortran": lambda: ufunc.accumulate(np.asfortranarray(a), axis=-1),
        "reduceat": lambda: ufunc.reduceat(a, [0, 5, 2], axis=1),
    }
    for name, call in ways.items():
        check(call, f"{ufunc.__name__} {loop} {name}", THREADS if request.config.getoption("--full") else (3,))


FLOATING = [
    (ufunc, loop) for ufunc in ELEMENTWISE for loop in loops_of(ufunc) if set(loop) & set("efdFD") or "m" in loop
]


@pytest.mark.parametrize(
    ("ufunc", "loop"),
    [
        pytest.param(
            ufunc, loop, id=f"{ufunc.__name__}-{loop}", marks=() if loop in sample(ufunc, 1) else pytest.mark.full
        )
        for ufunc, loop in FLOATING
    ],
)
def test_floating_point_errors(ufunc, loop):
    operands = [layout(each) for each, layout in zip(operands_of(loop, SHAPE), [inside, np.asfortranarray] * 2)]  # noqa: B905
    for kind, which in itertools.product(("raise", "call", "log", "warn", "print"), ("all", "over")):
        said = []

        class Log:
            def write(self, text):
                said.append(text)

        def noted():
            said.clear()
            receiver = Log() if kind == "log" else lambda *got: said.append(got)
            with np.errstate(**{"all": "ignore", which: kind}, call=receiver):
                try:
                    result = ufunc(*operands)
                except FloatingPointError as error:
                    result = str(error)
            return result, repr(said)

        check(noted, f"{ufunc.__name__} {loop} {which}={kind}", (3,))


# ---- Generalized ufuncs ----


def stacks(ufunc, loop, outer):
    """Return operands for a generalized ufunc: stacks of small matrices, all of whose sides are 4."""
    cores = [re.findall(r"\w+", core) for core in re.findall(r"\((.*?)\)", ufunc.signature.split("->")[0])]
    operands = []
    for k, (core, char) in enumerate(zip(cores, loop, strict=True)):
        shape = (*outer, *([4] * len(core)))
        rng = np.random.default_rng(k)
        values = rng.standard_normal(shape)
        if len(core) == 2:
            values = values @ np.swapaxes(values, -1, -2) + np.eye(4)  # for cholesky
        operands.append((values * 8).astype(char) if char != "?" else values > 0)
    return operands


@pytest.mark.parametrize(("ufunc", "loop"), cases(GENERALIZED, 1))
def test_generalized(ufunc, loop, request):
    if ufunc.__name__.startswith("svd"):
        request.applymarker(
            pytest.mark.xfail(reason="LAPACK: of a NaN, the status flags depend on the matrix that came before")
        )
    threads = THREADS if request.config.getoption("--full") else (2,)
    for outer in ((211,), (7, 31), ()):
        whole = stacks(ufunc, loop, outer)
        check(lambda: ufunc(*(each.copy() for each in whole)), f"{ufunc.__name__} {outer}", threads)
        strange = [each.copy() for each in whole]
        for each in strange:
            # LAPACK prints messages when it looks for eigenvalues of NaNs; numpy.linalg does not call it then.
            if each.dtype.kind in "fc" and each.size and not ufunc.__name__.startswith("eig"):
                each.flat[:: 7 * 16] = np.nan
                each.flat[5 :: 9 * 16] = np.inf
        check(lambda: ufunc(*(each.copy() for each in strange)), f"{ufunc.__name__} {outer} NaN", threads)
    # One operand for the whole stack of the others.
    for one in range(len(loop)) if len(loop) > 1 else ():
        mixed = [each[0] if k == one else each for k, each in enumerate(stacks(ufunc, loop, (50,)))]
        check(lambda: ufunc(*mixed), f"{ufunc.__name__} broadcast {one}", threads)


@pytest.mark.parametrize(("ufunc", "loop"), cases(GENERALIZED, 1))
def test_generalized_of_fortran_order(ufunc, loop):
    for outer in ((211,), (7, 31)):
        whole = [np.asfortranarray(each) for each in stacks(ufunc, loop, outer)]
        check(lambda: ufunc(*(each.copy("K") for each in whole)), f"{ufunc.__name__} {outer}", (2,))


# ---- Sums of floats, which are trees ----


@pytest.mark.parametrize("char", "fdgFDG")
def test_sums(char):
    """All sizes around those where NumPy divides its sums, and some long ones."""
    rng = np.random.default_rng(ord(char))
    sizes = [*range(1, 20), *range(120, 140), 255, 256, 257, *rng.integers(258, 5000, 30), LONG, 300_007]
    for n in map(int, sizes):
        a = (rng.standard_normal(2 * n) * 10.0 ** rng.integers(-8, 9, 2 * n)).astype(np.dtype(char))
        if a.dtype.kind == "c":
            a += 1j * a[::-1]
        for name, row in {
            "contiguous": a[:n],
            "strided": a[::2],
            "reversed": a[n - 1 :: -1],
            "zeros": -0.0 * a[:n],
        }.items():
            calls = {
                "sum": lambda row: row.sum(),
                "mean": lambda row: row.mean(),
                "out, keepdims, initial": lambda row: np.add.reduce(
                    row, out=np.empty(1, row.dtype), keepdims=True, initial=row[0]
                ),
                "std": lambda row: np.std(row),
            }
            for what, call in list(calls.items())[: None if n in (7, 257, LONG) else 1]:
                check(lambda: call(row), f"{what} of {n} {char}, {name}", (2, 3, 64))
        if n > 200:
            for layout in (np.asarray, np.asfortranarray):
                table = layout(a[: n // 9 * 9].reshape(9, -1))
                check(lambda: table.sum(), f"sum of a table of {n} {char}", (3,))


@pytest.mark.parametrize("char", "fdgFDG")
def test_errors_of_sums(char):
    """Errors of the parts, of the sums of parts, and of none."""
    large = np.finfo(np.dtype(char)).max / 2
    rows = {"part": np.zeros(LONG), "parts": np.zeros(LONG), "none": np.ones(LONG)}
    rows = {name: row.astype(np.dtype(char)) for name, row in rows.items()}
    rows["part"][500:600] = large
    rows["parts"][[0, 5000, 10_000, -1]] = large
    rows["infinite"] = rows["none"].copy()
    rows["infinite"][[3, 9000]] = np.inf, -np.inf
    for name, row in rows.items():
        for actions in ({"all": "warn"}, {"over": "raise"}, {"invalid": "raise"}, {"all": "ignore"}):

            def call():
                with np.errstate(**actions):
                    return row.sum()

            check(call, f"{name}, {actions}", (1, 2, 8))


def test_reductions_into_another_dtype():
    """NumPy keeps the result so far in that dtype, and casts to it after each buffer of items."""
    rng = np.random.default_rng(3)
    arrays = rng.random(1 << 17) * 100, rng.integers(0, 1 << 40, 1 << 17), rng.integers(0, 2, (1 << 9, 1 << 8))
    for a, out, ufunc in itertools.product(
        arrays, ("q", "f", "b", "?"), (np.add, np.maximum, np.minimum, np.logical_or)
    ):
        for axis in (None, 0, 1)[: a.ndim + 1]:

            def call():
                shape = np.empty(a.shape, "?").any(axis=axis).shape
                with np.errstate(all="ignore"):
                    return ufunc.reduce(a, axis=axis, out=np.zeros(shape, out))

            check(call, f"{ufunc.__name__} of {a.dtype} into {out}, axis {axis}", (2, 3))


# ---- One row: sorts, counts and sums by gilkit's kernels ----


@pytest.mark.parametrize("char", "?bBhHiIlLqQefdgFDmM")
def test_one_row(char):
    for name, layout in ONE.items():
        for plain in (False, True) if char in "fd" else (False,):
            given = values_of(char, LONG, [9, ord(char)])
            if plain:
                given[np.isnan(given) | (given == 0)] = 3
            calls = {
                "np.sort": lambda row: np.sort(row),
                "stable np.sort": lambda row: np.sort(row, kind="stable"),
                "sort": lambda row: (row.sort(), row)[1],
                "argsort": lambda row: row.argsort(),
                "stable argsort": lambda row: np.argsort(row, kind="stable"),
                "stable argsort by keyword": lambda row: np.argsort(row, stable=True),
                "unique": lambda row: np.unique(row, return_inverse=True, return_counts=True),
                "cumsum": lambda row: np.cumsum(row),
                "cumsum, axis": lambda row: row.cumsum(0),
                "bincount": lambda row: np.bincount(row),
                "bincount, minlength": lambda row: np.bincount(np.abs(row // 3), minlength=200),
                "bincount, weights": lambda row: np.bincount(np.abs(row // 3), weights=row),
            }
            for call_name, call in calls.items():
                if "bincount" in call_name and char not in "?bBhH":
                    continue  # huge tables
                # The call may sort in place.
                check(lambda call=call, layout=layout: call(layout(given.copy())), f"{call_name}, {name}", (2, 64))


EVERY_THIRD = np.arange(LONG) % 3 == 0
PLACES = np.random.default_rng(4).integers(-LONG, LONG, 30_000)
CHOICES = {  # functions of one row, computed by gilkit's kernels
    "where": lambda row: np.where(EVERY_THIRD, row, row[::-1].copy()),
    "where, reversed": lambda row: np.where(EVERY_THIRD, row, row[::-1]),
    "where, number": lambda row: np.where(EVERY_THIRD, row, 0),
    "where, number first": lambda row: np.where(EVERY_THIRD, 1.5, row),
    "where, too large": lambda row: np.where(EVERY_THIRD, row, 1 << 70),
    "where, overflow": lambda row: np.where(EVERY_THIRD, row, 1e300),
    "where, underflow": lambda row: np.where(EVERY_THIRD, 1e-46, row),
    "where, another dtype": lambda row: np.where(EVERY_THIRD, row, np.arange(LONG, dtype="f4")),
    "where, two axes": lambda row: np.where(EVERY_THIRD[:20_000].reshape(40, 500), row[:20_000].reshape(40, 500), 7),
    "where, broadcast": lambda row: np.where(EVERY_THIRD[:, None], row[:, None], row[None, :3]),
    "where, not bool": lambda row: np.where(row, row, 3),
    "where, one argument": lambda row: np.where(row),
    "nonzero": lambda row: row.nonzero(),
    "flatnonzero": lambda row: np.flatnonzero(row),
    "nonzero, two axes": lambda row: np.nonzero(row[:20_000].reshape(40, 500)),
    "argwhere": lambda row: np.argwhere(row),
    "count_nonzero": lambda row: np.count_nonzero(row),
    "count_nonzero, two axes": lambda row: np.count_nonzero(row[:20_000].reshape(40, 500)),
    "count_nonzero, axis": lambda row: np.count_nonzero(row[:20_000].reshape(40, 500), axis=0),
    "mask": lambda row: row[EVERY_THIRD],
    "mask, none": lambda row: row[np.zeros(LONG, bool)],
    "mask, all": lambda row: row[np.ones(LONG, bool)],
    "mask, two axes": lambda row: row[:20_000].reshape(40, 500)[EVERY_THIRD[:20_000].reshape(40, 500)],
    "mask of rows": lambda row: row[:20_000].reshape(-1, 2)[EVERY_THIRD[:10_000]],
    "mask of rows, new axis": lambda row: row[:, None][EVERY_THIRD],
    "mask of pairs, new axis": lambda row: row[:20_000].reshape(-1, 2)[:, :, None][EVERY_THIRD[:10_000]],
    "mask of empty rows": lambda row: np.zeros((LONG, 0), row.dtype)[EVERY_THIRD],
    "mask, too long": lambda row: row[:-1][EVERY_THIRD],
    "extract": lambda row: np.extract(EVERY_THIRD, row),
    "places": lambda row: row[PLACES],
    "places, two axes": lambda row: row[PLACES.reshape(300, 100)],
    "places, Fortran": lambda row: row[np.asfortranarray(PLACES.reshape(300, 100))],
    "places, int32": lambda row: row[PLACES.astype("i4")],
    "places of rows": lambda row: row[:20_000].reshape(-1, 2)[PLACES % 10_000],
    "places of rows, new axis": lambda row: row[:20_000].reshape(-1, 2)[:, :, None][PLACES % 10_000],
    "places, too large": lambda row: row[PLACES + 5],
    "take": lambda row: row.take(PLACES),
    "take, wrap": lambda row: np.take(row, PLACES * 3, mode="wrap"),
    "take, clip": lambda row: np.take(row, PLACES * 3, mode="clip"),
    "take, axis": lambda row: np.take(row[:40].reshape(-1, 2), PLACES % 2, axis=1),
    "take, capitals": lambda row: row.take(PLACES, mode="WRAP"),
    "take, mode": lambda row: row.take(PLACES, mode="no"),
    "maxima": lambda row: np.maximum.accumulate(row),
    "minima": lambda row: np.minimum.accumulate(row, 0),
    "sums": lambda row: np.add.accumulate(row),
    "products": lambda row: np.multiply.accumulate(row),
    "cumprod": lambda row: np.cumprod(row),
    "logical": lambda row: np.logical_or.accumulate(row),
    "differences": lambda row: np.subtract.accumulate(row),
    "searchsorted": lambda row: np.searchsorted(np.sort(row[:5000]), row),
    "searchsorted, right": lambda row: np.sort(row[:5000]).searchsorted(row, "right"),
    "searchsorted, side": lambda row: np.searchsorted(np.sort(row[:5000]), row, side="no"),
    "searchsorted, abbreviation": lambda row: np.searchsorted(np.sort(row[:9]), row, side="r"),
    "searchsorted, sides": lambda row: np.searchsorted(np.sort(row[:9]), row, side=np.array(["left", "right"])),
    "searchsorted, descending": lambda row: np.searchsorted(np.sort(row[:500])[::-1], row),
    "searchsorted, sorter": lambda row: np.searchsorted(row, row, sorter=np.argsort(row)),
    "searchsorted, not sorted": lambda row: np.searchsorted(row[:5000], row),
    "searchsorted, NaN first": lambda row: np.searchsorted(np.append(row[:1] * 0 + np.nan, row[:9]), row),
    "digitize": lambda row: np.digitize(row, np.unique(row[:500])),
    "interp": lambda row: np.interp(row, np.unique(row[:500].real), np.arange(len(np.unique(row[:500].real)))),
    "digitize, NaN last": lambda row: np.digitize(row, np.array([1, np.nan])),
    "interp, no NaN": lambda row: np.interp(row, np.unique(row[:500][row[:500] < 1e9]), np.unique(row[:500][row[:500] < 1e9])),
    "interp, left": lambda row: np.interp(row, [0, 1, 2], [5.0, 3.0, 8.0], left=-1, right=np.nan),
    "interp, array": lambda row: np.interp(row, np.arange(9), np.arange(9) * 2.5, left=7, right=True),
    "interp, not sorted": lambda row: np.interp(row, np.arange(9)[::-1], np.arange(9) * 2.5),
    "interp, shapes": lambda row: np.interp(row, np.arange(9), np.arange(8)),
    "interp, period": lambda row: np.interp(row, np.arange(9), np.arange(9), period=3),
}  # fmt: skip


SQUARE = 20_000
SIGNED_ZEROS = np.random.default_rng(2).choice([0.0, -0.0], LONG)


def underflow_reported(function, *args):
    with np.errstate(under="warn"):
        return function(*args)


IN_PYTHON = {  # functions that NumPy wrote in Python
    "median": lambda row: np.median(row),
    "median, even": lambda row: np.median(row[1:]),
    "median, axis": lambda row: np.median(row[:SQUARE].reshape(40, 500), axis=1),
    "median, first axis": lambda row: np.median(row[:SQUARE].reshape(40, 500), 0, keepdims=True),
    "median, axes": lambda row: np.median(row[:SQUARE].reshape(40, 500), axis=(0, 1)),
    "median, keepdims": lambda row: np.median(row[:SQUARE].reshape(40, 500), keepdims=True),
    "median, axis 2": lambda row: np.median(row, axis=2),
    "median, overwrite": lambda row: (np.median(row, overwrite_input=True), row),
    "median, out": lambda row: np.median(row[:SQUARE].reshape(40, 500), axis=0, out=np.zeros(500)),
    "median, keyword": lambda row: np.median(row, foo=1),
    "quantile": lambda row: np.quantile(row, 0.3),
    "quantiles": lambda row: np.quantile(row, [0.1, 0.5, 0.995]),
    "quantiles, lower": lambda row: np.quantile(row, [0.1, 0.5, 0.995], method="lower"),
    "quantiles, hazen": lambda row: np.quantile(row, [0, 0.5, 1], method="hazen"),
    "quantiles, axis": lambda row: np.quantile(row[:SQUARE].reshape(40, 500), [0.25, 0.5], axis=1),
    "quantiles, overwrite": lambda row: (np.quantile(row, [0.25, 0.5], overwrite_input=True), row),
    "quantile, weights": lambda row: np.quantile(row, 0.5, weights=np.ones(row.size), method="inverted_cdf"),
    "quantile, outside": lambda row: np.quantile(row, 1.5),
    "quantile, method": lambda row: np.quantile(row, 0.5, method="no"),
    "quantiles, Fortran": lambda row: np.quantile(row[:SQUARE].reshape(4, 500, 10).T, 0.3, axis=(0,)),
    "quantiles, tuple of lists": lambda row: np.quantile(row, ([0.25], [0.75])),
    "quantile, many bits": lambda row: np.quantile(row, 1 << 70),
    "percentile": lambda row: np.percentile(row, 30, keepdims=True),
    "percentiles, many": lambda row: np.percentile(row, np.linspace(0, 100, 501)),
    "unique": lambda row: np.unique(row),
    "unique, index": lambda row: np.unique(row, return_index=True),
    "unique, inverse": lambda row: np.unique(row, return_inverse=True),
    "unique, all": lambda row: np.unique(row, True, True, True),
    "unique, two axes": lambda row: np.unique(row[:SQUARE].reshape(40, 500), return_inverse=True),
    "unique, axis": lambda row: np.unique(row[:SQUARE].reshape(-1, 2), axis=0),
    "unique, not NaN": lambda row: np.unique(row, equal_nan=False),
    "unique, sorted": lambda row: np.unique(row, sorted=True),
    "unique, keyword": lambda row: np.unique(row, foo=1),
    "isin": lambda row: np.isin(row, row[:50]),
    "isin, many": lambda row: np.isin(row, row[:5000], invert=True),
    "isin, list": lambda row: np.isin(row, [0, 1, 2]),
    "isin, tuple of lists": lambda row: np.isin(row, ([0], [1])),
    "isin, none": lambda row: np.isin(row, row[:0]),
    "isin, two axes": lambda row: np.isin(row[:SQUARE].reshape(40, 500), row[:50]),
    "isin, kind": lambda row: np.isin(row, row[:50], kind="sort"),
    "histogram": lambda row: np.histogram(row, 7),
    "histogram, range": lambda row: np.histogram(row, 10, (-3, 5)),
    "histogram, edges": lambda row: np.histogram(row, [-5, 0, 0.5, 3]),
    "histogram, density": lambda row: np.histogram(row, 10, (-3, 5), density=True),
    "histogram, density of none": lambda row: np.histogram(row, 10, (1000.5, 1001), density=True),
    "histogram, wide range": lambda row: np.histogram(row, 10, (0, 1 << 63)),
    "histogram, widest range": lambda row: np.histogram(row, 10, (-1e308, 1e308)),
    "histogram, underflow": lambda row: underflow_reported(np.histogram, np.abs(row) * 5e-324, 10, (0, 100)),
    "histogram, zeros": lambda row: np.histogram(np.minimum(np.round(row.real.astype(float)), SIGNED_ZEROS), 1),
    "histogram, no edges": lambda row: np.histogram(row, []),
    "histogram, weights": lambda row: np.histogram(row, 10, (-3, 5), weights=np.ones(row.size)),
    "histogram, auto": lambda row: np.histogram(row[:SQUARE] * 0, "auto"),
    "histogram, bins": lambda row: np.histogram(row, -1),
    "histogram2d": lambda row: np.histogram2d(row, row[::-1].copy(), 5, [(-3, 5), (-2, 6)]),
    "histogram2d, edges": lambda row: np.histogram2d(row, row, (np.arange(-9, 9), np.arange(3.0)), density=True),
    "histogramdd, density of none": lambda row: np.histogramdd(row, 4, [(1000.5, 1001)], density=True),
    "histogramdd, zeros": lambda row: np.histogramdd((np.minimum(np.round(row.real.astype(float)), SIGNED_ZEROS),), 1),
    "histogramdd, iterator": lambda row: np.histogramdd((row, row), iter([3, 4])),
    "histogramdd": lambda row: np.histogramdd(row[:SQUARE].reshape(-1, 2), 4, [(-3, 5), (-2, 6)]),
    "lexsort": lambda row: np.lexsort((row, row[::-1].copy())),
    "lexsort, axis": lambda row: np.lexsort((row, EVERY_THIRD), 0),
    "lexsort, matrix": lambda row: np.lexsort(row[:SQUARE].reshape(2, -1)),
}  # fmt: skip


@pytest.mark.parametrize(
    "char", [pytest.param(c, marks=() if c in "hd" else pytest.mark.full) for c in "?bBhHiIlLqQefdgFDmM"]
)
def test_functions_in_python(char):
    given = {"any": values_of(char, LONG, [10, ord(char)])}
    if char in "efdgFD":  # neither -0.0 nor NaN, and not too large for sums
        given["finite"] = np.random.default_rng(1).integers(-99, 99, LONG).astype(char) / 8 + np.array(1 / 64, char)
    with np.errstate(all="ignore"):
        for values in given:
            for layout in ("contiguous", "reversed" if char in "hf" else "swapped"):
                for name, call in IN_PYTHON.items():
                    row = ONE[layout](given[values].copy())
                    # The call may change the row.
                    check(lambda call=call, row=row: call(row.copy()), f"{name}, {layout}, {values}", (2, 64))


def test_functions_in_python_are_computed_by_kernels():
    row = np.random.default_rng(0).standard_normal(LONG)
    with gilkit.patch_numpy(min_size=1), gilkit.threads(2):
        patching.collect_statistics()
        for name in ("median", "unique", "histogram"):
            getattr(np, name)(row)
        for name in ("quantile", "percentile"):
            getattr(np, name)(row, 0.5)
        np.isin(row, row[:9])
        np.histogram2d(row, row)
        np.lexsort((row, row))
        found = patching.statistics()
    patching.collect_statistics(False)
    names = ["median", "unique", "histogram", "quantile", "percentile", "isin", "histogramdd", "lexsort"]
    assert {name: found[name].calls for name in names} == dict.fromkeys(names, 1)


@pytest.mark.parametrize(
    "char", [pytest.param(c, marks=() if c in "?hd" else pytest.mark.full) for c in "?bBhHiIlLqQefdgFDmM"]
)
def test_one_row_of_choices(char):
    for name in ("contiguous", {"?": "reversed", "d": "swapped", "f": "unaligned"}.get(char, "strided")):
        row = ONE[name](values_of(char, LONG, [10, ord(char)]))
        for call_name, call in CHOICES.items():
            for errors in ("warn", "raise"):
                with np.errstate(all=errors):
                    check(lambda call=call, row=row: call(row), f"{call_name}, {name}, {errors}", (2, 64))


def test_bools_that_are_neither_0_nor_1():
    """NumPy treats some as true, and compares and copies the bytes of others."""
    odd = np.random.default_rng(0).integers(0, 256, LONG, np.uint8).view(bool)
    for name, call in CHOICES.items():
        check(lambda call=call: call(odd), name, (2,))
    check(lambda: np.where(odd, PLACES[:LONG], 0), "condition", (2,))
    check(lambda: PLACES[:LONG][odd], "mask", (2,))
    check(lambda: np.sort(odd), "sort", (2,))
    check(lambda: np.argsort(odd, kind="stable"), "argsort", (2,))


def test_choices_are_made_by_kernels():
    row, mask = np.random.default_rng(0).standard_normal(LONG), EVERY_THIRD
    table = np.sort(row[:500])
    with gilkit.patch_numpy(min_size=1), gilkit.threads(2):
        patching.collect_statistics()
        np.where(mask, row, 0)
        mask.nonzero()
        np.count_nonzero(row)
        row[mask]
        row[PLACES]
        row.take(PLACES)
        np.maximum.accumulate(row)
        np.searchsorted(table, row)
        np.interp(row, table, table)
        found = patching.statistics()
    patching.collect_statistics(False)
    calls = {
        name: each.calls for name, each in found.items() if each.calls and "." in name or name in ("where", "interp")
    }
    assert calls == {
        "where": 1, "ndarray.nonzero": 1, "ndarray.__getitem__": 2, "ndarray.take": 1, "maximum.accumulate": 1,
        "ndarray.searchsorted": 1, "interp": 1,
    }  # fmt: skip
    assert found["count_nonzero"].calls == 1


BAD_CALLS = {  # most raise, with NumPy's message
    "sort, keyword": lambda a: a.sort(foo=1),
    "sort, kind twice": lambda a: a.sort(-1, "stable", kind="stable"),
    "sort, too many": lambda a: a.sort(-1, None, None, True),
    "sort, axis twice": lambda a: a.sort(-1, axis=0),
    "sort, float axis": lambda a: a.sort(0.0),
    "sort, axis True": lambda a: a.sort(True),
    "sort, axes": lambda a: a.sort(np.array([0, 0])),
    "sort, kind": lambda a: a.sort(kind="no"),
    "sort, kind and stable": lambda a: a.sort(kind="stable", stable=True),
    "sort, order": lambda a: a.sort(order="x"),
    "sort, descending": lambda a: np.sort(a, descending=True),
    "argsort, axis False": lambda a: a.argsort(False, kind="stable"),
    "argsort, axis 1": lambda a: a.argsort(1, kind="stable"),
    "cumsum, axis False": lambda a: np.cumsum(a, axis=False),
    "cumsum, float axis": lambda a: np.cumsum(a, 0.0),
    "argmax, axis False": lambda a: a.argmax(False),
    "take, axis": lambda a: a.take(np.zeros(1 << 17, int), 0.0),
    "bincount, minlength": lambda a: np.bincount(a, minlength=-1),
    "bincount, large": lambda a: np.bincount(a, minlength=10**7).sum(),
    "bincount, keyword": lambda a: np.bincount(a, foo=1),
    "accumulate, axis": lambda a: np.add.accumulate(a.reshape(-1, 41), True),
    "where without out": lambda a: np.add(a, a, None, where=np.ones(a.size, bool)) is None,
    "where, True": lambda a: np.add(a, a, where=True),
    "where, backwards": lambda a: np.add(a[::-1], a[::-1], out=np.zeros_like(a)[::-1], where=(a > 5)[::-1]),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_unusual_arguments_of_one_row(name):
    given = np.random.default_rng(0).integers(0, 100, LONG // 41 * 41)
    check(lambda: BAD_CALLS[name](given.copy()), name, (1, 2))


def test_one_row_by_kernels():
    """The calls that are divided, and the reasons of those that are not."""
    numbers = np.random.default_rng(0).integers(0, 100, LONG)
    zeros = np.zeros(LONG)
    minus, nan = zeros.copy(), zeros.copy()
    minus[LONG // 2], nan[-1] = -0.0, np.nan
    with gilkit.patch_numpy(min_size=1), gilkit.threads(2):
        patching.collect_statistics()
        for array in (numbers, zeros, minus, nan, minus.astype("f4"), nan.astype("f4")):
            np.sort(array)
            np.argsort(array, kind="stable")
        np.argsort(numbers)
        np.cumsum(numbers)
        np.cumsum(zeros)
        np.bincount(numbers)
        np.bincount(numbers, zeros)
        found = patching.statistics()
    patching.collect_statistics(False)
    assert found["ndarray.sort"].calls == 2
    assert found["ndarray.sort"].serial == {"-0.0 or NaN": 4}
    assert found["ndarray.argsort"].calls == 6
    assert found["ndarray.argsort"].serial == {"equal items": 1}
    assert found["ndarray.cumsum"].calls == found["bincount"].calls == 1
    assert found["ndarray.cumsum"].serial == {"dtype": 1}
    assert found["bincount"].serial == {"arguments": 1}


def test_argsort_of_distinct_items():
    """Only then is the order the same for every algorithm. After equal items, some calls are left to NumPy at once."""
    distinct = np.random.default_rng(0).permutation(LONG) - 9000
    equal = distinct.copy()
    equal[-1] = equal[0]  # not in the sample
    with gilkit.patch_numpy(min_size=1), gilkit.threads(2):
        for dtype in ("i2", "i8", "f8"):
            patching.collect_statistics()
            for kind, given in (
                (None, distinct),
                ("quicksort", distinct),
                (None, equal),
                (None, equal),
                (None, distinct),
            ):
                row = given.astype(dtype)
                found = np.argsort(row, kind=kind)
                assert (np.sort(row) == row[found]).all()
            counts = patching.statistics()["ndarray.argsort"]
            assert (counts.calls, counts.serial) == (2, {"equal items": 3})
    patching.collect_statistics(False)
    for given in (
        distinct,
        equal,
        distinct[::-1],
        np.append(distinct, np.nan),
        np.append(distinct[1:], [np.nan, np.nan, -0.0]),
    ):
        check(lambda given=given: np.argsort(given), "argsort", (2, 64))


@pytest.mark.parametrize("density", [0, 0.02, 0.5, 0.98, 1])
@pytest.mark.parametrize("dtype", ["f4", "f8", "F"])
def test_masks_of_long_runs(dtype, density):
    """A run of true items is one run for the loop, wherever chunks begin."""
    rng = np.random.default_rng(0)
    a, b = ((rng.standard_normal(LONG) * 3).astype(dtype) for _ in range(2))
    mask = rng.random(LONG) < density
    mask[1000:9000] = mask[1000] | (density == 0.98)
    layouts = {
        "contiguous": lambda v: v, "reversed": lambda v: v[::-1], "strided": lambda v: spread(v, 2),
        "two": lambda v: v[:20_000].reshape(40, 500), "Fortran": lambda v: np.asfortranarray(v[:20_000].reshape(40, 500)),
    }  # fmt: skip
    for name, layout in layouts.items():
        x, y, where = layout(a), layout(b), layout(mask)
        for ufunc in (np.add, np.divide, np.exp, np.sin, np.log, np.power, np.greater):
            operands = (x, y) if ufunc.nin == 2 else (x,)
            out = np.full_like(x, 7, dtype=bool if ufunc is np.greater else dtype)
            patching.collect_statistics()
            check(lambda: ufunc(*operands, out=out.copy(order="K"), where=where), f"{ufunc} {name}", (1, 2, 8))
            assert patching.statistics()[ufunc.__name__].calls == (0 if name == "reversed" else 3)
    patching.collect_statistics(False)


def test_limits_do_not_cut_a_sort_short():
    token = gilkit.CancelToken()
    token.cancel()
    given = np.random.default_rng(0).integers(0, 1 << 40, 300_000)
    expected = np.sort(given)
    with gilkit.patch_numpy(min_size=1), token:
        given.sort()
    assert (given == expected).all()


# ---- Checks that this file tests anything ----


def test_calls_are_divided():
    """Every ufunc on numbers is divided for at least one of its loops, or has a reason why it is not."""
    never = {}
    with gilkit.patch_numpy(min_size=1), gilkit.threads(3), np.errstate(all="ignore"):
        for ufunc in ELEMENTWISE:
            patching.collect_statistics()
            found = None
            for loop in loops_of(ufunc):
                try:
                    ufunc(*operands_of(loop, (1000,)))
                    ufunc(*map(inside, operands_of(loop, SHAPE)))
                except (ValueError, OverflowError):  # integers to negative powers; dates
                    assert ufunc is np.power or set(loop) & set("mM")
                found = patching.statistics().get(ufunc.__name__)
                if found is not None and found.calls:
                    break
            else:
                if loops_of(ufunc):
                    never[ufunc.__name__] = found
    patching.collect_statistics(False)
    assert not never
    assert not gilkit.numpy_is_patched()


# ---- Operands anywhere in one buffer ----

BUFFER = 1 << 15
DRAWN = [f for f in ELEMENTWISE if loops_of(f)]


@st.composite
def calls(draw):
    """Draw a ufunc, one of its loops, and for each operand and output: dtype, offset and strides in one buffer."""
    ufunc = draw(st.sampled_from(DRAWN))
    loop = draw(st.sampled_from([t for t in ufunc.types if not set(t) & set("OgG")]))
    shape = tuple(draw(st.lists(st.integers(1, 13), min_size=1, max_size=4)))
    if draw(st.booleans()):
        shape = (draw(st.integers(1, 700)),)
    inputs, outputs = loop.split("->")
    arrays = []
    for k, char in enumerate(inputs + outputs):
        dtype = np.dtype(UNITS.get(char, char))
        if draw(st.integers(0, 5)) == 5:
            dtype = dtype.newbyteorder()
        own = shape
        if k < len(inputs):  # broadcast
            own = tuple(1 if draw(st.integers(0, 5)) == 5 else length for length in shape)[draw(st.integers(0, 1)) :]
        elif draw(st.booleans()):
            arrays.append(None)
            continue
        unit = dtype.itemsize if draw(st.integers(0, 3)) else draw(st.sampled_from([1, 2, 4]))
        strides, room = [], BUFFER - dtype.itemsize
        for length in draw(st.permutations(own)) if False else own:
            most = min(40, room // (unit * max(1, length - 1)))
            step = draw(st.integers(0 if k < len(inputs) else 1, max(most, 1)))
            room -= step * unit * (length - 1)
            strides.append(step * unit)
        if draw(st.booleans()):  # most often, as an array that was made by slicing
            step = dtype.itemsize
            for axis in draw(st.permutations(range(len(own)))):
                strides[axis] = step * draw(st.integers(1, 2))
                step = strides[axis] * own[axis]
        signs = [draw(st.sampled_from([1, 1, -1])) for _ in own]
        reach = [stride * (length - 1) for stride, length in zip(strides, own, strict=True)]
        room = BUFFER - dtype.itemsize - sum(reach)
        if room < 0:
            strides, reach, room = [0] * len(own), [0] * len(own), BUFFER - dtype.itemsize
        offset = draw(st.integers(0, min(room, 300)))
        offset += sum(r for r, sign in zip(reach, signs, strict=True) if sign < 0)
        arrays.append((dtype, own, tuple(s * sign for s, sign in zip(strides, signs, strict=True)), offset))
    return ufunc, loop, arrays[: len(inputs)], arrays[len(inputs) :]


@given(calls(), st.sampled_from((2, 3, 8)), st.integers(0, 5))
@settings(max_examples=2000, deadline=None)
def test_operands_and_outputs_anywhere_in_one_buffer(call, threads, seed):
    ufunc, loop, inputs, outputs = call
    contents = np.random.default_rng(seed).integers(0, 256, BUFFER, np.uint8)
    if "?" in loop:
        contents &= 1  # other bytes are not valid booleans

    def run():
        buffer = contents.copy()
        arrays = [
            None if each is None else np.ndarray(each[1], each[0], buffer, each[3], each[2])
            for each in (*inputs, *outputs)
        ]
        out = arrays[len(inputs) :]
        result = ufunc(*arrays[: len(inputs)], out=tuple(out))
        return result, buffer

    def written():
        with np.errstate(all="warn"):
            return run()

    expected = outcome(written)
    with gilkit.patch_numpy(min_size=1), gilkit.threads(threads):
        found = outcome(written)
    assert found == expected


def test_an_input_that_overlaps_its_output_at_another_stride():
    """NumPy's loop computes it without vectors, whose last bits may differ."""
    values = values_of("f", 4000, 1)

    def call():
        buffer = values.copy()
        return np.cbrt(buffer[::2], out=buffer[:2000]), buffer

    check(call, "cbrt", (2,))


@pytest.mark.parametrize("size", [100, 8192, 70_000])
def test_size_of_buffers(size):
    """numpy.setbufsize changes where NumPy cuts."""
    before = np.setbufsize(size - size % 16)
    try:
        for char in "fd":
            values = values_of(char, 100_003, 1)
            swapped = values.astype(values.dtype.newbyteorder())
            for ufunc in (np.exp, np.sin, np.add):
                operands = [swapped] * ufunc.nin
                check(lambda: ufunc(*operands), f"{ufunc.__name__} {char}", (3,))
    finally:
        np.setbufsize(before)


def test_bits_tells_payloads_and_zeros_apart():
    nan = np.array([0x7FF8000000000001], "u8").view("d")
    assert bits(nan) != bits(np.array([np.nan])) and bits(np.array([-0.0])) != bits(np.array([0.0]))
