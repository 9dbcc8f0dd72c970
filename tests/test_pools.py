"""Other packages' calls on gilkit's threads: the examples of docs/pools.md, pandas' results, SciPy's solvers."""

import runpy
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gilkit

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def package(name, version="0"):
    return pytest.importorskip(name, version, reason=f"{name} is not installed, or is older than {version}")


@pytest.mark.filterwarnings("ignore")  # of the packages among themselves
@pytest.mark.parametrize(
    "packages", [["joblib", "sklearn"], ["pandas"], ["scipy"], ["dask"], ["xarray", "dask"]], ids=lambda names: names[0]
)
def test_example(packages):
    for name in packages:
        package(name, "3" if name == "pandas" else "0")
    before = gilkit.num_threads()
    runpy.run_path(str(EXAMPLES / f"with_{packages[0]}.py"), run_name="__main__")
    assert gilkit.num_threads() == before


# ---- pandas


@pytest.fixture(scope="module")
def pd():
    return package("pandas", "3")


def columns(pd):
    """Columns of many dtypes with three rows."""
    return [
        pd.Series([1, 2, 3]),
        pd.Series([1, 2, 3], dtype="int8"),
        pd.Series([1.5, np.nan, 3]),
        pd.Series([1, 2, 3], dtype="float32"),
        pd.Series([True, False, True]),
        pd.Series(["a", "b", None]),
        pd.Series(["a", "b", "a"], dtype="category"),
        pd.Series(["a", None, "a"], dtype="category"),
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series(pd.date_range("2020", periods=3)),
        pd.Series(pd.date_range("2020", periods=3, tz="UTC")),
        pd.Series(pd.to_timedelta([1, 2, 3], "s")),
        pd.Series([1, "x", None], dtype=object),
        pd.Series(pd.period_range("2020", periods=3, freq="D")),
        pd.Series(pd.arrays.SparseArray([0, 0, 1])),
    ]


FUNCTIONS = [
    lambda part: part,
    lambda part: part.name,
    lambda part: str(part.dtype),
    lambda part: part.iloc[0],
    lambda part: list(part)[:2],
    lambda part: tuple(part.index),
    lambda part: {"a": part.iloc[-1]},
    lambda part: part.iloc[:2],
    lambda part: part.astype(str),
    lambda part: part.isna().sum(),
    lambda part: None,
]


def outcome(call):
    try:
        return call()
    except Exception as error:
        return type(error), str(error)


def assert_same(pd, found, expected):
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected)
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(found, expected)
    else:
        assert found == expected


@given(st.data())
def test_apply_gives_what_pandas_gives(data):
    pd = package("pandas", "3")
    chosen = data.draw(st.lists(st.sampled_from(columns(pd)), min_size=1, max_size=4))
    frame = pd.concat(chosen, axis=1, keys=data.draw(st.sampled_from([list("abcd"), list("aabb")]))[: len(chosen)])
    # pandas itself handles frames without rows, and gives engine= another result for a function that raises.
    frame = frame.iloc[: data.draw(st.integers(1, 3))]
    frame.index = list("xyz")[: len(frame)]
    axis = data.draw(st.sampled_from([0, 1, "index", "columns"]))
    function = data.draw(st.sampled_from(FUNCTIONS))
    expected = outcome(lambda: frame.apply(function, axis=axis))
    found = outcome(lambda: frame.apply(function, axis=axis, engine=gilkit.pandas))
    assert_same(pd, found, expected)


@given(st.data())
def test_map_gives_what_pandas_gives(data):
    pd = package("pandas", "3")
    series = data.draw(st.sampled_from(columns(pd))).iloc[: data.draw(st.integers(0, 3))].rename("name")
    function = data.draw(
        st.sampled_from([str, lambda x: type(x).__name__, lambda x: x, lambda x: None, lambda x: 1 / len(x)])
    )
    na_action = data.draw(st.sampled_from([None, "ignore"]))
    expected = outcome(lambda: series.map(function, na_action=na_action))
    found = outcome(lambda: series.map(function, na_action=na_action, engine=gilkit.pandas))
    assert_same(pd, found, expected)


def test_arguments_of_apply(pd):
    frame = pd.DataFrame(np.arange(12.0).reshape(4, 3), columns=list("abc"))

    def weighted(part, factor, *, shift=0):
        return part.sum() * factor + shift

    for axis in (0, 1):
        for raw in (False, True):
            arguments = {"axis": axis, "raw": raw, "args": (2,), "shift": 1}
            found = frame.apply(weighted, engine=gilkit.pandas, **arguments)
            pd.testing.assert_series_equal(found, frame.apply(weighted, **arguments))
        for function in (lambda x: x * 2, lambda x: "x" * int(x[1]), lambda x: x[:1], lambda x: x.max()):
            found = outcome(lambda f=function, axis=axis: frame.apply(f, axis=axis, raw=True, engine=gilkit.pandas))
            assert_same(pd, found, outcome(lambda f=function, axis=axis: frame.apply(f, axis=axis, raw=True)))
        for name in ("sum", ["sum", "max"], {"a": "sum"} if axis == 0 else "mean", np.sqrt):
            found = frame.apply(name, axis=axis, engine=gilkit.pandas)
            assert_same(pd, found, frame.apply(name, axis=axis))
    with pytest.raises(TypeError, match="raw=True"):
        frame.apply("sum", raw=True, engine=gilkit.pandas)
    assert frame["a"].map(pow, engine=gilkit.pandas, exp=2).tolist() == [0, 9, 36, 81]


def test_pandas_runs_in_several_threads_and_ends(pd):
    import threading

    barrier = threading.Barrier(2)
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    with gilkit.threads(2):
        waited = frame.apply(lambda row: barrier.wait(60), axis=1, engine=gilkit.pandas)
        assert sorted(waited) == [0, 1]
        assert sorted(frame["a"].map(lambda x: barrier.wait(60), engine=gilkit.pandas)) == [0, 1]
    with gilkit.timeout(0.05), pytest.raises(TimeoutError):
        frame["a"].map(lambda x: gilkit.spin(10**15), engine=gilkit.pandas)
    with pytest.raises(ZeroDivisionError):
        frame.apply(lambda row: 1 // 0, axis=1, engine=gilkit.pandas)


# ---- SciPy


def norm(x):
    return float(np.sum((np.asarray(x) - 0.5) ** 2))


def test_scipys_workers():
    package("scipy")
    from scipy import integrate, optimize

    bounds = [(0, 1)] * 2
    calls = [
        lambda how: optimize.brute(norm, ((0, 1), (0, 1)), Ns=5, workers=how),
        lambda how: optimize.differential_evolution(norm, bounds, rng=1, updating="deferred", workers=how).x,
        lambda how: optimize.shgo(norm, bounds, workers=how).x,
        lambda how: integrate.quad_vec(lambda x: np.array([x, x * x]), 0, 1, workers=how)[0],
    ]
    for call in calls:
        for how in (gilkit.map, gilkit.imap):
            np.testing.assert_array_equal(call(how), call(1))
    with pytest.raises(ZeroDivisionError):
        optimize.brute(lambda x: 1 // 0, ((0, 1), (0, 1)), Ns=5, workers=gilkit.map)


# ---- Dask


def test_dasks_threads_are_the_executors():
    dask = package("dask")
    import threading

    with gilkit.Executor(2, "of gilkit") as executor, dask.config.set(pool=executor, scheduler="threads"):
        names = dask.compute(*(dask.delayed(lambda i: threading.current_thread().name)(i) for i in range(20)))
        assert all(name.startswith("of gilkit") for name in names)
        with pytest.raises(ZeroDivisionError):
            dask.compute(dask.delayed(lambda: 1 // 0)())
        assert dask.delayed(zlib.crc32)(b"x").compute() == zlib.crc32(b"x")
