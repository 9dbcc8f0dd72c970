"""Settings that items and kernels on other threads share with the caller: signals, stacks, floating-point control."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from names import POSITIONS, REDUCTIONS
from waiting import until

import gilkit

LINUX = sys.platform.startswith("linux")
X86 = platform.machine() == "x86_64"


class Meeting:
    """Call a function in two threads at once, each with its own item."""

    def __init__(self, function):
        self.function = function
        self.threads = set()

    def __call__(self, *_):
        self.threads.add(threading.get_ident())
        until(lambda: len(self.threads) > 1)
        return self.function()


def by_map(function):
    return gilkit.map(Meeting(function), range(2), threads=2, chunksize=1)


def by_starmap(function):
    return gilkit.starmap(Meeting(function), [(0, 1), (2, 3)], threads=2, chunksize=1)


def by_imap(function):
    return list(gilkit.imap(Meeting(function), range(2), threads=2, chunksize=1))


def by_parallel_for(function):
    results = []
    body = Meeting(lambda: results.append(function()))
    kernel = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)(body)
    gilkit.parallel_for(2, kernel, threads=2, grain=1)
    return results


every_way = pytest.mark.parametrize("run", [by_map, by_starmap, by_imap, by_parallel_for])

# ---- Signals ----

masks = pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="the system has no signal masks")


def mask():
    return signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.fixture
def blocked():
    """Block signals in this thread during the test."""
    before = mask()
    yield lambda signals: signal.pthread_sigmask(signal.SIG_SETMASK, signals)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@masks
@every_way
def test_items_run_with_the_callers_signal_mask(run, blocked):
    gilkit.spin(10**7, threads=2)  # on existing workers
    for signals in ({signal.SIGUSR1, signal.SIGTERM}, set(), {signal.SIGUSR2}):
        blocked(signals)
        assert run(mask) == [signals] * 2


@masks
def test_a_signal_mask_set_by_an_item_does_not_reach_the_next(blocked):
    blocked(())
    by_map(lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}) and None)
    blocked(())
    assert by_map(mask) == [set()] * 2


def end_by_sigterm():
    with subprocess.Popen([sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"],
                          stdout=subprocess.PIPE) as process:  # fmt: skip
        process.stdout.read(1)
        process.terminate()
        try:
            return process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            return "SIGTERM ignored"


@masks
@every_way
def test_children_of_items_end_by_sigterm(run):
    assert run(end_by_sigterm) == [-signal.SIGTERM] * 2


@masks
def test_children_of_threads_made_in_items_end_by_sigterm():
    pools = by_map(lambda: ThreadPoolExecutor(1))
    by_map(lambda: None)
    for pool in pools:
        with pool:
            assert pool.submit(end_by_sigterm).result() == -signal.SIGTERM


CRASH = """
import ctypes, faulthandler, os, signal, threading, time, gilkit
faulthandler.enable()
main = threading.get_ident()
def crash(*_):
    if threading.get_ident() != main:
        {what}
    time.sleep(0.05)
kernel = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)(crash)
for _ in range(100):
    {call}
"""


@masks
@pytest.mark.parametrize("number", ["SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT"])
@pytest.mark.parametrize(
    "call", ["gilkit.map(crash, range(10), threads=2)", "gilkit.parallel_for(10, kernel, threads=2, grain=1)"]
)
def test_a_crash_on_a_worker_has_its_traceback(number, call, tmp_path):
    code = CRASH.format(what=f"signal.raise_signal(signal.{number})", call=call)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert ended.returncode == -getattr(signal, number)
    assert "Fatal Python error" in ended.stderr


@masks
def test_a_sleeping_worker_receives_no_signal():
    """While all threads of the program block a signal, the thread in sigwait receives it."""
    code = """
import os, signal, gilkit
gilkit.map(abs, range(1000), threads=2)
gilkit.spin(10**8, threads=2)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
for _ in range(10):
    os.kill(os.getpid(), signal.SIGUSR1)
    assert signal.sigwait({signal.SIGUSR1}) == signal.SIGUSR1
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd="/")


# ---- Stacks ----


def stack():
    """Return a function that gives the size of the current thread's stack."""
    libc = ctypes.CDLL(None)
    libc.pthread_self.restype = ctypes.c_void_p
    attributes = ctypes.create_string_buffer(256)
    lowest, size = ctypes.c_void_p(), ctypes.c_size_t()
    assert libc.pthread_getattr_np(ctypes.c_void_p(libc.pthread_self()), attributes) == 0
    assert libc.pthread_attr_getstack(attributes, ctypes.byref(lowest), ctypes.byref(size)) == 0
    libc.pthread_attr_destroy(attributes)
    return size.value


@pytest.fixture
def stack_size():
    before = threading.stack_size()
    threading.stack_size(before)
    yield threading.stack_size
    threading.stack_size(before)


@pytest.mark.skipif(not LINUX, reason="reads the stack size with a Linux function")
@every_way
def test_workers_have_the_stack_size_that_threading_sets(run, stack_size):
    gilkit.spin(10**7, threads=2)  # on existing workers
    for size in (64 << 20, 16 << 20, 0, 128 << 20):
        stack_size(size)
        with ThreadPoolExecutor(1) as pool:  # the caller has such a stack as well
            assert min(pool.submit(run, stack).result()) >= (size or 1 << 20) - 65536


@pytest.mark.skipif(not LINUX, reason="reads the stack size with a Linux function")
def test_without_memory_for_worker_stacks_the_caller_computes_alone(stack_size):
    stack_size(1 << 46)
    for _ in range(3):
        assert gilkit.map(abs, range(-1000, 0), threads=3) == list(range(1000, 0, -1))
    stack_size(0)
    assert gilkit.sum(np.ones(10**6), threads=2) == 10**6


SMALL = """
import sys, threading
import numpy as np, gilkit
def work():
    x = np.arange(200_000) % 7.0
    narrow, wide = x.reshape(-1, 2), x.astype("f4").reshape(100, -1)
    for name in sys.argv[1:]:
        for a, axis in ((x, None), (x.astype("f4"), None), (x[::2], None), (narrow, 0), (wide, 0), (wide[:, ::2], 0)):
            getattr(gilkit, name)(a, axis=axis, threads=2)
    print("done")
threading.stack_size(64 << 10)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


@pytest.mark.skipif(not LINUX, reason="other systems have larger stacks at the least")
def test_kernels_in_a_thread_with_a_small_stack(tmp_path):
    """With 64 KiB, NumPy computes, and buffers of 32 KiB overflowed the stack."""
    names = [*REDUCTIONS, *POSITIONS, "median", "cumsum", "cumprod", "cummax", "sort", "argsort"]
    command = [sys.executable, "-P", "-c", SMALL, *names]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "done\n"), ended.stderr


DEEP = """
import resource, sys, threading, time, gilkit
threading.stack_size(256 << 20)
sys.setrecursionlimit(10**6)
def deep(n):
    a, b = [], []
    for _ in range(n):
        a, b = [a], [b]
    equal = a == b
    while a: a = a.pop()
    while b: b = b.pop()
    time.sleep(0.02)
    return equal
run = lambda: print(set(gilkit.map(deep, [150_000] * 4, threads=2, chunksize=1)))
gilkit.map(abs, range(10), threads=2)
caller = threading.Thread(target=run)
caller.start()
caller.join()
"""


@pytest.mark.skipif(sys.version_info >= (3, 12) or not LINUX, reason="CPython limits how deep C code recurses")
@pytest.mark.parametrize("limit", ["", "ulimit -s unlimited 2>/dev/null; ", "ulimit -s 1024; "])
def test_deep_recursion_in_items(limit, tmp_path):
    command = ["/bin/sh", "-c", f'{limit}exec "$0" -c "$1"', sys.executable, DEEP]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "{True}\n"), ended.stderr


# ---- Floating-point control ----

control = pytest.mark.skipif(not (LINUX and X86), reason="fenv_t is known on Linux on x86-64")
if LINUX and X86:
    libm = ctypes.CDLL(ctypes.util.find_library("m") or "libm.so.6")

NEAREST, UPWARD, DOWNWARD, TO_ZERO = 0, 0x800, 0x400, 0xC00


def set_control(rounding, flush):
    libm.fesetround(rounding)
    env = (ctypes.c_uint32 * 8)()  # 28 bytes of x87 state, then MXCSR
    libm.fegetenv(env)
    env[7] = env[7] | 0x8040 if flush else env[7] & ~0x8040
    libm.fesetenv(env)


@pytest.fixture(params=[(UPWARD, False), (DOWNWARD, False), (TO_ZERO, False), (NEAREST, True), (UPWARD, True)], ids=str)
def fp_control(request):
    """Set the floating-point control for a block."""

    class Control:
        def __enter__(self):
            set_control(*request.param)

        def __exit__(self, *_):
            set_control(NEAREST, False)

    return Control()


def inputs():
    rng = np.random.default_rng(1)
    n = 300_000
    return rng, {
        "normal": rng.normal(size=n),
        "subnormal": rng.integers(1, 2**40, n).astype(np.uint64).view(np.float64),
        "mixed": np.concatenate([rng.integers(0, 2**40, n // 2).astype(np.uint64).view(np.float64) * rng.choice([-1.0, 1.0], n // 2),
                                 rng.normal(size=n // 2) * 1e-305]),
        "single": (rng.normal(size=n) * 1e-41).astype(np.float32),
    }  # fmt: skip


def same(a, b):
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.tobytes() == b.tobytes()


@control
@pytest.mark.parametrize("values", ["normal", "subnormal", "single"])
def test_floats_have_the_same_bits_for_any_number_of_threads(values, fp_control, isa):
    rng, arrays = inputs()
    a = arrays[values]
    ones, bins = np.ones(a.size, a.dtype), rng.integers(0, 10, a.size)
    points, grid = a[:60_000].reshape(-1, 20), a[:250_000].reshape(500, 500)

    def results(threads):
        return {
            **{name: getattr(gilkit, name)(a, threads=threads) for name in ("sum", "mean", "var", "std", "min", "max")},
            "columns": gilkit.sum(grid, axis=0, threads=threads),
            "cumsum": gilkit.cumsum(a, threads=threads),
            "dot": gilkit.dot(a, ones, threads=threads),
            "fsum": gilkit.fsum(a.astype(float), threads=threads),
            "histogram": gilkit.histogram(a, 50, weights=a, threads=threads)[0],
            "bincount": gilkit.bincount(bins, a, threads=threads),
            "jacobi": gilkit.jacobi(grid, iterations=3, threads=threads),
            "nearest": gilkit.nearest(points, points[:40], threads=threads)[1],
            "sort": gilkit.sort(a, threads=threads),
            "argsort": gilkit.argsort(a, threads=threads),
        }

    gilkit.runtime.stop()  # makes workers start under this control as well
    with fp_control:
        one = results(1)
        others = [results(threads) for threads in (2, 3)]
    for other in others:
        assert [name for name in one if not same(one[name], other[name])] == []


@control
@pytest.mark.parametrize("values", ["subnormal", "mixed", "single"])
@pytest.mark.parametrize("size", [7, 1000, None])
def test_order_does_not_depend_on_the_floating_point_control(values, size, fp_control, isa):
    a = inputs()[1][values][:size]
    doubles, edges = a.astype(float), np.unique(np.concatenate([a[::5], [a.min(), a.max()]])).astype(float)
    calls = {
        "sort": lambda threads: gilkit.sort(a, threads=threads),
        "argsort": lambda threads: gilkit.argsort(a, threads=threads),
        "min": lambda threads: gilkit.min(a, threads=threads),
        "max": lambda threads: gilkit.max(a, threads=threads),
        "histogram": lambda threads: gilkit.histogram(a, edges, threads=threads)[0],
        "fsum": lambda threads: gilkit.fsum(doubles, threads=threads),
    }
    wanted = {name: call(2) for name, call in calls.items()}
    assert np.array_equal(wanted["sort"], np.sort(a))
    for threads in (1, 2):
        with fp_control:
            got = {name: call(threads) for name, call in calls.items()}
        assert [name for name in calls if not same(got[name], wanted[name])] == []


@control
@every_way
def test_items_compute_with_the_callers_control(run):
    one, tiny = 1.0, 2.0**-60
    gilkit.spin(10**7, threads=2)  # on existing workers
    for rounding in (UPWARD, NEAREST, DOWNWARD):
        libm.fesetround(rounding)
        try:
            got = run(lambda: one + tiny > 1)
        finally:
            libm.fesetround(NEAREST)
        # imap's first thread is a Python thread, which inherits its creator's control on Linux.
        assert got == [rounding == UPWARD] * 2
    assert run(lambda: one + tiny > 1) == [False] * 2


@control
def test_fp_control_set_by_an_item_does_not_reach_the_next():
    main = threading.get_ident()
    by_map(lambda: threading.get_ident() != main and libm.fesetround(UPWARD))
    assert by_map(lambda: 1.0 + float("1e-30") > 1) == [False] * 2


# ---- Thread-local variables ----


@pytest.mark.skipif(not LINUX or shutil.which("readelf") is None, reason="needs readelf")
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_thread_local_variables_need_no_memory_on_first_use():
    for module in Path(gilkit.__file__).parent.rglob("*.so"):
        symbols = subprocess.run(["readelf", "-W", "--dyn-syms", module], capture_output=True, text=True).stdout
        assert "__tls_get_addr" not in symbols, module
        segments = subprocess.run(["readelf", "-W", "-l", module], capture_output=True, text=True).stdout
        sizes = [int(line.split()[5], 16) for line in segments.splitlines() if line.split()[:1] == ["TLS"]]
        assert sum(sizes) <= 192, module  # all libraries together have 1664


@pytest.mark.skipif(not LINUX, reason="needs Linux's RLIMIT_AS")
@pytest.mark.parametrize("call", ["gilkit.map({0}, range(100))", "list(gilkit.imap({0}, range(100)))"])
def test_items_that_run_out_of_memory_raise_memory_error(call, tmp_path):
    code = f"""
import resource, numpy as np, gilkit
make = lambda _: np.empty(50_000_000, np.uint8)  # address space, no pages
gilkit.map(abs, range(1000))
resource.setrlimit(resource.RLIMIT_AS, (1024 << 20,) * 2)
errors = 0
for _ in range(10):
    try:
        {call.format("make")}
    except MemoryError:
        errors += 1
print(errors)
"""
    for _ in range(3):
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path,
                               env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})  # fmt: skip
        assert (ended.returncode, ended.stdout) == (0, "10\n"), ended.stderr
