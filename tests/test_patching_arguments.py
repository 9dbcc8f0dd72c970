"""Patched functions use arguments that are objects of other packages as often as NumPy does, and in the same way."""

from __future__ import annotations

import contextlib
import functools
import re

import numpy as np
import pytest
from outcomes_of_calls import outcome

import gilkit

pytestmark = pytest.mark.thread_unsafe(reason="patches NumPy for the whole process")


class Counting:
    """An argument that counts how often NumPy uses it."""

    def __init__(self, error):
        self.calls, self.error = [], error

    def used(self, *how):
        self.calls.append(how)
        if self.error:
            raise ValueError("no")

    def __index__(self):
        self.used("index")
        return 0


class CountingFunctions(Counting):
    def __array_function__(self, func, types, args, kwargs):
        self.used(func.__name__, len(args), sorted(kwargs))
        return 1


class CountingArrays(Counting):
    def __array__(self, dtype=None, copy=None):
        self.used("array")
        return np.array([0.25, 0.5])


@pytest.mark.parametrize("kind", [Counting, CountingFunctions, CountingArrays])
@pytest.mark.parametrize("error", [False, True])
def test_arguments_are_used_as_often_as_by_numpy(kind, error):
    row = np.random.default_rng(0).standard_normal(20_011)
    calls = {
        "median": lambda x: np.median(row, x),
        "quantile": lambda x: np.quantile(row, x),
        "percentile": lambda x: np.percentile(row, q=x, method="lower"),
        "method": lambda x: np.quantile(row, 0.5, method=x),
        "unique": lambda x: np.unique(row, x),
        "isin": lambda x: np.isin(row, x),
        "histogram": lambda x: np.histogram(row, bins=x),
        "range": lambda x: np.histogram(row, 10, x),
        "histogramdd": lambda x: np.histogramdd([row, row], [x, 3]),
    }
    for name, call in calls.items():
        found = []
        for patch in (contextlib.nullcontext, functools.partial(gilkit.patch_numpy, min_size=1)):
            argument = kind(error)
            with patch(), gilkit.threads(2):
                result = outcome(lambda call=call, argument=argument: call(argument))
            found.append((re.sub("0x[0-9a-f]+", "", str(result)), argument.calls))
        assert found[0] == found[1], name
