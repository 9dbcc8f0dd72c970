"""Helpers for the tests of gilkit.patch_numpy(): arrays of every dtype and layout, a comparison of patched with unpatched
calls, NumPy's pointers, and how many calls are divided."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from outcomes_of_calls import outcome

import gilkit
from gilkit import patching

N = 20_000  # items: enough for several parts
LONG = 20_011  # items: more than two of NumPy's buffers


def divided(function, *names):
    """Call the function; return how many calls of the named ufuncs ran on several threads."""
    patching.collect_statistics()
    try:
        function()
        found = patching.statistics()
    finally:
        patching.collect_statistics(False)
    return sum(found[name].calls for name in names if name in found)


def pointers(size=256):
    """Return the words of each ufunc object, except for its reference count: vectorcall is one of them."""
    words = size // ctypes.sizeof(ctypes.c_void_p)
    skip = object.__basicsize__ // ctypes.sizeof(ctypes.c_void_p) - 1  # all of the header but the type
    ufuncs = {name: f for name, f in vars(np).items() if isinstance(f, np.ufunc)}
    size = min(size, np.ufunc.__basicsize__)
    words = size // ctypes.sizeof(ctypes.c_void_p)
    return {name: list((ctypes.c_void_p * words).from_address(id(f)))[skip:] for name, f in ufuncs.items()}


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


# ---- Comparison ----


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
