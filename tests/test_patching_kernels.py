"""Calls of patched NumPy that gilkit's kernels compute equal NumPy's own bit for bit: values, layouts of results, warnings and
errors."""

from __future__ import annotations

import inspect
import threading

import numpy as np
import pytest
from patched_calls import LONG, ONE, UNITS, check, spread, unaligned, values_of

import gilkit
from gilkit import patching
from gilkit.patching import _kernels, _parts

pytestmark = pytest.mark.thread_unsafe(reason="patches NumPy for the whole process")

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
THIRD = int(EVERY_THIRD.sum())


def assigned(array, mask, value):
    """Return the array after array[mask] = value."""
    array[mask] = value
    return array


def copied(row, *args, **kwargs):
    """Return a copy of the row after numpy.copyto()."""
    result = row.copy()
    np.copyto(result, *args, **kwargs)
    return result


def put(row, *args):
    """Return a copy of the row after numpy.putmask()."""
    result = row.copy()
    np.putmask(result, *args)
    return result


def displaced(row, by):
    """Return a copy that begins this number of bytes after a multiple of 16."""
    copy = np.zeros(row.nbytes + by, np.uint8)[by:].view(row.dtype)
    copy[...] = row
    return copy


def protected(array):
    array.flags.writeable = False
    return array


ASSIGNMENTS = {  # to the items that a mask selects
    "number": lambda row: assigned(row.copy(), EVERY_THIRD, 7),
    "float": lambda row: assigned(row.copy(), EVERY_THIRD, 2.5),
    "bool": lambda row: assigned(row.copy(), EVERY_THIRD, True),
    "NaN": lambda row: assigned(row.copy(), EVERY_THIRD, np.nan),
    "complex": lambda row: assigned(row.copy(), EVERY_THIRD, 1j),
    "too large": lambda row: assigned(row.copy(), EVERY_THIRD, 1 << 70),
    "overflow": lambda row: assigned(row.copy(), EVERY_THIRD, 1e300),
    "negative": lambda row: assigned(row.copy(), EVERY_THIRD, -1),
    "string": lambda row: assigned(row.copy(), EVERY_THIRD, "3"),
    "None": lambda row: assigned(row.copy(), EVERY_THIRD, None),
    "item": lambda row: assigned(row.copy(), EVERY_THIRD, row[5]),
    "NumPy's float": lambda row: assigned(row.copy(), EVERY_THIRD, np.float64(-0.0)),
    "NumPy's complex": lambda row: assigned(row.copy(), EVERY_THIRD, np.complex64(2j)),
    "date": lambda row: assigned(row.copy(), EVERY_THIRD, np.datetime64("2020-01-01", "D")),
    "0-d": lambda row: assigned(row.copy(), EVERY_THIRD, row[5:6].reshape(())),
    "one": lambda row: assigned(row.copy(), EVERY_THIRD, row[7:8]),
    "list of one": lambda row: assigned(row.copy(), EVERY_THIRD, [1]),
    "nothing selected": lambda row: assigned(row.copy(), np.zeros(LONG, bool), 3),
    "all selected": lambda row: assigned(row.copy(), np.ones(LONG, bool), 3),
    "values": lambda row: assigned(row.copy(), EVERY_THIRD, row[-THIRD:]),
    "values for all": lambda row: assigned(row.copy(), np.ones(LONG, bool), row[::-1].copy()),
    "no values": lambda row: assigned(row.copy(), np.zeros(LONG, bool), row[:0]),
    "strided values": lambda row: assigned(row.copy(), EVERY_THIRD, row[: 2 * THIRD : 2]),
    "values of another dtype": lambda row: assigned(row.copy(), EVERY_THIRD, np.arange(THIRD, dtype="f4")),
    "too few values": lambda row: assigned(row.copy(), EVERY_THIRD, row[1:THIRD]),
    "too many values": lambda row: assigned(row.copy(), EVERY_THIRD, row),
    "values with two axes": lambda row: assigned(row.copy(), EVERY_THIRD, row[None, :THIRD]),
    "values of the array": lambda row: (lambda a: assigned(a, EVERY_THIRD, a[5 : THIRD + 5]))(row.copy()),
    "two axes": lambda row: assigned(row[:20_000].reshape(40, 500).copy(), EVERY_THIRD[:20_000].reshape(40, 500), 3),
    "Fortran": lambda row: assigned(
        np.asfortranarray(row[:20_000].reshape(40, 500)), EVERY_THIRD[:20_000].reshape(40, 500), row[:6667]
    ),
    "mask in Fortran order": lambda row: assigned(
        row[:20_000].reshape(40, 500).copy(), np.asfortranarray(EVERY_THIRD[:20_000].reshape(40, 500)), row[:6667]
    ),
    "rows": lambda row: assigned(row[:20_000].reshape(-1, 2).copy(), EVERY_THIRD[:10_000], 3),
    "strided": lambda row: assigned(spread(row, 3), EVERY_THIRD, 3),
    "displaced": lambda row: assigned(displaced(row, 4), EVERY_THIRD, row[0]),
    "displaced values": lambda row: assigned(row.copy(), EVERY_THIRD, displaced(row[:THIRD], 4)),
    "unaligned values": lambda row: assigned(row.copy(), EVERY_THIRD, displaced(row[:THIRD], 1)),
    "in the given array": lambda row: assigned(row, EVERY_THIRD, row[0]),
    "mask too long": lambda row: assigned(row[:-1].copy(), EVERY_THIRD, 3),
    "mask of the array": lambda row: (lambda a: assigned(a, a.view(bool)[:LONG], 0))(row.copy()),
    "read-only": lambda row: assigned(protected(row.copy()), EVERY_THIRD, 3),
    "read-only, too few": lambda row: assigned(protected(row.copy()), EVERY_THIRD, row[:5]),
    "deprecated": lambda row: assigned(np.broadcast_arrays(row.copy(), EVERY_THIRD)[0], EVERY_THIRD, 3),
    "in place": lambda row: assigned(row.copy(), EVERY_THIRD, row[EVERY_THIRD] * row.dtype.type(1)),
    "copyto": lambda row: copied(row, 1, where=EVERY_THIRD),
    "copyto, array": lambda row: copied(row, row[::-1].copy(), where=EVERY_THIRD),
    "copyto, all": lambda row: copied(row, row[::-1].copy(), where=np.ones(LONG, bool)),
    "copyto, reversed": lambda row: copied(row, row[::-1], where=EVERY_THIRD),
    "copyto, unaligned values": lambda row: copied(row, displaced(row, 1), where=EVERY_THIRD),
    "copyto, row": lambda row: copied(row[:20_000].reshape(40, 500), row[:500], where=EVERY_THIRD[:20_000].reshape(40, 500)),
    "copyto, casting": lambda row: copied(row, 1.5, where=EVERY_THIRD, casting="unsafe"),
    "copyto, same kind": lambda row: copied(row, 1.5, where=EVERY_THIRD),
    "copyto, safe": lambda row: copied(row, np.float32(2), "safe", EVERY_THIRD),
    "copyto, no casting": lambda row: copied(row, row[:1].reshape(()), "no", EVERY_THIRD),
    "copyto, unknown": lambda row: copied(row, 1, "some", EVERY_THIRD),
    "copyto, another dtype": lambda row: copied(row, np.arange(LONG, dtype="f4"), where=EVERY_THIRD, casting="unsafe"),
    "copyto, NaN": lambda row: copied(row, np.nan, where=EVERY_THIRD, casting="unsafe"),
    "copyto, everywhere": lambda row: copied(row, row[::-1]),
    "copyto, where is a list": lambda row: copied(row[:2], 1, where=[True, False]),
    "copyto, keyword": lambda row: copied(row, 1, here=EVERY_THIRD),
    "putmask": lambda row: put(row, EVERY_THIRD, 1),
    "putmask, array": lambda row: put(row, EVERY_THIRD, row[::-1].copy()),
    "putmask, short": lambda row: put(row, EVERY_THIRD, row[:7]),
    "putmask, float": lambda row: put(row, EVERY_THIRD, 2.5),
    "putmask, not bool": lambda row: put(row, row, 1),
    "putmask, shape": lambda row: put(row, EVERY_THIRD[:-1], 1),
    "place": lambda row: (lambda a: (np.place(a, EVERY_THIRD, [1, 2]), a)[1])(row.copy()),
    "nan_to_num": lambda row: np.nan_to_num(row, nan=3),
    "nansum": lambda row: np.nansum(row),
}  # fmt: skip
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
    "where, NumPy's number": lambda row: np.where(EVERY_THIRD, row, np.float32(2)),
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
    "searchsorted, complex NaN last": lambda row: np.searchsorted(np.array([1, 2, 1j * np.nan]), row.astype("D")),
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


def check_calls(calls, values, other):
    """Check each call with a contiguous row and with one of another layout."""
    for layout in ("contiguous", other):
        row = ONE[layout](values)
        for name, call in calls.items():
            for errors in ("warn", "raise"):
                with np.errstate(all=errors):
                    check(lambda call=call, row=row: call(row), f"{name}, {layout}, {errors}", (2, 64))


@pytest.mark.parametrize(
    "char", [pytest.param(c, marks=() if c in "?hd" else pytest.mark.full) for c in "?bBhHiIlLqQefdgFDmM"]
)
def test_one_row_of_choices(char):
    other = {"?": "reversed", "d": "swapped", "f": "unaligned"}.get(char, "strided")
    check_calls(CHOICES, values_of(char, LONG, [10, ord(char)]), other)


@pytest.mark.parametrize(
    "char", [pytest.param(c, marks=() if c in "?bdD" else pytest.mark.full) for c in "?bBhHiIlLqQefdgFDGmM"]
)
def test_assignments(char):
    other = {"?": "reversed", "d": "swapped"}.get(char, "unaligned")
    check_calls(ASSIGNMENTS, values_of(char, LONG, [11, ord(char)]), other)


@pytest.mark.parametrize("char", "idM")
def test_dtypes_with_metadata(char):
    """h5py marks integers of an enumeration so."""
    plain = np.arange(LONG).astype(UNITS.get(char, char))
    row = plain.astype(np.dtype(plain.dtype, metadata={"key": 1}))
    calls = {
        "concatenate": lambda: np.concatenate([row, row]),
        "concatenate, first": lambda: np.concatenate([row, plain[:9]]),
        "concatenate, last": lambda: np.concatenate([plain, row[:9]]),
        "max": lambda: row.max(keepdims=True),
        "max of rows": lambda: row[:20_000].reshape(40, 500).max(0),
        "copy": lambda: row.copy(),
        "astype": lambda: plain.astype(row.dtype),
        "histogram": lambda: np.histogram(plain, row[:9]),
        "where": lambda: np.where(EVERY_THIRD, row, plain),
        "where, plain": lambda: np.where(EVERY_THIRD, plain, row),
        "assigned": lambda: assigned(row.copy(), EVERY_THIRD, plain[:THIRD]),
        "sums of rows": lambda: row[:20_000].reshape(40, 500).cumsum(axis=1),
    }
    # The calls may change the row.
    calls |= {name: lambda call=call: call(row.copy()) for name, call in (CHOICES | IN_PYTHON).items()}
    for name, call in calls.items():
        with np.errstate(all="ignore"):
            check(call, name, (2,))


@pytest.mark.parametrize("char", "mM")
def test_numbers_as_times(char):
    """NumPy 2.5 warns of numbers without a unit."""
    row = np.arange(LONG).view(char + "8")
    calls = {
        "a[mask]": lambda: assigned(row.copy(), EVERY_THIRD, 7),
        "a[mask], NumPy's number": lambda: assigned(row.copy(), EVERY_THIRD, np.int64(7)),
        "copyto": lambda: copied(row, 7, where=EVERY_THIRD),
        "putmask": lambda: put(row, EVERY_THIRD, 7),
        "where": lambda: np.where(EVERY_THIRD, row, 7),
    }
    for name, call in calls.items():
        check(call, name, (2,))


def test_errors_of_assignments_keep_no_array():
    row = np.zeros(LONG, np.int8)
    with gilkit.patch_numpy(min_size=1):
        for call in (lambda: assigned(row, EVERY_THIRD, 300), lambda: np.copyto(row, 1.5, where=EVERY_THIRD)):
            with pytest.raises((OverflowError, TypeError)) as raised:
                call()
            assert not [each for each in raised.traceback if "gilkit" in each.frame.f_globals["__name__"]]


def test_assigned_numbers_have_no_costs_of_their_own():
    handle = _parts.handler("test", lambda array, mask, value: (array.size, None))
    for value in (0, 1, (2, 3), (3, 2)):
        handle(np.zeros(3), value, value)
    assert len(inspect.getclosurevars(handle).nonlocals["costs"]) == 1


class Once:
    """An index that counts how often it is asked."""

    def __init__(self):
        self.asked = 0

    def __index__(self):
        self.asked += 1
        return 1


@pytest.mark.parametrize("char", "?bhdDMm")
def test_assignments_to_slices(char):
    row = values_of(char, 24_000, [17, ord(char)])
    table = row.reshape(120, 200)

    def assigned_to(key, value, array=None):
        return assigned(np.zeros_like(row.reshape(120, 200)) if array is None else array, key, value)

    def asked():
        once = Once()
        return assigned_to(slice(once, None), table[1:]), once.asked

    def deprecated():
        target = np.broadcast_arrays(np.zeros_like(table), table)[0]
        return assigned_to(slice(None), table, target)

    def read_only(key=slice(None)):
        return assigned_to(key, table, protected(np.zeros_like(table)))

    inner = table[1:-1, 1:-1]
    calls = {
        "all": lambda: assigned_to(slice(None), table),
        "ellipsis": lambda: assigned_to(..., table),
        "inner": lambda: assigned_to((slice(1, -1), slice(1, -1)), inner),
        "backwards": lambda: assigned_to((slice(None, None, -1), slice(None, None, 2)), table[:, ::2]),
        "new axis": lambda: assigned_to((slice(None), None, ...), table[:, None]),
        "row": lambda: assigned(np.zeros((3, 120, 200), row.dtype), 1, table),
        "row of a tuple": lambda: assigned(np.zeros((3, 120, 200), row.dtype), (1, ...), table),
        "array of one index": lambda: assigned(np.zeros((3, 120, 200), row.dtype), (np.int64(1), ...), table),
        "too long": lambda: assigned_to(slice(2, None), table),
        "broadcast": lambda: assigned(np.zeros((2, 120, 200), row.dtype), ..., table),
        "too many indices": lambda: assigned_to((0, 0, 0), table),
        "no such row": lambda: assigned_to((500, ...), table),
        "float": lambda: assigned_to(slice(1.0, None), table),
        "asked once": asked,
        "step of 0": lambda: assigned_to(slice(None, None, 0), table),
        "deprecated": deprecated,
        "read-only": read_only,
        "read-only, step of 0": lambda: read_only(slice(None, None, 0)),
        "overlapping": lambda: (lambda a: assigned(a, slice(1, None), a[:-1]))(table.copy()),
        "itself": lambda: (lambda a: assigned(a, slice(1, None), a[1:]))(table.copy()),
        "Fortran": lambda: assigned_to(..., np.asfortranarray(table)),
        "into Fortran": lambda: assigned(np.zeros_like(table, order="F"), ..., table),
        "swapped": lambda: assigned_to(..., table.astype(table.dtype.newbyteorder())),
        "into float32": lambda: assigned(np.zeros((120, 200), "f4"), ..., table),
        "into int16": lambda: assigned(np.zeros((120, 200), "i2"), ..., table),
        "into complex": lambda: assigned(np.zeros((120, 200), "D"), ..., table),
        "into bool": lambda: assigned(np.zeros((120, 200), "?"), ..., table),
        "into days": lambda: assigned(np.zeros((120, 200), "M8[D]"), ..., table),
        "into objects": lambda: assigned(np.zeros((120, 200), object), ..., table[:2]),
        "into strings": lambda: assigned(np.zeros((120, 200), "U9"), ..., table[:1]),
        "from float": lambda: assigned_to(..., np.full((120, 200), 1e30)),
        "from NaN": lambda: assigned_to(..., np.full((120, 200), np.nan)),
    }  # fmt: skip
    for name, call in calls.items():
        for errors in ("warn", "raise"):
            with np.errstate(all=errors):
                check(call, f"{name}, {char}, {errors}", (2, 64))


@pytest.mark.parametrize("char", "?hdDm")
def test_joined_arrays(char):
    row = values_of(char, 24_000, [16, ord(char)])
    shapes = {
        "1": (24_000,),
        "2": (60, 400),
        "3": (20, 30, 40),
        "column": (24_000, 1),
        "line": (1, 24_000),
        "4": (1, 60, 1, 400),
    }
    for name, shape in shapes.items():
        one, other = row.reshape(shape), row[::-1].reshape(shape).copy()
        pairs = {
            "C": (one, other), "list": [one, other], "Fortran": (np.asfortranarray(one), np.asfortranarray(other)),
            "mixed": (one, np.asfortranarray(other)), "reversed": (one[::-1], other), "short": (one, other[:0]),
            "another dtype": (one, other.astype("D") if char in "hd" else other), "swapped": [one.astype(one.dtype.newbyteorder())] * 2,
            "one": (one,), "transposed": (one.T, other.T), "dimensions": (one, other[0]), "small": (one, other[:1]),
        }  # fmt: skip
        for pair_name, pair in pairs.items():
            for axis in (0, 1, -1, 7, None, True, 0.0):
                check(lambda: np.concatenate(pair, axis), f"{char}, {name}, {pair_name}, {axis}", (2, 3))
            for function in (np.stack, np.vstack, np.hstack, np.dstack, np.column_stack):
                check(lambda: function(pair), f"{function.__name__} of {char}, {name}, {pair_name}", (2,))
        check(lambda: np.stack((one, other), -1), f"last axis, {char}, {name}", (2,))
        check(lambda: np.concatenate((one, other), casting="no"), f"casting, {char}, {name}", (2,))
        check(lambda: np.concatenate((one, other), casting="nothing"), f"unknown casting, {char}, {name}", (2,))
        check(lambda: np.concatenate((one, other), 0, one), f"out, {char}, {name}", (2,))
        check(lambda: np.concatenate((one, other), dtype=one.dtype), f"dtype, {char}, {name}", (2,))


def test_joined_arrays_of_equal_dtypes_have_numpys_dtype():
    """long and longlong are equal on most systems, and NumPy promotes them to longlong."""
    row = np.arange(24_000)
    for one, other in ("lq", "ql", "LQ", "QL", "qq", "ll"):
        for shape in ((24_000,), (60, 400)):
            pair = row.reshape(shape).astype(one), row.reshape(shape).astype(other)
            check(lambda: np.concatenate(pair), f"{one}, {other}, {shape}", (2,))


def test_joined_columns_of_which_one_is_empty_have_numpys_strides():
    """The order of an empty array in memory decides that of the result where all others have columns of length 1."""
    table = np.asfortranarray(np.arange(144_000.0).reshape(24_000, 6))
    for column in (table[:, :1], table[:, :1].copy(), np.arange(24_000.0)[:, None]):
        for empty in (table[:, :0], table[:, :0].copy(), np.ones((24_000, 0))):
            check(lambda: np.concatenate([column, empty], 1), f"{column.strides}, {empty.strides}", (2,))
            check(lambda: np.concatenate([empty, column], 1), f"{empty.strides}, {column.strides}", (2,))


def test_joined_arrays_that_are_too_long_raise_numpys_error():
    half = np.broadcast_to(np.int8(1), 1 << 62)
    for pair in ([half] * 2, [half] * 3):
        check(lambda: np.concatenate(pair), f"{len(pair)}", (2,))


def test_many_arrays_are_joined_by_numpy():
    """Looking at each takes longer than joining them."""
    with gilkit.patch_numpy(min_size=1), gilkit.threads(2):
        patching.collect_statistics()
        np.concatenate([np.ones(LONG)] * 257)
        few = np.concatenate([np.ones(LONG)] * 256)
        found = patching.statistics()
    patching.collect_statistics(False)
    assert few.size == 256 * LONG
    assert (found["concatenate"].calls, found["concatenate"].serial) == (1, {})


def test_assigned_values_that_are_not_aligned():
    """The kernel reads values as whole items, NumPy copies those that are not aligned first."""
    row = values_of("d", LONG, [13])
    values, third = unaligned(row), unaligned(row[:THIRD])
    with gilkit.patch_numpy(min_size=1), gilkit.threads(2):
        patching.collect_statistics()
        assigned(row.copy(), EVERY_THIRD, third)
        copied(row, values, where=EVERY_THIRD)
        put(row, EVERY_THIRD, values)
        assigned(values, EVERY_THIRD, row[:THIRD])
        found = patching.statistics()
    patching.collect_statistics(False)
    for name, calls in {"ndarray.__setitem__": 2, "copyto": 1, "putmask": 1}.items():
        assert (found[name].calls, found[name].serial) == (0, {"arguments": calls})


def test_assignments_write_nothing_else():
    """Other threads may write to the items that are not selected."""
    count, stop = 1 << 16, False
    array, mask = np.zeros(count, np.int64), np.arange(count) % 2 == 0
    missed = []

    def write():
        k = 0
        while not stop:
            k += 1
            for place in range(1, 2000, 2):
                array[place] = k
                if array[place] != k:
                    missed.append(place)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        with gilkit.patch_numpy(min_size=1), gilkit.threads(2):
            for k in range(300):
                array[mask] = k
                np.copyto(array, k, where=mask)
    finally:
        stop = True
        thread.join()
    assert not missed
    assert (array[mask] == 299).all()


def test_bools_that_are_neither_0_nor_1():
    """NumPy treats some as true, and compares and copies the bytes of others."""
    odd = np.random.default_rng(0).integers(0, 256, LONG, np.uint8).view(bool)
    for name, call in (CHOICES | ASSIGNMENTS).items():
        check(lambda call=call: call(odd.copy()), name, (2,))
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
        row[mask] = 1
        row[mask] = row[:THIRD].copy()
        row[1:-1] = row[2:].copy()
        np.copyto(row, row.copy(), where=mask)
        np.putmask(row, mask, 3)
        found = patching.statistics()
    patching.collect_statistics(False)
    calls = {
        name: each.calls
        for name, each in found.items()
        if each.calls and "." in name or name in ("where", "interp", "copyto", "putmask")
    }
    assert calls == {
        "where": 1, "ndarray.nonzero": 1, "ndarray.__getitem__": 2, "ndarray.take": 1, "maximum.accumulate": 1,
        "ndarray.searchsorted": 1, "interp": 1, "ndarray.__setitem__": 3, "ndarray.copy": 3, "copyto": 1,
        "putmask": 1,
    }  # fmt: skip
    assert found["count_nonzero"].calls == 1


def test_masks_that_select_little_are_left_to_numpy():
    """NumPy takes less time for them than a handler does, unless they are long."""
    step = _kernels.MIN_ITEMS // 64  # between the samples of the shortest mask
    none, few, half = (lambda n: []), (lambda n: np.arange(0, 8 * step, step)), (lambda n: np.arange(0, n, 2))
    calls = {
        "__getitem__": lambda a, mask: a[mask],
        "__setitem__": lambda a, mask: assigned(a, mask, 3),
        "copyto": lambda a, mask: np.copyto(a, 3, where=mask),
    }
    for times, places, is_wanted in (
        (1, none, False),
        (1, few, False),
        (1, half, True),
        (2, few, True),
        (4, none, False),
        (8, none, True),
        (1 / 1024, half, False),
    ):
        size = int(times * _kernels.MIN_ITEMS)
        mask = np.zeros(size, bool)
        mask[places(size)] = True
        for name, call in calls.items():
            for strided in (False, True):  # only contiguous masks are looked at
                given = spread(mask, 2) if strided else mask
                array = np.zeros(size)
                with gilkit.patch_numpy(), gilkit.threads(2):
                    patching.collect_statistics()
                    call(array, given)
                    found = patching.statistics().get(name if name == "copyto" else f"ndarray.{name}")
                patching.collect_statistics(False)
                seen = found is not None and found.calls + sum(found.serial.values()) > 0
                assert seen == (is_wanted or (strided and times >= 1)), (times, name, strided)
                if name != "__getitem__":
                    assert (array[mask] == 3).all()
                    assert not array[~mask].any()


def test_unusual_assignments():
    """Deletion, empty arrays, subclasses and tuples."""
    row, short = np.arange(LONG), np.zeros(3, bool)
    for name, call in {
        "deletion": lambda: row.copy().__delitem__(EVERY_THIRD),
        "empty": lambda: assigned(row[:0].copy(), EVERY_THIRD[:0], 3),
        "short": lambda: assigned(row[:3].copy(), short, 3),
        "subclass": lambda: assigned(row.copy().view(np.recarray), EVERY_THIRD, 3),
        "tuple": lambda: assigned(row.copy(), (EVERY_THIRD,), 3),
        "mask of a subclass": lambda: assigned(row.copy(), EVERY_THIRD.view(np.recarray), 3),
    }.items():
        check(call, name, (1, 2))


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
    "argmax, 20 arguments": lambda a: a.argmax(*range(20)),
    "maximum, three arguments": lambda a: np.maximum(a, a[::-1], np.zeros_like(a)),
    "argsort, kind and stable": lambda a: a.argsort(kind="stable", stable=True),
    "argsort, kind": lambda a: a.argsort(kind="no"),
    "sort, read-only": lambda a: protected(a).sort(),
    "where, two arguments": lambda a: np.where(a > 5, a),
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
            array.copy().sort()
            np.argsort(array, kind="stable")
        np.argsort(numbers)
        np.cumsum(numbers)
        np.cumsum(zeros)
        np.bincount(numbers)
        np.bincount(numbers, zeros)
        found = patching.statistics()
    patching.collect_statistics(False)
    assert found["sort"].calls == found["ndarray.sort"].calls == 2
    assert found["sort"].serial == {"-0.0 or NaN": 4}
    # np.sort() calls the method for the arrays that it was not divided for.
    assert found["ndarray.sort"].serial == {"-0.0 or NaN": 8}
    assert found["ndarray.argsort"].calls == 6
    assert found["ndarray.argsort"].serial == {"equal items": 1}
    assert found["ndarray.cumsum"].calls == found["bincount"].calls == 1
    assert found["ndarray.cumsum"].serial == found["bincount"].serial == {"order of rounding": 1}


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
