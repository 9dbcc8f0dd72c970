"""Counters: one addition from Python, and many additions from native threads.

The peers of an addition from Python are an int under ``threading.Lock``, ``itertools.count`` (a counter that only a GIL
makes safe) and cereggii's AtomicInt64. The peer of the native threads is the same loop over a pthread mutex, which C
programs use.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from gilkit import sync

N = 100_000
NATIVE = 1_000_000
KINDS = [sync.RacyCounter, sync.LockedCounter, sync.AtomicCounter, sync.ShardedCounter]


def python_loop(add):
    for _ in itertools.repeat(None, N):
        add()


def empty_loop():
    for _ in itertools.repeat(None, N):
        pass


@pytest.mark.benchmark(group="counters: 100,000 additions from one Python thread")
class TestAdd:
    def test_empty_loop(self, benchmark):
        benchmark(empty_loop)

    @pytest.mark.parametrize("kind", KINDS)
    def test_gilkit(self, benchmark, kind):
        counter = kind()
        rounds = []
        benchmark(lambda: rounds.append(python_loop(counter.add)))
        assert counter.value == N * len(rounds)

    def test_gilkit_handle(self, benchmark):
        counter = sync.ShardedCounter()
        handle, rounds = counter.handle(), []
        benchmark(lambda: rounds.append(python_loop(handle.add)))
        assert counter.value == N * len(rounds)

    def test_gilkit_add_and_get(self, benchmark):
        counter, rounds = sync.AtomicCounter(), []
        benchmark(lambda: rounds.append(python_loop(counter.add_and_get)))
        assert counter.value == N * len(rounds)

    def test_cereggii(self, benchmark):
        cereggii = pytest.importorskip("cereggii")
        counter, rounds = cereggii.AtomicInt64(0), []
        benchmark(lambda: rounds.append(python_loop(counter.increment_and_get)))
        assert counter.get() == N * len(rounds)

    def test_threading_lock(self, benchmark):
        lock, total, rounds = threading.Lock(), [0], []

        def run():
            rounds.append(1)
            for _ in itertools.repeat(None, N):
                with lock:
                    total[0] += 1

        benchmark(run)
        assert total[0] == N * len(rounds)


@pytest.mark.benchmark(group="counters: 1,000,000 additions by each native thread")
@pytest.mark.parametrize("threads", [1, 2])
class TestContend:
    def contend(self, benchmark, make, threads, **options):
        """Time from the first addition to the last; this excludes the start of the threads."""
        results = []

        def setup():
            return (make(),), {}

        def run(counter):
            results.append(sync.contend(counter, NATIVE, threads=threads, **options))

        benchmark.pedantic(run, setup=setup, rounds=15)
        benchmark.extra_info["ns_per_update"] = sorted(each.ns_per_update for each in results)[len(results) // 2]
        return results

    @pytest.mark.parametrize("kind", KINDS)
    def test_gilkit(self, benchmark, kind, threads):
        results = self.contend(benchmark, kind, threads)
        if kind is not sync.RacyCounter:
            assert all(each.lost == 0 for each in results)

    def test_unpadded(self, benchmark, threads):
        results = self.contend(benchmark, lambda: sync.ShardedCounter(padded=False), threads)
        assert all(each.lost == 0 for each in results)

    def test_compare_and_set(self, benchmark, threads):
        results = self.contend(benchmark, sync.AtomicCounter, threads, optimistic=True)
        assert all(each.lost == 0 for each in results)

    def test_pthread_mutex(self, benchmark, threads, mutex):
        times = []
        benchmark.pedantic(lambda: times.append(mutex.mutex_run(threads, NATIVE)), rounds=15)
        assert mutex.mutex_total() == threads * NATIVE
        benchmark.extra_info["ns_per_update"] = sorted(times)[len(times) // 2] / (threads * NATIVE)


def load_mutex(folder):
    """Build mutex.c in the folder and load it; return None without a compiler."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return None
    library = folder / "mutex.so"
    source = Path(__file__).with_name("mutex.c")
    subprocess.run([compiler, "-O2", "-std=gnu11", "-shared", "-fPIC", "-pthread", "-o", library, source], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.mutex_run.argtypes = (ctypes.c_int, ctypes.c_int64)
    loaded.mutex_run.restype = loaded.mutex_total.restype = ctypes.c_int64
    return loaded


@pytest.fixture(scope="module")
def mutex(tmp_path_factory):
    return load_mutex(tmp_path_factory.mktemp("mutex")) or pytest.skip("no C compiler")
