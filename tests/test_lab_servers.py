"""Experiments about servers: their verdicts, for made-up figures on both sides of each limit, and their tasks."""

from __future__ import annotations

import importlib.util

import pytest
from made_up import SETTING, disturbed, judge, row, without_one

from gilkit.lab import experiments
from gilkit.lab.experiment import Outcome
from gilkit.lab.workers import TaskError

GEVENT = pytest.mark.skipif(importlib.util.find_spec("gevent") is None, reason="needs gevent")

# ---- thundering-herd


def herd(accept=1.0, threads=1.0, select=64.0, epoll=64.0):
    ways = {"accept": (accept, threads), "select": (select, select), "epoll": (epoll, epoll), "exclusive": (1.0, 1.2)}
    return [
        row(way, 64, arguments={"kind": kind}, wakes=wakes, answer=1e-4)
        for way, both in ways.items()
        for kind, wakes in zip(("processes", "threads"), both, strict=True)
    ]


def test_thundering_herd():
    verdict = judge("thundering-herd", herd())
    assert verdict.headline == "holds only for blocking accept"
    assert "Waiting in select, a connection causes 64.0 wake-ups among 64 processes" in verdict.text
    assert "1.20 with EPOLLEXCLUSIVE" in verdict.text
    assert judge("thundering-herd", herd(select=2.0, epoll=2.0)).outcome is Outcome.HOLDS
    assert judge("thundering-herd", herd(accept=2.1)).outcome is Outcome.FAILS
    assert judge("thundering-herd", herd(threads=2.1)).outcome is Outcome.FAILS
    assert judge("thundering-herd", herd(epoll=1.5)).headline == "holds only for blocking accept and epoll"


# ---- prefork


def prefork(shared=9000, passed=7000, reuseport=9000):
    rates = {"fork": 1000, "shared": shared, "passed": passed, "reuseport": reuseport}
    return [row(kind, 16, rate=rate, busiest=0.25, errors=0) for kind, rate in rates.items()]


def test_prefork():
    assert judge("prefork", prefork()).outcome is Outcome.HOLDS
    assert judge("prefork", prefork(shared=1000)).scope == "a master that passes connections and SO_REUSEPORT"
    assert judge("prefork", prefork(passed=900)).scope == "a shared socket and SO_REUSEPORT"
    assert judge("prefork", prefork(reuseport=900)).scope == "a shared socket and a master that passes connections"
    busy = judge("prefork", disturbed(prefork(passed=900)))
    assert busy.headline == "not decided for a master that passes connections"
    assert "9.00 times as many as a fork for each (1,000)" in judge("prefork", prefork()).text


# ---- c10k


def connections(fork=0.5, threads=0.5, asyncio=1.0, greenlets=1.0):
    def server(kind, count, kept):
        figures = {"rate": kept * count, "p50": 0.01, "p99": 0.1, "memory": 10_000, "switches": 1.0, "opened": 1.0}
        return row(kind, count, kept=kept, refused=0 if kept > 0.6 else 5, **figures)

    rows = [server("fork", 10, 1.0), server("fork", 2000, fork), server("threads", 10_000, threads)]
    return [*rows, server("asyncio", 10_000, asyncio), server("greenlets", 10_000, greenlets)]


def test_c10k():
    events = "event-driven servers"
    verdict = judge("c10k", connections())
    assert verdict.outcome is Outcome.HOLDS
    assert "half of them within 10.0 ms (5 were not opened)" in verdict.text
    assert "9.8 KiB and 1.00 switches per request (process for each, 2,000)" in verdict.text
    assert judge("c10k", connections(fork=0.99)).headline == f"holds only for a thread for each and {events}"
    assert judge("c10k", connections(threads=0.99)).headline == f"holds only for a process for each and {events}"
    assert (
        judge("c10k", connections(asyncio=0.98)).headline == "holds only for a process for each and a thread for each"
    )
    assert (
        judge("c10k", connections(greenlets=0.98)).headline == "holds only for a process for each and a thread for each"
    )
    assert (
        judge("c10k", disturbed(connections())).headline == "not decided for a process for each and a thread for each"
    )
    assert judge("c10k", disturbed(connections(0.99, 0.99, 0.9))).headline == f"not decided for {events}"


def test_c10k_keeps_the_limit_on_descriptors(monkeypatch):
    cases = experiments.get("c10k").cases
    monkeypatch.setattr("gilkit.lab.experiments.c10k.descriptors", lambda: 1024)
    assert {case.threads for case in cases(SETTING)} == {10, 100}


# ---- Incomplete measurements, and machines that lack something

MADE_UP = {"thundering-herd": herd, "prefork": prefork, "c10k": connections}


@pytest.mark.parametrize("name", MADE_UP)
def test_a_case_that_failed_leaves_the_others(name):
    without_one(name, MADE_UP[name]())


@pytest.mark.parametrize(
    ("name", "lacks"),
    [("thundering-herd", "select.EPOLLEXCLUSIVE"), ("prefork", "socket.send_fds"), ("c10k", "select.epoll")],
)
def test_what_a_system_lacks_is_reported(monkeypatch, name, lacks):
    monkeypatch.delattr(lacks, raising=False)
    assert experiments.get(name).obstacle().startswith("it needs ")


# ---- Their tasks


@pytest.mark.parametrize("way", ["accept", "select", "epoll", "exclusive", "reuseport"])
@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_wake_ups(lab_task, way, kind):
    figures = lab_task("herding:wakes", way=way, kind=kind, count=3, connections=3)
    assert figures["contexts"] == figures["count"] == 3
    assert figures["wakes"] >= 1


@pytest.mark.parametrize("kind", ["fork", "shared", "passed", "reuseport"])
def test_servers_of_processes(lab_task, kind):
    workers = 1 if kind == "fork" else 2
    figures = lab_task("preforking:answer", kind=kind, workers=workers, clients=4, seconds=0.1)
    assert figures["answered"] > 0
    assert figures["errors"] == 0
    assert figures["busiest"] == 0 if kind == "fork" else 0.5 <= figures["busiest"] <= 1


@pytest.mark.parametrize("kind", ["fork", "threads", "pool", "asyncio", pytest.param("greenlets", marks=GEVENT)])
def test_connections_that_stay_open(lab_task, kind):
    figures = lab_task("connections:hold", kind=kind, count=20, seconds=0.2)
    assert (figures["refused"], figures["asked"], figures["count"]) == (0, 4, 4)
    assert figures["kept"] == 1
    assert 0 < figures["p50"] <= figures["p99"] < 1


def test_more_connections_than_descriptors(lab_task):
    with pytest.raises(TaskError, match="the limit is"):
        lab_task("connections:hold", kind="asyncio", count=2**63, seconds=0.1)


def test_a_server_that_does_not_start(lab_task):
    with pytest.raises(TaskError, match="the server did not start"):
        lab_task("connections:hold", kind="nothing", count=1, seconds=0.1)
