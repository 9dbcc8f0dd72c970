"""The memory of more workers.

The claim: Python programs are large once their imports are loaded. More threads cost next to nothing, more processes all
of it again.

The method: start 1, 4 and 16 workers that have imported NumPy and used it once: threads, and processes by fork before
and after the import, by spawn and by forkserver. Add up the memory of all processes with shared pages divided among
those that map them (PSS), and the pages that only one process has (USS). The memory of one more worker is the PSS of 16
less that of 1, divided by 15. Sub-interpreters (Python 3.14 and later) cannot load NumPy, so they import nine modules of
the standard library instead, as their main interpreter does.

The rule compares one more worker with the whole program that has threads. *Threads* holds when it costs at most a
twentieth. *Processes spawned*, *of a forkserver*, and *forked before* or *after import* hold when it costs at least
half of it. Sub-interpreters are only reported.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence

from ..charts import Chart, Line, Lines, Point
from ..experiment import Case, Check, Column, Experiment, Row, Setting, Verdict, combine
from ..figures import find, select
from ..stats import bootstrap
from ..text import duration, plural, size

COUNTS = (1, 4, 16)
WAYS = {
    "threads": "threads",
    "fork after": "forked after import",
    "fork": "forked before import",
    "forkserver": "of a forkserver",
    "spawn": "spawned",
    "interpreters": "sub-interpreters without NumPy",
}
PROCESSES = ("spawn", "forkserver", "fork", "fork after")
NOTHING = 1 / 20
AGAIN = 1 / 2


class WorkerMemory(Experiment):
    name = "worker-memory"
    title = "The memory of more workers"
    claim = (
        "Once its imports are loaded, more threads of a program cost next to nothing, more processes all of it again."
    )
    why = "Threads share one heap; a process has its own, except for pages that it shares with its parent unchanged."
    rounds = 1

    def obstacle(self) -> str | None:
        return None if os.path.exists("/proc/self/smaps_rollup") else "it reads /proc/self/smaps_rollup (Linux)"

    def cases(self, setting: Setting) -> list[Case]:
        here = setting.interpreters[0]
        methods = multiprocessing.get_all_start_methods()
        return [
            Case(
                f"{plural(count, 'worker')}, {label}",
                "footprint:workers",
                here,
                {"way": way, "count": count},
                way,
                count,
                timed=False,
            )
            for way, label in WAYS.items()
            if (
                sys.version_info >= (3, 14)
                if way == "interpreters"
                else way == "threads" or way.partition(" ")[0] in methods
            )
            for count in COUNTS
        ]

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        def another(row: Row, rows: Sequence[Row]) -> str:
            more = one_more(rows, row.strategy) if row.threads == COUNTS[-1] else None
            return "" if more is None else taken(more)

        return [
            Column("memory (PSS)", lambda row, _: size(round(row["pss"])), "of all processes, shared pages divided"),
            Column("not shared (USS)", lambda row, _: size(round(row["uss"])), "pages that a single process has"),
            Column(
                "processes",
                lambda row, _: f"{row['processes']:.0f}",
                "the program's own and multiprocessing's included",
            ),
            Column("one more worker", another, "PSS, on average from the first to the last"),
            Column("start of all", lambda row, _: duration(row["wall"]), "time until they had used NumPy"),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        verdict = combine([threads(rows), *(processes(rows, way) for way in PROCESSES)])
        return Verdict(verdict.outcome, f"{verdict.text} {inside(rows)}".strip(), verdict.scope)

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        lines = []
        for way, label in WAYS.items():
            points = []
            for row in select(rows, way):
                interval = bootstrap([value / 2**20 for value in row.values("pss")])
                points.append(Point(row.threads, interval.middle, interval.low, interval.high))
            if points:
                lines.append(Line(label.removesuffix(" without NumPy"), points))
        return [Lines("Memory of all processes", "workers", "MiB", lines)]


def taken(count: float) -> str:
    """Return a number of bytes, or that it is too small to tell."""
    return size(round(count)) if count >= 1024 else "less than 1 KiB"


def one_more(rows: Sequence[Row], way: str) -> float | None:
    """Return the bytes that one more worker takes, on average from the first to the last."""
    first, last = find(rows, way, threads=COUNTS[0]), find(rows, way, threads=COUNTS[-1])
    return (last["pss"] - first["pss"]) / (COUNTS[-1] - COUNTS[0]) if first and last else None


def program(rows: Sequence[Row]) -> float | None:
    """Return the memory of a program with threads. The smallest value is used, because the amount shared with others
    varies."""
    return min((row["pss"] for row in select(rows, "threads")), default=None)


def threads(rows: Sequence[Row]) -> Check:
    more, whole = one_more(rows, "threads"), program(rows)
    if more is None or not whole:
        return Check("threads", None)
    return Check(
        "threads",
        more / whole <= NOTHING,
        f"A program with NumPy takes {taken(whole)}, one more thread {taken(more)}.",
    )


def processes(rows: Sequence[Row], way: str) -> Check:
    more, whole, name = one_more(rows, way), program(rows), f"processes {WAYS[way]}"
    if more is None or not whole:
        return Check(name, None)
    part = more / whole
    return Check(name, part >= AGAIN, f"Of {name}, one more takes {taken(more)}, {100 * part:.0f} % of that program.")


def inside(rows: Sequence[Row]) -> str:
    more, first = one_more(rows, "interpreters"), find(rows, "interpreters", threads=COUNTS[0])
    if more is None or first is None:
        return ""
    return (
        f"Without NumPy, one more sub-interpreter takes {taken(more)}, where the process with one takes "
        f"{taken(first['pss'])}."
    )
