"""group_reduce against NumPy's functions, called for the values of each group."""

import warnings

import numpy as np
import pytest
from against_numpy import DTYPES, elements
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gilkit

OPERATIONS = ["sum", "prod", "mean", "var", "std", "min", "max", "count", "first", "last", "median", "quantile"]
WITHOUT_VALUES = {"sum": 0, "prod": 1, "count": 0}


def reference(labels, values, op, num_groups, ddof=0, q=0.5, fill_value=None):
    """For one-dimensional values. None if a group has no values, and its result no NaN."""
    function = op.removeprefix("nan")
    if op != function and values.dtype.kind == "f":
        labels = np.where(np.isnan(values), -1, labels.astype(np.int64))  # NumPy 2.5 refuses -1 for uint8
    if values.dtype.kind == "b" and function == "quantile":
        values = values.astype(np.int8)
    if values.dtype == np.float32 and function not in ("min", "max", "first", "last"):
        values = values.astype(np.float64)
    results = []
    for group in range(num_groups):
        x = values[labels == group]
        if x.size == 0:
            missing = WITHOUT_VALUES.get(function, np.nan) if fill_value is None else fill_value
            if missing is np.nan and values.dtype.kind != "f" and function in ("min", "max", "first", "last"):
                return None
            results.append(missing)
        elif function == "count":
            results.append(x.size)
        elif function in ("first", "last"):
            results.append(x[0 if function == "first" else -1])
        elif function in ("var", "std"):
            results.append(getattr(np, op)(x, ddof=ddof))  # nanvar differs from var where there are too few items
        elif function == "quantile":
            results.append(np.quantile(x, q))
        else:
            results.append(getattr(np, function)(x))
    return np.array(results)


def dtype_of(values, op):
    function = op.removeprefix("nan")
    if function == "count":
        return np.int64
    if values.dtype.kind == "f" or function in ("min", "max", "first", "last"):
        return values.dtype
    return getattr(np, function)(values[:0]).dtype if function in ("sum", "prod") else np.float64


def check(labels, values, op, num_groups, **keywords):
    threads = keywords.pop("threads", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = reference(np.asarray(labels), values, op, num_groups, **keywords)

    def reduce():
        return gilkit.group_reduce(labels, values, op, num_groups=num_groups, threads=threads, **keywords)

    if expected is None:
        with pytest.raises(ValueError, match="none of them belongs to group"):
            reduce()
        return
    result = reduce()
    assert result.dtype == np.dtype(dtype_of(values, op)).newbyteorder("=")
    assert result.shape == (num_groups,)
    if values.dtype == np.float32 and result.dtype == np.float32:
        with np.errstate(over="ignore"):
            expected = expected.astype(np.float32)
    rtol = 1e-6 if values.dtype == np.float32 else 1e-11
    largest = np.nanmax(np.abs(values[np.isfinite(values)].astype(float)), initial=0)
    atol = rtol * largest * (largest if op.endswith("var") else 1) if values.dtype.kind == "f" else 0
    np.testing.assert_allclose(result.astype(float), expected.astype(float), rtol=rtol, atol=atol)


@st.composite
def cases(draw):
    dtype = draw(st.sampled_from(DTYPES))
    number = st.floats(-1e3, 1e3, width=32) | st.sampled_from([np.nan, np.inf, -np.inf, -0.0])
    chosen = number.map(dtype.type) if dtype.kind == "f" else elements(dtype)
    values = draw(hnp.arrays(dtype, st.integers(0, 40), elements=chosen))
    num_groups = draw(st.integers(1, 6))
    letter = draw(st.sampled_from("bhiqBHIQ"))
    low = -2 if letter.islower() else 0
    labels = draw(hnp.arrays(np.dtype(letter), values.size, elements=st.integers(low, num_groups - 1)))
    layout = draw(st.sampled_from(["C", "reversed", "swapped", "read-only"]))
    if layout == "reversed":
        labels, values = labels[::-1], values[::-1]
    elif layout == "swapped":
        labels, values = labels.astype(labels.dtype.newbyteorder()), values.astype(dtype.newbyteorder())
    elif layout == "read-only":
        labels.flags.writeable = values.flags.writeable = False
    return labels, values, num_groups


@pytest.mark.parametrize("op", ["nanvar", "nanstd"])
@pytest.mark.parametrize("dtype", [bool, np.int64, np.float64])
def test_fewer_items_than_ddof(op, dtype):
    check([0, 0], np.array([0, 1], dtype), op, 1, ddof=2.5)


@given(case=cases(), op=st.sampled_from(OPERATIONS), nan=st.booleans(), ddof=st.sampled_from([0, 1, 2.5]),
       q=st.sampled_from([0, 0.1, 0.5, 1 / 3, 1]), fill_value=st.sampled_from([None, None, 7]))  # fmt: skip
@settings(max_examples=600, deadline=None)
def test_equals_numpy(case, op, nan, ddof, q, fill_value):
    labels, values, num_groups = case
    if op in ("quantile", "median") and np.isinf(values.astype(float)).any():
        q = 0  # NumPy interpolates between infinities to NaN
        if op == "median":
            return
    keywords = {"ddof": ddof} if op in ("var", "std") else {"q": q} if op == "quantile" else {}
    if op == "prod" and values.dtype.kind == "f":
        values = np.clip(values, -2, 2)
    if fill_value is not None and not (op == "sum" and values.dtype.kind == "u") and values.dtype.kind != "b":
        keywords["fill_value"] = 7 if op == "count" else values.dtype.type(fill_value).item()
    check(labels, values, ("nan" if nan else "") + op, num_groups, **keywords)


@pytest.mark.parametrize("num_groups", [1, 10, 300, 40_000, 90_000])
def test_long_arrays(num_groups, rng):
    """Each way to divide the values, with the same bits for any number of threads."""
    n = 350_001
    labels = rng.integers(-1, num_groups, n)
    for dtype in "fdiB":
        values = (rng.standard_normal(n) * 30).astype(dtype) if dtype in "fd" else rng.integers(0, 100, n).astype(dtype)
        if dtype in "fd":
            values[rng.integers(0, n, 40)] = np.nan
        for op in OPERATIONS:
            for name in (op, "nan" + op):
                first = gilkit.group_reduce(labels, values, name, num_groups=num_groups, fill_value=0)
                for threads in (1, 2, 3, 8, 64):
                    again = gilkit.group_reduce(
                        labels, values, name, num_groups=num_groups, fill_value=0, threads=threads
                    )
                    assert first.tobytes() == again.tobytes(), (dtype, name, threads)
        kept = labels >= 0
        if dtype in "fd":
            kept &= ~np.isnan(values)
        counts = np.bincount(labels[kept], minlength=num_groups)
        sums = np.bincount(labels[kept], values[kept], minlength=num_groups)
        np.testing.assert_array_equal(gilkit.group_reduce(labels, values, "nancount", num_groups=num_groups), counts)
        np.testing.assert_allclose(
            gilkit.group_reduce(labels, values, "nansum", num_groups=num_groups), sums, rtol=1e-5, atol=1e-4
        )
        order = np.lexsort((values[kept], labels[kept]))
        begins = np.concatenate([[0], np.cumsum(counts)])[:-1][counts > 0]
        smallest = gilkit.group_reduce(labels, values, "nanmin", num_groups=num_groups, fill_value=0)
        np.testing.assert_array_equal(smallest[counts > 0], values[kept][order][begins])
        medians = gilkit.group_reduce(labels, values, "nanmedian", num_groups=num_groups, fill_value=0)
        for group in rng.integers(0, num_groups, 5):
            if counts[group]:
                assert medians[group] == np.median(values[kept][labels[kept] == group])


def test_groups_that_are_selected_from(rng):
    """Medians of groups too large to be sorted by one thread."""
    values = rng.standard_normal(700_000)
    labels = np.where(rng.random(700_000) < 0.9, 0, 1).astype(np.uint8)
    q = [0, 0.3, 0.999, 1]
    result = gilkit.group_reduce(labels, values, "quantile", q=q, num_groups=3)
    for group in (0, 1):
        np.testing.assert_array_equal(result[:, group], np.quantile(values[labels == group], q))
    assert np.isnan(result[:, 2]).all()
    values[rng.integers(0, 700_000)] = np.nan
    result = gilkit.group_reduce(labels, values, "median")
    assert np.isnan(result).sum() == 1
    assert not np.isnan(gilkit.group_reduce(labels, values, "nanmedian")).any()


@pytest.mark.parametrize("shape", [(3, 40), (40, 3), (5, 30, 4), (300, 400), (2, 3, 0), (1, 1, 5), (4,)])
@pytest.mark.parametrize("op", ["sum", "nanmax", "median", "std", "first", "count"])
def test_axes(shape, op, rng):
    values = rng.standard_normal(shape)
    for axis in range(-len(shape), len(shape)):
        labels = rng.integers(-1, 3, shape[axis])
        result = gilkit.group_reduce(labels, values, op, axis=axis, num_groups=4)
        rows = np.moveaxis(values, axis, -1)
        expected = np.moveaxis(np.empty((*rows.shape[:-1], 4)), -1, axis)
        assert result.shape == expected.shape
        for place in np.ndindex(rows.shape[:-1]):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                one = reference(labels, rows[place], op, 4)
            np.testing.assert_allclose(np.moveaxis(result, axis, -1)[place], one, rtol=1e-12, atol=1e-13)
    flat = gilkit.group_reduce(np.zeros(shape, int), values, "sum", axis=None, num_groups=1)
    np.testing.assert_allclose(flat, [values.sum()], atol=1e-12)
    assert gilkit.group_reduce(
        np.zeros(shape[0], int), np.asfortranarray(values), op, axis=0, num_groups=2
    ).ndim == len(shape)


def test_sums_are_compensated(rng):
    values = rng.standard_normal(1_000_000) * 10.0 ** rng.integers(-5, 10, 1_000_000)
    labels = rng.integers(0, 5, values.size)
    result = gilkit.group_reduce(labels, values, "sum")
    for group in range(5):
        exact = gilkit.fsum(values[labels == group])
        assert abs(result[group] - exact) <= 1e-14 * np.abs(values[labels == group]).sum()


def test_more_results_than_fit_in_the_cache(rng):
    """They have two tables here, or one if a result has few values."""
    results = 70_000
    labels = np.concatenate([np.arange(results), rng.integers(0, results, 8 * results)])
    values = rng.integers(-99, 99, labels.size).astype(np.float64)
    first, last = np.empty(results), np.empty(results)
    first[labels[::-1]], last[labels] = values[::-1], values
    low = np.full(results, np.inf)
    np.minimum.at(low, labels, values)
    sums = np.bincount(labels, values)
    expected = {"sum": sums, "mean": sums / np.bincount(labels), "first": first, "last": last, "min": low}
    for op, result in expected.items():
        for threads in (1, 2, 3, 8, 64):
            found = gilkit.group_reduce(labels, values, op, threads=threads)
            np.testing.assert_array_equal(found, result, err_msg=f"{op}, {threads} threads")
        integers = gilkit.group_reduce(labels, values.astype(np.int64), op)
        np.testing.assert_array_equal(integers, result, err_msg=op)
    few = slice(0, 3 * results)
    found = gilkit.group_reduce(labels[few], values[few], "sum")
    np.testing.assert_array_equal(found, np.bincount(labels[few], values[few]))
    inexact = rng.standard_normal(labels.size)
    for op in ("sum", "var"):
        bits = {gilkit.group_reduce(labels, inexact, op, threads=threads).tobytes() for threads in (1, 2, 3, 8, 64)}
        assert len(bits) == 1, op
    squares = np.bincount(labels, (inexact - (np.bincount(labels, inexact) / np.bincount(labels))[labels]) ** 2)
    found = gilkit.group_reduce(labels, inexact, "var")
    np.testing.assert_allclose(found, squares / np.bincount(labels), rtol=1e-12)


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("groups", [1, 6, 3000])
def test_first_and_last_values_that_are_found_early(groups, columns, rng):
    """Then labels are only checked: the values are right, and a label that is too large is still refused."""
    n = 600_000 // columns
    labels = rng.integers(-1, groups - 1, n)
    labels[[n // 5, n - n // 5]] = groups - 1  # the only two
    values = np.arange(n * columns).reshape(n, columns)
    expected = {name: np.full((groups, columns), -1) for name in ("first", "last")}
    known = labels >= 0
    expected["first"][labels[known][::-1]], expected["last"][labels[known]] = values[known][::-1], values[known]
    for name, far in (("first", -1), ("last", 0)):
        wrong = labels.copy()
        wrong[far] = groups
        for threads in (1, 2, 8):
            for empty in (0, 1):  # groups
                found = gilkit.group_reduce(
                    labels, values, name, axis=0, num_groups=groups + empty, fill_value=-1, threads=threads
                )
                np.testing.assert_array_equal(found[:groups], expected[name])
                assert (found[groups:] == -1).all()
            with pytest.raises(ValueError, match="label"):
                gilkit.group_reduce(wrong, values, name, axis=0, num_groups=groups, threads=threads)


def test_variances_far_from_zero(rng):
    values = 1e9 + rng.standard_normal(300_000)
    labels = rng.integers(0, 7, values.size)
    expected = [np.var(values[labels == group] - 1e9) for group in range(7)]
    np.testing.assert_allclose(gilkit.group_reduce(labels, values, "var"), expected, rtol=1e-9)
    many = rng.integers(0, 3000, values.size)
    expected = [np.var(values[many == group] - 1e9) for group in range(0, 3000, 300)]
    np.testing.assert_allclose(gilkit.group_reduce(many, values, "var")[::300], expected, rtol=1e-9)
    drifting = np.sort(values) * 1e3 + np.arange(values.size)
    expected = [np.var(drifting[labels == group] - 1e12) for group in range(7)]
    np.testing.assert_allclose(gilkit.group_reduce(labels, drifting, "nanvar"), expected, rtol=1e-9)


@pytest.mark.parametrize(("letter", "op"), [("B", "sum"), ("h", "count"), ("q", "nanvar"), ("q", "max")])
def test_number_of_groups_is_guessed(letter, op, rng):
    """The largest label is in the sample, is elsewhere, or is that of no group; labels in order."""
    labels = rng.integers(-1, 100, 1 << 20).astype(letter) if letter != "B" else rng.integers(0, 100, 1 << 20, np.uint8)
    values = rng.random(labels.size)
    for largest in (99, 120):
        labels[12_345] = largest
        guessed = gilkit.group_reduce(labels, values, op, fill_value=3)
        known = gilkit.group_reduce(labels, values, op, fill_value=3, num_groups=largest + 1)
        assert guessed.tobytes() == known.tobytes()
    assert gilkit.group_reduce(np.sort(labels), values, op, fill_value=3).shape == (121,)
    if letter != "B":
        labels[:] = -1
        assert gilkit.group_reduce(labels, values, op).shape == (0,)
        labels[12_345] = 0
        assert gilkit.group_reduce(labels, values, op).shape == (1,)
    if letter == "q":
        labels[12_345] = 2**60
        with pytest.raises(ValueError, match=f"labels must be below .*, not {2**60}"):
            gilkit.group_reduce(labels, values, op)


def test_integers_wrap_and_infinities(rng):
    largest = np.array([2**63 - 1, 1, -(2**63), 5])
    assert gilkit.group_reduce([0, 0, 1, 1], largest, "sum").tolist() == [-(2**63), -(2**63) + 5]
    assert gilkit.group_reduce([0, 0, 1, 1], largest, "min").tolist() == [1, -(2**63)]
    unsigned = np.array([2**64 - 1, 0, 2**63], np.uint64)
    assert gilkit.group_reduce([0, 0, 1], unsigned, "max").tolist() == [2**64 - 1, 2**63]
    assert gilkit.group_reduce([0, 0, 1], unsigned, "min").tolist() == [0, 2**63]
    assert gilkit.group_reduce([0, 0, 1], unsigned, "prod").tolist() == [0, 2**63]
    # A group whose smallest value is what an empty group starts with.
    assert gilkit.group_reduce([0, 2], [np.inf, np.inf], "min", fill_value=5).tolist() == [np.inf, 5, np.inf]
    assert gilkit.group_reduce([0, 2], np.int64([2**63 - 1] * 2), "min", fill_value=5).tolist() == [
        2**63 - 1,
        5,
        2**63 - 1,
    ]
    assert gilkit.group_reduce([0, 2], np.uint64([0, 0]), "max", fill_value=5).tolist() == [0, 5, 0]
    sums = gilkit.group_reduce([0, 0, 1, 1, 2, 2], [np.inf, 1, np.inf, -np.inf, 1e308, 1e308], "sum")
    np.testing.assert_array_equal(sums, [np.inf, np.nan, np.inf])


def test_bad_arguments():
    one = [1.0, 2.0]
    for error, message, call in (
        (ValueError, "op must be one of count, .*, not 'total'", lambda: gilkit.group_reduce([0, 0], one, "total")),
        (ValueError, "op must be .*, not 3", lambda: gilkit.group_reduce([0, 0], one, 3)),
        (ValueError, "op must be .*, not 'nan'", lambda: gilkit.group_reduce([0, 0], one, "nan")),
        (TypeError, "labels must be integers, not float64", lambda: gilkit.group_reduce([0.0, 1.0], one, "sum")),
        (TypeError, "labels must be integers, not <U1", lambda: gilkit.group_reduce(["a", "b"], one, "sum")),
        (TypeError, "values must be an array of", lambda: gilkit.group_reduce([0, 0], [1j, 2j], "sum")),
        (TypeError, "values must be an array of", lambda: gilkit.group_reduce([0, 0], np.float16(one), "sum")),
        (ValueError, r"labels must have the shape \(2,\), .*, not \(3,\)", lambda: gilkit.group_reduce([0] * 3, one, "sum")),
        (ValueError, r"labels must have the shape \(2,\), .*, not \(2, 1\)", lambda: gilkit.group_reduce([[0], [0]], one, "sum")),
        (ValueError, "with axis=None", lambda: gilkit.group_reduce([0, 0], [one], "sum", axis=None)),
        (np.exceptions.AxisError, "axis 1", lambda: gilkit.group_reduce([0, 0], one, "sum", axis=1)),
        (np.exceptions.AxisError, "axis -1", lambda: gilkit.group_reduce([0], 1.0, "sum")),
        (ValueError, "labels must be below num_groups, 2, not 5", lambda: gilkit.group_reduce([5, 0], one, "sum", num_groups=2)),
        (ValueError, "num_groups, 2, not 5", lambda: gilkit.group_reduce([0, 5], one, "median", num_groups=2)),
        (ValueError, "num_groups, 0, not 0", lambda: gilkit.group_reduce([0, 5], one, "count", num_groups=0)),
        (ValueError, "num_groups, 2, not 18446744073709551615", lambda: gilkit.group_reduce(np.uint64([0, 2**64 - 1]), one, "sum", num_groups=2)),
        (ValueError, "labels must be below .*, not 1152921504606846976", lambda: gilkit.group_reduce([2**60, 0], one, "sum")),
        (ValueError, "labels must be below .*, not 18446744073709551615", lambda: gilkit.group_reduce(np.uint64([0, 2**64 - 1]), one, "sum")),
        (ValueError, "num_groups", lambda: gilkit.group_reduce([0, 0], one, "sum", num_groups=-1)),
        (TypeError, "num_groups", lambda: gilkit.group_reduce([0, 0], one, "sum", num_groups=1.5)),
        (ValueError, "must have less than", lambda: gilkit.group_reduce([0], np.ones((1000, 1)), "sum", num_groups=2**30)),
        (ValueError, "q must be from 0 to 1, not 1.5", lambda: gilkit.group_reduce([0, 0], one, "quantile", q=1.5)),
        (ValueError, "q must be from 0 to 1, not nan", lambda: gilkit.group_reduce([0, 0], one, "quantile", q=np.nan)),
        (ValueError, "none of them belongs to group 1, and int64", lambda: gilkit.group_reduce([0, 2], [1, 2], "min")),
        (TypeError, "Cannot cast", lambda: gilkit.group_reduce([0, 2], [1, 2], "min", fill_value=0.5)),
        (ValueError, "threads must be from 1", lambda: gilkit.group_reduce([0, 0], one, "sum", threads=0)),
        (TypeError, "masked", lambda: gilkit.group_reduce([0, 0], np.ma.masked_array(one, [0, 1]), "sum")),
    ):  # fmt: skip
        with pytest.raises(error, match=message):
            call()


def test_other_arguments():
    assert gilkit.group_reduce([], [], "sum").shape == (0,)
    assert gilkit.group_reduce([], [], "min", num_groups=2).tolist() != []
    assert gilkit.group_reduce([-1, -5], [1, 2], "count").shape == (0,)
    assert gilkit.group_reduce([True, False], [1.0, 2.0], "sum").tolist() == [2, 1]
    assert gilkit.group_reduce([0, 1], [1.0, 2.0], "quantile", q=[[0, 1]]).shape == (1, 2, 2)
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"key": list("abca"), "x": [1.0, 2.0, 3.0, 4.0]})
    codes, keys = pandas.factorize(frame["key"])
    expected = frame.groupby("key")["x"].mean()
    np.testing.assert_array_equal(gilkit.group_reduce(codes, frame["x"], "nanmean"), expected[keys])


def test_same_bits_on_every_instruction_set(isa, rng):
    labels, values = rng.integers(-1, 50, 100_000), rng.standard_normal(100_000)
    values[::1000] = np.nan
    expected = {op: gilkit.group_reduce(labels, values, op, threads=1) for op in ("nansum", "max", "var", "count")}
    for op, result in expected.items():
        with gilkit.threads(3):
            assert gilkit.group_reduce(labels, values, op).tobytes() == result.tobytes()
    np.testing.assert_array_equal(expected["count"], np.bincount(labels[labels >= 0], minlength=50))


def test_a_timeout_ends_the_call(rng):
    labels, values = rng.integers(0, 1000, 3_000_000), rng.standard_normal(3_000_000)
    for op in ("sum", "count", "median"):
        with pytest.raises(TimeoutError), gilkit.timeout(1e-4):
            gilkit.group_reduce(labels, values, op)


def test_groups_of_no_values():
    """The number of groups was guessed, and no value showed that a label was larger."""
    labels = np.zeros(1 << 20, int)
    labels[12345] = 99
    for op in ("sum", "count", "var", "min", "median"):
        assert gilkit.group_reduce(labels, np.empty((0, labels.size)), op).shape == (0, 100)
        assert gilkit.group_reduce(labels, np.empty((labels.size, 0)), op, axis=0).shape == (100, 0)
