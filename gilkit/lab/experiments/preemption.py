"""Whether the system takes the core away from a busy task.

The claim: the system takes the core away from a task at any time. A coroutine keeps it until it yields, and one endless
loop stops all others.

The method: next to one task that computes without a break, a heartbeat sleeps 10 ms at a time and records how late each
sleep ends. The two are coroutines of asyncio, greenlets of gevent where installed, threads (on every Python from 3.8
that was found or given), or processes; both share one core, so one of them must wait. The endless loop ends with the
measurement. Two more heartbeats run next to a gilkit kernel, and one next to a coroutine that yields every millisecond.

The rule: *coroutines* holds when the heartbeat stood still for at least 0.8 of the time in every round, for asyncio and
for greenlets. *Threads* and *processes* hold when 95 % of the heartbeats are at most 20 ms late and the busy task still
gets at least half of the core; a failure while other programs use the cores is left undecided. Kernels and coroutines
that yield are only reported.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from ..charts import Bar, Bars, Chart
from ..experiment import Case, Check, Column, Experiment, Row, Setting, Verdict, combine
from ..figures import find, select, unless_noisy
from ..stats import bootstrap
from ..text import duration, listed

KINDS = {
    "asyncio": "coroutine next to an endless coroutine",
    "giving way": "coroutine next to one that yields",
    "greenlets": "greenlet next to an endless greenlet",
    "threads": "thread next to an endless thread",
    "processes": "process next to an endless process",
    "kernel": "thread next to a gilkit kernel",
    "kernel and asyncio": "coroutine next to a kernel in a thread",
}
STILL = 0.8
PROMPT = 0.020
SHARE = 0.5


class Preemption(Experiment):
    name = "preemption"
    title = "Taking the core from a busy task"
    claim = "The system takes the core from a thread or a process at any time; one endless coroutine stops all others."
    why = "A timer interrupt ends a thread's turn; coroutines share one thread, and only they decide when to switch."
    seconds = 0.9
    rounds = 3

    def cases(self, setting: Setting) -> list[Case]:
        cases = []
        for each in setting.interpreters:
            if each.version_info < (3, 8):
                continue
            for kind, label in KINDS.items():
                if kind == "greenlets" and importlib.util.find_spec("gevent") is None:
                    continue
                if each.running or kind == "threads":
                    cases.append(Case(label, "preempting:heartbeat", each, {"kind": kind}, kind, 2))
        return cases

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        return [
            Column("late by (median)", lambda row, _: duration(max(0.0, row["late"])), "how late a beat comes"),
            Column(
                "95 % within",
                lambda row, _: duration(max(0.0, row["late_95"])),
                "95 % of the beats are at most this late",
            ),
            Column("longest wait", lambda row, _: duration(max(0.0, row["longest"])), "how late the latest came"),
            Column("beats", lambda row, _: f"{row['beats']:.0f}", "how many came"),
            Column("busy task's share", lambda row, _: f"{100 * row['share']:.0f} %", "of the work that it does alone"),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        verdict = combine([coroutines(rows), preempted(rows, "threads"), preempted(rows, "processes")])
        return Verdict(verdict.outcome, f"{verdict.text} {remedies(rows)}".strip(), verdict.scope)

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        bars = []
        for row in select(rows):
            interval = bootstrap([max(1e-7, value) for value in row.values("longest")])
            label = f"Python {row.interpreter.label} ({row.interpreter.gil_state})"
            bars.append(Bar(row.label, interval.middle, interval.low, interval.high, label))
        return [Bars("The longest wait of a heartbeat of 10 ms", "s", bars, log=True)]


def coroutines(rows: Sequence[Row]) -> Check:
    measured = [row for kind in ("asyncio", "greenlets") for row in select(rows, kind)]
    if find(rows, "asyncio") is None:
        return Check("coroutines", None)
    still = [
        longest >= STILL * asked
        for row in measured
        for longest, asked in zip(row.values("longest"), row.values("asked"), strict=True)
    ]
    words = listed([f"{duration(row['longest'])} of {duration(row['asked'])} ({row.strategy})" for row in measured])
    return Check("coroutines", all(still), f"Next to an endless coroutine the heartbeat stood still for {words}.")


def preempted(rows: Sequence[Row], kind: str) -> Check:
    measured = select(rows, kind)
    if not any(row.interpreter.running for row in measured):
        return Check(kind, None)
    words = listed(
        [
            f"{duration(max(0.0, row['late_95']))}"
            + (f" on Python {row.interpreter.label} ({row.interpreter.gil_state})" if kind == "threads" else "")
            for row in measured
        ]
    )
    check = Check(
        kind,
        all(row["late_95"] <= PROMPT and row["share"] >= SHARE for row in measured),
        f"Next to an endless loop in another {kind.removesuffix('es' if kind == 'processes' else 's')}, 95 % of the "
        f"heartbeats come within {words}.",
    )
    return unless_noisy(check, measured)


def remedies(rows: Sequence[Row]) -> str:
    sentences = []
    giving, kernel, awaited = (find(rows, kind) for kind in ("giving way", "kernel", "kernel and asyncio"))
    if giving:
        sentences.append(
            f"Next to a coroutine that yields every millisecond the longest wait is {duration(giving['longest'])}."
        )
    if kernel and awaited:
        sentences.append(
            f"Next to a gilkit kernel, which does not hold the GIL, it is {duration(kernel['longest'])} for a thread "
            f"and {duration(awaited['longest'])} for a coroutine, if the kernel runs in a thread."
        )
    return " ".join(sentences)
