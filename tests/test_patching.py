"""gilkit.patch_numpy(): installing and removing the patch, its arguments, the operands that it leaves to NumPy,
floating-point settings, statistics. test_patching_bits.py compares the results."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import inspect
import itertools
import operator
import platform
import sys
import tracemalloc

import numpy as np
import pytest
from outcomes_of_calls import bits, outcome
from patched_calls import N, divided, pointers

import gilkit
from gilkit import patching
from gilkit.patching import _functions, _patch

pytestmark = [
    pytest.mark.thread_unsafe(reason="patches NumPy for the whole process"),
    pytest.mark.usefixtures("unpatched"),
]

X86 = platform.machine() == "x86_64"


# ---- Installing and removing the patch ----


def test_pointers_are_restored_exactly():
    before = pointers()
    with gilkit.patch_numpy(min_size=1):
        during = pointers()
        np.sin(np.ones(N))
    assert before == pointers()
    differences = {name: sum(map(operator.ne, before[name], during[name])) for name in before}
    assert set(differences.values()) == {1}, "one pointer of each ufunc is replaced"


METHODS = ["np.ndarray.sort", "np.ndarray.argsort", "np.add.reduce", "np.concatenate", "np.where"]


def test_methods_are_restored_exactly():
    def definitions():
        found = {}
        for name in METHODS:
            method = eval(name)
            # PyMethodDescrObject has its PyMethodDef after type, name and qualified name; PyCFunctionObject at once.
            header = object.__basicsize__ // ctypes.sizeof(ctypes.c_void_p)
            place = 0 if type(method) is type(len) else 3
            words = (ctypes.c_void_p * (header + place + 1)).from_address(id(method))
            found[name] = ctypes.c_void_p.from_address(words[header + place] + ctypes.sizeof(ctypes.c_void_p)).value
        return found

    names = [name for name in METHODS if type(eval(name)) in (type(len), type(np.ndarray.sort))]
    METHODS[:] = names
    before = definitions()
    with gilkit.patch_numpy(min_size=1):
        during = definitions()
    assert definitions() == before
    assert any(during[name] != before[name] for name in names)


def test_functions_in_python_are_restored_exactly():
    def pointer():
        # After the header of an object: PyArray_ArrayFunctionDispatcherObject begins with its vectorcall.
        return ctypes.c_void_p.from_address(id(np.median) + object.__basicsize__).value

    before = pointer()
    with gilkit.patch_numpy(min_size=1):
        assert pointer() != before
    assert pointer() == before


def test_nested_and_idempotent():
    a = np.ones(N)
    gilkit.patch_numpy(min_size=1)
    gilkit.patch_numpy()
    with gilkit.patch_numpy():
        assert gilkit.numpy_is_patched()
    gilkit.unpatch_numpy()
    assert gilkit.numpy_is_patched()
    with gilkit.threads(2):
        assert divided(lambda: np.sin(a), "sin") == 1
    gilkit.unpatch_numpy()
    assert not gilkit.numpy_is_patched()
    assert divided(lambda: np.sin(a), "sin") == 0
    gilkit.unpatch_numpy()
    gilkit.unpatch_numpy()
    assert not gilkit.numpy_is_patched()
    with gilkit.patch_numpy() as patch:
        assert gilkit.numpy_is_patched() and "is patched" in repr(patch)
    assert "not patched" in repr(patch)


def test_an_inner_min_size_ends_with_its_block():
    a = np.ones(100)
    with gilkit.threads(2), gilkit.patch_numpy(min_size=50):
        assert divided(lambda: np.sin(a), "sin") == 1
        with gilkit.patch_numpy(min_size=200):
            assert divided(lambda: np.sin(a), "sin") == 0
            with gilkit.patch_numpy():
                assert divided(lambda: np.sin(a), "sin") == 0
        assert divided(lambda: np.sin(a), "sin") == 1
        assert divided(lambda: np.sin(a[:49]), "sin") == 0


def test_an_exception_takes_the_patch_back():
    with pytest.raises(ZeroDivisionError), gilkit.patch_numpy():
        raise ZeroDivisionError
    assert not gilkit.numpy_is_patched()


def test_operators_are_patched(patched):
    a, b = np.ones(N), np.full(N, 2.0)

    def compute():
        c = a + b
        c *= 2
        assert (c > 5).all() and (-c)[0] == -6 and abs(c)[-1] == 6

    with gilkit.threads(2):
        assert divided(compute, "add", "multiply", "greater", "negative", "absolute") == 5


# ---- Arguments ----


@pytest.mark.parametrize("size", [0, -1, -(10**30)])
def test_min_size_out_of_range(size):
    with pytest.raises(ValueError, match="min_size must be at least 1, not -?[0-9]+"):
        gilkit.patch_numpy(min_size=size)
    assert not gilkit.numpy_is_patched()


@pytest.mark.parametrize("size", [1.5, "7", True, [1]])
def test_min_size_of_another_type(size):
    with pytest.raises(TypeError, match="min_size must be an integer or None, not"):
        gilkit.patch_numpy(min_size=size)
    assert not gilkit.numpy_is_patched()


@pytest.mark.parametrize("memory", [1, None, "yes"])
def test_memory_of_another_type(memory):
    with pytest.raises(TypeError, match="memory must be True or False, not"):
        gilkit.patch_numpy(memory=memory)
    assert not gilkit.numpy_is_patched()


def test_min_size_of_any_integer_type():
    with gilkit.patch_numpy(min_size=np.uint8(1)), gilkit.threads(2):
        assert divided(lambda: np.sin(np.ones(200)), "sin") == 1
    with gilkit.patch_numpy(min_size=10**40), gilkit.threads(2):
        assert divided(lambda: np.sin(np.ones(N)), "sin") == 0


def test_positional_arguments_are_refused():
    with pytest.raises(TypeError):
        gilkit.patch_numpy(1)
    with pytest.raises(TypeError):
        gilkit.patch_numpy(minsize=1)
    assert not gilkit.numpy_is_patched()


@pytest.mark.parametrize("text", ["0", "-3", "many", "1.5", " ", "1e3", "0x10"])
def test_bad_environment_variable(text, monkeypatch):
    monkeypatch.setenv("GILKIT_PATCH_MIN_SIZE", text)
    with pytest.raises(ValueError, match="GILKIT_PATCH_MIN_SIZE must be a positive integer, not") as caught:
        gilkit.patch_numpy()
    assert repr(text) in str(caught.value)
    assert not gilkit.numpy_is_patched()


def test_environment_variable(monkeypatch):
    a = np.ones(300)
    monkeypatch.setenv("GILKIT_PATCH_MIN_SIZE", "300")
    with gilkit.patch_numpy(), gilkit.threads(2):
        assert divided(lambda: np.sin(a), "sin") == 1
        assert divided(lambda: np.sin(a[1:]), "sin") == 0
    with gilkit.patch_numpy(min_size=299), gilkit.threads(2):  # the argument takes precedence
        assert divided(lambda: np.sin(a[1:]), "sin") == 1
    monkeypatch.setenv("GILKIT_PATCH_MIN_SIZE", "")
    with gilkit.patch_numpy(), gilkit.threads(2):
        assert divided(lambda: np.sin(a), "sin") == 0


@pytest.mark.parametrize("version", ["1.26.4", "2.99.0", "3.0.0.dev0+git2026"])
def test_an_unknown_numpy_stays_as_it_is(version, monkeypatch):
    before = pointers()
    monkeypatch.setattr(np, "__version__", version)
    with pytest.warns(RuntimeWarning, match=f"NumPy 2.0 to 2.5, not {version.replace('+', '.')}") as caught:
        patch = gilkit.patch_numpy(min_size=1)
    assert caught[0].filename == __file__
    with patch:
        assert not gilkit.numpy_is_patched() and pointers() == before
    assert not patching._in_force
    with pytest.raises(RuntimeWarning):  # the tests make errors of warnings
        gilkit.patch_numpy()
    assert not patching._in_force


# ---- Floating-point control ----


@pytest.mark.skipif(not X86, reason="the constants are those of x86-64")
def test_rounding_mode_reaches_workers(patched):
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    a = np.linspace(0.1, 1, N)
    for mode in (0x400, 0x800, 0xC00):  # down, up, toward zero
        libm.fesetround(mode)
        try:
            with gilkit.threads(4):
                found = a / 3, a[::2] * a[::-2]
            with gilkit.threads(1):
                gilkit.unpatch_numpy()
                try:
                    expected = a / 3, a[::2] * a[::-2]
                finally:
                    gilkit.patch_numpy(min_size=1)
        finally:
            libm.fesetround(0)
        assert found[0].tobytes() == expected[0].tobytes() and found[1].tobytes() == expected[1].tobytes()
        assert found[0].tobytes() != (a / 3).tobytes() or found[1].tobytes() != (a[::2] * a[::-2]).tobytes()


@pytest.mark.skipif(not X86, reason="sets MXCSR of x86-64")
def test_flush_to_zero_reaches_workers(patched, compile_c):
    library = ctypes.PyDLL(
        compile_c(
            "ftz",
            """
            #include <xmmintrin.h>
            unsigned get(void) { return _mm_getcsr(); }
            void set(unsigned csr) { _mm_setcsr(csr); }
            """,
        )
    )
    a = np.full(N, 1e-310)
    assert (a * 0.5)[0] > 0
    before = library.get()
    library.set(before | 0x8040)
    try:
        with gilkit.threads(4):
            found = a * 0.5
    finally:
        library.set(before)
    assert not found.view("i8").any()


def test_status_flags_of_the_caller(patched):
    """Errors are reported once, to the thread that called, and do not leak into its next call."""
    zeros, ones = np.zeros(N), np.ones(N)
    with gilkit.threads(4):
        for _ in range(5):
            with pytest.warns(RuntimeWarning, match="divide by zero encountered in divide") as caught:
                ones / zeros
            assert len(caught) == 1 and caught[0].filename == __file__
            assert outcome(lambda: ones + ones)[1] == []


def test_warnings_of_reductions_name_the_callers_line(patched):
    a = np.full((300, 400), 1e308)
    with gilkit.threads(4), pytest.warns(RuntimeWarning, match="overflow encountered in reduce") as caught:
        np.add.reduce(a, axis=0)
    assert [each.filename for each in caught] == [__file__]


# ---- Operands that are left to NumPy ----


class Sub(np.ndarray):
    pass


class Priority(np.ndarray):
    __array_priority__ = 100

    def __array_wrap__(self, array, context=None, return_scalar=False):
        return "wrapped", array.shape


class Own:
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return ufunc.__name__, method, len(inputs), sorted(kwargs)


class Refuses:
    __array_ufunc__ = None

    def __radd__(self, other):
        return "radd"


OPERANDS = {
    "subclass": lambda a: a.view(Sub),
    "priority": lambda a: a.view(Priority),
    "masked": lambda a: np.ma.masked_greater(a, 0.5),
    "matrix": lambda a: np.asmatrix(a),
    "array_ufunc": lambda a: Own(),
    "refuses": lambda a: Refuses(),
    "list": lambda a: a.tolist(),
    "tuple": lambda a: tuple(a.tolist()),
    "int": lambda a: 3,
    "huge int": lambda a: 10**400,
    "float": lambda a: 0.1,
    "complex": lambda a: 1 + 2j,
    "bool": lambda a: True,
    "float32": lambda a: np.float32(0.1),
    "longdouble": lambda a: np.longdouble("0.1"),
    "str": lambda a: "x",
    "bytes": lambda a: b"x",
    "None": lambda a: None,
    "objects": lambda a: a.astype(object),
    "strings": lambda a: a.astype(str),
    "structured": lambda a: np.zeros(a.shape, "i4,f8"),
    "StringDType": lambda a: np.full(a.shape, "abc", np.dtypes.StringDType()),
    "void": lambda a: np.zeros(a.shape, "V8"),
    "float16": lambda a: a.astype("e"),
    "big-endian": lambda a: a.astype(">f8"),
    "datetime": lambda a: np.arange(a.size).astype("M8[D]"),
    "timedelta": lambda a: np.arange(a.size).astype("m8[h]"),
    "metadata": lambda a: a.astype(np.dtype("f8", metadata={"unit": "m"})),
    "memoryview": lambda a: memoryview(a),
    "0-d": lambda a: np.array(2.5),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("kind", OPERANDS)
def test_every_kind_of_operand(kind):
    a = np.linspace(0, 1, 2000)
    other = OPERANDS[kind](a)
    same = OPERANDS[kind](a)
    # Fresh for each call, since "out" changes it.
    calls = {
        "a + x": lambda: a + other,
        "x + a": lambda: other + a,
        "x + x": lambda: other + same,
        "a == x": lambda: a == other,
        "x < a": lambda: other < a,
        "a * x.f4": lambda: a.astype("f4") * other,
        "i8": lambda: np.arange(2000) * other,
        "u1": lambda: np.arange(2000, dtype="u1") + other,
        "sin": lambda: np.sin(other),
        "out": lambda: np.add(a, 1, out=OPERANDS[kind](a.copy())),
        "divmod": lambda: np.divmod(other, a + 1),
        "sort": lambda: np.sort(other),
        "sum": lambda: np.sum(other),
        "max": lambda: np.max(other, axis=0),
    }

    def in_place():
        b = a.copy()
        b += other
        return b

    calls["+="] = in_place
    expected = {name: outcome(call) for name, call in calls.items()}
    with gilkit.patch_numpy(min_size=1), gilkit.threads(3):
        found = {name: outcome(call) for name, call in calls.items()}
    assert {name: found[name] for name in found if repr(found[name]) != repr(expected[name])} == {}


def test_broadcast_arrays_warn_of_writing():
    """NumPy warns when the result of broadcast_arrays is written to, even if nothing was broadcast."""

    def write():
        one, _ = np.broadcast_arrays(np.zeros(N), np.zeros(N))
        return np.add(one, 1, out=one)

    expected = outcome(write)
    with gilkit.patch_numpy(min_size=1):
        assert outcome(write) == expected


def test_integers_to_negative_powers(patched):
    with gilkit.threads(4), pytest.raises(ValueError, match="Integers to negative integer powers are not allowed"):
        np.arange(1, N) ** np.full(N - 1, -1)
    assert (np.arange(N) ** 2)[-1] == (N - 1) ** 2


def test_shapes_that_do_not_fit(patched):
    with pytest.raises(ValueError, match="operands could not be broadcast together"):
        np.ones((300, 40)) + np.ones((300, 41))
    with pytest.raises(ValueError, match="broadcast"):
        np.sin(np.ones(N), out=np.ones(N - 1))


@pytest.mark.parametrize("casting", ["same_value", "same_kind", "unsafe", "bad", 3])
@pytest.mark.parametrize("last", [5.0, 5.5, 300.0])
def test_casting_of_astype(casting, last):
    a = np.append(np.arange(200.0) % 100, last)
    expected = [outcome(lambda: a.astype(dtype, casting=casting)) for dtype in ("i1", "f4", "i8")]
    with gilkit.patch_numpy(min_size=1), gilkit.threads(2):
        assert expected == [outcome(lambda: a.astype(dtype, casting=casting)) for dtype in ("i1", "f4", "i8")]


def test_stacks_that_do_not_fit():
    """NumPy's message has the whole shapes, not those of a part."""
    calls = [
        lambda: np.linalg.solve(np.ones((40, 3, 3)), np.ones((17, 8, 3, 2))),
        lambda: np.ones((40, 1, 3, 3)) @ np.ones((40, 9, 4, 2)),
    ]
    expected = [outcome(call) for call in calls]
    with gilkit.patch_numpy(min_size=1), gilkit.threads(3):
        assert [repr(outcome(call)) for call in calls] == [repr(each) for each in expected]


def test_results_of_indexing_are_laid_out_as_the_index_is():
    a = np.arange(1000.0)
    key = np.arange(N).reshape(8, 50, 50) % 1000
    keys = [key, key.T, key.transpose(0, 2, 1), key[::2, ::-1], np.asfortranarray(key), key[:, :, :1], key[0, 0, ::3]]
    arrays = [a, a.reshape(1000, 1), np.asfortranarray(a.reshape(500, 2))]
    expected = [each[key % len(each)].strides for each in arrays for key in keys]
    with gilkit.patch_numpy(min_size=1), gilkit.threads(3):
        assert [each[key % len(each)].strides for each in arrays for key in keys] == expected


def test_runs_that_numpy_copies_to_a_buffer():
    """NumPy 2.0 to 2.2 copy several rows of negative stride, but not a part of one row."""
    rng = np.random.default_rng(0)
    for n in (33, 40, 64, 1000):
        for char in "FD":
            a = (rng.standard_normal((2, n)) + 1j * rng.standard_normal((2, n))).astype(char)[:, ::-1]
            for ufunc in (np.abs, np.square, np.exp, np.conjugate):
                expected = ufunc(a)
                with gilkit.patch_numpy(min_size=1), gilkit.threads(3):
                    assert bits(ufunc(a)) == bits(expected)


def test_indices_out_of_bounds_in_many_parts():
    a, key = np.arange(100.0), np.arange(N) % 100
    key[[N // 3, N // 2, N - 1]] = 777, 888, -999
    with gilkit.patch_numpy(min_size=1), gilkit.threads(3):
        for _ in range(20):
            with pytest.raises(IndexError, match="index 777 is out of bounds for axis 0 with size 100"):
                a.take(key)


def test_indices_that_are_unsigned():
    """NumPy 2.0's take() does not accept uint64, but indexing does."""
    a, key = np.arange(100.0), np.arange(N) % 100
    with gilkit.patch_numpy(min_size=1), gilkit.threads(3):
        for char in "BHILQ":
            np.testing.assert_array_equal(a[key.astype(char)], a[key])


def test_reductions_of_negative_strides():
    """NumPy 2.0 and 2.1 need no out= for them, or the results are wrong."""
    a = np.random.default_rng(0).integers(0, 255, (40, 30, 3)).astype(np.uint8)
    for array in (a[:, :, ::-1], a[:, ::-1], a[::-1], a[::-1, ::-1, ::-1], a[:, :, ::-1].astype(float)[:, :, ::-1]):
        for ufunc in (np.maximum, np.add, np.multiply, np.hypot):
            for axis in (0, 1, 2, (0, 1), (1, 2)) if ufunc is not np.hypot else (0, 1, 2):
                call = functools.partial(ufunc.reduce, array, axis=axis)
                expected = outcome(call)
                with gilkit.patch_numpy(min_size=1), gilkit.threads(3):
                    assert repr(outcome(call)) == repr(expected)


def test_reductions_need_no_memory_for_parts():
    """Each part of a few long rows would have a result as long as a row."""
    n = 1 << 20
    a = np.ones((3, n), np.uint8)
    for ufunc in (np.maximum, np.bitwise_or):
        with gilkit.patch_numpy(min_size=1), gilkit.threads(3):
            tracemalloc.start()
            try:
                ufunc.reduce(a, axis=0)
                assert tracemalloc.get_traced_memory()[1] < 1.2 * n
            finally:
                tracemalloc.stop()


def test_results_larger_than_memory(patched):
    a, b = np.broadcast_to(1.0, (1 << 40, 1)), np.broadcast_to(1.0, (1, 1 << 40))
    with pytest.raises((ValueError, MemoryError)):
        a + b


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit of the address space")
def test_memory_errors(run_python):
    run_python("""
        import resource
        import numpy as np, gilkit
        gilkit.set_num_threads(3)
        gilkit.patch_numpy(min_size=1)
        a = np.ones(4_000_000)
        b = np.ones((2000, 2000), dtype=">f8")[::2, ::2]
        np.sin(a[:100_000])  # the workers have their stacks
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 8_000_000, resource.RLIM_INFINITY))
        for call in (lambda: np.sin(a), lambda: a + a, lambda: a > 1, lambda: np.sort(a.reshape(2000, 2000), axis=0)):
            failed = 0
            kept = []
            try:
                for _ in range(8):
                    kept.append(call())
            except MemoryError:
                failed = 1
            del kept
            assert failed
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert (a + a)[-1] == 2 and (b + b)[-1, -1] == 2
    """)


def test_divided_calls_keep_no_memory():
    a = np.ones((16, 64))
    with gilkit.patch_numpy(min_size=1), gilkit.threads(2):
        for call in (lambda: a.sum(axis=0), lambda: np.sort(a), lambda: a.astype("f4"), lambda: np.sqrt(a)):
            for _ in range(10):
                call()
            before = sys.getallocatedblocks()
            for _ in range(200):
                call()
            assert sys.getallocatedblocks() - before < 200


def test_tuples_that_are_no_axes():
    x, y = np.random.default_rng(1).random((2, N))
    edges, rows = np.linspace(0, 1, 5), x[: N // 20 * 20].reshape(20, -1)
    calls = (
        lambda: np.histogram2d(x, y, (edges, edges))[0],
        lambda: np.histogramdd((x, y), (edges, 3))[0],
        lambda: np.quantile(x, ([0.1, 0.2], [0.3, 0.4])),
        lambda: np.partition(rows, ([1], 2)),
        lambda: rows.argpartition((1, 3))[:, [1, 3]],
        lambda: rows.sum(([0],)),
    )
    expected = [outcome(call) for call in calls]
    with gilkit.patch_numpy(min_size=1):
        assert [outcome(call) for call in calls] == expected


def test_recursion_goes_as_deep_as_without_the_patch():
    x, mask = np.ones((20, 50)), np.ones((20, 50), bool)
    stacks = np.ones((30, 4, 4))

    def call_at(depth, call):
        return call() if depth == 0 else call_at(depth - 1, call)

    def max_depth(call):
        call()  # imports
        for depth in itertools.count():
            try:
                call_at(depth, call)
            except RecursionError:
                return depth - 1

    calls = (
        lambda: x[mask],
        lambda: x.__class__.sort(x),
        lambda: np.copyto(x, 1, where=mask),
        lambda: np.add.reduce(x),
        lambda: np.matmul(stacks, stacks),
        lambda: np.median(x),
    )
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 150)
    try:
        expected = [max_depth(call) for call in calls]
        with gilkit.patch_numpy(min_size=1):
            assert [max_depth(call) for call in calls] == expected
    finally:
        sys.setrecursionlimit(limit)


# ---- Statistics ----


def test_statistics(patched):
    a = np.ones(N)
    patching.collect_statistics()
    with gilkit.threads(2):
        np.sin(a)
        np.sin(a)
        np.sin(a.view(Sub))
        np.sin(a, where=a > 0, out=a.copy())
        np.sin(2.0)
    found = patching.statistics()["sin"]
    assert isinstance(found, patching.FunctionStatistics)
    assert found.calls >= 2 and found.items >= 2 * N and found.seconds > 0
    assert sum(found.serial.values()) + found.calls == 5
    assert "cos" not in patching.statistics()
    patching.collect_statistics()
    assert "sin" not in patching.statistics()
    patching.collect_statistics(False)
    np.sin(a)
    assert "sin" not in patching.statistics()


def test_reasons_say_what_is_so(patched):
    """Numbers were called operands that are neither arrays nor numbers, as were errors, empty arrays and reversed ones."""
    a = np.ones(N)
    matrices = np.ones((N, 2, 2))
    patching.collect_statistics()
    with gilkit.threads(2):
        for number in (2, 2.0, True, np.float64(2), np.empty(0)):
            np.sqrt(number)
        np.negative([1.0])
        np.negative(a.view(Sub))
        with pytest.raises(ValueError, match="broadcast"):
            np.subtract(a, np.ones(N + 1))
        np.exp(a[::-1], out=np.empty_like(a)[::-1])
        matrices.astype(object) @ matrices
        a.cumsum()
        np.multiply.accumulate(a)
        np.bincount(np.zeros(N, int), a)
    reasons = {name: each.serial for name, each in patching.statistics().items()}
    patching.collect_statistics(False)
    assert reasons["sqrt"] == {"too small": 5}
    assert reasons["negative"] == {"operand that is not an array or a number": 2}
    assert reasons["subtract"] == {"arguments": 1}
    assert reasons["exp"] == {"negative strides": 1}
    assert reasons["matmul"] == {"dtype": 1}
    for name in ("ndarray.cumsum", "multiply.accumulate", "bincount"):
        assert reasons[name] == {"order of rounding": 1}


def test_large_calls_that_are_faster_on_one_thread_are_not_called_small(unpatched):
    """Arrays of two million items were too small in the report, where two threads wait for the same memory."""
    a = np.ones(300_000)
    patching.collect_statistics()
    with gilkit.patch_numpy(), gilkit.threads(2):
        for _ in range(100):  # some are measured on one thread, at least
            np.negative(a, out=a)
            np.sort(a)
        np.positive(a[:10])
    reasons = {name: each.serial for name, each in patching.statistics().items()}
    patching.collect_statistics(False)
    assert "too small" not in reasons["negative"] | reasons.get("sort", {})
    assert reasons["negative"].get("one thread was faster", 0) > 0
    assert reasons["positive"] == {"too small": 1}


def test_statistics_name_functions_of_linalg_and_fft(patched):
    """They had the names of internal ufuncs, and large products hid the number of small ones."""
    stack = np.ones((N // 4, 2, 2)) + np.eye(2)
    patching.collect_statistics()
    with gilkit.threads(2):
        np.linalg.solve(stack, stack)
        np.linalg.solve(np.eye(2), np.ones(2))
        np.fft.rfft(np.ones((64, 64)))
        np.fft.rfft(np.ones((64, 63)))
        np.linalg.eigh(stack)
        np.ones(2) @ np.ones(2)
        stack @ stack
        stack @ stack.astype(object)
    found = {name: each.calls + sum(each.serial.values()) for name, each in patching.statistics().items()}
    patching.collect_statistics(False)
    names = ("linalg.solve", "fft.rfft", "linalg.eigh", "matmul")
    assert {name: found.get(name) for name in names} == dict(zip(names, (2, 2, 1, 3), strict=True))


def test_dot_products_ask_no_handler(patched):
    """A product of two vectors or matrices, which cannot be divided, asked a handler in Python each time."""
    asked = []
    _patch.hook_generalized(lambda *args, **kwargs: asked.append(args) or NotImplemented)
    try:
        vector, matrix, stack = np.ones(N), np.ones((100, N // 100)), np.ones((N // 100, 10, 10))
        assert vector @ vector == N
        np.vecdot(vector, vector)
        matrix @ matrix.T
        matrix @ matrix[0]
        np.linalg.det(np.eye(100))
        np.fft.rfft(vector)
        assert asked == []
        stack @ stack
        assert len(asked) == 1
    finally:
        _patch.hook_generalized(_functions.generalized)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("minimum.reduce", lambda zeros: zeros.min()),
        ("minimum.reduce", lambda zeros: zeros.reshape(1000, -1).min(axis=0)),
        ("maximum.reduce", lambda zeros: (-zeros).max()),
    ],
)
def test_attempts_in_vain_are_not_repeated(name, call):
    """The least item of an array is 0.0 more often than not. Which zero it is depends on the order, so NumPy found it again
    after gilkit had, in each call: they took up to four times as long."""
    zeros = np.maximum(np.random.default_rng(0).standard_normal(500_000), 0)
    with gilkit.patch_numpy(), gilkit.threads(2):
        patching.collect_statistics()
        for _ in range(400):
            call(zeros)
        found = patching.statistics()[name]
    patching.collect_statistics(False)
    assert found.calls == 0
    assert sum(found.serial.values()) == 400
    assert 0 < found.serial["zeros or NaNs"] < 200
