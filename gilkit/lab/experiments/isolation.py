"""What a crash takes down.

The claim: a crash in one thread ends the whole process, and the work of all other threads is lost. A crash in one
process leaves the others alone.

The method: a program runs eight tasks of 0.12 s on four workers, and after 0.04 s the second task reads memory that does
not exist (SIGSEGV), while three others run and four wait. The workers are threads, sub-interpreters (Python 3.14 and
later), processes that the program starts itself, one for each task, a multiprocessing.Pool, or a ProcessPoolExecutor.
The other tasks report when they end. The program waits for all of them, and then up to 1 s for the crashed one.

The rule: *threads* holds when in every round the program of threads died and some of the other tasks did not end.
*Separate processes* holds when in every round the program survived and learned of the crash, and all other tasks ended.
*Pools of processes* holds when both pools do all of that. Sub-interpreters are only reported.
"""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Sequence

from ..charts import Bar, Bars, Chart
from ..experiment import Case, Check, Column, Experiment, Row, Setting, Verdict, combine
from ..figures import find, select
from ..stats import bootstrap
from ..text import duration

WAYS = {
    "threads": "threads",
    "interpreters": "sub-interpreters",
    "processes": "separate processes",
    "Pool": "multiprocessing.Pool",
    "ProcessPoolExecutor": "ProcessPoolExecutor",
}
WORKERS = 4


class Isolation(Experiment):
    name = "isolation"
    title = "What a crash takes along"
    claim = "A crash in one thread ends the whole process; a crash in one process leaves the others alone."
    why = "Threads share the memory that the crash may have damaged, so the system ends all of them; processes do not."
    rounds = 2

    def obstacle(self) -> str | None:
        return None if os.name == "posix" else "its crash is a POSIX signal, which this system does not have"

    def cases(self, setting: Setting) -> list[Case]:
        here = setting.interpreters[0]
        return [
            Case(f"crash among {label}", "crashing:crash", here, {"way": way}, way, WORKERS, timed=False)
            for way, label in WAYS.items()
            if way != "interpreters" or hasattr(concurrent.futures, "InterpreterPoolExecutor")
        ]

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        def learned(row: Row, _: Sequence[Row]) -> str:
            return str(row.samples[-1].get("learned", ""))

        return [
            Column(
                "the program", lambda row, _: "survives" if all(row.values("survived")) else "dies", "in every round"
            ),
            Column("other tasks that end", lambda row, _: f"{row['finished']:.0f} of {row['others']:.0f}", "median"),
            Column("learned from", learned, "how the program heard of the crash"),
            Column("after", lambda row, _: duration(row["after"]), "how long after the crash"),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        verdict = combine(
            [
                threads(rows),
                apart(rows, "separate processes", ["processes"]),
                apart(rows, "pools of processes", ["Pool", "ProcessPoolExecutor"]),
            ]
        )
        return Verdict(verdict.outcome, f"{verdict.text} {notes(rows)}".strip(), verdict.scope)

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        bars = []
        for row in select(rows):
            interval = bootstrap(row.values("finished"))
            bars.append(Bar(WAYS[row.strategy], interval.middle, interval.low, interval.high))
        others = max((row["others"] for row in select(rows)), default=0)
        return [Bars("Other tasks that end after the crash", "tasks", bars, others or None, "all")]


def fate(row: Row) -> str:
    died = "survives" if all(row.values("survived")) else "dies"
    return f"{died}, and {row['finished']:.0f} of {row['others']:.0f} other tasks end"


def threads(rows: Sequence[Row]) -> Check:
    row = find(rows, "threads")
    if row is None:
        return Check("threads", None)
    lost = [done < others for done, others in zip(row.values("finished"), row.values("others"), strict=True)]
    return Check(
        "threads",
        not any(row.values("survived")) and all(lost),
        f"When a thread crashes, the program {fate(row)}.",
    )


def apart(rows: Sequence[Row], name: str, ways: Sequence[str]) -> Check:
    measured = [row for way in ways for row in select(rows, way)]
    if len(measured) < len(ways):
        return Check(name, None)
    left_alone = [
        survived and told and done == others
        for row in measured
        for survived, told, done, others in zip(
            *map(row.values, ("survived", "told", "finished", "others")), strict=True
        )
    ]
    return Check(
        name,
        all(left_alone),
        " ".join(
            f"When {'one of several processes' if row.strategy == 'processes' else f'a process of {WAYS[row.strategy]}'} "
            f"crashes, the program {fate(row)}."
            for row in measured
        ),
    )


def notes(rows: Sequence[Row]) -> str:
    """Say how the program learns of the crash, and what sub-interpreters do."""
    sentences = []
    inside = find(rows, "interpreters")
    if inside:
        sentences.append(f"When a sub-interpreter crashes, the program {fate(inside)}.")
    pool, executor = find(rows, "Pool"), find(rows, "ProcessPoolExecutor")
    if pool and not any(pool.values("told")):
        sentences.append("A multiprocessing.Pool does not report it: the result of the crashed task never comes.")
    if executor and executor["finished"] < executor["others"]:
        sentences.append("A ProcessPoolExecutor reports it, but abandons all of its tasks.")
    return " ".join(sentences)
