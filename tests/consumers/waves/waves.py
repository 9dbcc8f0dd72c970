"""A numba kernel on gilkit's pool: compiled by numba, run by gilkit."""

import math

import numpy as np
from numba import carray, cfunc, types

import gilkit


@cfunc(types.void(types.int64, types.int64, types.CPointer(types.float64)))
def fill(begin, end, data):
    out = carray(data, end)
    for i in range(begin, end):
        out[i] = math.sin(0.001 * i) * math.exp(-1e-6 * i)


def damped_wave(n):
    """Return n samples of a damped wave."""
    out = np.empty(n)
    gilkit.parallel_for(n, fill, out)
    return out
