"""What gevent's patch does for code that waits, and for code that computes.

The claim: gevent makes blocking code cooperative without changing it.

The method: the six fetches and six computations of the experiment cpu-vs-io run one after another and in six threads,
in a process as it is and in one where ``gevent.monkey.patch_all()`` ran first, which turns threads into greenlets.
Meanwhile another thread, or greenlet, sleeps 5 ms at a time, and its longest delay is recorded.

The rule: *waiting* holds when in the patched process six threads fetch at least 3 times as fast as one after another,
and the sleeper is at most 50 ms late. *Computing* holds when the sleeper is as punctual while six patched threads
compute. The number of the system's threads is only reported.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from ..charts import Bar, Bars, Chart
from ..experiment import Case, Check, Column, Experiment, Row, Setting, Verdict, combine
from ..figures import find, ratio, select, speed_up, times, unless_noisy
from ..text import duration

DELAY = 0.1
LOOPS = 1_500_000
PUNCTUAL = 0.050
WORK = {"fetch": "six fetches", "compute": "six computations"}
HOW = {"serial": "one after another", "threads": "in six threads"}


class MonkeyPatching(Experiment):
    name = "monkey-patching"
    title = "Blocking code under gevent"
    claim = "gevent makes blocking code cooperative without changing it."
    why = (
        "The patched calls switch to another greenlet instead of waiting; code that calls none of them never switches."
    )
    rounds = 3

    def obstacle(self) -> str | None:
        return None if importlib.util.find_spec("gevent") else "gevent is not installed: pip install gevent"

    def cases(self, setting: Setting) -> list[Case]:
        return [
            Case(
                f"{label}, {words}{', patched' if patched else ''}",
                "patching:six",
                setting.interpreters[0],
                {"work": work, "how": how, "patched": patched, "delay": DELAY, "loops": LOOPS},
                how,
                6,
                timed=False,
            )
            for work, label in WORK.items()
            for patched in (False, True)
            for how, words in HOW.items()
        ]

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        return [
            Column("wall", lambda row, _: duration(row["wall"]), "median time of all six"),
            Column("against one after another", lambda row, rows: speed_up(row, serial(rows, row)), "speed-up, median"),
            Column(
                "another one waits",
                lambda row, _: duration(max(0.0, row["longest"])),
                "how late a sleep of 5 ms ends at most",
            ),
            Column("system's threads", lambda row, _: f"{row['kernel_threads']:.0f}", "of the process"),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        return combine([waiting(rows), computing(rows)])

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        bars, late = [], []
        for row in select(rows):
            base = serial(rows, row)
            label = f"{HOW[row.strategy]}{', patched' if row.arguments['patched'] else ''}"
            if base:
                found = ratio(base, row, "wall").interval
                bars.append(Bar(label, found.middle, found.low, found.high, WORK[row.arguments["work"]]))
            late.append(Bar(label, max(1e-6, row["longest"]), group=WORK[row.arguments["work"]]))
        return [
            Bars("Speed-up over one after another", "×", bars),
            Bars("The longest delay of another thread or greenlet", "s", late, log=True),
        ]


def serial(rows: Sequence[Row], row: Row) -> Row | None:
    return find(rows, "serial", work=row.arguments["work"], patched=row.arguments["patched"])


def waiting(rows: Sequence[Row]) -> Check:
    row = find(rows, "threads", work="fetch", patched=True)
    base = row and serial(rows, row)
    if row is None or base is None:
        return Check("waiting", None)
    faster = 1 / times(row, base, "wall")
    check = Check(
        "waiting",
        faster >= 3 and row["longest"] <= PUNCTUAL,
        f"Patched, six fetches take {duration(base['wall'])} one after another and {duration(row['wall'])} in six "
        f"threads, {faster:.1f} times as fast, on {row['kernel_threads']:.0f} of the system's threads; another greenlet "
        f"waits up to {duration(max(0.0, row['longest']))}.",
    )
    return unless_noisy(check, [row, base])


def computing(rows: Sequence[Row]) -> Check:
    row = find(rows, "threads", work="compute", patched=True)
    base = row and serial(rows, row)
    if row is None or base is None:
        return Check("computing", None)
    plain = find(rows, "threads", work="compute", patched=False)
    than = f" (a thread, unpatched: {duration(max(0.0, plain['longest']))})" if plain else ""
    return Check(
        "computing",
        row["longest"] <= PUNCTUAL,
        f"Six computations in patched threads are {1 / times(row, base, 'wall'):.2f} times as fast as one after another, "
        f"and another greenlet waits {duration(max(0.0, row['longest']))} for them{than}.",
    )
