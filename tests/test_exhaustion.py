"""Without enough threads or memory, calls give the right result or a clean MemoryError, and then work as before."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="uses Linux's limits")

# Calls of every kernel, large enough to use several threads and scratch memory.
CALLS = """
import numpy, gilkit
T = 1  # start no worker yet: the C library would cache its stack for the next one
rng = numpy.random.default_rng(1)
floats = rng.random(300_000)
numbers = rng.integers(0, 1000, 300_000)
points, centers = rng.random((5000, 3)), rng.random((20, 3))
chosen = numbers < 500
values = floats[chosen]

def assigned():
    result = numpy.zeros(300_000)
    with gilkit.patch_numpy(min_size=1), gilkit.threads(T):
        result[chosen] = values
    return result

CALLS = {
    "spin": lambda: gilkit.spin(8_000_001, threads=T),
    "pi": lambda: gilkit.pi(500_000, threads=T),
    "mandelbrot": lambda: gilkit.mandelbrot(200, 100, threads=T),
    "sum": lambda: gilkit.sum(floats, threads=T),
    "var": lambda: gilkit.var(floats.reshape(300, 1000), axis=0, threads=T),
    "mean": lambda: gilkit.mean(floats.reshape(300, 1000), axis=1, threads=T),
    "min": lambda: gilkit.min(numbers.reshape(300, 1000), axis=0, threads=T),
    "fsum": lambda: gilkit.fsum(floats, threads=T),
    "dot": lambda: gilkit.dot(floats, floats, threads=T),
    "cumsum": lambda: gilkit.cumsum(floats, threads=T),
    "sort": lambda: gilkit.sort(floats, threads=T),
    "argsort": lambda: gilkit.argsort(numbers, threads=T),
    "histogram": lambda: gilkit.histogram(floats, 100, threads=T),
    "bincount": lambda: gilkit.bincount(numbers, threads=T),
    "bincount of weights": lambda: gilkit.bincount(numbers, floats, threads=T),
    "sums of groups": lambda: gilkit.group_reduce(numbers, floats, "sum", threads=T),
    "variances of many groups": lambda: gilkit.group_reduce(numbers, floats, "var", num_groups=70_000, fill_value=0, threads=T),
    "first of many groups": lambda: gilkit.group_reduce(numbers, floats, "first", num_groups=70_000, fill_value=0, threads=T),
    "assignment in patched NumPy": assigned,
    "medians of groups": lambda: gilkit.group_reduce(numbers, floats, "median", threads=T),
    "uniform": lambda: gilkit.uniform(300_000, seed=1, threads=T),
    "normal": lambda: gilkit.normal(size=300_000, seed=1, threads=T),
    "integers": lambda: gilkit.integers(0, 1000, 300_000, seed=1, threads=T),
    "permutation": lambda: gilkit.permutation(100_000, seed=1, threads=T),
    "nearest": lambda: gilkit.nearest(points, centers, threads=T),
    "kmeans": lambda: gilkit.kmeans(points, 5, seed=1, max_iter=3, threads=T),
    "jacobi": lambda: gilkit.jacobi(floats.reshape(300, 1000), iterations=3, threads=T),
    "map": lambda: gilkit.map(abs, range(10_000), threads=T),
    "starmap": lambda: gilkit.starmap(pow, [(i, 2) for i in range(1000)], threads=T),
    "map of kernels": lambda: gilkit.map(lambda _: gilkit.spin(3_000_001, threads=T), range(5), threads=T),
}

def same(a, b):
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return numpy.array_equal(a, b)

expected = {name: call() for name, call in CALLS.items()}
gilkit.info()  # import its modules now: another user may not be able to read them
T = 4
"""


def test_every_allocation_fails_once(run_python, compile_c):
    library = compile_c("malloc_fails", (HERE / "malloc_fails.c").read_text(), "-ldl")
    out = run_python(
        CALLS
        + """
import ctypes
from gilkit import runtime
library = ctypes.CDLL(None)
library.allocations_seen.restype = library.allocations_kept.restype = ctypes.c_long
library.fail_at.argtypes = [ctypes.c_long]
failures = errors = 0
for name, call in CALLS.items():
    assert same(call(), expected[name])
    runtime.stop()
    before = library.allocations_kept()
    for n in range(1, 1000):
        runtime.stop()  # makes the start of threads allocate as well
        library.fail_at(n)
        try:
            result = call()
        except MemoryError:
            errors += 1
            result = None
        failed = library.allocations_seen() >= n
        library.fail_at(0)
        if result is not None:
            assert same(result, expected[name]), (name, n)
        failures += failed
        assert same(call(), expected[name]), (name, n)
        if not failed:
            break
    else:
        raise AssertionError(f"{name} never stops allocating")
    result = None
    runtime.stop()
    # Caches that fill once are not a leak; one block per round would be.
    assert library.allocations_kept() - before < 5, (name, before, library.allocations_kept())
print(failures, errors)
""",
        LD_PRELOAD=str(library),
    )
    failures, errors = map(int, out.split())
    assert failures >= 1 and errors <= failures, out


LIMITS = {
    "threads": """
import os, resource
if os.getuid() == 0:
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)  # the limit does not apply to root
used = resource.RLIMIT_NPROC
resource.setrlimit(used, (1, resource.getrlimit(used)[1]))
""",
    "address-space": """
import resource
with open("/proc/self/statm") as file:
    pages = int(file.read().split()[0])
# Leave less than a thread's stack of 8 MB, but enough for the results.
limit = pages * resource.getpagesize() + 7_000_000
resource.setrlimit(resource.RLIMIT_STACK, (8 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
""",
}


@pytest.mark.parametrize("limit", LIMITS)
def test_when_no_thread_can_start(run_python, limit):
    out = run_python(
        CALLS
        + """
import threading
assert gilkit.info()["workers"] == 0
"""
        + LIMITS[limit]
        + """
try:
    threading.Thread(target=int).start()
except RuntimeError:
    limited = True
else:
    limited = False  # some containers have no such limit
for name, call in CALLS.items():
    assert same(call(), expected[name]), name
print(limited, gilkit.info()["workers"])
"""
    )
    limited, workers = out.split()
    if limited == "False":
        pytest.skip("the system starts a thread in spite of the limit")
    assert int(workers) == 0


def test_threads_start_again_when_the_limit_is_lifted(run_python):
    """After a failed start the pool tries none for a second; then it grows as usual."""
    if os.getuid() != 0:
        pytest.skip("only root can raise a limit again")
    out = run_python(
        """
import os, resource, sys, time, gilkit
gilkit.info()
hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
os.setresuid(65534, 65534, 0)
resource.setrlimit(resource.RLIMIT_NPROC, (1, hard))
assert gilkit.spin(8_000_001, threads=4) == 1
before = gilkit.info()["workers"]
resource.setrlimit(resource.RLIMIT_NPROC, (hard, hard))
time.sleep(1.1)
assert gilkit.spin(8_000_001, threads=4) == 1
print(before, gilkit.info()["workers"])
"""
    )
    before, after = map(int, out.split())
    assert before == 0 and after >= 1
