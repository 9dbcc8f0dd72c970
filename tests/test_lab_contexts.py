"""Experiments about contexts: their verdicts, for made-up figures on both sides of each limit, and their tasks."""

from __future__ import annotations

import importlib.util
import sys

import pytest
from made_up import FREE, GIL, OLD, SETTING, disturbed, judge, row, without_one

from gilkit.lab import experiments
from gilkit.lab.experiment import Outcome, Setting

GEVENT = pytest.mark.skipif(importlib.util.find_spec("gevent") is None, reason="needs gevent")

# ---- preemption


def heartbeats(asyncio=0.29, greenlets=0.29, threads=0.005, processes=0.003, share=0.9, free=0.001):
    def beat(kind, late, interpreter=GIL, share=share):
        figures = {"late": late, "late_95": late, "longest": late, "asked": 0.3, "beats": 30, "share": share}
        return row(kind, 2, interpreter, **figures)

    rows = [beat("asyncio", asyncio), beat("greenlets", greenlets)]
    return [*rows, beat("threads", threads), beat("threads", free, FREE), beat("processes", processes)]


def test_preemption():
    assert judge("preemption", heartbeats()).outcome is Outcome.HOLDS
    assert judge("preemption", heartbeats(asyncio=0.23)).headline == "holds only for threads and processes"
    assert judge("preemption", heartbeats(greenlets=0.23)).headline == "holds only for threads and processes"
    assert judge("preemption", heartbeats(threads=0.021)).headline == "holds only for coroutines and processes"
    assert judge("preemption", heartbeats(free=0.021)).headline == "holds only for coroutines and processes"
    assert judge("preemption", heartbeats(processes=0.021)).headline == "holds only for coroutines and threads"
    assert judge("preemption", heartbeats(share=0.4)).headline == "holds only for coroutines"
    late = disturbed(heartbeats(threads=0.021))
    assert judge("preemption", late).headline == "not decided for threads"
    assert "another process, 95 % of the heartbeats come within 3.00 ms" in judge("preemption", heartbeats()).text
    more = [*heartbeats(), *(row(kind, longest=0.001) for kind in ("giving way", "kernel", "kernel and asyncio"))]
    assert "Next to a gilkit kernel, which does not hold the GIL, it is 1.00 ms" in judge("preemption", more).text


def test_preemption_on_other_interpreters():
    cases = experiments.get("preemption").cases(SETTING)
    assert {case.strategy for case in cases if case.interpreter is FREE} == {"threads"}
    assert not [case for case in cases if case.interpreter is OLD]


# ---- isolation


def crashes(threads=(0, 1), processes=(1, 7), pool=(1, 7), executor=(1, 7), told=1):
    ways = {"threads": threads, "processes": processes, "Pool": pool, "ProcessPoolExecutor": executor}
    return [
        row(
            way, 4, survived=alive, finished=done, others=7, after=0.01, told=told if way == "Pool" else 1, learned="so"
        )
        for way, (alive, done) in ways.items()
    ]


def test_isolation():
    assert judge("isolation", crashes()).outcome is Outcome.HOLDS
    for survived, finished in ((1, 1), (0, 7)):
        verdict = judge("isolation", crashes(threads=(survived, finished)))
        assert verdict.scope == "separate processes and pools of processes"
    for change in ({"executor": (1, 3)}, {"pool": (0, 7)}, {"told": 0}):
        assert judge("isolation", crashes(**change)).headline == "holds only for threads and separate processes"
    assert judge("isolation", crashes(processes=(1, 6))).scope == "threads and pools of processes"
    assert judge("isolation", crashes()[:3]).headline == "not decided for pools of processes"
    silent = judge("isolation", crashes(executor=(1, 0), told=0))
    assert "the result of the crashed task never comes" in silent.text
    assert "A ProcessPoolExecutor reports it, but abandons all of its tasks." in silent.text
    inside = row("interpreters", 4, survived=0, finished=1, others=7, after=0.01)
    assert "When a sub-interpreter crashes, the program dies" in judge("isolation", [*crashes(), inside]).text


def test_isolation_needs_posix(monkeypatch):
    monkeypatch.setattr("gilkit.lab.experiments.isolation.os", type("Other", (), {"name": "nt"}))
    assert "POSIX signal" in experiments.get("isolation").obstacle()


# ---- prefetch


def tasks(many=15, single=0, more=0):
    def blocked(strategy, count, way="Pool", workers=4):
        figures = {"blocked": count, "short": 198, "median": 0.05, "longest": 1.0 if count else 0.1}
        return row(strategy, workers, arguments={"way": way}, **figures)

    rows = [blocked("many", 14), blocked("many", many, "ahead"), blocked("more", more, "ahead", 16)]
    return [*rows, blocked("default", 11), blocked("single", 0, "threads"), blocked("single", single)]


def test_prefetch():
    assert judge("prefetch", tasks()).outcome is Outcome.HOLDS
    assert judge("prefetch", tasks(many=0)).headline == "holds only for taking one at a time and more workers"
    assert judge("prefetch", tasks(single=1)).headline == "holds only for blocking and more workers"
    assert judge("prefetch", disturbed(tasks(single=1))).headline == "not decided for taking one at a time"
    assert judge("prefetch", tasks(more=1)).headline == "holds only for blocking and taking one at a time"
    assert "Chunks of a pool's own choice leave 11 (default) blocked" in judge("prefetch", tasks()).text


# ---- coroutine-workers


def workers(waiting=1.2, some=1.9, half=1.9):
    gains = {0.0: waiting, 0.1: some, 0.5: half}
    return [
        row(strategy, count, arguments={"share": share, "coroutines": 32 // count}, rate=rate, request=0.01)
        for share, gain in gains.items()
        for strategy, count, rate in (("one", 1, 1000), ("several", 2, 1000 * gain))
    ]


def test_coroutine_workers():
    waiting, some, half = (
        "requests that only wait", "requests that compute 10 % of the time",
        "requests that compute 50 % of the time",
    )  # fmt: skip
    assert judge("coroutine-workers", workers()).outcome is Outcome.HOLDS
    assert judge("coroutine-workers", workers(waiting=1.09)).scope == f"{some} and {half}"
    assert judge("coroutine-workers", workers(some=0.9)).scope == f"{waiting} and {half}"
    assert judge("coroutine-workers", disturbed(workers(half=1.0))).headline == f"not decided for {half}"
    assert experiments.get("coroutine-workers").judge(workers(), Setting([GIL], 1, 2)).outcome is Outcome.OPEN


@pytest.mark.parametrize("cores", [1, 2, 64])
def test_coroutine_workers_are_bounded(cores):
    cases = experiments.get("coroutine-workers").cases(Setting([GIL], cores, cores))
    assert {case.threads for case in cases} == {1, max(2, min(8, cores))}
    totals = {case.arguments["workers"] * case.arguments["coroutines"] for case in cases}
    assert len(totals) == 1  # the same number of coroutines in all cases


# ---- monkey-patching


def patched(fetch=0.1, late=0.001, blocked=1.0):
    def pair(work, patched, wall, longest):
        arguments = {"work": work, "patched": patched}
        figures = {"longest": longest, "kernel_threads": 1}
        return [
            row("serial", 6, arguments=arguments, wall=0.6, **figures),
            row("threads", 6, arguments=arguments, wall=wall, **figures),
        ]

    rows = pair("fetch", True, fetch, late) + pair("compute", True, 0.6, blocked)
    return rows + pair("fetch", False, 0.1, 0.001) + pair("compute", False, 0.6, 0.005)


def test_monkey_patching():
    verdict = judge("monkey-patching", patched())
    assert verdict.headline == "holds only for waiting"
    assert "another greenlet waits 1.00 s for them (a thread, unpatched: 5.00 ms)" in verdict.text
    assert judge("monkey-patching", patched(blocked=0.05)).outcome is Outcome.HOLDS
    assert judge("monkey-patching", patched(fetch=0.21)).outcome is Outcome.FAILS
    assert judge("monkey-patching", patched(late=0.06)).outcome is Outcome.FAILS
    assert judge("monkey-patching", disturbed(patched(fetch=0.21))).headline == "not decided for waiting"


# ---- Incomplete measurements, and machines that lack something

MADE_UP = {
    "preemption": heartbeats,
    "isolation": crashes,
    "prefetch": tasks,
    "coroutine-workers": workers,
    "monkey-patching": patched,
}


@pytest.mark.parametrize("name", MADE_UP)
def test_a_case_that_failed_leaves_the_others(name):
    without_one(name, MADE_UP[name]())


def test_monkey_patching_needs_gevent(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert experiments.get("monkey-patching").obstacle() == "gevent is not installed: pip install gevent"


# ---- Their tasks


@pytest.mark.parametrize(
    "kind", ["asyncio", "giving way", "threads", "processes", "kernel", pytest.param("greenlets", marks=GEVENT)]
)
def test_heartbeats(lab_task, kind):
    figures = lab_task("preempting:heartbeat", kind=kind, seconds=0.2)
    assert figures["beats"] >= 1
    assert figures["late"] <= figures["late_95"] <= figures["longest"] <= figures["wall"]
    assert 0 < figures["share"] < 1.1
    if kind in ("asyncio", "greenlets"):
        assert figures["longest"] >= 0.1


@pytest.mark.parametrize(
    ("way", "survived", "finished"),
    [("threads", 0, range(7)), ("processes", 1, [7]), ("Pool", 1, [7]), ("ProcessPoolExecutor", 1, range(8))],
)
def test_crashes(lab_task, way, survived, finished):
    figures = lab_task("crashing:crash", way=way)
    assert (figures["survived"], figures["others"]) == (survived, 7)
    assert figures["finished"] in finished
    assert figures["learned"].startswith(
        {"threads": "exit status -11", "processes": "exit code -11", "Pool": "not at all"}.get(way, "BrokenProcessPool")
    )
    assert 0 <= figures["after"] < 30


@pytest.mark.skipif(sys.version_info < (3, 14), reason="InterpreterPoolExecutor needs Python 3.14")
def test_a_crash_in_a_sub_interpreter(lab_task):
    assert lab_task("crashing:crash", way="interpreters")["survived"] == 0


@pytest.mark.parametrize(
    ("way", "chunk", "blocked"),
    [("Pool", 5, True), ("ProcessPoolExecutor", 1, False), ("threads", 1, False), ("gilkit.map", 1, False),
     ("ahead", 5, True), ("ahead", 1, False)],
)  # fmt: skip
def test_short_tasks_behind_a_long_one(lab_task, way, chunk, blocked):
    figures = lab_task(
        "prefetching:latency", way=way, workers=2, tasks=20, short=0.001, long=0.4, every=20, chunk=chunk
    )
    assert figures["short"] == 19
    assert (figures["blocked"] > 0) == blocked
    assert figures["wall"] >= 0.4


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_workers_of_coroutines(lab_task, share):
    figures = lab_task("coroutines:serve", workers=2, coroutines=3, length=0.004, share=share, seconds=0.1)
    assert 0 < figures["rate"] <= 2 * 3 / 0.004
    assert figures["request"] > 0


@GEVENT
@pytest.mark.parametrize("patched", [False, True])
def test_patched_threads(lab_task, patched):
    figures = lab_task("patching:six", work="fetch", how="threads", patched=patched, delay=0.05)
    assert figures["wall"] < 6 * 0.05
    if not patched:
        assert figures["kernel_threads"] > 6
