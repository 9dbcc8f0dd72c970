"""gilkit.parallel_for: kernels of every kind, their signatures, their data."""

import ctypes
import functools
import gc
import os
import signal
import sys
import threading
import time
import weakref
from array import array
from ctypes import CFUNCTYPE, POINTER, PYFUNCTYPE, c_double, c_int, c_int32, c_int64, c_longlong, c_void_p

import pytest
from waiting import until

import gilkit

THREADS = [1, 2, 3, 8, 64]
Kernel = CFUNCTYPE(None, c_int64, c_int64, c_void_p)


class Recorder:
    """A ctypes kernel in Python that records its calls."""

    def __init__(self, body=None):
        self.calls, self.threads, self.data = [], set(), set()

        def kernel(begin, end, data):
            self.calls.append((begin, end))
            self.threads.add(threading.get_ident())
            self.data.add(data)
            if body:
                body(begin, end, data)

        self.kernel = Kernel(kernel)


@pytest.fixture
def alarm_raises():
    if not hasattr(signal, "setitimer"):
        pytest.skip("the system has no timers")
    before = signal.signal(signal.SIGALRM, lambda number, frame: 1 / 0)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("n", [0, 1, 2, 255, 256, 257, 10_007])
def test_every_item_once(n, threads):
    recorder = Recorder()
    assert gilkit.parallel_for(n, recorder.kernel, threads=threads) is None
    covered = [i for begin, end in sorted(recorder.calls) for i in range(begin, end)]
    assert covered == list(range(n))
    assert len(recorder.threads) <= threads


def test_chunks_depend_on_n_alone():
    cuts = []
    for threads in THREADS:
        recorder = Recorder()
        gilkit.parallel_for(12_345, recorder.kernel, threads=threads)
        cuts.append(sorted(recorder.calls))
    assert all(cut == cuts[0] for cut in cuts)


def test_grain():
    recorder = Recorder()
    gilkit.parallel_for(10, recorder.kernel, grain=4)
    assert sorted(recorder.calls) == [(0, 4), (4, 8), (8, 10)]


def test_threads_take_part():
    recorder = Recorder(lambda *_: until(lambda: len(recorder.threads) > 1))
    gilkit.parallel_for(8, recorder.kernel, threads=3, grain=1)
    assert 2 <= len(recorder.threads) <= 3


@pytest.mark.parametrize("n", [2, 1000])
def test_a_first_chunk_that_blocks_gets_another_thread_although_earlier_ones_were_short(n):
    recorder, short = Recorder(lambda *_: short or until(lambda: len(recorder.threads) > 1)), True
    for _ in range(5):
        short = True
        for _ in range(50):
            gilkit.parallel_for(2, recorder.kernel, threads=2, grain=1)
        short = False
        recorder.threads.clear()
        gilkit.parallel_for(n, recorder.kernel, threads=2, grain=1)


# ---- Kinds of kernels ----


@pytest.mark.parametrize("kind", [c_int64, c_longlong, ctypes.c_ssize_t])
@pytest.mark.parametrize("pointer", [c_void_p, POINTER(c_double)])
def test_ctypes_signatures(kind, pointer):
    values = array("d", range(1000))

    def kernel(begin, end, data):
        for i in range(begin, end):
            ctypes.cast(data, POINTER(c_double))[i] += 1

    gilkit.parallel_for(1000, CFUNCTYPE(None, kind, kind, pointer)(kernel), values)
    assert values.tolist() == [x + 1 for x in range(1000)]


@pytest.mark.parametrize(
    ("kernel", "error", "message"),
    [
        (CFUNCTYPE(None, c_int32, c_int64, c_void_p)(lambda *_: None), TypeError, r"is None \(c_(int|long), c_"),
        (CFUNCTYPE(None, c_int64, c_int64)(lambda *_: None), TypeError, r"void \(int64_t begin, int64_t end"),
        (CFUNCTYPE(None, c_int64, c_int64, c_int64)(lambda *_: None), TypeError, "kernel must be a compiled function"),
        (CFUNCTYPE(None, ctypes.c_uint64, c_int64, c_void_p)(lambda *_: None), TypeError, "is None"),
        (CFUNCTYPE(None, c_double, c_int64, c_void_p)(lambda *_: None), TypeError, "c_double"),
        (CFUNCTYPE(c_int, c_int64, c_int64, c_void_p)(lambda *_: 0), TypeError, r"is c_(int|long) \("),
        (PYFUNCTYPE(None, c_int64, c_int64, c_void_p)(lambda *_: None), TypeError, "needs the GIL"),
        ((ctypes.CDLL(None).getpid if os.name == "posix" else ctypes.cdll.msvcrt.abs), TypeError, "has no argtypes"),
        (Kernel(0), ValueError, "kernel is a null pointer"),
        (lambda begin, end, data: None, TypeError, "not the Python callable .*gilkit.map runs those"),
        (print, TypeError, "not the Python callable"),
        (12345, TypeError, r"bare address.*CFUNCTYPE\(None, c_int64, c_int64, c_void_p\)\(0x3039\)"),
        (None, TypeError, "not None"),
        ("kernel", TypeError, "not 'kernel'"),
    ],
)
def test_wrong_kernels(kernel, error, message):
    with pytest.raises(error, match=message):
        gilkit.parallel_for(10, kernel)


new_capsule = ctypes.pythonapi.PyCapsule_New
new_capsule.restype, new_capsule.argtypes = ctypes.py_object, [c_void_p, ctypes.c_char_p, c_void_p]


def capsule(address, name):
    return new_capsule(address, name, None)


def test_capsules():
    recorder = Recorder()
    address = ctypes.cast(recorder.kernel, c_void_p).value
    names = [b"void (int64_t, int64_t, void *)", b"void(int64_t,int64_t,double*)", b"void (long long, int64_t, void *)"]
    for name in names:
        recorder.calls.clear()
        gilkit.parallel_for(10, capsule(address, name), grain=10)
        assert recorder.calls == [(0, 10)]
    wrong = [
        b"int (int64_t, int64_t, void *)",
        b"void (int, int64_t, void *)",
        b"void (int64_t, int64_t)",
        b"x",
        b"",
        b"void (int64_t, int64_t, void **)",
        b"void (int64_t, int64_t, void *, int)",
        b"void *(int64_t, int64_t, void *)",
    ]
    for name in wrong:
        with pytest.raises(TypeError, match="kernel must be a compiled function"):
            gilkit.parallel_for(10, capsule(address, name))
    with pytest.raises(TypeError, match="capsule without a name"):
        gilkit.parallel_for(10, capsule(address, None))


def test_cffi():
    cffi = pytest.importorskip("cffi")
    ffi, seen = cffi.FFI(), []
    kernel = ffi.callback("void (int64_t, int64_t, void *)", lambda *arguments: seen.append(arguments))
    values = ffi.new("double[10]")
    gilkit.parallel_for(10, kernel, values, grain=10)
    assert seen == [(0, 10, ffi.cast("void *", values))]
    seen.clear()
    gilkit.parallel_for(10, ffi.cast("void (*)(long long, int64_t, double *)", kernel), ffi.new("int *"), grain=10)
    assert seen[0][:2] == (0, 10)
    for signature in [
        "void (*)(int32_t, int64_t, void *)",
        "int (*)(int64_t, int64_t, void *)",
        "void (*)(int64_t, int64_t, int64_t)",
        "void (*)(int64_t, int64_t, void *, ...)",
        "double *",
    ]:
        with pytest.raises(TypeError, match="kernel must be a compiled function"):
            gilkit.parallel_for(10, ffi.cast(signature, 1))
    with pytest.raises(ValueError, match="null pointer"):
        gilkit.parallel_for(10, ffi.cast("void (*)(int64_t, int64_t, void *)", 0))
    with pytest.raises(TypeError, match="data must be a pointer or an array"):
        gilkit.parallel_for(10, kernel, ffi.cast("int", 3))


def test_numba():
    numba = pytest.importorskip("numba")
    types = numba.types

    @numba.cfunc(types.void(types.int64, types.int64, types.CPointer(types.float64)))
    def double(begin, end, data):
        values = numba.carray(data, end)
        for i in range(begin, end):
            values[i] *= 2

    for _ in range(3):
        values = array("d", range(100_000))
        gilkit.parallel_for(100_000, double, values, threads=4)
        assert values.tolist() == [2.0 * x for x in range(100_000)]

    @numba.cfunc(types.void(types.int32, types.int64, types.voidptr))
    def wrong(begin, end, data):
        pass

    for _ in range(2):
        with pytest.raises(TypeError, match="kernel must be a compiled function"):
            gilkit.parallel_for(10, wrong)
    with pytest.raises(TypeError, match="Python callable"):
        gilkit.parallel_for(10, numba.njit(lambda a, b, c: None))


def test_low_level_callable():
    LowLevelCallable = pytest.importorskip("scipy").LowLevelCallable
    recorder = Recorder()
    gilkit.parallel_for(10, LowLevelCallable(recorder.kernel), grain=10)
    assert recorder.calls == [(0, 10)]
    assert recorder.data == {None}
    gilkit.parallel_for(10, LowLevelCallable(recorder.kernel, c_void_p(77)), grain=10)
    assert recorder.data == {None, 77}
    gilkit.parallel_for(10, LowLevelCallable(recorder.kernel, c_void_p(77)), 78, grain=10)
    assert recorder.data == {None, 77, 78}
    named = capsule(ctypes.cast(recorder.kernel, c_void_p).value, b"void (int64_t, int64_t, void *)")
    gilkit.parallel_for(10, LowLevelCallable(named), 79, grain=10)
    assert 79 in recorder.data
    with pytest.raises(TypeError, match="kernel must be a compiled function"):
        gilkit.parallel_for(10, LowLevelCallable(CFUNCTYPE(c_int, c_int64)(lambda _: 0)))


# ---- Data ----


def address_seen(data):
    recorder = Recorder()
    gilkit.parallel_for(1, recorder.kernel, data)
    return recorder.data.pop()


def test_data():
    numpy = pytest.importorskip("numpy")
    values = array("i", range(10))
    here = values.buffer_info()[0]
    assert address_seen(None) is None
    assert address_seen(values) == address_seen(memoryview(values)) == here
    assert address_seen(memoryview(values)[3:]) == here + 12
    assert address_seen(here) == address_seen(c_void_p(here)) == here
    assert address_seen(ctypes.cast(here, POINTER(c_int))) == here
    assert address_seen(capsule(here, b"anything")) == here
    numbers = (c_int * 4)()
    assert address_seen(numbers) == address_seen(ctypes.pointer(numbers)) == ctypes.addressof(numbers)
    number = c_double(3)
    assert address_seen(number) == ctypes.addressof(number)
    matrix = numpy.zeros((3, 4))
    assert address_seen(matrix) == address_seen(matrix.T) == matrix.ctypes.data
    assert address_seen(b"read-only") is not None
    for wrong in (matrix[:, ::2], memoryview(values)[::2]):
        with pytest.raises(ValueError, match="data must be contiguous"):
            address_seen(wrong)
    for wrong in ("text", 1.5, [1, 2], object()):
        with pytest.raises(TypeError, match="data must be None, an object with a buffer"):
            address_seen(wrong)
    for wrong in (-1, 2**64):
        with pytest.raises(ValueError, match="data must be from 0 to"):
            address_seen(wrong)


def test_the_buffer_cannot_move_during_the_call():
    values = bytearray(100)

    def grow(begin, end, data):
        try:
            values.extend(b"more")
        except BufferError as error:
            caught.append(error)

    caught = []
    gilkit.parallel_for(1, Recorder(grow).kernel, values)
    assert len(caught) == 1
    values.extend(b"more")  # allowed again
    before = sys.getrefcount(values)
    for _ in range(10):
        gilkit.parallel_for(1, Recorder().kernel, values)
    assert sys.getrefcount(values) == before


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": -1}, ValueError, "n must be from 0 to"),
        ({"n": 1.5}, TypeError, "n must be an integer, not 1.5"),
        ({"grain": 0}, ValueError, "grain must be from 1 to"),
        ({"threads": 0}, ValueError, "threads must be from 1 to 1024"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        gilkit.parallel_for(**{"n": 10, "kernel": Recorder().kernel, **arguments})


def test_cancel_token_and_nesting():
    token = gilkit.CancelToken()
    inner = Recorder()
    outer = Recorder(lambda begin, end, data: gilkit.parallel_for(100, inner.kernel))
    gilkit.parallel_for(10, outer.kernel, grain=1, threads=3)
    assert sum(end - begin for begin, end in inner.calls) == 1000
    threading.Timer(0.05, token.cancel).start()
    slow = Recorder(lambda *_: time.sleep(0.01))
    with token, pytest.raises(Exception, match="cancelled"):
        gilkit.parallel_for(10_000, slow.kernel, grain=1)
    assert len(slow.calls) < 5000


def test_many_threads_at_once():
    def call(results):
        values = array("q", bytes(8 * 1000))
        for _ in range(50):
            gilkit.parallel_for(1000, increment, values, threads=3)
        results.append(values.tolist() == [50] * 1000)

    @functools.partial(CFUNCTYPE(None, c_int64, c_int64, POINTER(c_int64)))
    def increment(begin, end, data):
        for i in range(begin, end):
            data[i] += 1

    results = []
    callers = [threading.Thread(target=call, args=(results,)) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert results == [True] * 8


# ---- Exceptions


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("error", [LookupError, SystemExit, KeyboardInterrupt])
def test_an_exception_in_a_ctypes_callback_ends_the_call(error, threads, capfd):
    """Regression test: the exception was only printed."""
    begun = []

    def body(begin, end, data):
        begun.append(begin)
        if begin >= 100:
            raise error(begin)

    recorder = Recorder(body)
    with pytest.raises(error) as raised:
        gilkit.parallel_for(1_000_000, recorder.kernel, threads=threads, grain=1)
    assert raised.value.args[0] in begun
    assert threads > 1 or raised.value.args[0] == 100
    assert len(begun) < 10_000
    assert capfd.readouterr().err == ""
    # The next call works as usual.
    other = Recorder()
    gilkit.parallel_for(1000, other.kernel, threads=threads)
    assert sum(end - begin for begin, end in other.calls) == 1000


def test_ctypes_callbacks_of_every_kind_may_raise():
    class Callable:
        def __call__(self, begin, end, data):
            raise LookupError

        def method(self, begin, end, data):
            raise LookupError

    def function(begin, end, data):
        raise LookupError

    pointers = CFUNCTYPE(None, c_int64, c_longlong, POINTER(c_double))
    for kind in (Kernel, pointers):
        for body in (function, Callable(), Callable().method, functools.partial(function), lambda *_: function(*_)):
            with pytest.raises(LookupError):
                gilkit.parallel_for(1000, kind(body))
    with pytest.raises(TypeError):  # a wrong number of arguments is an exception as well
        gilkit.parallel_for(1000, Kernel(lambda begin: None))


def test_callback_exceptions_are_released_afterwards():
    class Big(Exception):
        pass

    def body(begin, end, data):
        raise Big

    kernel = Kernel(body)
    try:
        gilkit.parallel_for(100, kernel, threads=2)
    except Big as error:
        alive = weakref.ref(error)
    gc.collect()
    assert alive() is None


def test_a_callback_that_calls_gilkit_may_raise():
    def inner(begin, end, data):
        raise LookupError

    def outer(begin, end, data):
        gilkit.parallel_for(10, Kernel(inner))

    with pytest.raises(LookupError):
        gilkit.parallel_for(10, Kernel(outer), threads=2)


def test_a_signal_in_a_callback_ends_the_call(alarm_raises):
    def body(begin, end, data):
        time.sleep(0.001)

    with pytest.raises(ZeroDivisionError):
        gilkit.parallel_for(100_000, Kernel(body), grain=1)
