"""Servers with one process, a process or a thread per connection, or coroutines: requests per second by clients.

The claim: a thread per connection beats a process per connection. Requests per second at 1, 2, 3, 4, 10, 50, 100, 200
and 500 clients: threads 6943, 6891, 6584, 6517, –, 6179 (10), 4927 (50), 2378 (100); in a virtual machine threads 909,
3778, 4815, 5000, 4998 (10), 4882 (50), 4603 (100), 3445 (200), 1778 (500, with errors) and fork 384, 436, 435, 438, 383
(10), 364 (50), 321 (100, with errors). Throughput falls as contexts rise.

The method: echo servers on loopback handle connections one after another, each in its own process, each in its own
thread, on a pool of 16 threads, or in coroutines. One client, an event loop, keeps 1 to 500 connections open, each for
a single request. A run ends when its time is over or after 2,000 requests.

The rule: *threads over processes* holds when threads answer more requests than fork at every number of clients (the
interval of the ratio lies above 1). *Falling throughput* holds when threads answer at most 0.9 times as many requests
with the most clients as at their best. The first part is not decided if it fails while other programs use the cores.
"""

from __future__ import annotations

import socketserver
from collections.abc import Sequence

from ..charts import Chart, Line, Lines, Point
from ..experiment import Case, Check, Column, Experiment, Row, Setting, Verdict, combine
from ..figures import find, ratio, select, times, unless_noisy
from ..stats import bootstrap
from ..text import listed, plural

CLIENTS = (1, 4, 10, 50, 200, 500)
KINDS = {
    "serial": "one after another",
    "fork": "fork per connection",
    "threads": "thread per connection",
    "pool": "pool of 16 threads",
    "asyncio": "asyncio",
}


class Server(Experiment):
    name = "server"
    title = "A server's connections"
    claim = "A thread per connection beats a process per connection; throughput falls as contexts rise."
    why = "A fork copies the process for each connection; a thread starts quickly but waits for its turn with the GIL."
    seconds = 0.5
    rounds = 2

    def cases(self, setting: Setting) -> list[Case]:
        here = setting.interpreters[0]
        return [
            Case(
                f"{label}, {plural(clients, 'client')}",
                "serving:echo",
                here,
                {"kind": kind, "clients": clients},
                kind,
                clients,
            )
            for kind, label in KINDS.items()
            if kind != "fork" or hasattr(socketserver, "ForkingTCPServer")
            for clients in CLIENTS
        ]

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        def against(row: Row, rows: Sequence[Row]) -> str:
            base = find(rows, "threads", threads=row.threads)
            return f"{times(row, base, 'rate'):.2f}×" if base else "–"

        return [
            Column("requests/s", lambda row, _: f"{row['rate']:,.0f}", "answered, median"),
            Column("against threads", against, "requests divided by those of a thread per connection"),
            Column("errors", lambda row, _: f"{sum(row.values('errors')):.0f}", "requests that failed, in all rounds"),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        verdict = combine([threads_win(rows), throughput_falls(rows)])
        return Verdict(verdict.outcome, f"{verdict.text} {others(rows)}".strip(), verdict.scope)

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        lines = []
        for kind, label in KINDS.items():
            points = []
            for row in select(rows, kind):
                interval = bootstrap(row.values("rate"))
                points.append(Point(row.threads, interval.middle, interval.low, interval.high))
            if points:
                lines.append(Line(label, points))
        return [Lines("Requests per second", "clients at once", "requests/s", lines, log_x=True)]


def others(rows: Sequence[Row]) -> str:
    """Say what the servers that start nothing per connection answer at their best."""
    best = {kind: max(select(rows, kind), key=lambda row: row["rate"], default=None) for kind in ("serial", "asyncio")}
    words = [f"{row['rate']:,.0f} requests/s ({KINDS[kind]})" for kind, row in best.items() if row]
    return f"Servers that start nothing per connection peak at {listed(words)}." if words else ""


def threads_win(rows: Sequence[Row]) -> Check:
    pairs = [
        (row.threads, ratio(row, fork, "rate"))
        for row in select(rows, "threads")
        if (fork := find(rows, "fork", threads=row.threads))
    ]
    if not pairs:
        return Check("threads over processes", None)
    low = min(pair.middle for _, pair in pairs)
    high = max(pair.middle for _, pair in pairs)
    check = Check(
        "threads over processes",
        all(pair.interval.low > 1 for _, pair in pairs),
        f"A thread per connection answers {low:.1f} to {high:.1f} times as many requests as a fork per connection.",
    )
    return unless_noisy(check, [*select(rows, "threads"), *select(rows, "fork")])


def throughput_falls(rows: Sequence[Row]) -> Check:
    measured = select(rows, "threads")
    if len(measured) < 2:
        return Check("falling throughput", None)
    best = max(measured, key=lambda row: row["rate"])
    last = max(measured, key=lambda row: row.threads)
    share = times(last, best, "rate")
    return Check(
        "falling throughput",
        share <= 0.9,
        f"Threads peak at {best['rate']:,.0f} requests/s with {plural(best.threads, 'client')}; with {last.threads} "
        f"they answer {share:.2f} times as many.",
    )
