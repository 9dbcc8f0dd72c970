"""gilkit.array_api: the standard's arguments, gilkit's functions, and NumPy for the rest; cumulative_sum and
cumulative_prod."""

import inspect

import numpy as np
import pytest
from against_numpy import arrays, assert_same, outcome
from hypothesis import given, settings
from hypothesis import strategies as st

import gilkit
import gilkit.array_api as xp

# How many arguments the standard gives by position, and which ones by keyword.
SIGNATURES = {
    "all": (1, "axis keepdims"),
    "any": (1, "axis keepdims"),
    "argmax": (1, "axis keepdims"),
    "argmin": (1, "axis keepdims"),
    "argsort": (1, "axis descending stable"),
    "count_nonzero": (1, "axis keepdims"),
    "cumulative_prod": (1, "axis dtype include_initial"),
    "cumulative_sum": (1, "axis dtype include_initial"),
    "diff": (1, "axis n prepend append"),
    "isin": (2, "invert"),
    "max": (1, "axis keepdims"),
    "mean": (1, "axis keepdims"),
    "min": (1, "axis keepdims"),
    "nonzero": (1, ""),
    "prod": (1, "axis dtype keepdims"),
    "searchsorted": (2, "side sorter"),
    "sort": (1, "axis descending stable"),
    "std": (1, "axis correction keepdims"),
    "sum": (1, "axis dtype keepdims"),
    "take": (2, "axis"),
    "unique_all": (1, ""),
    "unique_counts": (1, ""),
    "unique_inverse": (1, ""),
    "unique_values": (1, ""),
    "var": (1, "axis correction keepdims"),
    "where": (3, ""),
}


def test_has_the_functions_of_the_standard():
    assert sorted(SIGNATURES) == xp.__all__
    for name, (positional, keywords) in SIGNATURES.items():
        function = getattr(xp, name)
        inspect.signature(function).bind(*range(positional), **dict.fromkeys(keywords.split()))
        if name not in ("argsort", "diff", "sort"):
            assert function is getattr(gilkit, name)


def test_all_other_names_are_numpys():
    for name in ("asarray", "bool", "concat", "float64", "linalg", "pi", "sin", "__array_namespace_info__"):
        if hasattr(np, name):  # NumPy 2.0 has not all of them
            assert getattr(xp, name) is getattr(np, name)
    assert {"sort", "concat", "linalg"} <= set(dir(xp))
    for name in ("__path__", "_core", "no_such_function"):
        with pytest.raises(AttributeError, match=name):
            getattr(xp, name)
    with pytest.raises(ModuleNotFoundError):
        import gilkit.array_api.linalg  # noqa: F401


def test_sorts_are_stable_by_default():
    x = xp.asarray([0.0, -0.0, np.nan, 1.0])
    assert [str(each) for each in xp.sort(x)] == ["0.0", "-0.0", "1.0", "nan"]
    assert [str(each) for each in xp.sort(x, descending=True)] == ["1.0", "0.0", "-0.0", "nan"]
    assert xp.argsort(x).tolist() == [0, 1, 3, 2]
    assert xp.argsort(x, descending=True, stable=False).tolist() == [3, 0, 1, 2]
    assert xp.sort(xp.asarray([[1, 2], [3, 0]]), axis=0).tolist() == [[1, 0], [3, 2]]
    assert xp.sort(np.array([2, 1], np.float16)).tolist() == [1, 2]


def test_diff():
    x = xp.asarray([[1, 2, 4], [1, 3, 9]])
    assert xp.diff(x).tolist() == [[1, 2], [2, 6]]
    assert xp.diff(x, axis=0, prepend=x[:1]).tolist() == [[0, 0, 0], [0, 1, 5]]
    assert xp.diff(x, n=2, append=x[:, :1]).tolist() == [[1, -5], [4, -14]]


def numpys(name):
    """Return NumPy's function, or for NumPy 2.0, which lacks it, an equivalent."""

    def function(x, *, axis=None, dtype=None, out=None, include_initial=False):
        x = np.atleast_1d(x)
        if axis is None and x.ndim > 1:
            raise ValueError("axis")
        add = np.add if name == "cumulative_sum" else np.multiply
        result = add.accumulate(x, axis or 0, dtype, out)
        if include_initial:
            first = np.full_like(
                result, add.identity, shape=[1 if i == (axis or 0) % x.ndim else n for i, n in enumerate(x.shape)]
            )
            result = np.concatenate([first, result], axis or 0)
        return result

    return getattr(np, name, function)


@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
@given(x=arrays(max_dims=3), axis=st.sampled_from([None, 0, -1, 1, 2, 5]), include_initial=st.booleans(),
       dtype=st.sampled_from([None, None, None, "f4", "f8", "i8", "c16"]))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_cumulative_functions_equal_numpys(name, x, axis, include_initial, dtype):
    keywords = {"axis": axis, "include_initial": include_initial, "dtype": dtype}
    with np.errstate(all="ignore"):
        expected, _ = outcome(numpys(name), x, **keywords)
        of_singles = name == "cumulative_sum" and x.dtype.str[1:] == "f4" and dtype in (None, "f4")
        if of_singles and not isinstance(expected, Exception):  # gilkit adds in doubles, and rounds once
            wide = numpys(name)(x.astype(np.float64), axis=axis, include_initial=include_initial)
            expected = wide.astype(np.float32)
        got, _ = outcome(getattr(gilkit, name), x, **keywords)
        assert_same(got, expected)
        if not isinstance(expected, Exception):
            out = np.empty(expected.shape, expected.dtype)
            assert getattr(gilkit, name)(x, out=out, **keywords) is out
            np.testing.assert_array_equal(out, got)


@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
def test_cumulative_functions_of_other_arguments(name):
    function = getattr(gilkit, name)
    for x in (
        [1, 2, 3],
        7,
        [1.5, 2j],
        np.array([1, 2], np.float16),
        np.array([1, 2**70], object),
        np.array([3, 2], ">i2"),
    ):
        for include_initial in (False, True):
            assert_same(function(x, include_initial=include_initial), numpys(name)(x, include_initial=include_initial))
    x = np.arange(12.0).reshape(3, 4) + 1
    expected = numpys(name)(x, axis=1, include_initial=True)
    buffer = np.empty((3, 5))
    buffer[:, 1:] = x  # each result overlaps an item
    assert function(buffer[:, 1:], axis=1, include_initial=True, out=buffer) is buffer
    np.testing.assert_array_equal(buffer, expected)
    many = np.random.default_rng(0).random((5, 100_000)) / 50_000 + 1
    results = {function(many, axis=1, include_initial=True, threads=threads).tobytes() for threads in (1, 2, 8)}
    assert len(results) == 1
    assert function(np.asfortranarray(x), axis=0, include_initial=True).flags.f_contiguous

    with pytest.raises(ValueError, match="axis must be given"):
        function(x)
    for include_initial in (False, True):
        with pytest.raises(TypeError, match="byte order"):  # as in NumPy, though not for cumsum
            function(x, axis=0, dtype=">f8", include_initial=include_initial)
    with pytest.raises(ValueError, match=r"shape \(3, 5\), not \(3, 4\)"):
        function(x, axis=1, include_initial=True, out=np.empty((3, 4)))
    with pytest.raises(TypeError, match="out must be a NumPy array"):
        function(x, axis=1, include_initial=True, out=[0])
    with pytest.raises(ValueError, match="read-only"):
        function(x, axis=1, include_initial=True, out=np.broadcast_to(0.0, (3, 5)))
    with pytest.raises(np.exceptions.AxisError):
        function(x, axis=2, include_initial=True)
    with pytest.raises(TypeError):
        function(x, axis=0.5, include_initial=True)


def test_cumulative_functions_of_other_classes():
    masked = np.ma.array([1, 2, 3], mask=[0, 1, 0])
    if not hasattr(np, "cumulative_sum"):
        with pytest.raises(TypeError, match="needs NumPy 2.1"):
            gilkit.cumulative_sum(masked)
        return
    assert_same(gilkit.cumulative_sum(masked), np.cumulative_sum(masked))

    class Other:
        def __array_function__(self, function, types, args, kwargs):
            return function, kwargs

    assert gilkit.cumulative_prod(Other()) == (np.cumulative_prod, {})
    assert gilkit.cumulative_sum(Other(), axis=0, include_initial=True) == (
        np.cumulative_sum,
        {"axis": 0, "include_initial": True},
    )
