"""Ten thousand connections.

The claim: past about a thousand connections a process for each is out of the question, and at ten thousand threads fail
too; event-driven servers hold. The reason is scheduling, not memory or kernel traps.

The method: echo servers on loopback fork a process or start a thread for each connection, wait for requests in one
thread and answer them on a pool of 16, or use coroutines (asyncio) or greenlets (gevent, where installed). A client
opens 10 to 10,000 connections (at most 2,000 to the forking server) within 30 s, leaves them idle, and then sends one
request a second on each, evenly spread. A request's latency counts from when it is due. A server that has taken half of
the memory available at its start refuses connections, and so does the system at its limits; their requests count as not
answered. Numbers of connections beyond the limit on descriptors are left out.

The rule: a server *holds up* when it answers at least 99 % of the requests within a second. *A process for each* holds
when the server of 2,000 connections does not hold up, *a thread for each* when that of 10,000 does not, and
*event-driven servers* when asyncio, and gevent where installed, hold up with 10,000. While other programs use the cores,
a server that does not hold up leaves its part undecided. The reason is not judged: memory and context switches are
reported.
"""

from __future__ import annotations

import importlib.util
import os
import select as sockets
from collections.abc import Sequence

from ..charts import Chart, Line, Lines, Point
from ..experiment import Case, Check, Column, Experiment, Row, Setting, Verdict, combine
from ..figures import find, select, unless_noisy
from ..stats import bootstrap
from ..text import digits, duration, listed, size

COUNTS = (10, 100, 1000, 10_000)
FORKS = (10, 100, 1000, 2000)
SPARE = 128  # descriptors
KEPT = 0.99
KINDS = {
    "fork": "process for each",
    "threads": "thread for each",
    "pool": "pool of 16 threads",
    "asyncio": "asyncio",
    "greenlets": "gevent",
}


def descriptors() -> int:
    """Return the most descriptors that a process may have."""
    try:
        import resource
    except ImportError:
        return 0
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return hard if hard != resource.RLIM_INFINITY else 1 << 20


class C10k(Experiment):
    name = "c10k"
    title = "Ten thousand connections"
    claim = (
        "A process for each connection fails past a thousand, a thread for each at 10,000; event-driven servers hold."
    )
    why = "An idle connection costs an event-driven server an object, and others a context that the kernel schedules."
    seconds = 1.5
    rounds = 1

    def obstacle(self) -> str | None:
        if hasattr(sockets, "epoll") and os.path.exists("/proc/self/smaps_rollup"):
            return None
        return "it needs epoll and /proc (Linux)"

    def cases(self, setting: Setting) -> list[Case]:
        limit = descriptors() - SPARE
        return [
            Case(
                f"{count:,} connections, {label}",
                "connections:hold",
                setting.interpreters[0],
                {"kind": kind, "count": count},
                kind,
                count,
            )
            for kind, label in KINDS.items()
            if kind != "greenlets" or importlib.util.find_spec("gevent")
            for count in (FORKS if kind == "fork" else COUNTS)
            if count <= limit or count == COUNTS[0]
        ]

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        return [
            Column("answered within 1 s", lambda row, _: f"{100 * row['kept']:.1f} %", "part of the requests due"),
            Column("requests/s", lambda row, _: f"{row['rate']:,.0f}", "answered"),
            Column("median", lambda row, _: duration(row["p50"]), "latency of the answers"),
            Column("99 % within", lambda row, _: duration(row["p99"]), "latency"),
            Column("memory of one", lambda row, _: size(round(row["memory"])), "PSS of the server for each connection"),
            Column("switches per request", lambda row, _: digits(row["switches"]), "context switches of the server"),
            Column("not opened", lambda row, _: f"{row['refused']:.0f}", "connections that were refused or lost"),
            Column("opening all", lambda row, _: duration(row["opened"]), "time until each had been answered once"),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        verdict = combine(
            [
                fails(rows, "fork", "a process for each", FORKS[-1]),
                fails(rows, "threads", "a thread for each", COUNTS[-1]),
                events(rows),
            ]
        )
        return Verdict(verdict.outcome, f"{verdict.text} {costs(rows)}".strip(), verdict.scope)

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        return [
            Lines("Latency: 99 % within", "connections", "ms", lines(rows, "p99", 1e3), log_x=True, log_y=True),
            Lines(
                "Memory of a connection", "connections", "KiB", lines(rows, "memory", 2**-10), log_x=True, log_y=True
            ),
        ]


def lines(rows: Sequence[Row], key: str, unit: float) -> list[Line]:
    found = []
    for kind, label in KINDS.items():
        points = []
        for row in select(rows, kind):
            interval = bootstrap([max(1e-3, unit * value) for value in row.values(key)])
            points.append(Point(row.threads, interval.middle, interval.low, interval.high))
        if points:
            found.append(Line(label, points))
    return found


def answers(row: Row) -> str:
    refused = f" ({row['refused']:,.0f} were not opened)" if row["refused"] else ""
    return f"{100 * row['kept']:.1f} % of the requests within a second, half of them within {duration(row['p50'])}{refused}"


def fails(rows: Sequence[Row], kind: str, name: str, count: int) -> Check:
    row = find(rows, kind, threads=count)
    if row is None:
        return Check(name, None)
    check = Check(name, row["kept"] < KEPT, f"A {KINDS[kind]} of {count:,} connections answers {answers(row)}.")
    return unless_noisy(check, [row], holds=True)


def events(rows: Sequence[Row]) -> Check:
    measured = [row for kind in ("asyncio", "greenlets") for row in select(rows, kind, threads=COUNTS[-1])]
    if find(rows, "asyncio", threads=COUNTS[-1]) is None:
        return Check("event-driven servers", None)
    words = listed([f"{answers(row)} ({KINDS[row.strategy]})" for row in measured])
    check = Check(
        "event-driven servers",
        all(row["kept"] >= KEPT for row in measured),
        f"Event-driven servers of {COUNTS[-1]:,} connections answer {words}.",
    )
    return unless_noisy(check, measured)


def costs(rows: Sequence[Row]) -> str:
    """Say what a connection and a request cost each kind of server with the most connections."""
    words = []
    for kind, label in KINDS.items():
        row = max(select(rows, kind), key=lambda each: each.threads, default=None)
        if row:
            words.append(
                f"{size(round(row['memory']))} and {digits(row['switches'])} switches per request ({label}, "
                f"{row.threads:,})"
            )
    return f"A connection takes {listed(words)}." if words else ""
