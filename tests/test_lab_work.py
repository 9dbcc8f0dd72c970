"""Workloads and strategies: every strategy gives the workload's answer, and wrong answers are detected."""

from __future__ import annotations

import concurrent.futures
import gzip
import importlib.util
import math
import multiprocessing
import sys
import types
import zlib
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from scripts import module

import gilkit
from gilkit.lab import interpreters, strategies, workloads
from gilkit.lab.errors import LabError
from gilkit.lab.strategies import free_threaded, subinterpreters
from gilkit.lab.worker.gilkit_tasks import custom, spin
from gilkit.lab.worker.gilkit_tasks.cut import cut, spans
from gilkit.lab.worker.gilkit_tasks.gzip import compress
from gilkit.lab.worker.gilkit_tasks.text import text
from gilkit.lab.workers import TaskError
from gilkit.lab.workload import WrongResult

SMALL = {
    "spin": {"iterations": 1001},
    "pi": {"samples": 20_000},
    "mandelbrot": {"width": 24, "height": 17, "max_iter": 30},
    "jacobi": {"height": 12, "width": 9, "iterations": 5},
    "kmeans": {"count": 300, "dimensions": 3, "clusters": 4, "iterations": 3},
    "sort": {"count": 5000},
    "gzip": {"size": 300_000},
    "sha256": {"count": 50, "size": 3001},
    "regex": {"size": 200_000},
}


def small(name):
    return workloads.get(name, **SMALL[name])


def test_every_workload_has_a_small_size_here():
    assert set(workloads.names()) == set(SMALL)


@pytest.mark.parametrize("strategy", strategies.every(), ids=lambda strategy: strategy.name)
@pytest.mark.parametrize("name", SMALL)
def test_every_strategy_gives_the_answer(name, strategy):
    workload = small(name)
    obstacle = strategy.obstacle(workload)
    if obstacle:
        pytest.skip(obstacle)
    with strategy.open(workload, 2 if strategy.parallel else 1) as contender:
        workload.check(contender.result(contender.run()))
        usage = contender.measure()
        workload.check(contender.result(contender.run()))
    assert usage.wall > 0


def test_tasks_for_subinterpreters_do_not_need_gilkit(monkeypatch):
    """A sub-interpreter can import the tasks and the wrapper of the user's function without gilkit."""
    monkeypatch.syspath_prepend(subinterpreters.WORKER)
    for function in (spin.piece, custom._Call("/file.py:f", True, False), len):
        found = subinterpreters.importable(function)
        module = getattr(found, "__module__", None) or type(found).__module__
        assert "gilkit.lab" not in module
        assert getattr(found, "spec", "/file.py:f") == "/file.py:f"


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
@pytest.mark.parametrize("name", SMALL)
def test_pure_python_in_any_number_of_parts(name, parts):
    workload = small(name)
    workload.check(workload.solve(map, parts))


@pytest.mark.parametrize("size", [0, 1, 131_071, 131_072, 131_073, 400_000])
def test_gzip_of_any_size(size):
    data = text(size)
    packed = compress(gilkit.map, data)
    assert gzip.decompress(packed) == data
    assert zlib.crc32(data) == int.from_bytes(packed[-8:-4], "little")
    assert len(packed) <= 1.01 * len(gzip.compress(data, 6)) + 20


def test_every_interpreter_uses_the_same_engine():
    """regex and re differ in speed, so the size says which one all interpreters must use."""
    assert workloads.get("regex", size=1000).size["engine"] in ("regex", "re")
    plain = workloads.get("regex", size=100_000, engine="re")
    assert plain.size["engine"] == "re"
    plain.check(plain.solve(map, 2))
    missing = workloads.get("regex", size=1000, engine="regex")
    if importlib.util.find_spec("regex") is None:
        with pytest.raises(ImportError):
            missing.solve(map, 2)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("spin", 0),
        ("pi", 3.3),
        ("pi", math.nan),
        ("mandelbrot", [[0]]),
        ("mandelbrot", [[1] * 24] * 17),
        ("jacobi", [[0.0] * 9] * 12),
        ("kmeans", [[0.0] * 3] * 4),
        ("sort", [1.0] * 5000),
        ("gzip", "not hexadecimal"),
        ("gzip", "1f8b"),
        ("gzip", gzip.compress(b"another text").hex()),
        ("sha256", ["00"] * 50),
        ("regex", -1),
    ],
)
def test_wrong_answers_are_detected(name, wrong):
    with pytest.raises(WrongResult):
        small(name).check(wrong)


def test_names_that_do_not_exist():
    with pytest.raises(LabError, match="there is no workload 'nonsense'; there are: gzip, "):
        workloads.get("nonsense")
    with pytest.raises(LabError, match="there is no strategy 'nonsense'; there are: serial, asyncio, threads"):
        strategies.get("nonsense")


def test_names_are_unique_and_described():
    names = strategies.names()
    assert len(set(names)) == len(names)
    for name in workloads.names():
        workload = workloads.get(name)
        assert workload.name == name
        assert workload.amount > 0
        assert workload.unit


def test_without_a_free_threaded_interpreter_there_is_a_reason(monkeypatch):
    free_threaded._interpreter.cache_clear()
    monkeypatch.setattr(interpreters, "find_free_threaded", list)
    try:
        assert "no free-threaded interpreter" in strategies.get("free-threaded").obstacle(small("spin"))
    finally:
        free_threaded._interpreter.cache_clear()


def test_a_worker_process_does_the_work_and_times_itself():
    """The code of the free-threaded strategy, on the running interpreter."""
    workload = small("mandelbrot")
    with free_threaded.remote(interpreters.running(), workload, 3) as contender:
        first, second = contender.measure(), contender.measure()
        workload.check(contender.result(None))
        assert contender.total == first + second
        assert contender.gil is gilkit.info()["gil"]


@pytest.mark.parametrize("total", [0, 1, 5, 12])
@pytest.mark.parametrize("parts", [1, 4, 5])
def test_cutting(total, parts):
    sizes = cut(total, parts)
    assert sum(sizes) == total
    assert len(sizes) == parts
    assert max(sizes) - min(sizes) <= 1
    covered = [index for begin, end in spans(total, parts) for index in range(begin, end)]
    assert covered == list(range(total))
    assert all(begin < end for begin, end in spans(total, parts))


# ---- Strategies that cannot be used here


def test_peers_that_are_not_installed(monkeypatch):
    workload = small("spin")
    found = importlib.util.find_spec
    absent = ("numba", "joblib")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else found(name))
    assert strategies.get("numba").obstacle(workload) == "numba is not installed"
    assert strategies.get("joblib").obstacle(workload) == "joblib is not installed"
    assert strategies.get("numpy").obstacle(small("gzip")) == "gzip has no numpy version"


def test_start_methods_that_the_system_lacks(monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    assert strategies.get("pool-spawn").obstacle(small("spin")) is None
    assert "cannot start processes by fork" in strategies.get("pool-fork").obstacle(small("spin"))


@pytest.mark.thread_unsafe(reason="looks at all children of the process")
def test_no_worker_is_left_where_work_cannot_begin():
    before = set(psutil.Process().children(recursive=True))
    unknown = types.SimpleNamespace(module=types.SimpleNamespace(__name__="tasks.nonsense"), size={})
    with pytest.raises(TaskError, match="nonsense"):
        free_threaded.remote(interpreters.running(), unknown, 2)
    assert set(psutil.Process().children(recursive=True)) <= before


class Threads(ThreadPoolExecutor):
    """A replacement for sub-interpreters with the same interface."""


@pytest.mark.parametrize("name", ["spin", "mandelbrot", "sort"])
def test_what_sub_interpreters_are_asked_to_do(name, monkeypatch):
    monkeypatch.setattr(concurrent.futures, "InterpreterPoolExecutor", Threads, raising=False)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != subinterpreters.WORKER])
    strategy, workload = subinterpreters.Subinterpreters(), small(name)
    assert strategy.obstacle(workload) is None
    for _ in range(2):
        with strategy.open(workload, 2) as contender:
            workload.check(contender.result(contender.run()))
        assert sys.path.count(subinterpreters.WORKER) == 1


def test_bytes_that_go_to_sub_interpreters(tmp_path):
    strategy, workload = subinterpreters.Subinterpreters(), small("sort")
    moved = strategy.moved(workload, 2, workload.solve(map, 2))
    assert 0.9 <= moved / (2 * 9 * 5000) <= 1.3  # a pickled number takes 9 bytes, and goes there and back
    path = module(tmp_path, "readers_bytes", "def f(n): return bytes(n)\ndef inputs(): return [10_000] * 4\n")
    own = workloads.custom({"function": f"{path}:f", "make": f"{path}:inputs", "take": None, "repeat": 1})
    moved = strategy.moved(own, 2, own.solve(map, 2))
    assert 10_000 < moved < 41_000
