"""Experiments about memory: their verdicts, for made-up figures on both sides of each limit, and their tasks."""

from __future__ import annotations

import os
import sys

import pytest
from made_up import SETTING, judge, row, without_one

from gilkit.lab import experiments
from gilkit.lab.experiment import Outcome

# ---- thread-stack


def stacks(reserved=8 << 20, resident=20 << 10, deep=200 << 10, left=1 << 10):
    def memory(strategy, resident, left=0, reserved=reserved, count=1000):
        return row(strategy, count, reserved=reserved, resident=resident, left=left, each=1e-4)

    rows = [memory("python", resident), memory("deep", deep, left), memory("small", resident, reserved=256 << 10)]
    return [*rows, memory("native", 9 << 10), memory("python", resident, count=10)]


def test_thread_stack():
    verdict = judge("thread-stack", stacks())
    assert verdict.outcome is Outcome.HOLDS
    assert "reserves 8 MiB of address space, together 7.8 GiB" in verdict.text
    assert "With threading.stack_size(262144) a thread reserves 256 KiB" in verdict.text
    assert judge("thread-stack", stacks(reserved=2 << 20)).headline == "holds only for pages on use and kept to the end"
    assert judge("thread-stack", stacks(reserved=9 << 20)).scope == "pages on use and kept to the end"
    assert judge("thread-stack", stacks(resident=1 << 20, deep=2 << 20)).scope == "address space and kept to the end"
    assert judge("thread-stack", stacks(deep=29 << 10)).scope == "address space and pages on use"
    assert judge("thread-stack", stacks(left=101 << 10)).scope == "address space and pages on use"


# ---- worker-memory


def memories(threads=1, after=30, fork=30, forkserver=30, spawn=30):
    """Return rows where one more worker takes so many MiB, and the first program 40."""
    ways = {"threads": threads, "fork after": after, "fork": fork, "forkserver": forkserver, "spawn": spawn}
    return [
        row(way, count, pss=(40 + more * (count - 1)) << 20, uss=1 << 20, processes=count)
        for way, more in ways.items()
        for count in (1, 16)
    ]


def test_worker_memory():
    each = ("spawned", "of a forkserver", "forked before import", "forked after import")
    spawned, served, before, after = (f"processes {way}" for way in each)
    assert judge("worker-memory", memories()).outcome is Outcome.HOLDS
    assert judge("worker-memory", memories(threads=3)).scope == f"{spawned}, {served}, {before} and {after}"
    shared = judge("worker-memory", memories(after=5))
    assert shared.headline == f"holds only for threads, {spawned}, {served} and {before}"
    assert "Of processes forked after import, one more takes 5 MiB, 12 % of that program." in shared.text
    assert spawned not in judge("worker-memory", memories(spawn=19)).scope
    assert "one more thread less than 1 KiB" in judge("worker-memory", memories(threads=0)).text
    first, last = (row("interpreters", count, pss=(10 + 5 * count) << 20) for count in (1, 16))
    text = judge("worker-memory", [*memories(), first, last]).text
    assert "one more sub-interpreter takes 5 MiB, where the process with one takes 15 MiB" in text


@pytest.mark.parametrize("version", [(3, 13), (3, 14)])
def test_worker_memory_where_something_is_missing(monkeypatch, version):
    monkeypatch.setattr("multiprocessing.get_all_start_methods", lambda: ["spawn"])
    monkeypatch.setattr("sys.version_info", version)
    ways = {case.strategy for case in experiments.get("worker-memory").cases(SETTING)}
    assert ways == {"threads", "spawn"} | ({"interpreters"} if version >= (3, 14) else set())


# ---- Incomplete measurements, and machines that lack something

MADE_UP = {"thread-stack": stacks, "worker-memory": memories}


@pytest.mark.parametrize("name", MADE_UP)
def test_a_case_that_failed_leaves_the_others(name):
    without_one(name, MADE_UP[name]())


@pytest.mark.parametrize("name", MADE_UP)
def test_they_need_linux(monkeypatch, name):
    monkeypatch.setattr("os.path.exists", lambda path: False)
    assert "Linux" in experiments.get(name).obstacle()


# ---- Their tasks


def test_stacks(lab_task):
    shallow = lab_task("stacks:python", count=20)
    deep = lab_task("stacks:python", count=20, depth=300)
    small = lab_task("stacks:python", count=20, stack=1 << 20)
    assert deep["resident"] > shallow["resident"] > 0
    assert small["reserved"] < 2 << 20
    native = lab_task("stacks:native", count=20)
    assert native["count"] == 20 and native["reserved"] > native["resident"]


@pytest.mark.parametrize("way", ["threads", "fork after", "fork", "spawn"])
def test_the_memory_of_workers(lab_task, way):
    figures = lab_task("footprint:workers", way=way, count=2)
    assert figures["rss"] >= figures["pss"] >= figures["uss"] > 0
    assert figures["processes"] >= (1 if way == "threads" else 3)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters needs Python 3.14")
def test_the_memory_of_sub_interpreters(lab_task):
    figures = lab_task("footprint:workers", way="interpreters", count=1)
    assert figures["pss"] > 0
    assert figures["processes"] == 1


def test_what_proc_says_of_a_process_that_has_ended():
    from gilkit.lab.worker.gilkit_tasks import proc

    gone = 2**22 + 1  # larger than any number of a process
    assert proc.memory([gone]) == {"rss": 0, "pss": 0, "uss": 0}
    assert (proc.status("VmSize", gone), proc.threads(gone), proc.switches(gone)) == (0, [], (0, 0))
    assert proc.memory()["rss"] > 2**20
    assert proc.status("Threads") >= 1
    assert proc.threads(os.getpid())[0] == os.getpid()
    assert sum(proc.switches(os.getpid())) > 0
    assert 0 < proc.available() <= 1
