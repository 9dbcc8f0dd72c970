"""Helpers for the tests of gilkit.patch_numpy(): NumPy's pointers, and how many of its calls are divided."""

from __future__ import annotations

import ctypes

import numpy as np

from gilkit import patching

N = 20_000  # items: enough for several parts


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
