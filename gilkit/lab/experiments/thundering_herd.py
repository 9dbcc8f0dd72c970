"""How many waiting contexts a new connection wakes.

The claim: when many contexts wait in accept, a new connection wakes them all, and one gets it. Modern Linux locks
accept, and only one wakes.

The method: 2, 8 and 64 processes or threads wait for connections on one listening socket: in a blocking accept, in
select, in epoll, and in epoll with EPOLLEXCLUSIVE. In a fifth way each has a socket of its own on the same port
(SO_REUSEPORT). A client makes 40 connections, one after another and with a pause between them. Each time that a context
wakes up and sleeps again, the kernel counts a voluntary switch, even if the context finds inside the kernel that
another one was faster.

The rule: the claim that only one wakes holds for a way of waiting if with 64 contexts there are at most 2 wake-ups per
connection, for processes and for threads. (Threads also switch when they wait for the GIL.) EPOLLEXCLUSIVE and
SO_REUSEPORT, which programs use to avoid the herd, are only reported.
"""

from __future__ import annotations

import os
import select as sockets
from collections.abc import Sequence

from ..charts import Chart, Line, Lines, Point
from ..experiment import Case, Check, Column, Experiment, Row, Setting, Verdict, combine
from ..figures import find, select
from ..stats import bootstrap
from ..text import digits, duration, listed

COUNTS = (2, 8, 64)
CONNECTIONS = 40
FEW = 2.0
WAYS = {
    "accept": "blocking accept",
    "select": "select",
    "epoll": "epoll",
    "exclusive": "EPOLLEXCLUSIVE",
    "reuseport": "SO_REUSEPORT",
}
JUDGED = ("accept", "select", "epoll")
KINDS = ("processes", "threads")


class ThunderingHerd(Experiment):
    name = "thundering-herd"
    title = "Who wakes up for a connection"
    claim = "When many contexts wait for a connection, modern Linux wakes only one of them, not all."
    why = "accept queues its waiters as exclusive, and one is woken; select and epoll only report, so all are woken."
    rounds = 2

    def obstacle(self) -> str | None:
        if hasattr(sockets, "EPOLLEXCLUSIVE") and os.path.exists("/proc/self/task"):
            return None
        return "it needs epoll and /proc (Linux)"

    def cases(self, setting: Setting) -> list[Case]:
        return [
            Case(
                f"{count} {kind}, {label}",
                "herding:wakes",
                setting.interpreters[0],
                {"way": way, "kind": kind, "count": count, "connections": CONNECTIONS},
                way,
                count,
                timed=False,
            )
            for way, label in WAYS.items()
            for kind in KINDS
            for count in COUNTS
        ]

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        return [
            Column(
                "wake-ups per connection",
                lambda row, _: digits(row["wakes"]),
                "voluntary switches of all that wait, median",
            ),
            Column("answer after", lambda row, _: duration(row["answer"]), "median time from connecting to the answer"),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        verdict = combine([one_wakes(rows, way) for way in JUDGED])
        return Verdict(verdict.outcome, f"{verdict.text} {cures(rows)}".strip(), verdict.scope)

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        charts: list[Chart] = []
        for kind in KINDS:
            lines = []
            for way, label in WAYS.items():
                points = []
                for row in select(rows, way, kind=kind):
                    interval = bootstrap([max(0.01, value) for value in row.values("wakes")])
                    points.append(Point(row.threads, interval.middle, interval.low, interval.high))
                if points:
                    lines.append(Line(label, points))
            title = f"Wake-ups per connection among {kind}"
            charts.append(Lines(title, f"waiting {kind}", "wake-ups", lines, log_x=True, log_y=True))
        return charts


def woken(rows: Sequence[Row], way: str) -> list[tuple[str, float]]:
    """Return the wake-ups per connection of the largest number of processes and of threads."""
    found = [(kind, find(rows, way, threads=COUNTS[-1], kind=kind)) for kind in KINDS]
    return [(kind, row["wakes"]) for kind, row in found if row]


def one_wakes(rows: Sequence[Row], way: str) -> Check:
    name = WAYS[way]
    measured = woken(rows, way)
    if not measured:
        return Check(name, None)
    words = listed([f"{digits(wakes)} of {COUNTS[-1]} {kind}" for kind, wakes in measured])
    # Threads that a herd wakes contend for the GIL, so there may be more wake-ups than threads.
    return Check(
        name,
        all(wakes <= FEW for _, wakes in measured),
        f"Waiting in {name}, a connection causes {words.replace(' of ', ' wake-ups among ')}.",
    )


def cures(rows: Sequence[Row]) -> str:
    words = []
    for way in ("exclusive", "reuseport"):
        measured = woken(rows, way)
        if measured:
            words.append(f"{digits(max(wakes for _, wakes in measured))} with {WAYS[way]}")
    return f"There are at most {listed(words)}." if words else ""
