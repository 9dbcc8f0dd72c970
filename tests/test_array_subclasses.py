"""Arguments other than plain arrays.

They are subclasses with wrong attributes, subclasses with their own semantics, objects with NumPy's protocols, and
NumPy itself with some functions replaced by gilkit's."""

import contextlib
import inspect
import itertools
import warnings

import numpy as np
import pytest
from names import POSITIONS, REDUCTIONS

import gilkit

NUMPYS = [*REDUCTIONS, *POSITIONS, "cumsum", "sort", "argsort", "histogram", "bincount", "dot"]
N = 400_000


# ---- Wrong attributes


class Anything:
    """Flags that are all true."""

    def __getattr__(self, name):
        return True

    def __getitem__(self, name):
        return True


LIES = {
    "shape": (N,), "size": N, "ndim": 1, "dtype": np.dtype("f8"), "flags": Anything(), "strides": (8,), "itemsize": 8,
    "nbytes": 8 * N, "base": None, "data": None, "ctypes": None, "T": None, "flat": None,
    "__array_interface__": {"shape": (N,), "typestr": "<f8", "data": (4096, False), "version": 3},
    "__array_struct__": None,
}  # fmt: skip
METHODS = ["transpose", "reshape", "view", "astype", "copy", "ravel", "swapaxes", "__getitem__", "__len__"]


def liar(array, *names):
    """Return a view of the array on which these attributes are wrong."""
    fields = {name: property(lambda self, name=name: LIES[name]) for name in names if name in LIES}
    for name in names:
        if name in METHODS:
            fields[name] = lambda self, *arguments, **keywords: np.zeros(N)
    fields["__array_finalize__"] = lambda self, other: None
    kind = type("Liar", (np.ndarray,), fields)
    return np.ndarray.view(array, kind)


CALLS = {
    "cumsum": lambda out: gilkit.cumsum(np.ones(N), out=out),
    "sort": lambda out: gilkit.sort(np.ones(N), out=out),
    "stable sort": lambda out: gilkit.sort(np.ones(N), out=out, stable=True),
    "uniform": lambda out: gilkit.uniform(N, seed=1, out=out),
    "normal": lambda out: gilkit.normal(size=N, seed=1, out=out),
    **{name: lambda out, name=name: getattr(gilkit, name)(np.ones((2, N)), axis=0, out=out) for name in REDUCTIONS},
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("lies", [*((lie,) for lie in [*LIES, *METHODS]), (*LIES, *METHODS)], ids=lambda lies: lies[0])
def test_out_of_a_subclass_uses_its_actual_memory(name, lies):
    room = np.zeros(2 * N)
    with pytest.raises(ValueError, match="out must have the shape"):
        CALLS[name](liar(room[:4], *lies))
    assert not room.any()
    small = room[: N // 8].view(np.int8)
    if name in ("uniform", "normal", "sort", "stable sort"):
        with pytest.raises(TypeError, match="out must have the dtype"):
            CALLS[name](liar(small, *lies))
    else:  # another dtype is left to NumPy, which casts or refuses
        with contextlib.suppress(TypeError):
            CALLS[name](liar(small, *lies))
    assert not room[N // 8 :].any()
    room[:] = 0
    fixed = bytes(8 * N)
    with pytest.raises(ValueError, match="read-only"):
        CALLS[name](liar(np.frombuffer(fixed), *lies))
    assert not any(fixed[:100])
    # An out with wrong attributes is filled and returned if its actual memory fits.
    out = liar(room[:N], *lies)
    assert CALLS[name](out) is out
    np.testing.assert_array_equal(room[:N], CALLS[name](None))
    assert not room[N:].any()


def test_jacobi_into_a_subclass():
    room = np.zeros(2 * N)
    grid = np.ones((500, 800))
    with pytest.raises(ValueError, match="out must have the shape"):
        gilkit.jacobi(grid, iterations=3, out=liar(room[:4].reshape(2, 2), *LIES, *METHODS))
    out = liar(room[:N].reshape(500, 800), *LIES, *METHODS)
    assert gilkit.jacobi(grid, iterations=3, out=out) is out
    np.testing.assert_array_equal(room[:N], 1)


def test_out_that_only_claims_to_be_an_array():
    class Says:
        __class__ = np.ndarray
        shape, dtype, flags = (N,), np.dtype("f8"), Anything()

    for call in CALLS.values():
        with pytest.raises(TypeError, match="out must be a NumPy array, not Says"):
            call(Says())


@pytest.mark.parametrize("lies", [(lie,) for lie in [*LIES, *METHODS]] + [(*LIES, *METHODS)], ids=lambda lies: lies[0])
def test_inputs_are_read_from_their_actual_memory(lies):
    few = np.arange(6.0)
    x = liar(few, *lies)
    assert gilkit.fsum(x) == 15
    index, distance = gilkit.nearest(liar(few.reshape(3, 2), *lies), liar(few.reshape(3, 2), *lies))
    assert index.tolist() == [0, 1, 2]
    assert not distance.any()
    assert len(gilkit.kmeans(liar(few.reshape(3, 2), *lies), 2, seed=1).labels) == 3
    np.testing.assert_array_equal(gilkit.jacobi(liar(few.reshape(3, 2), *lies), iterations=1), few.reshape(3, 2))
    assert gilkit.blocks.sum([x, x]) == 30
    assert gilkit.blocks.histogram([x, x], [0, 3, 6])[0].tolist() == [6, 6]
    centers = few.reshape(3, 2)
    assert gilkit.blocks.kmeans([liar(centers, *lies)], liar(centers, *lies)).inertia == 0


def test_centers_that_change_on_each_access():
    class Shrinking:
        rows = 6

        def __array__(self, dtype=None, copy=None):
            self.rows //= 2
            return np.arange(2.0 * self.rows).reshape(self.rows, 2)

        def __len__(self):
            return 1

    from gilkit.kernels.clustering import assign

    labels, _, sums, members = assign(np.arange(20.0).reshape(10, 2), Shrinking())
    assert len(sums) == len(members) == 3
    assert labels.max() == 2
    assert members.sum() == 10


# ---- Arguments whose conversion changes the shape of the array


class Reshapes:
    """A number that assigns to the shape of an array when it is converted."""

    def __init__(self, array, shape, number):
        self.array, self.shape, self.number = array, shape, number

    def convert(self):
        self.array.shape = self.shape
        return self.number

    __index__ = convert

    def __bool__(self):
        return bool(self.convert())

    def __array__(self, dtype=None, copy=None):
        return np.array(self.convert(), dtype)


RESHAPED = {
    **{(name, "axis"): {} for name in [*REDUCTIONS, *POSITIONS, "median", "cumsum", "cumprod", "cummax", "cummin", "sort", "argsort"]},
    ("sort", "descending"): {}, ("argsort", "descending"): {},
    ("topk", "k"): {}, ("topk", "axis"): {"k": 1},
    ("partition", "kth"): {}, ("partition", "axis"): {"kth": 1}, ("argpartition", "axis"): {"kth": 1},
    ("move_sum", "window"): {}, ("move_var", "min_count"): {"window": 1}, ("move_median", "axis"): {"window": 2},
    ("jacobi", "iterations"): {}, ("jacobi", "threads"): {}, ("nearest", "threads"): {"centers": [[0.0, 1.0]]},
    ("kmeans", "threads"): {"k": 2, "seed": 1, "iterations": 2}, ("fsum", "threads"): {},
    **{(name, "threads"): {} for name in ("sum", "cumsum", "sort", "argsort")},
}  # fmt: skip


def same_results(ours, theirs):
    if isinstance(ours, tuple):
        return all(map(same_results, ours, theirs))
    return np.array_equal(ours, theirs, equal_nan=np.result_type(ours, theirs).kind == "f")


@pytest.mark.parametrize(("name", "argument"), RESHAPED, ids=[" ".join(each) for each in RESHAPED])
def test_arguments_that_change_the_shape_of_the_array(name, argument):
    """An __index__ may do so: the kernels then read and wrote outside of the array."""
    function, others = getattr(gilkit, name), RESHAPED[name, argument]
    numbers = np.arange(160_000.0) % 5
    shapes = [(80_000, 2), (160_000,)] if name in ("nearest", "kmeans") else [(400, 400), (160_000,), (40, 40, 10, 10)]
    for before, after, number in itertools.product(shapes, shapes, (0, 1, -1)):
        a = numbers.reshape(before).copy()
        with warnings.catch_warnings(), contextlib.suppress(ValueError, TypeError, IndexError):
            warnings.simplefilter("ignore")
            got = function(a, **{**others, argument: Reshapes(a, after, number)})
            # The shape may be read before the argument is converted, or after it.
            expected = []
            for shape in (before, after):
                with contextlib.suppress(ValueError, TypeError, IndexError):
                    plain = number if argument != "threads" else 1
                    expected.append(function(numbers.reshape(shape), **{**others, argument: plain}))
            if name != "median":  # NumPy converts such an axis several times
                assert any(same_results(got, each) for each in expected)


def test_an_argument_that_changes_the_shape_of_other_arrays():
    a, labels = np.ones((80_000, 2)), np.arange(2)
    for argument, number in (("num_groups", 5), ("ddof", 0), ("axis", 1), ("threads", 1)):
        a.shape = (80_000, 2)
        keywords = {argument: Reshapes(a, (2, 80_000), number)}
        with contextlib.suppress(TypeError, ValueError):  # if the shape changes before it is read
            assert gilkit.group_reduce(labels, a, "var", **keywords).shape[0] == 80_000
    x = np.ones(160_000)
    assert gilkit.dot(x, x, threads=Reshapes(x, (1, 160_000), 1)) == 160_000
    a.shape = (80_000, 2)
    assert gilkit.compress(np.ones(80_000), a, 0, threads=Reshapes(a, (2, 80_000), 1)).shape == (80_000, 2)
    out = np.zeros(160_000)
    gilkit.cumsum(np.ones(160_000), out=out, threads=Reshapes(out, (1, 160_000), 1))
    assert out.ravel()[-1] == 160_000


# ---- Subclasses


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_matrix():
    a = np.random.default_rng(1).random((30, 40))
    m = a.view(np.matrix)
    for name in REDUCTIONS:
        for axis in (None, 0, 1):
            got, expected = getattr(gilkit, name)(m, axis=axis), getattr(np, name)(m, axis=axis)
            assert type(got) is type(expected)
            np.testing.assert_array_equal(got, expected)
        out = np.matrix(np.empty((1, 40)))
        assert getattr(gilkit, name)(a, axis=0, keepdims=True, out=out) is out
        np.testing.assert_array_equal(np.asarray(out), getattr(gilkit, name)(a, axis=0, keepdims=True))
    for call in (lambda out: gilkit.cumsum(a, axis=1, out=out), lambda out: gilkit.sort(a, out=out),
                 lambda out: gilkit.jacobi(a, iterations=2, out=out), lambda out: gilkit.uniform(a.shape, seed=1, out=out)):  # fmt: skip
        out = np.matrix(np.empty(a.shape))
        assert call(out) is out
        np.testing.assert_array_equal(np.asarray(out), call(None))
    for got, expected in ((gilkit.sort(m, 0), np.sort(m, 0)), (gilkit.argsort(m, 0), np.argsort(m, 0)),
                          (gilkit.cumsum(m, 0), np.cumsum(m, 0)), (gilkit.dot(m, m.T), np.dot(m, m.T))):  # fmt: skip
        assert type(got) is type(expected) is np.matrix
        np.testing.assert_array_equal(got, expected)
    assert gilkit.fsum(m) == gilkit.fsum(a)
    np.testing.assert_array_equal(gilkit.jacobi(m, iterations=1), gilkit.jacobi(a, iterations=1))


@pytest.mark.parametrize("name", ["nanmedian", "nanquantile", "nanpercentile"])
@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore::PendingDeprecationWarning")
def test_empty_matrix_without_nans(name):
    for axis in (None, 0):
        arguments = (np.matrix(np.empty((0, 3))), 0.5)[: 1 if name == "nanmedian" else 2]
        result, expected = getattr(gilkit, name)(*arguments, axis=axis), getattr(np, name)(*arguments, axis=axis)
        np.testing.assert_array_equal(result, expected, strict=True)


def test_masked_arrays():
    a = np.ma.masked_array([[3.0, 1.0, 5.0], [2.0, 9.0, 4.0]], [[False, True, False], [False, False, False]])
    for name in (*REDUCTIONS, *POSITIONS, "cumsum", "sort", "argsort"):
        for axis in (0, 1, None):
            got, expected = getattr(gilkit, name)(a, axis), getattr(np, name)(a, axis)
            assert type(got) is type(expected)
            np.testing.assert_array_equal(np.ma.filled(got, -1), np.ma.filled(expected, -1))
    for call in (gilkit.fsum, lambda x: gilkit.nearest(x, [[0, 0, 0]]), lambda x: gilkit.nearest([[0, 0, 0]], x),
                 lambda x: gilkit.kmeans(x, 1, seed=1), lambda x: gilkit.jacobi(x, iterations=1),
                 lambda x: gilkit.blocks.sum([x]), lambda x: gilkit.blocks.histogram([x]),
                 lambda x: gilkit.blocks.histogram([x], [0, 5]), lambda x: gilkit.blocks.kmeans([x], [[0, 0, 0]])):  # fmt: skip
        with pytest.raises(TypeError, match=r"masked array, whose mask gilkit would ignore; pass .*\.filled\(\.\.\.\)"):
            call(a)
        call(np.ma.masked_array(a.data, False))  # nothing is masked
        call(np.ma.masked_array(a.data))
    out = np.ma.masked_array(np.zeros(3))
    assert gilkit.sum(a, axis=0, out=out) is out
    assert out.tolist() == np.sum(a, axis=0).tolist()


class Metres(np.ndarray):
    """Numbers with a unit, as in astropy or unyt."""

    def __array_function__(self, function, types, arguments, keywords):
        def bare(x):
            return x.view(np.ndarray) if isinstance(x, Metres) else x

        result = function(*map(bare, arguments), **{name: bare(x) for name, x in keywords.items()})
        return function.__name__, result


def test_subclasses_with_a_unit():
    a = np.array([3, 1, 2])
    lengths = a.view(Metres)
    for name in NUMPYS:
        arguments = (lengths, lengths) if name == "dot" else (lengths,)
        said, result = getattr(gilkit, name)(*arguments)
        assert said == name
        expected = getattr(np, name)(*[a] * len(arguments))
        np.testing.assert_array_equal(
            result[0] if name == "histogram" else result, expected[0] if name == "histogram" else expected
        )
    for function in (gilkit.fsum, lambda x: gilkit.jacobi(x, iterations=1), lambda x: gilkit.nearest(x, x)):
        with pytest.raises(
            TypeError, match=r"Metres, of which gilkit would take the bare numbers; pass numpy\.asarray"
        ):
            function(lengths)


def test_memory_mapped_arrays_are_computed_here(tmp_path):
    mapped = np.memmap(tmp_path / "a", "f8", "w+", shape=(100, 3))
    mapped[:] = np.random.default_rng(2).random((100, 3))
    for name in (*REDUCTIONS, *POSITIONS, "cumsum", "sort", "argsort"):
        np.testing.assert_array_equal(
            getattr(gilkit, name)(mapped, axis=0), getattr(gilkit, name)(np.array(mapped), axis=0)
        )
    out = np.memmap(tmp_path / "b", "f8", "w+", shape=(3,))
    assert gilkit.sum(mapped, axis=0, out=out) is out


# ---- NumPy's protocols


class Own:
    """Record the call and return its description."""

    def __array__(self, dtype=None, copy=None):
        return np.array([1.0, 2.0])

    def __array_function__(self, function, types, arguments, keywords):
        return function, set(types), arguments, keywords


@pytest.mark.parametrize("name", [name for name in gilkit._LAZY if callable(getattr(np, name, None))])
def test_array_function_sees_no_defaults(name):
    """Arguments that the caller has not given are not passed on, and the function is the one that was called."""
    try:
        parameters = inspect.signature(getattr(np, name)).parameters.values()
    except ValueError:
        pytest.skip("this version of NumPy does not expose the function's signature")
    required = [each for each in parameters if each.default is each.empty and each.kind != each.KEYWORD_ONLY]
    for place in range(len(required)):
        arguments = [[1, 2]] * len(required)
        arguments[place] = own = Own()
        expected = (getattr(np, name), {Own}, tuple(arguments), {})
        try:
            dispatched = getattr(np, name)(*arguments) == expected
        except TypeError:  # not the argument that NumPy dispatches on, such as kth
            continue
        if isinstance(dispatched, bool) and dispatched:
            assert getattr(gilkit, name)(*arguments) == expected
    if name in ("quantile", "percentile", "nanquantile"):
        assert getattr(gilkit, name)(own, 0.5, method="lower") == (
            getattr(np, name), {Own}, (own, 0.5), {"method": "lower"}
        )  # fmt: skip


@pytest.mark.parametrize("name", NUMPYS)
def test_array_function(name):
    own, function, numpys = Own(), getattr(gilkit, name), getattr(np, name)
    arguments = (own, own) if name == "dot" else (own,)
    assert function(*arguments) == numpys(*arguments) == (numpys, {Own}, arguments, {})
    if name in REDUCTIONS:
        for keywords in ({"axis": 0}, {"axis": (0, 1), "keepdims": True}, {"out": own}, {"keepdims": True}):
            assert function(own, **keywords) == numpys(own, **keywords) == (numpys, {Own}, (own,), keywords)
        assert function([1], out=own) == numpys([1], out=own)
        assert function(np.ones(3), 0, out=own)[:2] == (numpys, {Own, np.ndarray})
    if name in ("var", "std"):
        assert function(own, ddof=1) == numpys(own, ddof=1)
        assert function(own, ddof=0.5) == numpys(own, ddof=0.5)
    if name == "cumsum":
        assert function(own, axis=1, out=own) == numpys(own, axis=1, out=own)
        assert function(np.ones(3), out=own)[:2] == (numpys, {Own, np.ndarray})
    if name in ("sort", "argsort"):
        for keywords in ({"axis": None}, {"kind": "stable", "axis": 0}, {"order": "x"}):
            assert function(own, **keywords) == numpys(own, **keywords)
    if name == "histogram":
        for keywords in ({"bins": own}, {"weights": own}, {"bins": 3, "range": (0, 1), "density": True}):
            assert function(own, **keywords) == numpys(own, **keywords)
        assert function([1.0], own)[0] is function([1.0], weights=own)[0] is numpys
    if name == "bincount":
        assert function(own, weights=[1], minlength=3) == numpys(own, weights=[1], minlength=3)
        assert function([1], own)[0] is numpys
    if name == "dot":
        assert function(own, [1.0])[0] is function([1.0], own)[0] is numpys
    with pytest.raises(ValueError, match="threads"):
        function(*arguments, threads=0)


def test_functions_that_numpy_lacks_convert_the_object():
    assert gilkit.fsum(Own()) == 3
    assert gilkit.nearest([[1.0, 2.0]], np.asarray([Own().__array__()]))[0].tolist() == [0]


def test_methods_like_those_of_pandas():
    class Series:
        """A container whose own methods skip NaN, as in pandas."""

        def __init__(self, values):
            self.values = np.array(values)

        def __array__(self, dtype=None, copy=None):
            return self.values

        def answer(self, axis=None, dtype=None, out=None, **keywords):
            return "own", axis, keywords

        sum = prod = mean = var = std = min = max = argmin = argmax = any = all = cumsum = argsort = answer

    series = Series([1.0, np.nan, 2.0])
    for name in (*REDUCTIONS, *POSITIONS, "cumsum"):
        for keywords in ({}, {"axis": 0}):
            assert getattr(gilkit, name)(series, **keywords) == getattr(np, name)(series, **keywords)
    for function in (gilkit.sort, gilkit.fsum):  # NumPy's function does not look for a method
        assert type(function(series)) in (np.ndarray, float)


def test_pandas_skips_nan():
    pandas = pytest.importorskip("pandas")
    values = [1.0, np.nan, 2.0]
    for thing in (pandas.Series(values), pandas.DataFrame({"a": values, "b": [3.0, 4.0, np.nan]})):
        for name in (*REDUCTIONS, *POSITIONS, "cumsum"):
            for keywords in ({}, {"axis": 0}):
                got, expected = getattr(gilkit, name)(thing, **keywords), getattr(np, name)(thing, **keywords)
                assert type(got) is type(expected)
                np.testing.assert_array_equal(np.asarray(got), np.asarray(expected))
    series = pandas.Series([3, 1, 2], index=list("xyz"))
    np.testing.assert_array_equal(gilkit.argsort(series), np.argsort(series))
    np.testing.assert_array_equal(gilkit.bincount(series), np.bincount(series))


# ---- NumPy with functions replaced by gilkit's

PATCHED = """
    import sys, warnings
    import numpy as np, gilkit

    names = [name for name in gilkit.__all__ if callable(getattr(np, name, None)) and name not in ("info", "get_include")]
    assert {"sum", "mean", "var", "std", "min", "max", "cumsum", "dot", "sort", "argsort", "histogram", "bincount"} <= set(names)
    numpys = {name: getattr(np, name) for name in names}
    days = np.array(["2024-01-01", "2024-01-04", "2024-01-02"], "M8[D]")
    edges = np.array(["2024-01-01", "2024-01-03", "2024-01-05"], "M8[D]")
    x = np.arange(12.0) % 5
    matrix, masked = np.matrix(x.reshape(3, 4)), np.ma.masked_greater(x, 3)
    objects = np.array([3, 1, 2], object)

    class Mine(np.ndarray):
        def sum(self, *arguments, **keywords):
            return np.sum(self.view(np.ndarray), *arguments)

        def __array_function__(self, function, types, arguments, keywords):
            return super().__array_function__(function, types, arguments, keywords)

    mine = x.view(Mine)
    CALLS = {
        "dates": lambda: gilkit.histogram(days, bins=edges),
        "complex weights": lambda: gilkit.histogram(x, 2, weights=1j * x),
        "complex weights between edges": lambda: gilkit.histogram(x, [0, 1, 5], weights=1j * x),
        "object weights": lambda: gilkit.histogram(x[:3], [0, 1, 5], weights=objects),
        "objects": lambda: gilkit.histogram(objects, [0, 2, 5]),
        "named": lambda: [gilkit.histogram(x, name) for name in ("auto", "stone", "doane", "scott", "fd", "sqrt")],
        "narrow": lambda: gilkit.histogram(1e16 + x, 10),
        "empty": lambda: [gilkit.bincount([]), gilkit.histogram([])],
        "bool": lambda: gilkit.bincount(np.array([True, False])),
        "histogramdd": lambda: np.histogramdd(x.reshape(6, 2), bins=2),
        "weighted histogramdd": lambda: np.histogramdd(x.reshape(6, 2), bins=2, weights=list(range(6))),
        "bad weights": lambda: gilkit.bincount([1, 1], [0.5, 1.5, 2.0]),
        "bad sorts": lambda: gilkit.sort(x, kind="bogus"),
        "sorts": lambda: [gilkit.sort(x, kind="s"), gilkit.argsort(x, kind="q"), gilkit.sort(x, stable=True)],
        "structured": lambda: gilkit.sort(np.zeros(3, "i4, f8"), order="f1"),
        "not finite": lambda: [gilkit.sum([np.inf, -np.inf]), gilkit.dot(x * 1e308, x * 1e308), gilkit.var(x * np.inf)],
        "nothing": lambda: [gilkit.sum([]), gilkit.mean([]), gilkit.dot([], []), gilkit.sort([]), gilkit.cumsum([])],
        "bad axes": lambda: gilkit.max(x, axis=3),
        "kmeans": lambda: gilkit.kmeans(x.reshape(6, 2), 3, seed=1),
        "blocks": lambda: [gilkit.blocks.histogram([x, x]), gilkit.blocks.kmeans([x.reshape(6, 2)], x.reshape(6, 2)[:3]),
                           gilkit.blocks.sum([x])],
        "random numbers": lambda: [gilkit.uniform(5, seed=1), gilkit.normal([0, 1], seed=1), gilkit.permutation(x, seed=1),
                                   gilkit.integers([3, 4], seed=1), gilkit.choice(x, 3, p=np.full(12, 1 / 12), seed=1)],
        **{f"{name} of {what.__class__.__name__}": (lambda name=name, what=what: getattr(gilkit, name)(what))
           for name in ("sum", "mean", "var", "std", "min", "max", "cumsum", "sort", "argsort", "histogram")
           for what in (matrix, masked, mine)},
    }

    def result(call):
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return call()
            except RecursionError:
                raise
            except Exception as error:
                return type(error)

    before = {name: repr(result(call)) for name, call in CALLS.items()}
    for limit in (1000, 100_000):
        for name in names:
            setattr(np, name, getattr(gilkit, name))
        sys.setrecursionlimit(limit)
        after = {name: result(call) for name, call in CALLS.items()}
        for name in names:
            setattr(np, name, numpys[name])
        for name in CALLS:
            assert repr(after[name]) == before[name], (name, before[name], after[name])
    print(len(CALLS))
"""


def test_numpy_patched_by_hand(run_python):
    """Replace all functions at once; those that gilkit forwards to NumPy must not come back to gilkit."""
    assert int(run_python(PATCHED)) > 50


def test_patch_numpy_after_patching_by_hand(run_python):
    """gilkit.ufunc has the name of NumPy's class: patch_numpy() failed once numpy.ufunc was gilkit's."""
    program = """
        import numpy as np, gilkit

        x = np.random.default_rng(1).random((2000, 100))
        calls = [lambda: np.sin(x), lambda: x.sum(0), lambda: np.add.accumulate(x, 1), lambda: x[x > 0.5],
                 lambda: np.sort(x, 0), lambda: x.ravel().argmax(), lambda: np.linalg.inv(x[:, :9].reshape(-1, 3, 3))]
        before = [call() for call in calls]
        for name in gilkit.__all__:
            if callable(getattr(np, name, None)) and name not in ("info", "get_include"):
                setattr(np, name, getattr(gilkit, name))
        with gilkit.patch_numpy(min_size=16):
            gilkit.patching.collect_statistics()
            for call, expected in zip(calls, before):
                assert np.array_equal(call(), expected)
            print(gilkit.patching.statistics()["sin"].calls)
    """
    assert int(run_python(program)) == 1


def test_a_subclass_causes_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gilkit.sum(np.ones(3).view(Metres))
