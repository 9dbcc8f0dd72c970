"""Comparing the results of strategies: floats with a tolerance, everything else exactly."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import fractions
import math
import os
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilkit.lab.worker.gilkit_tasks import agreement

EPS = 2.0**-52


class Plain:
    def __init__(self, value):
        self.value = value


@dataclasses.dataclass
class Record:
    name: str
    values: list[float]


Point = collections.namedtuple("Point", "x y")


def agree(mine, base):
    return agreement.compare(mine, base)["same"]


def where(mine, base):
    found = agreement.compare(mine, base)
    assert not found["same"]
    return found["where"]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x: x,
        lambda x: [0, x],
        lambda x: (x,),
        lambda x: {"key": [x]},
        lambda x: {x},
        lambda x: Plain(x),
        lambda x: Record("a", [x]),
        lambda x: Point(1, x),
        lambda x: collections.deque([x]),
        lambda x: collections.OrderedDict(a=x),
        lambda x: collections.defaultdict(list, a=[x]),
        lambda x: complex(1.0, x),
        lambda x: np.float64(x),
        lambda x: np.array([[1.0, x]]),
        lambda x: np.array([1.0, [x]], dtype=object),
        lambda x: np.array([(1, x)], dtype=[("n", int), ("x", float)]),
        lambda x: np.ma.masked_array([x, 5.0], mask=[False, True]),
        lambda x: np.longdouble(x),
    ],
)
def test_floats_need_only_be_close(wrap):
    assert agreement.compare(wrap(1.0), wrap(1.0)) == {"same": True, "deviation": 0.0, "where": ""}
    close = agreement.compare(wrap(1.0 + 4 * EPS), wrap(1.0))
    assert close["same"]
    assert 0 < close["deviation"] <= 1e-15
    assert agree(wrap(1.0 + 0.9e-9), wrap(1.0))
    assert where(wrap(1.0 + 1.2e-8), wrap(1.0)).startswith("results")


@pytest.mark.parametrize(("dtype", "close", "far"), [("f2", 9e-3, 3e-2), ("f4", 9e-5, 3e-4), ("c8", 9e-5, 3e-4)])
def test_narrow_floats_have_their_own_tolerance(dtype, close, far):
    for make in (lambda x: np.array([x, 1], dtype), lambda x: np.dtype(dtype).type(x)):
        assert agree(make(1 + close), make(1))
        assert not agree(make(1 + far), make(1))


def test_numbers_that_cancel():
    """Next to a large number, the error of a number that cancels to almost 0 is not measured by its own size."""
    assert agree([1.0, 1e-13], [1.0, 3e-13])
    assert agree(np.array([1.0, 1e-13]), np.array([1.0, 3e-13]))
    assert not agree([1.0, 1e-11], [1.0, 3e-11])
    assert not agree(np.array([1.0, 1e-11]), np.array([1.0, 3e-11]))
    assert not agree({"sum": 1e9, "p": 0.03}, {"sum": 1e9, "p": 0.0300001})  # values of a dict are not alike
    assert not agree([1e-13], [3e-13])
    assert not agree([math.inf, 1e-5], [math.inf, 2e-5])


NAN = math.nan


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ([NAN], [NAN], True),
        ([NAN], [1.0], False),
        ([math.inf], [math.inf], True),
        ([math.inf], [-math.inf], False),
        ([math.inf], [1e308], False),
        ([0.0], [-0.0], True),
        (np.array([NAN, math.inf, 1.0]), np.array([NAN, math.inf, 1.0]), True),
        (np.array([NAN, 1.0]), np.array([1.0, NAN]), False),
        (np.array([math.inf]), np.array([1e308]), False),
        (np.array(["NaT", "2020-01-01"], "M8[D]"), np.array(["NaT", "2020-01-01"], "M8[D]"), True),
        (np.array(["2020-01-02"], "M8[D]"), np.array(["2020-01-01"], "M8[D]"), False),
        ([1], [1.0], False),
        ([1], (1,), False),
        ([1, 2], [1], False),
        ([True], [1], False),
        ([10**30], [10**30 + 1], False),
        (["a"], ["a"], True),
        (["a"], ["b"], False),
        ([b"a"], [b"a"], True),
        ([None], [None], True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"b": 1}, False),
        ({"a": 1}, {"a": 1, "b": 1}, False),
        ({1, 2}, {2, 1}, True),
        ({1, 2}, {1, 3}, False),
        ({1, "a"}, {1, "b"}, False),
        ([np.int64(3)], [np.int64(3)], True),
        ([np.int64(3)], [np.int64(4)], False),
        (np.arange(3), np.arange(3), True),
        (np.arange(3), np.arange(3.0), False),
        (np.arange(3), np.arange(4), False),
        (np.arange(3), [0, 1, 2], False),
        (np.zeros((2, 3)), np.zeros((3, 2)), False),
        (np.array(5), np.array(6), False),
        (np.array([]), np.array([]), True),
        (np.ma.masked_array([1.0, 2.0], mask=[0, 1]), np.ma.masked_array([1.0, 9.0], mask=[0, 1]), True),
        (np.ma.masked_array([1.0, 2.0], mask=[0, 1]), np.ma.masked_array([1.0, 2.0], mask=[1, 0]), False),
        (decimal.Decimal("1.1"), decimal.Decimal("1.1"), True),
        (decimal.Decimal("1.1"), decimal.Decimal("1.2"), False),
        (fractions.Fraction(1, 3), fractions.Fraction(2, 3), False),
        (datetime.date(2020, 1, 1), datetime.date(2020, 1, 2), False),
        (Plain([1]), Plain([1]), True),
        (Plain([1]), Plain([2]), False),
        (Plain([1]), Record("a", [1]), False),
        ([len, Plain, os], [len, Plain, os], True),
        ([len], [max], False),
    ],
)
def test_what_agrees(one, other, same):
    assert agree(one, other) is same
    assert agree(other, one) is same


def test_the_first_difference_is_named():
    assert where([1, [2, 3]], [1, [2, 4]]) == "results[1][1] is 3 instead of 4"
    assert where({"a": 1}, {"a": 1.0}) == "results['a'] is int instead of float"
    assert where([np.array([[0.0, 1.5]])], [np.array([[0.0, 2.5]])]) == "results[0][0, 1] is 1.5 instead of 2.5"
    assert (
        where(np.arange(2, dtype="i8"), np.arange(3, dtype="i8"))
        == "results is an array of int64[2] instead of int64[3]"
    )
    assert where([1], [1, 2]) == "results has 1 items instead of 2"
    assert len(where(["x" * 999], ["y" * 999])) < 200


def test_results_that_hold_themselves():
    one, other = [1.0], [1.0 + EPS]
    one.append(one)
    other.append(other)
    assert agree(one, other)
    other.append(2)
    assert not agree(one, other)


def test_tables_of_pandas():
    pandas = pytest.importorskip("pandas")

    def table(x):
        return pandas.DataFrame({"a": [x, 2.0], "b": ["u", "v"]})

    assert agree(table(1.0), table(1.0))
    assert agree(table(1.0 + EPS), table(1.0))
    assert not agree(table(1.1), table(1.0))


@given(
    st.recursive(
        st.integers() | st.floats() | st.text() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_copy_agrees(value):
    assert agree(pickle.loads(pickle.dumps(value)), value)


def test_results_in_a_file(tmp_path, monkeypatch):
    path = str(tmp_path / "results")
    assert agreement.with_kept(path, "d", [1.0]) is None  # the plain loop failed
    agreement.keep(path, "d", [1.0])
    assert agreement.with_kept(path, "d", "not looked at")["same"]
    assert agreement.with_kept(path, "other", [1.0 + EPS])["same"]
    assert not agreement.with_kept(path, None, [2.0])["same"]
    assert os.listdir(tmp_path) == ["results"]
    other = str(tmp_path / "other")
    agreement.keep(other, "d", lambda: 1)
    monkeypatch.setattr(agreement, "LARGEST_FILE", 1000)
    agreement.keep(other, "d", bytes(2000))
    assert os.listdir(tmp_path) == ["results"]


def test_values_without_a_repr():
    class Odd:
        def __repr__(self):
            raise ValueError

    assert agreement.shown(Odd()) == "a Odd whose repr raises ValueError"
    assert agreement.shown("a\nb") == "'a\\nb'"
