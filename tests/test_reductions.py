"""sum, prod, mean, var, std, min and max, also without NaNs: NumPy's values, dtypes, shapes, warnings and errors."""

import inspect
import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from instruction_sets import AVAILABLE
from names import REDUCTIONS

import gilkit
from gilkit.reference import reductions as reference

DTYPES = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
THREADS = [1, 2, 3, 8, 64]

names = pytest.mark.parametrize("name", REDUCTIONS)


def outcome(function, *args, **kwargs):
    """Return the result or the error, and the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            result = error
    return result, {(each.category, str(each.message)) for each in caught}


def suited(name, a):
    """Return elements whose product neither overflows nor becomes 0, of which half are negative, and others unchanged."""
    if not name.endswith("prod") or a.dtype.kind == "b":
        return a
    if a.dtype.kind == "f":
        return (a % 3 / 10_000 + 1) * np.where(a % 2 < 1, -1, 1).astype(a.dtype)
    return a | a.dtype.type(1)


def exact_error(name, got, a, axis):
    """Return the error relative to long doubles, and the error bound of NumPy's pairwise summation or of its product."""
    wide = a.astype(np.longdouble)
    exact = getattr(np, name)(wide, axis=axis, keepdims=True)
    count = a.size // max(exact.size, 1)
    unit = np.finfo(got.dtype).eps
    scale = np.abs(wide).mean(axis=axis, keepdims=True) * (count if name == "sum" else 1)
    if name in ("var", "std"):
        scale = exact
    if name == "prod":
        return np.abs(got.reshape(exact.shape) - exact), unit * (1 + count / 2) * np.abs(exact)
    return np.abs(got.reshape(exact.shape) - exact), unit * (8 + math.log2(count)) * scale


def check(name, a, **kwargs):
    """Check that gilkit's result equals NumPy's, except for rounding errors, which must not be larger."""
    expected = getattr(np, name)(a, **kwargs)
    got = getattr(gilkit, name)(a, **kwargs)
    assert type(got) is type(expected)
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    if expected.dtype.kind != "f" or name.endswith(("min", "max")):
        np.testing.assert_array_equal(got, expected)
    else:
        error, bound = exact_error(name.removeprefix("nan"), np.asarray(got), a, kwargs.get("axis"))
        assert np.all(error <= bound), (error.max(), bound)


@st.composite
def arrays(draw, elements=None):
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, max_side=draw(st.sampled_from([4, 4, 20]))))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    a = rng.integers(0, 2**63, shape, dtype=np.int64).astype(dtype)
    if dtype.kind == "f":
        a = rng.normal(draw(st.sampled_from([0, 1, 1000])), 1, shape).astype(dtype)
    a = a.transpose(draw(st.permutations(range(a.ndim))))
    steps = draw(st.tuples(*[st.sampled_from([1, 1, -1, 2, -3])] * a.ndim))
    return a[tuple(slice(None, None, step) for step in steps)]


def axes_of(ndim):
    axes = st.none()
    if ndim:
        one = st.integers(-ndim, ndim - 1)
        axes |= one | st.lists(one, unique_by=lambda axis: axis % ndim, max_size=ndim).map(tuple)
    return axes


@names
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_equals_numpy(name, data):
    a = suited(name, data.draw(arrays()))
    if a.dtype.itemsize == 8 and a.dtype.kind in "iu" and name in ("var", "std"):
        a = a >> np.array(20, a.dtype)  # long doubles square these deviations precisely enough
    check(name, a, axis=data.draw(axes_of(a.ndim)), keepdims=data.draw(st.booleans()))


@pytest.mark.skipif(np.finfo(np.longdouble).nmant == 52, reason="long doubles are doubles here")
@names
@pytest.mark.parametrize("dtype", DTYPES)
def test_layouts_of_large_arrays(name, dtype, rng=np.random.default_rng(0)):
    """The arrays are long enough to need pieces, buffers and blocks of columns."""
    for shape in [(40_003,), (12_000, 3), (3, 12_000), (180, 200), (900, 5, 9), (20, 30, 60)]:
        a = suited(name, rng.integers(0, 100, shape).astype(dtype))
        views = [a, np.asfortranarray(a), a[::-1], a[..., ::2], a.T, np.swapaxes(a, 0, -1)[::-1]]
        for view in views:
            for r in range(1, view.ndim + 1):
                for axis in itertools.combinations(range(view.ndim), r):
                    check(name, view, axis=axis)
            check(name, view, axis=())


def test_more_than_256_pieces():
    """Long arrays are divided into more pieces, and several hundred outputs into several pieces each."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal(300 << 15).astype("f4")
    assert gilkit.sum(x, dtype="f8") == pytest.approx(gilkit.fsum(x), rel=1e-14)
    many = rng.integers(0, 100, (300, 33_000), "u1")
    assert gilkit.var(many, axis=1) == pytest.approx(np.var(many, axis=1), rel=1e-13)
    calls = [
        lambda threads: gilkit.sum(x, threads=threads),
        lambda threads: gilkit.var(x, threads=threads),
        lambda threads: gilkit.dot(x, x, threads=threads),
        lambda threads: gilkit.fsum(x, threads=threads),
        lambda threads: gilkit.argmin(x, threads=threads),
        lambda threads: gilkit.var(many, axis=1, threads=threads),
    ]
    for call in calls:
        assert len({np.asarray(call(threads)).tobytes() for threads in (1, 3, 64)}) == 1


@pytest.mark.thread_unsafe(reason="set_isa() must not be called while other calls run")
@names
def test_same_bits(name):
    """The bits are the same for any number of threads and instruction set."""
    rng = np.random.default_rng(1)
    function = getattr(gilkit, name)
    from gilkit.runtime import set_isa

    before = gilkit.info()["isa"]
    for dtype in ("f8", "f4", "i4"):
        a = suited(name, (rng.standard_normal((1000, 999)) * 1000).astype(dtype))
        for view, axis in [
            (a, None),
            (a, 0),
            (a, 1),
            (a.ravel(), None),
            (a[::2, ::3], None),
            (a.T, 0),
            (a.reshape(-1, 3), 0),
            (a.reshape(-1, 3), 1),
            (a.reshape(100, 10, -1), (0, 2)),
        ]:
            results = set()
            try:
                for level in AVAILABLE:
                    set_isa(level)
                    with np.errstate(over="ignore"):
                        results |= {np.asarray(function(view, axis=axis, threads=n)).tobytes() for n in THREADS}
            finally:
                set_isa(before)
            assert len(results) == 1


specials = st.lists(st.sampled_from([0.0, -0.0, 1.0, -2.5, math.nan, math.inf, -math.inf]), min_size=1, max_size=12)


@pytest.mark.thread_unsafe(reason="catches warnings, which affects all threads before Python 3.14")
@names
@given(values=specials, repeat=st.sampled_from([1, 1, 50, 9000]), dtype=st.sampled_from(["f4", "f8"]))
@settings(max_examples=150, deadline=None)
def test_special_values(name, values, repeat, dtype):
    """NaN, infinities and signed zeros give NumPy's results and warnings."""
    a = np.repeat(np.array(values, dtype), repeat)
    got, got_warnings = outcome(getattr(gilkit, name), a)
    expected, expected_warnings = outcome(getattr(np, name), a)
    if name.endswith("prod") and any("overflow" in str(each) for each in expected_warnings):
        return  # gilkit's products do not overflow on the way
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)
    if name == "sum" and expected == 0:
        assert np.signbit(got) == np.signbit(expected)
    if (
        not {math.inf, -math.inf} < set(values) or not np.isnan(a).any()
    ):  # otherwise it depends on the order of summation
        assert got_warnings == expected_warnings


@names
@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3), (1,), (1, 1), (2, 1)])
@pytest.mark.parametrize("axis", [None, 0, -1, (), 5, (0, 0), (0, -1), 1.5, "x", (1.5,)])
@pytest.mark.parametrize("dtype", ["f8", "i4"])
def test_edges_and_errors(name, shape, axis, dtype):
    a = np.ones(shape, dtype)
    for extra in [{}, {"keepdims": True}] + ([{"ddof": 1}, {"ddof": 2.5}] if name in ("var", "std") else []):
        got, got_warnings = outcome(getattr(gilkit, name), a, axis=axis, **extra)
        expected, expected_warnings = outcome(getattr(np, name), a, axis=axis, **extra)
        assert type(got) is type(expected)
        if isinstance(expected, (np.exceptions.AxisError, ValueError)):
            assert str(got) == str(expected)
        elif not isinstance(expected, Exception):
            assert got_warnings == expected_warnings
            np.testing.assert_array_equal(got, expected)
            assert got.dtype == expected.dtype


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "std"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_overflow(name, dtype):
    huge = np.full(3, np.finfo(dtype).max, dtype)
    if name in ("var", "std") or (name, dtype) == ("mean", "f4"):
        # Computed in doubles, and variances from the differences to the first element.
        assert getattr(gilkit, name)(huge) == (huge[0] if name == "mean" else 0)
        return
    for a in (huge, np.stack([huge, huge * 0])):
        for axis in (None, -1):
            if name == "prod" and axis is None and a is not huge:
                continue  # NumPy's product overflows before it comes to the zeros
            got, got_warnings = outcome(getattr(gilkit, name), a, axis=axis)
            expected, expected_warnings = outcome(getattr(np, name), a, axis=axis)
            np.testing.assert_array_equal(got, expected)
            assert got_warnings == expected_warnings
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        getattr(gilkit, name)(huge)
    with np.errstate(all="ignore"):
        getattr(gilkit, name)(huge)


@pytest.mark.parametrize("name", ["prod", "nanprod"])
@pytest.mark.parametrize("n", [4, 1000, 30_000, 400_000])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_products_that_overflow_on_the_way(name, n, dtype):
    """Only a result that overflows gives a warning; products with subnormal numbers keep their digits."""
    function, info = getattr(gilkit, name), np.finfo(dtype)
    big, small, least = info.max / 2, info.tiny * 3, info.smallest_subnormal
    low, high = (74, 75) if dtype == "f4" else (537, 537)  # least == 2.0 ** -(low + high)
    for values, expected in (
        ([big] * (n // 2) + [1 / big] * (n // 2), 1),
        ([small, 1 / small] * (n // 2), 1),
        ([-least, 2.0**low, 2.0**high] * (n // 3), (-1.0) ** (n // 3)),
        ([big] * (n - 1) + [0.0], 0),
        ([big] * (n - 1) + [-0.0], -0.0),
        ([small] * n, 0),
        ([least] + [2.0] * 3 + [1.0] * (n - 4), least * 8),
    ):
        a = np.array(values, dtype)
        for view, axis in ((a, None), (np.stack([a, a], 1), 0), (np.stack([a, a]), 1)):
            result = function(view, axis)
            np.testing.assert_allclose(result, expected, rtol=n * info.eps, atol=0)
            assert np.all(np.signbit(result) == np.signbit(expected))
    for sign in (1, -1):
        a = np.full(n, info.max)
        a[0] *= sign
        for view in (a, np.stack([a, a], 1)):
            with pytest.warns(RuntimeWarning, match="overflow encountered in reduce"):
                assert np.all(function(view, 0) == sign * np.inf)
            with np.errstate(over="raise"), pytest.raises(FloatingPointError):
                function(view, 0)
        a[n // 2] = np.inf
        with np.errstate(over="ignore"):
            assert function(a) == sign * np.inf
        a[n // 3] = 0
        with np.errstate(over="ignore"), pytest.warns(RuntimeWarning, match="invalid value"):
            assert np.isnan(function(a))


@names
def test_out(name):
    function = getattr(gilkit, name)
    a = suited(name, np.random.default_rng(2).standard_normal((30, 40, 50)))
    for axis in (None, 0, 1, 2, (0, 2), (1, 2)):
        for keepdims in (False, True):
            expected = function(a, axis=axis, keepdims=keepdims)
            for a_layout in (a, np.asfortranarray(a)):
                for make in (
                    np.empty,
                    lambda shape: np.empty(shape, order="F"),
                    lambda shape: np.empty((*shape, 2))[..., 0],
                    lambda shape: np.empty(shape)[..., ::-1],
                ):
                    if make is not np.empty and not np.shape(expected):
                        continue
                    out = make(np.shape(expected))
                    assert function(a_layout, axis=axis, keepdims=keepdims, out=out) is out
                    np.testing.assert_allclose(out, expected, rtol=1e-13, atol=1e-13)
    overlapping = a.copy()
    expected = function(a, axis=0)
    function(overlapping, axis=0, out=overlapping[3])
    np.testing.assert_array_equal(overlapping[3], expected)


@names
def test_bad_out(name):
    function = getattr(gilkit, name)
    a = np.ones((3, 4))
    for out, error, text in [
        (np.empty(4), ValueError, r"out must have the shape \(3,\), not \(4,\)"),
        ([0.0] * 3, TypeError, "out must be a NumPy array, not list"),
    ]:
        with pytest.raises(error, match=text):
            function(a, axis=1, out=out)
    read_only = np.zeros(3)
    read_only.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        function(a, axis=1, out=read_only)
    assert not read_only.any()


def described(function, *args, **keywords):
    """Return the type, dtype and bytes of the result, or the type and text of the exception."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = function(*args, **keywords)
        except Exception as error:
            return type(error), str(error)
    return type(result), np.asarray(result).dtype, np.asarray(result).tolist()


OTHERS = [np.ones(3, complex), np.array(["x"]), np.array([None]), np.array([2, 3], object), np.ones((2, 3), "f2"), np.zeros(3, "M8[s]"),
          np.array([3, "NaT"], "m8[s]"), np.ones(3, "g"), [1j, 2], [2**70, 1], ["x"], np.zeros(2, "i4,f8")]  # fmt: skip


@names
@pytest.mark.parametrize("a", OTHERS, ids=repr)
def test_other_dtypes_are_left_to_numpy(name, a):
    for keywords in ({}, {"axis": 0}, {"keepdims": True}):
        got, expected = (described(getattr(module, name), a, **keywords) for module in (gilkit, np))
        assert got == expected or (got[0] is expected[0] and repr(got) == repr(expected))  # NaN differs from NaN


@names
@pytest.mark.parametrize("dtype", "?bHiqefdgD")
def test_numpys_other_keywords(name, dtype):
    a = (np.arange(24) % 5 + 1).reshape(4, 6).astype(dtype)
    mask = a > 2
    accepted = inspect.signature(getattr(gilkit, name)).parameters
    keywords = [
        {"where": mask},
        {"where": mask[0], "axis": 1},
        {"where": True},
        {"where": False},
        {"axis": 0, "where": np.True_},
    ]
    keywords += [{"dtype": other} for other in ("i2", "i8", "f4", "f8", "c16", "nonsense", None)]
    keywords += [{"initial": x} for x in (0, 3.5, "x", None)] + [{"initial": 7, "where": mask, "axis": 0}]
    keywords += [{"correction": x} for x in (0, 1, 0.5, "x")] + [{"correction": 1, "ddof": 1}]
    keywords += [{"mean": np.mean(a, axis=1, keepdims=True), "axis": 1, "where": mask}, {"mean": None}]
    # A dtype that computes as gilkit does anyway gives gilkit's result, whose last bits differ.
    keywords += [{"out": np.zeros((), other)} for other in ("f4", "f8", "i8", "b", "c16")]
    for each in keywords:
        if not each.keys() <= accepted.keys():
            with pytest.raises(TypeError, match="unexpected keyword"):
                getattr(gilkit, name)(a, **each)
            continue
        got, expected = (described(getattr(module, name), a, **each) for module in (gilkit, np))
        if isinstance(expected[1], np.dtype):
            assert got[:2] == expected[:2], each
            np.testing.assert_allclose(got[2], expected[2], rtol=1e-6)
        elif "correction" in each:
            assert issubclass(expected[0], got[0]), each
        else:
            assert got == expected, each


@names
def test_arguments_by_position(name):
    a = np.arange(12.0).reshape(3, 4)
    order = list(inspect.signature(getattr(np, name)).parameters)[:6]
    assert list(inspect.signature(getattr(gilkit, name)).parameters)[: len(order)] == order
    out = np.empty(4)
    args = [a, 0, None, out] if "dtype" in order else [a, 0, out]
    assert getattr(gilkit, name)(*args) is out
    np.testing.assert_allclose(out, getattr(np, name)(a, 0))


@names
@pytest.mark.parametrize(
    "keywords", [{"keepdims": 2**70}, {"keepdims": 2**31}, {"keepdims": 2}, {"keepdims": None}, {"out": ...}]
)
def test_odd_arguments(name, keywords):
    a = np.array([[3.0, 1.0, 2.0], [6.0, 4.0, 5.0]])
    for axis in (None, 1):
        outcomes = []
        for module in (np, gilkit):
            try:
                result = getattr(module, name)(a, axis=axis, **keywords)
                outcomes.append((type(result), np.shape(result), np.asarray(result).tolist()))
            except Exception as error:
                outcomes.append(type(error))
        assert outcomes[0] == outcomes[1]


@names
def test_bad_arguments(name):
    function = getattr(gilkit, name)
    masked = np.ma.masked_array([1, 2, 4], [True, False, False])
    assert function(masked) == getattr(np, name)(masked) == function([2, 4])
    with pytest.raises(ValueError, match="threads must be from 1"):
        function(np.ones(3), threads=0)
    with pytest.raises(ValueError, match="threads must be from 1"):
        function(np.ones(0), threads=0, keepdims=True) if name not in ("min", "max") else function([1], threads=0)


@names
def test_other_memory(name, tmp_path):
    """Inputs may be read-only, memory-mapped, byte-swapped, unaligned, or not arrays at all."""
    function = getattr(gilkit, name)
    a = suited(name, np.random.default_rng(3).standard_normal((123, 45)))
    expected = function(a, axis=0)
    a.tofile(tmp_path / "a")
    mapped = np.memmap(tmp_path / "a", "f8", "r", shape=a.shape)
    frozen = a.copy()
    frozen.flags.writeable = False
    packed = np.zeros(a.shape, "u1, f8")
    packed["f1"] = a
    broadcast = np.broadcast_to(a, (7, *a.shape))
    for same in (mapped, frozen, a.astype(">f8"), packed["f1"], a.tolist()):
        np.testing.assert_array_equal(function(same, axis=0), expected)
        assert function(same) == function(a)
    np.testing.assert_allclose(function(broadcast, axis=(1, 2)), function(a))
    np.testing.assert_allclose(function(broadcast, axis=0), getattr(np, name)(broadcast, axis=0), atol=1e-12)


def test_zero_dimensions():
    for name in REDUCTIONS:
        for axis in (None, 0, -1, (), 1):
            got, _ = outcome(getattr(gilkit, name), np.float64(3.5), axis=axis)
            expected, _ = outcome(getattr(np, name), np.float64(3.5), axis=axis)
            assert type(got) is type(expected)
            assert str(got) == str(expected)


def test_more_than_32_bits_of_elements():
    n = 2**31 + 12345
    a = np.broadcast_to(np.int8(3), (n,))
    assert gilkit.sum(a) == 3 * n
    assert gilkit.max(a) == 3
    b = np.zeros(n, np.int8)  # pages that are only read use no memory
    b[-1] = b[2**31 + 1] = -1
    assert gilkit.sum(b) == -2
    assert gilkit.min(b) == -1


def test_accuracy():
    """Sums are more accurate than pairwise summation, and a variance is accurate for a large mean."""
    rng = np.random.default_rng(4)
    for n in (10, 1000, 100_000, 3_000_000):
        a = rng.random(n)
        exact = math.fsum(a)
        assert abs(gilkit.sum(a) - exact) <= abs(np.sum(a) - exact) + math.ulp(exact)
        assert abs(gilkit.mean(a.astype("f4")) - exact / n) <= 1e-6
    shifted = rng.standard_normal(10_000) + 1e9
    assert gilkit.var(shifted) == pytest.approx(reference.var(shifted.tolist()), rel=1e-13)
    assert gilkit.var(np.full(100_000, 0.1)) == 0


def test_references():
    a = np.random.default_rng(5).standard_normal(777)
    for name in REDUCTIONS:
        assert getattr(gilkit, name)(a) == pytest.approx(getattr(reference, name)(a.tolist()), rel=1e-14)


def test_the_reference_of_extremes_and_inner_products():
    nan = float("nan")
    assert reference.min([3.0, -1.0, 2.0]) == -1.0
    assert reference.max([3.0, -1.0, 2.0]) == 3.0
    for values in ([nan, 1.0], [1.0, nan, -5.0], [1.0, nan]):
        assert np.isnan(reference.min(values))
        assert np.isnan(reference.max(values))
    a = np.random.default_rng(5).integers(-1000, 1000, (2, 500)).astype(float)  # exact in any order
    assert reference.dot(*a.tolist()) == gilkit.dot(*a)
    with pytest.raises(ValueError, match="longer than argument 1"):
        reference.dot([1.0], [1.0, 2.0])
