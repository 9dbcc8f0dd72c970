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
from numpy.fft import _pocketfft_umath
from numpy.linalg import _umath_linalg
from outcomes_of_calls import bits, outcome
from patched_calls import LONG, ONE, UNITS, check, inside, unaligned, values_of

import gilkit
from gilkit import patching

pytestmark = pytest.mark.thread_unsafe(reason="patches NumPy for the whole process")

THREADS = (1, 2, 3, 8, 64)
SHAPE = (23, 59)  # 1357 items: several parts of 64 items, and a rest


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


# ---- Layouts of several operands ----

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


# ---- Fourier transforms ----

TRANSFORMS = [getattr(np.fft, name) for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")]
TRANSFORMS_OF_AXES = [getattr(np.fft, name) for name in ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "rfftn", "irfftn")]


@pytest.mark.parametrize("char", [pytest.param(c, marks=() if c in "fdFD" else pytest.mark.full) for c in "?bHefdgFDG"])
def test_transforms(char):
    """Every transform along every axis, for lengths that NumPy computes with different algorithms."""
    for shape in ((37, 60), (128, 45), (66, 7, 16), (33, 34, 31)):
        values = values_of(char, int(np.prod(shape)), [12, ord(char)]).reshape(shape)
        arrays = {"C": values, "Fortran": np.asfortranarray(values), "reversed": values[::-1]}
        if values.ndim == 2:
            arrays["slice"] = inside(values)
        with np.errstate(all="ignore"):
            for (name, array), function in itertools.product(arrays.items(), TRANSFORMS):
                for axis in range(array.ndim):
                    n = array.shape[axis]
                    what = f"{function.__name__} of {char} {shape} along {axis}, {name}"
                    check(lambda: function(array, axis=axis), what, (2, 3, 64))
                    check(lambda: function(array, n - 5, axis, "ortho"), f"{what}, shorter", (2,))
                    check(lambda: function(array, n + 3, axis, "forward"), f"{what}, longer", (2,))
            for (name, array), function in itertools.product(arrays.items(), TRANSFORMS_OF_AXES):
                check(lambda: function(array), f"{function.__name__} of {char} {shape}, {name}", (2, 64))


def test_transforms_into_an_output():
    given = values_of("D", 128 * 45, 13).reshape(128, 45)
    outputs = {
        "another": lambda: np.empty((128, 45), complex),
        "Fortran": lambda: np.empty((128, 45), complex, "F"),
        "slice": lambda: np.empty((200, 50), complex)[20:148, :45],
        "of float": lambda: np.empty((128, 45)),
        "of complex64": lambda: np.empty((128, 45), np.complex64),
        "swapped": lambda: np.empty((128, 45), ">c16"),
        "another shape": lambda: np.empty((127, 45), complex),
        "read-only": lambda: np.broadcast_to(np.empty(45, complex), (128, 45)),
        "list": lambda: [1],
    }
    with np.errstate(all="ignore"):
        for axis in (0, 1):
            for name, output in outputs.items():
                check(lambda: np.fft.fft(given, axis=axis, out=output()), f"{name}, {axis}", (2, 3))

            def itself():
                array = given.copy()
                return np.fft.ifft(array, axis=axis, out=array)

            def neighbour():
                array = np.concatenate([given, given])
                return np.fft.fft(array[:128], axis=axis, out=array[3:131])

            check(itself, f"in place, {axis}", (2, 3))
            check(neighbour, f"overlapping, {axis}", (2, 3))


def test_errors_of_transforms():
    given = np.ones((128, 45))
    given[70, 3] = np.inf
    for actions in ({"all": "warn"}, {"invalid": "raise"}, {"all": "ignore"}):

        def call():
            with np.errstate(**actions):
                return np.fft.fft(given)

        check(call, str(actions), (2, 8))


def along_axis(axis):
    return [(axis,), (), (axis,)]


def test_transforms_with_other_arguments_than_numpy_fft_gives():
    """The ufuncs of numpy.fft are private, but anybody can call them."""
    given = values_of("D", 64 * 40, 16).reshape(64, 40)

    def out(dtype=complex):
        return np.zeros((64, 40), dtype)

    arguments = {
        "no axes": ((given, 1), {"out": out()}),
        "no output": ((given, 1), {"axes": along_axis(1)}),
        "one argument": ((given,), {"axes": along_axis(1), "out": out()}),
        "factor by name": ((given,), {"factor": 3, "axes": along_axis(1), "out": out()}),
        "array by name": ((given, 1), {"array": 3, "axes": along_axis(1), "out": out()}),
        "ufunc by name": ((given, 1), {"ufunc": 3, "axes": along_axis(1), "out": out()}),
        "third argument": ((given, 1, out()), {"axes": along_axis(1)}),
        "two outputs": ((given, 1, out()), {"axes": along_axis(1), "out": out()}),
        "arrays as axes": ((given, 1), {"axes": [np.array([1, 0]), (), np.array([1, 0])], "out": out()}),
        "an array without axes": ((given, 1), {"axes": [(1,), np.array([]), (1,)], "out": out()}),
        "axis": ((given, 1), {"axis": 0, "out": out()}),
        "dtype": ((given, 1), {"axes": along_axis(1), "out": out(), "dtype": "D"}),
        "casting": ((given, 1), {"axes": along_axis(1), "out": out(float), "casting": "unsafe"}),
        "keepdims": ((given, 1), {"axes": along_axis(1), "out": out(), "keepdims": True}),
        "where": ((given, 1), {"axes": along_axis(1), "out": out(), "where": True}),
        "long factor": ((given, np.longdouble(1.5)), {"axes": along_axis(1), "out": out()}),
        "factors": ((given, np.arange(64.0)), {"axes": along_axis(1), "out": out()}),
        "text": ((given, "x"), {"axes": along_axis(1), "out": out()}),
    }
    for name, (args, kwargs) in arguments.items():
        check(lambda: _pocketfft_umath.fft(*args, **kwargs), name, (2,))
    for name in ("array", "ufunc"):
        check(lambda: np.matmul(given[:40], given[:40], **{name: 3}), f"matmul, {name} by name", (2,))


def test_errors_of_conversions_in_transforms():
    """NumPy names the conversion, not the transform, and may raise an error of either."""
    large = np.full((64, 40), 1e300)
    single = np.full((64, 40), 2e38, np.complex64)
    nan = np.full((64, 40), np.nan, np.float32)
    nan.view(np.uint32)[:] = 0x7F800001  # signaling
    calls = {
        "output": lambda: np.fft.fft(large, out=np.zeros((64, 40), np.complex64)),
        "real output": lambda: np.fft.irfft(large, out=np.zeros((64, 78), np.float16)),
        "computed as doubles": lambda: np.fft.fft(single),
        "signaling NaN": lambda: np.fft.hfft(nan, n=1),
        "no errors": lambda: np.fft.fft(single / 2e38),
        "halves": lambda: np.fft.rfft(single.real.astype(np.float16)),
    }
    for name, call in calls.items():
        for actions in (
            {},
            {"all": "raise"},
            {"all": "warn"},
            {"all": "ignore"},
            {"over": "raise", "invalid": "ignore"},
        ):

            def noted():
                with np.errstate(**actions):
                    return call()

            check(noted, f"{name}, {actions}", (2, 8))

    def in_place():
        array = single.copy()
        with np.errstate(all="raise"):
            try:
                np.fft.fft(array, out=array)
            except FloatingPointError as error:
                return str(error), array
        return array

    check(in_place, "in place", (2, 8))


def test_transforms_along_negative_strides():
    """NumPy begins at the end of an axis if all strides are negative, or 0."""
    for char in "DF":
        given = values_of(char, 37 * 40, [17, ord(char)]).reshape(37, 40)
        for name, array in {"reversed": given[::-1], "broadcast": np.broadcast_to(given[0], (37, 40))}.items():
            for factor in (None, "ortho"):

                def call():
                    out = np.zeros((37, 40), char)
                    with np.errstate(all="ignore"):
                        return np.fft.fft(array, norm=factor, out=out[::-1]), out

                check(call, f"{name} {char} {factor}", (2, 3))


def overlapping(shape, strides, values):
    """Return an array whose items overlap in memory, and that memory."""
    memory = values.copy()
    return np.lib.stride_tricks.as_strided(memory, shape, strides), memory


def test_outputs_whose_items_overlap():
    """The last of several results for an item stays: NumPy computes them in order."""
    given = np.random.default_rng(18).standard_normal((64, 200))
    memory = np.random.default_rng(19).standard_normal(20_000)

    def sort(method, *args):
        array, memory_of_it = overlapping((64, 200), (16, 8), memory)
        getattr(array, method)(*args)
        return memory_of_it

    def reduce():
        out, memory_of_it = overlapping((64, 200), (16, 8), memory)
        np.add.reduce(np.stack([given, given * 2]), axis=0, out=out)
        return memory_of_it

    def transform(strides, in_place):
        array, memory_of_it = overlapping((64, 40), strides, memory.astype(complex))
        np.fft.fft(array if in_place else given[:, :40] + 0j, out=array)
        return memory_of_it

    for _ in range(3):
        check(lambda: sort("sort"), "sort", (3,))
        check(lambda: sort("sort", 0), "sort, 0", (3,))
        check(lambda: sort("partition", 7), "partition", (3,))
        check(reduce, "reduce", (3,))
        for strides, in_place in itertools.product(((0, 16), (16, 16)), (False, True)):
            check(lambda: transform(strides, in_place), f"transform {strides} {in_place}", (3, 64))


def test_outputs_that_numpy_warns_of():
    """Neither a line of gilkit nor a warning that NumPy does not give."""

    def broadcast():
        return np.broadcast_arrays(np.arange(4000.0)[None, ::-1] * 1.0, np.zeros((64, 1)))[0]

    mask = np.arange(4000) % 3 == 0
    calls = {
        "sort": lambda: broadcast().sort(),
        "sort of a row": lambda: broadcast()[0].sort(),
        "stable sort of a row": lambda: broadcast()[0].sort(kind="stable"),
        "partition": lambda: broadcast().partition(5),
        "maximum": lambda: np.maximum.reduce(np.ones((3, 4000)), axis=0, out=broadcast()[0]),
        "assignment": lambda: broadcast()[0].__setitem__(mask, 1.0),
        "copyto": lambda: np.copyto(broadcast()[0], 1.0, where=mask),
        "putmask": lambda: np.putmask(broadcast()[0], mask, 1.0),
        "transform": lambda: np.fft.irfft(np.ones((64, 40)), 4000, out=broadcast()),
    }
    for name, call in calls.items():
        check(call, name, (2,))


def test_transforms_are_divided():
    with gilkit.patch_numpy(min_size=1), gilkit.threads(2):
        patching.collect_statistics()
        np.fft.fft2(np.ones((64, 64)))
        np.fft.irfft(np.ones((64, 64)))
        np.fft.ifft(np.ones((64, 64), np.complex64), norm="forward")
        np.fft.ifft(np.ones((64, 64), np.complex64))
        found = patching.statistics()
    patching.collect_statistics(False)
    assert {name: found[f"fft.{name}"].calls for name in ("fft", "ifft", "irfft")} == {"fft": 2, "ifft": 2, "irfft": 1}


# ---- Correlation ----


@pytest.mark.parametrize(
    "char", [pytest.param(c, marks=() if c in "bfD" else pytest.mark.full) for c in "?bBhHiIlLqQefdgFDG"]
)
def test_correlation(char):
    given = values_of(char, 1003, [14, ord(char)])
    with np.errstate(all="ignore"):
        for n in (1, 11, 12, 13, 64, 501, 502):
            kernel = values_of(char, n, [15, ord(char)])
            for function, mode in itertools.product((np.convolve, np.correlate), ("valid", "same", "full")):
                check(lambda: function(given, kernel, mode), f"{function.__name__} of {char} with {n}, {mode}", (2, 64))
            check(lambda: np.convolve(kernel, given), f"longer kernel, {n} of {char}", (2,))
            check(lambda: np.correlate(given[::-1], kernel[::-1], "full"), f"reversed, {n} of {char}", (2,))
        others = {
            "another dtype": lambda: np.convolve(given, np.ones(20, "f4")),
            "lists": lambda: np.convolve(given, [1, 2, 3] * 5),
            "two axes": lambda: np.correlate(given[:1000].reshape(2, -1), given[:20]),
            "empty": lambda: np.convolve(given, given[:0]),
            "mode": lambda: np.correlate(given, given[:20], "no"),
            "abbreviation": lambda: np.correlate(given, given[:20], "v"),
            "number": lambda: np.correlate(given, given[:20], 2),
            "large number": lambda: np.correlate(given, given[:20], 3),
            "swapped": lambda: np.correlate(given.astype(given.dtype.newbyteorder()), given[:20]),
            "unaligned": lambda: np.correlate(unaligned(given), given[:20], "same"),
        }
        for name, call in others.items():
            check(call, f"{name}, {char}", (2,))


def test_correlation_is_divided():
    with gilkit.patch_numpy(min_size=1), gilkit.threads(2):
        patching.collect_statistics()
        np.convolve(np.ones(5000), np.ones(20))
        np.correlate(np.ones(5000), np.ones(20))
        found = patching.statistics()
    patching.collect_statistics(False)
    assert (found["correlate"].calls, found["correlate2"].calls) == (1, 1)


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


@pytest.mark.parametrize("char", "?idD")
def test_reduced_axes_that_are_kept_have_numpys_strides(char):
    """The strides of an axis of length 1 say where it is in the array's order in memory."""
    for shape in ((4, 150), (150, 4), (1, 150), (5, 6, 70), (3, 40, 6, 5)):
        for order in (tuple(range(len(shape))), tuple(range(len(shape)))[::-1], (1, 0, *range(2, len(shape)))):
            array = np.ones([shape[k] for k in order], char).transpose(np.argsort(order))
            for axis in (0, 1, -1, (0, 1), (0, -1), None):
                for function in (np.sum, np.max, np.all, np.mean):
                    what = f"{function.__name__} of {shape} in order {order} along {axis}"
                    check(lambda: function(array, axis=axis, keepdims=True), what, (2,))


@pytest.mark.parametrize("char", "fd")
def test_casts_of_floats_that_no_integer_equals(char):
    """They become other integers at the end of NumPy's loop than before it."""
    for shape in ((4,), (1001,), (3, 1001), (7, 65, 6), (2, 3, 5, 7, 11)):
        values = np.resize(np.array([1, np.nan, -1, 5e9, -np.inf, 7, -0.5, 1e19], char), shape)
        layouts = {
            "C": values,
            "Fortran": np.asfortranarray(values),
            "permuted": np.moveaxis(values, 0, -1).copy().swapaxes(0, -1),
            "gaps": np.resize(values, (*shape[:-1], shape[-1] + 3))[..., :-3],
            "reversed": values[::-1],
        }
        for layout, array in layouts.items():
            for new in "bBhHiIlLqQ?":
                what = f"{shape} {char} to {new}, {layout}"
                for order in "KCF":
                    check(lambda: array.astype(new, order=order), f"{what}, {order}", (2,))

                def assign():
                    result = np.zeros((*shape, 2), new)
                    result[..., 1] = array
                    return result

                check(assign, f"{what}, a slice", (2,))


def test_axes_of_length_1_have_numpys_strides():
    array = np.ones((40, 1, 3, 40)).transpose(2, 1, 0, 3)[:, :, ::-1]
    for axis in (0, 2, (0, 2), (2, 3)):
        for function in (np.sum, np.max, np.all):
            check(lambda: function(array, axis=axis), f"{function.__name__} along {axis}", (2,))
    array = np.zeros((2, 1, 3, 40), complex).transpose(0, 1, 3, 2).copy().transpose(0, 1, 3, 2)[..., ::-1]
    check(lambda: array.any(axis=(2, 3)), "any", (2,))


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


@pytest.mark.parametrize(("ufunc", "loop"), cases([f for f in ELEMENTWISE if f.nout == 1], 1))
def test_operands_and_output_that_are_all_backwards(ufunc, loop):
    """NumPy begins at the other end. Its loops of isfinite and isnan leave out items if only the output is backwards."""
    operands = operands_of(loop, (1357,))
    dtype = ufunc.resolve_dtypes((*(each.dtype for each in operands), None))[-1]
    scalars = [np.array(each[3]) for each in operands]
    ways = {"all": [each[::-1] for each in operands], "scalars": scalars, "one": [operands[0][::-1], *scalars[1:]]}
    for name, each_operand in ways.items():

        def call():
            out = np.zeros(1357, dtype)
            with np.errstate(all="ignore"):
                ufunc(*each_operand, out=out[::-1])
            return out

        check(call, f"{ufunc.__name__} {loop} {name}", (2, 3))


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
