"""The empty region: the fixed cost of a parallel region in gilkit and in libgomp.

Regions run back to back, while workers still spin, and after a pause of 200 microseconds, when workers sleep and the
caller must not pay for waking them. The benchmark compiles C loops for both sides. libgomp runs with its defaults: with
OMP_WAIT_POLICY unset, its threads spin for longer than the pause and keep the cores from other threads.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import gilkit
from gilkit.lab import workloads
from gilkit.lab.measure import clock, leave_out
from gilkit.lab.strategy import Contender

HERE = Path(__file__).parent
LABELS = {"gilkit": "gilkit", "libgomp": "libgomp (OpenMP)"}
PAUSE = 200_000  # nanoseconds


def compiled(folder: Path, source: str, *options: str) -> ctypes.CDLL:
    """Compile the C file to a shared library; skip the benchmark, with the reason, if that fails."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        pytest.skip("no C compiler")
    library = folder / (source + ".so")
    command = [compiler, "-O2", "-std=gnu11", "-shared", "-fPIC", *options, "-o", str(library), str(HERE / source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{source} does not compile here: {done.stderr.strip().splitlines()[-1]}")
    return ctypes.CDLL(str(library))


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ctypes.CDLL]:
    """Return a function that loads a contender's compiled library."""
    folder = tmp_path_factory.mktemp("region")

    def get(name: str) -> ctypes.CDLL:
        if name == "libgomp":
            library = compiled(folder, "region_openmp.c", "-fopenmp")
        else:
            library = compiled(folder, "region.c", "-I", gilkit.get_include(), "-I", sysconfig.get_path("include"))
            assert ctypes.PyDLL(library._name).region_import() == 0
        library.region_items.restype = library.region_run.restype = ctypes.c_int64
        library.region_items.argtypes = (ctypes.c_int,)
        library.region_run.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
        return library

    return get


def regions(libraries, timed, name: str, count: int, pause: int) -> None:
    library = libraries(name)
    threads = gilkit.num_threads()

    def work() -> None:
        start = time.perf_counter()
        taken = library.region_run(threads, count, pause) / 1e9
        if pause:
            leave_out(time.perf_counter() - start - taken)

    def check(_: object) -> None:
        assert library.region_items(threads) == threads

    work()
    facts = {"strategy": name, "label": LABELS[name], "threads": threads, "regions": count}
    timed(Contender(work), check, rounds=50 if pause else None, **facts)


@pytest.mark.benchmark(group="1000 empty regions, back to back")
@pytest.mark.parametrize("name", LABELS)
def test_region(libraries, timed, name):
    regions(libraries, timed, name, count=1000, pause=0)


@pytest.mark.benchmark(group="100 empty regions, each after a pause of 200 µs", timer=clock)
@pytest.mark.parametrize("name", LABELS)
def test_region_after_pause(libraries, timed, name):
    regions(libraries, timed, name, count=100, pause=PAUSE)


@pytest.mark.strategies("gilkit")
@pytest.mark.benchmark(group="a call too small to share (spin, 2000 loops)")
def test_small_call(race):
    race(workloads.get("spin", iterations=2000))
