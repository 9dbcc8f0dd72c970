"""gilkit.patch_numpy() and gilkit.ufunc(): put in place and taken back, in force together with threads, signals, fork, limits
and errors. test_patching_bits.py compares the results."""

from __future__ import annotations

import copy
import ctypes
import ctypes.util
import operator
import os
import pickle
import platform
import signal
import sys
import threading
import time

import numpy as np
import pytest
from outcomes_of_calls import outcome
from waiting import LONG, start

import gilkit
from gilkit import patching

pytestmark = pytest.mark.thread_unsafe(reason="patches NumPy for the whole process")

POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs signals and fork of POSIX")
N = 20_000
X86 = platform.machine() == "x86_64"


@pytest.fixture(autouse=True)
def unpatched():
    """Begin and end every test with NumPy's own functions."""
    assert not gilkit.numpy_is_patched()
    yield
    left_over = 0
    while patching._in_force:
        gilkit.unpatch_numpy()
        left_over += 1
    assert not left_over
    patching.collect_statistics(False)


@pytest.fixture
def patched():
    with gilkit.patch_numpy(min_size=1):
        yield


def divided(function, *names):
    """Call the function; return how many calls of the named ufuncs ran on several threads."""
    patching.collect_statistics()
    try:
        function()
        found = patching.statistics()
    finally:
        patching.collect_statistics(False)
    return sum(found[name].calls for name in names if name in found)


# ---- Put in place and taken back ----


def pointers(size=256):
    """Return the words of each ufunc object, except for its reference count: vectorcall is one of them."""
    words = size // ctypes.sizeof(ctypes.c_void_p)
    skip = object.__basicsize__ // ctypes.sizeof(ctypes.c_void_p) - 1  # all of the header but the type
    ufuncs = {name: f for name, f in vars(np).items() if isinstance(f, np.ufunc)}
    size = min(size, np.ufunc.__basicsize__)
    words = size // ctypes.sizeof(ctypes.c_void_p)
    return {name: list((ctypes.c_void_p * words).from_address(id(f)))[skip:] for name, f in ufuncs.items()}


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
    with gilkit.patch_numpy(min_size=299), gilkit.threads(2):  # the argument counts more
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


# ---- Threads ----


def test_number_of_threads(patched):
    a = np.ones(N)
    used = set()

    class Spy(np.ndarray):
        pass

    with gilkit.threads(3):
        np.sin(a)
        assert gilkit.info()["workers"] >= 1
    before = gilkit.num_threads()
    try:
        gilkit.set_num_threads(1)
        assert not used and np.array_equal(np.sin(a), np.sin(a.view(Spy)))
    finally:
        gilkit.set_num_threads(before)


def test_one_thread_leaves_calls_to_numpy():
    a = np.ones(1_000_000)
    before = gilkit.num_threads()
    with gilkit.patch_numpy():
        with gilkit.threads(1):
            assert divided(lambda: np.sin(a), "sin") == 0
        try:
            gilkit.set_num_threads(1)
            assert divided(lambda: np.sin(a), "sin") == 0
            with gilkit.threads(2):
                assert divided(lambda: np.sin(a), "sin") <= 1
        finally:
            gilkit.set_num_threads(before)


@pytest.mark.parametrize("seconds", [1.0, pytest.param(10.0, marks=pytest.mark.full)])
def test_patched_and_unpatched_while_others_compute(seconds):
    """Eight threads compute with results that are known, while one puts the patch in place and takes it back."""
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 300, 41))
    with np.errstate(all="ignore"):
        expected = [np.sin(a), a + b.T.copy().T, a > 0.5, a[1:, 1:] * b[:-1, :-1], a.sum(axis=0), np.sort(a, axis=0)]
    stop, wrong, rounds = threading.Event(), [], [0] * 8

    def compute(k):
        while not stop.is_set():
            found = [np.sin(a), a + b.T.copy().T, a > 0.5, a[1:, 1:] * b[:-1, :-1], a.sum(axis=0), np.sort(a, axis=0)]
            if [each.tobytes() for each in found] != [each.tobytes() for each in expected]:
                wrong.append(k)
            with np.errstate(divide="raise"):
                try:
                    np.divide(a, 0 * b)
                    wrong.append("no FloatingPointError")
                except FloatingPointError:
                    pass
            rounds[k] += 1

    threads = [start(compute, k) for k in range(8)]
    until, times = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < until or min(rounds) < 2:
            with gilkit.patch_numpy(min_size=1 + times % 1000):
                time.sleep(0.001)
            times += 1
            assert time.monotonic() < until + LONG
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong and times > 3


def test_patched_from_several_threads():
    def patch():
        for _ in range(200):
            with gilkit.patch_numpy(min_size=10):
                assert gilkit.numpy_is_patched()

    before = pointers()
    for thread in [start(patch) for _ in range(4)]:
        thread.join()
    assert pointers() == before


def test_inside_map(patched):
    a = np.linspace(-5, 5, N)
    expected = np.sin(a)

    def body(k):
        return (np.sin(a * 1.0) + k - k).tobytes() == (expected + k - k).tobytes()

    assert all(gilkit.map(body, range(60), threads=4, chunksize=1))


def test_inside_a_map_that_is_cancelled(patched):
    """The operations of a body end before the map does, with whole results."""
    a = np.linspace(-5, 5, 300_000)
    expected = np.sin(a)
    token, wrong, done = gilkit.CancelToken(), [], []

    def body(k):
        if k == 3:
            token.cancel()
        found = np.full_like(a, 7)
        np.sin(a, out=found)
        if found.tobytes() != expected.tobytes():
            wrong.append(k)
        done.append(k)

    from concurrent.futures import CancelledError

    with pytest.raises(CancelledError), token:
        gilkit.map(body, range(500), threads=4, chunksize=1)
    assert not wrong and 0 < len(done) < 500


def test_timeouts_and_tokens_do_not_cut_an_operation(patched):
    a = np.linspace(-5, 5, 400_000)
    b = np.linspace(-5, 5, 400_000)[::-1].reshape(400, 1000)
    expected = [np.sin(a), np.sort(b, axis=1), b.sum(axis=0)]
    token = gilkit.CancelToken()
    with gilkit.timeout(1e-9), token:
        token.cancel()
        found = [np.sin(a), np.sort(b, axis=1), b.sum(axis=0)]
        with pytest.raises((TimeoutError, Exception), match="the gilkit call"):
            gilkit.spin(10)
    assert [each.tobytes() for each in found] == [each.tobytes() for each in expected]


# ---- Signals ----


class Rung(Exception):
    pass


OPERATIONS = {
    "sin": (lambda a, out: np.sin(a, out=out), np.sin),
    "add": (lambda a, out: np.add(a, a.T, out=out), lambda a: a + a.T),
    "sort": (lambda a, out: (np.copyto(out, a), out.sort(axis=0))[0], lambda a: np.sort(a, axis=0)),
}


@POSIX
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_signal_handler_that_raises(operation, patched, often):
    """The exception comes between two operations: one that has begun to write its output ends."""
    run, plain = OPERATIONS[operation]
    a = np.random.default_rng(1).standard_normal((700, 700))
    expected, untouched = plain(a), np.full_like(a, 7)
    copied = a if operation == "sort" else untouched

    def handler(*_):
        raise Rung

    before = signal.signal(signal.SIGALRM, handler)
    rung = 0
    try:
        for k in range(often(60, 2000)):
            out = untouched.copy()
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0001 + 0.0003 * (k % 20))
                for _ in range(200):
                    run(a, out)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Rung:
                rung += 1
            whole = [expected.tobytes(), untouched.tobytes(), copied.tobytes()]
            assert out.tobytes() in whole
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert rung > 5


@POSIX
def test_interrupts(run_python):
    """Ctrl-C ends a program that does nothing but long operations of NumPy."""
    run_python("""
        import os, signal, threading, time
        import numpy as np, gilkit
        gilkit.patch_numpy()
        a = np.linspace(0, 1, 3_000_000)
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        started = time.monotonic()
        try:
            while time.monotonic() < started + 60:
                np.sin(a)
            raise SystemExit("no KeyboardInterrupt")
        except KeyboardInterrupt:
            pass
    """)


# ---- fork and exit ----


@POSIX
def test_fork(run_python):
    run_python("""
        import os, threading, warnings
        import numpy as np, gilkit
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork in a process with threads
        gilkit.patch_numpy(min_size=1)
        gilkit.set_num_threads(3)
        a = np.linspace(0, 1, 50_000)
        expected = np.sin(a).tobytes()
        stop = threading.Event()

        def compute():
            while not stop.is_set():
                assert np.sin(a).tobytes() == expected

        def patch():
            while not stop.is_set():
                with gilkit.patch_numpy():
                    pass

        threads = [threading.Thread(target=f) for f in (compute, compute, patch)]
        for thread in threads:
            thread.start()
        for _ in range(15):
            pid = os.fork()
            if pid == 0:
                ok = gilkit.numpy_is_patched() and np.sin(a).tobytes() == expected and np.sort(a)[0] == 0
                while gilkit.numpy_is_patched():
                    gilkit.unpatch_numpy()
                ok = ok and np.sin(a).tobytes() == expected
                with gilkit.patch_numpy(min_size=1):
                    ok = ok and np.sin(a).tobytes() == expected
                os._exit(0 if ok else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        stop.set()
        for thread in threads:
            thread.join()
    """)


def test_exit_while_threads_compute(run_python):
    for way in ("daemon", "sys.exit", "os._exit"):
        out = run_python(
            """
            import os, sys, threading, time
            import numpy as np, gilkit
            gilkit.patch_numpy(min_size=1)
            a = np.random.default_rng(1).standard_normal((500, 400))

            def compute():
                while True:
                    np.sin(a), a + a[:1], a.sum(axis=0), np.sort(a, axis=0)

            for _ in range(3):
                threading.Thread(target=compute, daemon=True).start()
            time.sleep(0.3)
            print("end", flush=True)
            if sys.argv[1] == "sys.exit":
                sys.exit(0)
            if sys.argv[1] == "os._exit":
                os._exit(0)
            """,
            way,
        )
        assert out == "end\n"


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


# ---- greenlets ----


def test_greenlets(patched):
    greenlet = pytest.importorskip("greenlet")
    a = np.ones(N)
    trace = []

    class Switches:
        def write(self, text):
            trace.append(text)
            main.switch()

    def body():
        with np.errstate(divide="log", call=Switches()), gilkit.threads(2):
            trace.append((a / 0)[0])

    main = greenlet.getcurrent()
    other = greenlet.greenlet(body)
    other.switch()
    assert np.sin(a)[0] == np.sin(1.0)
    other.switch()
    assert trace[-1] == np.inf and "divide by zero" in trace[0]


# ---- gilkit.ufunc ----


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
    """With a receiver of floating-point errors that tells nothing, only the number of workers shows it."""
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
