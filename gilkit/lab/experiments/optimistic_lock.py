"""Optimistic locking against a mutex.

The claim: an optimistic lock checks a version at the update and retries; it is good where conflicts are rare. A
pessimistic lock makes everyone wait.

The method: one native thread per core (at least 2) updates one value. An optimistic update reads the value, works a
little and calls compare-and-set, and retries if another thread came first; a pessimistic one does the same under a
mutex. Between two updates each thread works alone for 1,000, 300, 100, 30 or 0 loops. Less work means more conflicts.

The rule: *rare conflicts* holds when, with the most work between updates, optimistic updates are not slower than the
mutex's (the interval of mutex time over optimistic time reaches or exceeds 1). *Waiting* holds when, with no work
between updates, an update under the mutex costs at least 1.5 times as much as with one thread; a failure while other
programs use the cores is left undecided. The point where the mutex overtakes is only reported.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..charts import Chart, Line, Lines, Point
from ..costs import CostExperiment
from ..experiment import Case, Check, Column, Row, Setting, Verdict, combine
from ..figures import find, ratio, select, times, unless_noisy
from ..stats import bootstrap
from ..text import duration, plural

OUTSIDE = (1000, 300, 100, 30, 0)
INSIDE = 5
KINDS = {"optimistic": "compare and set", "LockedCounter": "mutex"}


class OptimisticLock(CostExperiment):
    name = "optimistic-lock"
    title = "Optimistic and pessimistic locking"
    claim = "An optimistic lock is good where conflicts are rare; a pessimistic one makes everyone wait."
    why = "Compare-and-set never waits but is repeated after a conflict; a mutex makes threads queue."
    thing = "an update"
    base = "LockedCounter"
    seconds = 0.3

    def cases(self, setting: Setting) -> list[Case]:
        here = setting.interpreters[0]
        many = max(2, setting.threads)
        return [
            Case(
                f"{label}, {plural(threads, 'thread')}, {outside} loops between",
                "counting:native",
                here,
                {"kind": kind, "threads": threads, "inside": INSIDE, "outside": outside},
                kind,
                threads,
            )
            for threads, works in ((1, (0,)), (many, OUTSIDE))
            for outside in works
            for kind, label in KINDS.items()
        ]

    def comparable(self, base: Row, row: Row) -> bool:
        return base.threads == row.threads and base.arguments["outside"] == row.arguments["outside"]

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        def retries(row: Row, _: Sequence[Row]) -> str:
            return f"{conflicts(row):.1f} %" if row.strategy == "optimistic" else ""

        return [
            *super().columns(rows, setting),
            Column("conflicts", retries, "failed attempts for each hundred updates"),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        verdict = combine([rare(rows), waiting(rows)])
        return Verdict(verdict.outcome, f"{verdict.text} {crossing(rows)}".strip(), verdict.scope)

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        lines = []
        for kind, label in KINDS.items():
            points = []
            for row in select(rows, kind):
                if row.threads > 1:
                    interval = bootstrap([1e9 * value for value in row.values("each")])
                    points.append(Point(row.arguments["outside"] + 1, interval.middle, interval.low, interval.high))
            lines.append(Line(label, sorted(points, key=lambda point: point.x)))
        title = "Time for an update, by the work between updates (conflicts increase to the left)"
        return [Lines(title, "loops between, plus one", "ns", lines, log_x=True, log_y=True)]


def conflicts(row: Row) -> float:
    """Return the failed attempts in per cent of the updates."""
    return 100 * sum(row.values("retries")) / sum(row.values("count"))


def pairs(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Return the optimistic and the mutex row of each amount of work, most work first."""
    return [
        (row, locked)
        for row in select(rows, "optimistic")
        if row.threads > 1
        and (locked := find(rows, "LockedCounter", threads=row.threads, outside=row.arguments["outside"]))
    ]


def rare(rows: Sequence[Row]) -> Check:
    found = pairs(rows)
    if not found:
        return Check("rare conflicts", None)
    optimistic, locked = max(found, key=lambda pair: pair[0].arguments["outside"])
    compared = ratio(locked, optimistic)
    return Check(
        "rare conflicts",
        compared.interval.high >= 1,
        f"With {optimistic.arguments['outside']} loops between updates and {conflicts(optimistic):.1f} % conflicts, "
        f"the mutex takes {compared.middle:.2f} times as long as compare-and-set.",
    )


def waiting(rows: Sequence[Row]) -> Check:
    alone = find(rows, "LockedCounter", threads=1)
    contended = next((row for row in select(rows, "LockedCounter", outside=0) if row.threads > 1), None)
    if alone is None or contended is None:
        return Check("waiting", None)
    # "each" is wall time over the updates of all threads: without contention it would fall as threads are added.
    factor = times(contended, alone)
    check = Check(
        "waiting",
        factor >= 1.5,
        f"With no work between updates, an update under the mutex takes {duration(contended['each'])}, "
        f"{factor:.1f} times as long as with one thread.",
    )
    return unless_noisy(check, [contended])


def crossing(rows: Sequence[Row]) -> str:
    """Say from which rate of conflicts on the mutex is faster."""
    found = sorted(pairs(rows), key=lambda pair: -pair[0].arguments["outside"])
    for optimistic, locked in found:
        if ratio(locked, optimistic).interval.high < 1:
            return (
                f"From {conflicts(optimistic):.0f} % conflicts on ({optimistic.arguments['outside']} loops between "
                "updates) the mutex is faster."
            )
    return "The mutex was not faster at any contention measured." if found else ""
