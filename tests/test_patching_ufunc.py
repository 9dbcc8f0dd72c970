"""gilkit.ufunc(): one function divided, without a patch."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from outcomes_of_calls import outcome

import gilkit

pytestmark = [
    pytest.mark.thread_unsafe(reason="patches NumPy for the whole process"),
    pytest.mark.usefixtures("unpatched"),
]


def test_ufunc_of_numpy():
    sin, add = gilkit.ufunc(np.sin), gilkit.ufunc(np.add)
    a = np.linspace(-9, 9, 300_001)
    assert not gilkit.numpy_is_patched()
    assert outcome(lambda: sin(a)) == outcome(lambda: np.sin(a))
    out = np.empty_like(a)
    assert sin(a, out=out) is out and np.array_equal(out, np.sin(a))
    assert outcome(lambda: add(a, a[::-1], dtype="f4", casting="unsafe")) == outcome(
        lambda: np.add(a, a[::-1], dtype="f4", casting="unsafe")
    )
    assert outcome(lambda: add(a, 1, where=a > 0, out=np.zeros_like(a))) == outcome(
        lambda: np.add(a, 1, where=a > 0, out=np.zeros_like(a))
    )
    assert add.reduce(a) == np.add.reduce(a)
    assert np.array_equal(add.accumulate(a), np.add.accumulate(a))
    assert np.array_equal(add.outer(a[:9], a[:9]), np.add.outer(a[:9], a[:9]))
    assert np.array_equal(add.reduceat(a, [0, 5]), np.add.reduceat(a, [0, 5]))
    b = np.zeros(5)
    add.at(b, [1, 1], 2)
    assert b[1] == 4
    assert (add.nin, add.nout, add.nargs, add.identity) == (2, 1, 3, 0) and add.types == np.add.types
    assert add.__name__ == "add" and add.__doc__ == np.add.__doc__ and repr(add) == "<gilkit.ufunc('add')>"
    with pytest.raises(AttributeError):
        add.unknown  # noqa: B018


def test_ufunc_warns_at_the_callers_line():
    divide, add = gilkit.ufunc(np.divide), gilkit.ufunc(np.add)
    a = np.ones(300_000)
    with pytest.warns(RuntimeWarning, match="divide by zero encountered in divide") as caught:
        divide(a, 0)
    with pytest.warns(RuntimeWarning, match="overflow encountered in reduce") as of_reduce:
        add.reduce(np.full((1000, 500), 1e308), axis=0)
    assert [each.filename for each in (*caught, *of_reduce)] == [__file__, __file__]
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        divide(a, 0)


def test_ufunc_is_divided():
    """Nothing but the number of workers shows that the call was divided."""
    exp = gilkit.ufunc(np.exp)
    with gilkit.threads(3):
        for _ in range(3):
            exp(np.ones(1_000_000))
    assert gilkit.info()["workers"] >= 1


def test_ufunc_pickles_and_copies():
    sin = gilkit.ufunc(np.sin)
    for other in (pickle.loads(pickle.dumps(sin)), copy.copy(sin), copy.deepcopy(sin)):
        assert type(other) is gilkit.ufunc and other(0.5) == np.sin(0.5) and other.__name__ == "sin"


@pytest.mark.parametrize("function", [len, lambda x: x, np.sum, 3, None, np.vectorize(lambda x: x)])
def test_ufunc_refuses_other_callables(function):
    with pytest.raises(TypeError, match=r"gilkit.ufunc needs a numpy.ufunc, not \w+; for a Python function"):
        gilkit.ufunc(function)


def test_ufunc_whose_init_was_not_called():
    class Forgetful(gilkit.ufunc):
        def __init__(self):
            pass

    for sin in (gilkit.ufunc.__new__(gilkit.ufunc), Forgetful()):
        for call in (sin, sin.reduce):
            with pytest.raises(TypeError, match="has not been called"):
                call(np.ones(300_000))


def test_ufunc_refuses_frompyfunc():
    with pytest.raises(TypeError, match="computes Python objects, which need the GIL: use gilkit.map"):
        gilkit.ufunc(np.frompyfunc(lambda x: x + 1, 1, 1))


def test_ufunc_of_scipy():
    special = pytest.importorskip("scipy.special")
    a, b = np.random.default_rng(1).uniform(-3, 30, (2, 200_000))
    for name in ("gamma", "erf", "j0", "jv", "betainc", "xlogy", "expit", "ellipj"):
        function = getattr(special, name)
        operands = [a, b, abs(a) / 31][: function.nin] if name != "ellipj" else [a, abs(b) / 31]
        divided = gilkit.ufunc(function)
        with np.errstate(all="warn"), gilkit.threads(3):
            assert outcome(lambda: divided(*operands)) == outcome(lambda: function(*operands)), name


def test_errors_of_scipy_special():
    """scipy.special reports errors by Python's warnings and exceptions, from inside the loop."""
    special = pytest.importorskip("scipy.special")
    a = np.linspace(-5, 5, 100_001)  # poles at the negative integers
    function, divided = special.loggamma, gilkit.ufunc(special.loggamma)
    for kind in ("raise", "warn", "ignore"):
        with special.errstate(all=kind), gilkit.threads(3):
            for _ in range(5):
                expected, found = outcome(lambda: function(a)), outcome(lambda: divided(a))
                assert found[0] == expected[0], kind
                assert {each[:2] for each in found[1]} == {each[:2] for each in expected[1]}, kind


def test_ufunc_of_numba():
    numba = pytest.importorskip("numba")

    @numba.vectorize(["float64(float64, float64)", "float32(float32, float32)"])
    def length(x, y):
        return (x * x + y * y) ** 0.5

    a, b = np.random.default_rng(1).standard_normal((2, 200_000))
    divided = gilkit.ufunc(length)
    with gilkit.threads(3):
        for x, y in ((a, b), (a.astype("f4"), b.astype("f4")), (a[::2], 3.0)):
            assert outcome(lambda: divided(x, y)) == outcome(lambda: length(x, y))

    @numba.vectorize(["float64(float64)"])
    def refuses(x):
        if x > 2.9:
            raise ValueError("too large")
        return x

    divided = gilkit.ufunc(refuses)
    for _ in range(5):
        with gilkit.threads(3), pytest.raises(ValueError, match="too large"):
            divided(np.linspace(0, 3, 200_000))


def test_ufunc_of_numba_that_compiles_when_called():
    numba = pytest.importorskip("numba")

    @numba.vectorize
    def double(x):
        return x * 2

    a = np.linspace(0, 1, 100_000)
    assert np.array_equal(gilkit.ufunc(double)(a), a * 2)
