"""The cache under NumPy's memory handler: contents, reuse, limits, and other handlers, threads and processes."""

import contextvars
import ctypes
import gc
import os
import random
import sys
import threading
import tracemalloc

import numpy as np
import pytest

import gilkit
from gilkit.patching import _memory

MIB = 2**20
KEPT = 2 * MIB  # bytes of an array that is large enough to be kept

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.fixture
def installed():
    assert not _memory.is_installed()
    _memory.install(64 * MIB)
    yield
    _memory.uninstall()
    assert _memory.statistics()["bytes"] == 0


@pytest.fixture(autouse=True)
def leaves_numpy_as_it_was():
    before = default_functions()
    yield
    assert not _memory.is_installed()
    assert default_functions() == before


# ---- NumPy's handlers, through ctypes ----

MALLOC = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
CALLOC = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t)
REALLOC = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
FREE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class Handler(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        ("ctx", ctypes.c_void_p),
        ("malloc", ctypes.c_void_p),
        ("calloc", ctypes.c_void_p),
        ("realloc", ctypes.c_void_p),
        ("free", ctypes.c_void_p),
    )


def numpy_api(index):
    try:
        from numpy._core import multiarray
    except ImportError:
        from numpy.core import multiarray
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    table = get(multiarray._ARRAY_API, None)
    return ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p))[index]


def default_handler():
    capsule = ctypes.cast(numpy_api(306), ctypes.POINTER(ctypes.py_object))[0]  # PyDataMem_DefaultHandler
    pointer = ctypes.pythonapi.PyCapsule_GetPointer(capsule, b"mem_handler")
    return Handler.from_address(pointer)


def default_functions():
    handler = default_handler()
    return tuple(getattr(handler, name) for name in ("ctx", "malloc", "calloc", "realloc", "free"))


class Others:
    """A handler of another package. It uses the C library and records long blocks only, not those of scalars."""

    def __init__(self):
        c = ctypes.CDLL(None)
        for name in ("malloc", "calloc", "realloc"):
            getattr(c, name).restype = ctypes.c_void_p
        self.sizes = []
        self.freed = 0

        def note(size):
            if size >= MIB:
                self.sizes.append(size)

        def malloc(ctx, size):
            note(size)
            return c.malloc(ctypes.c_size_t(size))

        def calloc(ctx, n, size):
            note(n * size)
            return c.calloc(ctypes.c_size_t(n), ctypes.c_size_t(size))

        def realloc(ctx, block, size):
            return c.realloc(ctypes.c_void_p(block), ctypes.c_size_t(size))

        def free(ctx, block, size):
            self.freed += size >= MIB
            c.free(ctypes.c_void_p(block))

        self.functions = MALLOC(malloc), CALLOC(calloc), REALLOC(realloc), FREE(free)
        self.handler = Handler(b"others", 1, None, *(ctypes.cast(f, ctypes.c_void_p) for f in self.functions))
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
        self.name = b"mem_handler"
        self.capsule = new(ctypes.addressof(self.handler), self.name, None)

    def __enter__(self):
        set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(numpy_api(304))  # PyDataMem_SetHandler
        self.before = set_handler(self.capsule)
        return self

    def __exit__(self, *error):
        ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(numpy_api(304))(self.before)


def in_new_thread(function):
    """Return function(), called in a thread, whose context is empty."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


# ---- Reuse ----


def address(a):
    return a.__array_interface__["data"][0]


def test_memory_is_reused(installed):
    a = np.ones(KEPT, np.uint8)
    first = address(a)
    del a
    assert _memory.statistics()["blocks"] == 1
    b = np.full(KEPT - 1000, 7, np.uint8)
    assert address(b) == first
    assert b.min() == b.max() == 7
    found = _memory.statistics()
    assert (found["blocks"], found["hits"], found["misses"]) == (0, 1, 1)
    assert found["limit"] == 64 * MIB


def test_the_public_functions():
    with gilkit.patch_numpy(memory=True):
        a = np.ones(KEPT, np.uint8)
        del a
        found = gilkit.patching.memory_statistics()
        assert found == _memory.statistics()
        assert found.keys() == {"bytes", "blocks", "hits", "misses", "limit"}
        assert found["bytes"] >= KEPT
        assert gilkit.patching.trim_memory() == found["bytes"]
        assert gilkit.patching.memory_statistics()["bytes"] == 0
        assert gilkit.patching.trim_memory() == 0


def test_zeros_are_zero_after_reuse(installed):
    for n in (MIB, 3 * MIB + 17, 20 * MIB, 50 * MIB):
        for _ in range(3):
            dirty = np.full(n, 0xEE, np.uint8)
            del dirty
            zeros = np.zeros(n, np.uint8)
            assert not zeros.any()
            del zeros
            assert _memory.statistics()["blocks"] <= 1  # zeros do not fill the cache
        _memory.trim()


def test_small_arrays_are_not_kept(installed):
    for n in (1, 1000, 1023, 1024, 100_000, MIB - 1):
        a = np.ones(n, np.uint8)
        del a
    found = _memory.statistics()
    assert (found["blocks"], found["hits"], found["misses"]) == (0, 0, 0)


def test_new_threads_and_contexts_are_reached(installed):
    def first_and_again():
        a = np.ones(KEPT, np.uint8)
        first = address(a)
        del a
        return address(np.ones(KEPT, np.uint8)) == first

    assert in_new_thread(first_and_again)
    assert contextvars.Context().run(first_and_again)
    assert contextvars.copy_context().run(first_and_again)


def test_an_array_of_one_thread_is_freed_in_another(installed):
    a = [np.ones(KEPT, np.uint8)]
    in_new_thread(a.clear)
    assert _memory.statistics()["blocks"] == 1


def test_limit(installed):
    arrays = [np.ones(10 * MIB, np.uint8) for _ in range(10)]
    while arrays:
        arrays.pop()
        assert _memory.statistics()["bytes"] <= 64 * MIB
    assert _memory.statistics()["blocks"] == 6
    _memory.install(20 * MIB)
    assert _memory.statistics()["bytes"] == 20 * MIB
    _memory.install()  # changes nothing
    assert _memory.statistics()["limit"] == 20 * MIB
    assert _memory.trim() == 20 * MIB
    _memory.install(0)
    a = np.ones(KEPT, np.uint8)
    del a
    assert _memory.statistics()["bytes"] == 0


def test_arguments():
    for limit in (-1, 2**63):
        with pytest.raises(ValueError, match="limit"):
            _memory.install(limit)
    for limit in (1.5, "1G"):
        with pytest.raises(TypeError, match="limit"):
            _memory.install(limit)
    assert not _memory.is_installed()


@pytest.mark.parametrize(
    ("text", "limit"), [("5000000", 5_000_000), ("0", 0), ("3K", 3072), ("5M", 5 * MIB), ("2G", 2**31)]
)
def test_environment(monkeypatch, text, limit):
    monkeypatch.setenv("GILKIT_MEMORY_CACHE", text)
    _memory.install()
    try:
        assert _memory.statistics()["limit"] == limit
        _memory.install(7 * MIB)
        assert _memory.statistics()["limit"] == 7 * MIB
    finally:
        _memory.uninstall()


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5G", "1T", "99999999999G", "٣"])
def test_bad_environment(monkeypatch, text):
    monkeypatch.setenv("GILKIT_MEMORY_CACHE", text)
    with pytest.raises(ValueError, match="GILKIT_MEMORY_CACHE"):
        _memory.install()
    assert not _memory.is_installed()


def test_default_limit(monkeypatch):
    monkeypatch.delenv("GILKIT_MEMORY_CACHE", raising=False)
    _memory.install()
    limit = _memory.statistics()["limit"]
    _memory.uninstall()
    assert MIB < limit <= 2**30


def test_out_of_memory(installed):
    a = np.ones(KEPT, np.uint8)
    del a
    with pytest.raises(MemoryError):
        np.empty(2**62, np.uint8)
    with pytest.raises(MemoryError):
        np.zeros(2**62, np.uint8)
    assert _memory.statistics()["blocks"] == 0  # it gave back what it had before it gave up
    assert (np.ones(KEPT, np.uint8) == 1).all()


# ---- Contents ----


def random_operations(seed, steps):
    """Allocate, grow, shrink, copy and free arrays whose content is known."""
    rng = random.Random(seed)
    arrays = {}
    for step in range(steps):
        key = rng.randrange(8)
        if key not in arrays:
            n = rng.choice([100, 5000, MIB // 8, 3 * MIB // 8, MIB]) + rng.randrange(1000)
            if rng.random() < 0.3:
                a = np.zeros(n)
                assert not a.any()
            else:
                a = np.empty(n)
            value = float(step)
            a[:] = value
            arrays[key] = a, value
            continue
        a, value = arrays[key]
        assert a[0] == value and a[-1] == value and (a[::511] == value).all()
        action = rng.randrange(4)
        if action == 0:
            old, n = len(a), max(1, int(len(a) * rng.choice([0.3, 0.95, 1.0, 1.05, 4])) % (2 * MIB))
            del arrays[key]
            a.resize(n, refcheck=False)  # NumPy fills the rest with zeros
            assert (a[: min(n, old)][::511] == value).all()
            assert not a[old:].any()
            a[:] = value
            arrays[key] = a, value
        elif action == 1:
            arrays[key] = a + 1.0, value + 1.0
        elif action == 2:
            arrays[key] = np.concatenate([a, a])[: len(a)].copy(), value
        else:
            del arrays[key]


def test_random_operations(installed):
    for seed in range(3):
        random_operations(seed, 300)
    assert _memory.statistics()["hits"] > 50


def test_threads(installed):
    errors = []

    def work(seed):
        try:
            random_operations(seed, 200)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        _memory.trim()
        threads[0].join(0.01)
    for thread in threads:
        thread.join()
    assert errors == []


def test_install_and_uninstall_while_threads_compute():
    stop = threading.Event()
    errors = []

    def work(seed):
        try:
            while not stop.is_set():
                random_operations(seed, 50)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        _memory.install(16 * MIB)
        assert _memory.is_installed()
        threads[0].join(0.005)
        _memory.uninstall()
        assert not _memory.is_installed()
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert _memory.statistics()["bytes"] == 0


def test_uninstall_while_arrays_live():
    before = np.full(KEPT, 1, np.uint8)
    _memory.install(64 * MIB)
    during = np.full(KEPT, 2, np.uint8)
    grown = np.full(KEPT, 3, np.uint8)
    del before  # did not come from the cache: NumPy frees it
    assert _memory.statistics()["blocks"] == 0
    _memory.uninstall()
    assert (during == 2).all()
    grown.resize(5 * KEPT, refcheck=False)
    assert (grown[:KEPT] == 3).all() and not grown[KEPT:].any()
    del grown
    _memory.install(64 * MIB)
    del during  # came from the cache, but before it was closed
    assert _memory.statistics()["blocks"] == 0
    a = np.ones(KEPT, np.uint8)
    del a
    assert _memory.statistics()["blocks"] == 1
    _memory.uninstall()
    _memory.uninstall()


# ---- Other handlers ----


@pytest.mark.skipif(sys.platform == "win32", reason="ctypes.CDLL(None) needs POSIX")
def test_a_handler_of_a_context_stays_in_force(installed):
    with Others() as others:
        a = np.ones(KEPT, np.uint8)
        assert others.sizes == [KEPT]
        assert _memory.statistics()["misses"] == 0
        b = in_new_thread(lambda: np.ones(KEPT, np.uint8))  # the new thread has the default
        assert others.sizes == [KEPT]
        assert _memory.statistics()["misses"] == 1
    c = np.ones(KEPT, np.uint8)
    assert _memory.statistics()["misses"] == 2
    del a  # each array is freed by the handler that allocated it
    assert others.freed == 1 and _memory.statistics()["blocks"] == 0
    del b, c
    assert others.freed == 1 and _memory.statistics()["blocks"] == 2


@pytest.mark.skipif(sys.platform == "win32", reason="ctypes.CDLL(None) needs POSIX")
def test_a_handler_that_was_in_force_before():
    with Others() as others:
        _memory.install(64 * MIB)
        a = np.ones(KEPT, np.uint8)
        assert others.sizes == [KEPT]
        _memory.uninstall()
        b = np.ones(KEPT, np.uint8)
        assert others.sizes == [KEPT, KEPT]
        del a, b
        assert others.freed == 2


@pytest.mark.skipif(sys.platform == "win32", reason="ctypes.CDLL(None) needs POSIX")
def test_another_package_replaces_the_functions_too():
    """Functions that another package puts on top of gilkit's call gilkit's, even after uninstall()."""
    handler = default_handler()
    _memory.install(64 * MIB)
    below = FREE(handler.free)
    freed = []

    @FREE
    def free(ctx, block, size):
        freed.append(size)
        below(ctx, block, size)

    own = handler.free
    handler.free = ctypes.cast(free, ctypes.c_void_p)
    theirs = handler.free
    a = np.ones(KEPT, np.uint8)
    del a
    assert KEPT in freed and _memory.statistics()["blocks"] == 1
    _memory.uninstall()
    assert not _memory.is_installed() and handler.free == theirs
    freed.clear()
    a = np.ones(KEPT, np.uint8)
    del a
    assert KEPT in freed and _memory.statistics()["blocks"] == 0
    _memory.install(64 * MIB)
    assert handler.free == theirs
    a = np.ones(KEPT, np.uint8)
    del a
    assert _memory.statistics()["blocks"] == 1
    handler.free = own
    _memory.uninstall()


# ---- The system ----


def test_tracemalloc(installed):
    tracemalloc.start()
    try:
        domain = tracemalloc.DomainFilter(inclusive=True, domain=np.lib.tracemalloc_domain)

        def traced():
            gc.collect()
            return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces([domain]).traces)

        start = traced()
        for _ in range(2):  # a new block, then a reused one
            a = np.ones(KEPT, np.uint8)
            assert traced() - start == KEPT
            del a
            assert traced() == start  # memory kept by the cache does not count
        a = np.zeros(KEPT, np.uint8)
        a.resize(3 * KEPT, refcheck=False)
        assert traced() - start == 3 * KEPT
        del a
        assert traced() == start
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_fork(run_python):
    run_python("""
        import os
        import numpy as np
        from gilkit.patching import _memory

        _memory.install(100 * 2**20)
        kept = np.ones(10**6)
        for i in range(20):
            a = np.full(10**6, 5.0); del a
            child = os.fork()
            if child == 0:
                a = np.full(10**6, 7.0)
                assert _memory.statistics()["hits"] > 0
                assert (a == 7).all() and (kept == 1).all()
                assert not np.zeros(10**6).any()
                del a
                assert _memory.trim() > 0
                _memory.uninstall()
                os._exit(0)
            a = np.full(10**6, 6.0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            assert (a == 6).all() and (kept == 1).all()
    """)


def test_exit_with_arrays_and_cache(run_python):
    run_python("""
        import threading, sys
        import numpy as np
        from gilkit.patching import _memory

        _memory.install()
        a = np.ones(10**6)
        b = np.ones(10**6); del b
        sys.kept_alive = np.zeros(10**6)
        stop = threading.Event()
        threading.Thread(target=lambda: [np.ones(10**6) for _ in range(10**6)], daemon=True).start()
    """)


RSS = """
import numpy as np
from gilkit.patching import _memory

def rss():
    with open("/proc/self/smaps_rollup") as f:
        lines = dict(line.split(":") for line in list(f)[1:])
    return int(lines["Rss"].split()[0]) * 1024

def lazy_free():
    with open("/proc/self/smaps_rollup") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("LazyFree")) * 1024
"""


@linux
def test_trim_gives_memory_back(run_python):
    run_python(
        RSS
        + """
for n in (2 * 2**20, 20 * 2**20, 100 * 2**20):
    _memory.install(2**29)
    arrays = [np.ones(n, np.uint8) for _ in range(2)]
    full = rss()
    arrays.clear()
    assert _memory.statistics()["bytes"] >= 2 * n
    assert rss() > full - n / 4, "the cache keeps the pages"
    _memory.trim()
    assert rss() < full - 1.9 * n, (n, full, rss())
    arrays = [np.ones(n, np.uint8) for _ in range(2)]
    full = rss()
    arrays.clear()
    _memory.uninstall()
    assert rss() < full - 1.9 * n, (n, full, rss())
"""
    )


@linux
def test_empty_and_zeros_of_a_gigabyte_are_lazy(run_python):
    run_python(
        RSS
        + """
_memory.install()
start = rss()
for make in (np.empty, np.zeros):
    a = make(10**9, np.uint8)
    a[::10**8] = 1
    assert rss() - start < 50 * 10**6, rss() - start
    del a
# A block of this size that was written is not cleared as a whole when it is used again.
a = np.ones(10**8, np.uint8)
del a
a = np.zeros(10**8, np.uint8)
assert rss() - start < 50 * 10**6, rss() - start
"""
    )


@linux
def test_the_kernel_may_take_what_is_kept(run_python):
    """Of several large blocks, all but the newest 64 MiB are lent to the kernel."""
    run_python(
        RSS
        + """
_memory.install(2**29)
arrays = [np.ones(40 * 2**20, np.uint8) for _ in range(4)]
assert lazy_free() == 0
arrays.clear()
assert _memory.statistics()["blocks"] == 4
assert lazy_free() >= 110 * 2**20, lazy_free()
arrays = [np.full(40 * 2**20, i, np.uint8) for i in range(4)]
assert _memory.statistics()["hits"] == 4
assert all((a == i).all() for i, a in enumerate(arrays))
"""
    )


@linux
def test_a_limit_of_the_address_space(run_python):
    """The cache is given back before an allocation fails."""
    run_python(
        RSS
        + """
import resource
with open("/proc/self/statm") as f:
    now = int(f.read().split()[0]) * resource.getpagesize()
_memory.install(2**30)
n = 150 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (now + 500 * 2**20, resource.RLIM_INFINITY))
a = [np.ones(n, np.uint8) for _ in range(2)]
del a
assert _memory.statistics()["blocks"] == 2
b = np.ones(400 * 2**20, np.uint8)  # fits only without them
assert _memory.statistics()["blocks"] == 0 and b.min() == 1
del b
try:
    np.ones(2**40, np.uint8)
except MemoryError:
    pass
else:
    raise AssertionError
"""
    )
