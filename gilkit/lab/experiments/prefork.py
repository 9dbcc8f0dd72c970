"""Servers whose processes wait for connections, and the ways to hand the connections out.

The claim: processes kept in a pool save what a fork for each request costs. A master hands connections out, or the
kernel does (SO_REUSEPORT).

The method: echo servers on loopback answer 16 clients, each request on a connection of its own. One forks for each
connection. The others keep 4 processes, which accept from one shared socket, or from a socket each on the same port
(SO_REUSEPORT), or get the connections from a master (SCM_RIGHTS), in turn. A run ends when its time is over or after
2,000 requests.

The rule: each of the three ways of handing out holds when it answers more requests than the server that forks (the
interval of the ratio of the same rounds lies above 1); a failure while other programs use the cores is left undecided.
The share of the busiest process is only reported; with equal shares it is 25 %.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

from ..charts import Bar, Bars, Chart
from ..experiment import Case, Check, Column, Experiment, Row, Setting, Verdict, combine
from ..figures import find, ratio, select, times, unless_noisy
from ..stats import bootstrap
from ..text import digits

WORKERS = 4
CLIENTS = 16
KINDS = {
    "fork": "a fork for each connection",
    "shared": f"{WORKERS} processes, one shared socket",
    "passed": f"{WORKERS} processes, connections from a master",
    "reuseport": f"{WORKERS} processes, SO_REUSEPORT",
}
NAMES = {"shared": "a shared socket", "passed": "a master that passes connections", "reuseport": "SO_REUSEPORT"}


class Prefork(Experiment):
    name = "prefork"
    title = "Processes that wait for connections"
    claim = "Processes kept in a pool save the fork for each connection, whoever hands the connections out."
    why = "A fork copies the page tables and the child then copies what it writes; a process that waits is just woken."
    seconds = 0.9
    rounds = 3

    def obstacle(self) -> str | None:
        if hasattr(os, "fork") and hasattr(socket, "send_fds") and hasattr(socket, "SO_REUSEPORT"):
            return None
        return "it needs fork, SCM_RIGHTS and SO_REUSEPORT"

    def cases(self, setting: Setting) -> list[Case]:
        return [
            Case(
                label,
                "preforking:answer",
                setting.interpreters[0],
                {"kind": kind, "workers": 1 if kind == "fork" else WORKERS, "clients": CLIENTS},
                kind,
                CLIENTS,
            )
            for kind, label in KINDS.items()
        ]

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        def against(row: Row, rows: Sequence[Row]) -> str:
            base = find(rows, "fork")
            return f"{times(row, base, 'rate'):.2f}×" if base else "–"

        return [
            Column("requests/s", lambda row, _: f"{row['rate']:,.0f}", "answered, median"),
            Column("against forking", against, "requests divided by those of the server that forks"),
            Column(
                "busiest process",
                lambda row, _: f"{100 * row['busiest']:.0f} %" if row["busiest"] else "",
                "its part of all requests",
            ),
            Column("errors", lambda row, _: f"{sum(row.values('errors')):.0f}", "requests that failed, in all rounds"),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        return combine([saves(rows, kind) for kind in NAMES])

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        bars = []
        for row in select(rows):
            interval = bootstrap(row.values("rate"))
            bars.append(Bar(KINDS[row.strategy], interval.middle, interval.low, interval.high))
        return [Bars(f"Requests of {CLIENTS} clients", "requests/s", bars)]


def saves(rows: Sequence[Row], kind: str) -> Check:
    row, base = find(rows, kind), find(rows, "fork")
    if row is None or base is None:
        return Check(NAMES[kind], None)
    found = ratio(row, base, "rate")
    name = NAMES[kind]
    check = Check(
        name,
        found.interval.low > 1,
        f"With {name}, {WORKERS} processes answer {row['rate']:,.0f} requests/s, {digits(found.middle)} times as many "
        f"as a fork for each ({base['rate']:,.0f}); the busiest gets {100 * row['busiest']:.0f} % of them.",
    )
    return unless_noisy(check, [row, base])
