"""Calls of a function of gilkit and of NumPy's of the same name, with equal results, and random arrays for them."""

import warnings

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gilkit

DTYPES = [np.dtype(letter) for letter in "?bBhHiIlLqQfd"]
FEW = [0.0, -0.0, 1.0, -2.5, np.nan, np.inf, -np.inf, 5e-324, -5e-324]


def elements(dtype):
    if dtype.kind == "f":
        return st.sampled_from(FEW).map(dtype.type) | hnp.from_dtype(dtype)
    return st.integers(0, 1 if dtype.kind == "b" else 9).map(dtype.type) | hnp.from_dtype(dtype)


@st.composite
def arrays(draw, max_dims=2):
    dtype = draw(st.sampled_from(DTYPES))
    a = draw(
        hnp.arrays(
            dtype, hnp.array_shapes(min_dims=0, max_dims=max_dims, min_side=0, max_side=12), elements=elements(dtype)
        )
    )
    layout = draw(st.sampled_from(["C", "F", "reversed", "swapped", "read-only"]))
    if layout == "F":
        return np.asfortranarray(a)
    if layout == "reversed" and a.ndim:
        return a[::-1]
    if layout == "swapped":
        return a.astype(dtype.newbyteorder())
    if layout == "read-only":
        a.flags.writeable = False
    return a


def outcome(function, *args, **kwargs):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            result = error
    return result, [str(each.message) for each in caught]


def assert_same(got, expected):
    if isinstance(expected, Exception):
        assert type(got) is type(expected), got
    elif isinstance(expected, tuple):
        assert type(got) is type(expected)
        for one, other in zip(got, expected, strict=True):
            assert_same(one, other)
    else:
        assert type(got) is type(expected)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)


def check(name, *args, **kwargs):
    got, got_warnings = outcome(getattr(gilkit, name), *args, **kwargs)
    expected, expected_warnings = outcome(getattr(np, name), *args, **kwargs)
    assert_same(got, expected)
    # NumPy repeats some of them for each slice, as operations on scalars.
    assert {each.replace("scalar ", "") for each in got_warnings} == {
        each.replace("scalar ", "") for each in expected_warnings
    }
