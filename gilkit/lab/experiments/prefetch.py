"""Short tasks that wait behind a long one although other workers are idle.

The claim: a long task blocks the short ones that its worker has taken ahead, although others are idle. Fetching one at
a time, or more workers, cures it.

The method: 200 sleeps are submitted at once to 4 workers: 198 of 1 ms, and two of 1 s. The workers are those of
multiprocessing.Pool, ProcessPoolExecutor, ThreadPoolExecutor and gilkit.map, which take chunks of 1, of 16 or of their
own choice, or processes that each hold up to 1 or 16 tasks (as a message queue's consumers prefetch), the latter also
with 16 workers. A short task counts as blocked if it is not done after 0.5 s; two workers alone could have done all of
them in 0.1 s.

The rule: *blocking* holds when in every round each way that takes 16 at a time leaves a short task blocked. *Taking one
at a time* holds when no way that does so ever leaves a short task blocked; a failure while other programs use the cores
is left undecided. *More workers* holds when 16 workers that take 16 ahead never leave a short task blocked. Chunks of a
pool's own choice are only reported.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..charts import Bar, Bars, Chart
from ..experiment import Case, Check, Column, Experiment, Row, Setting, Verdict, combine
from ..figures import find, select, unless_noisy
from ..stats import bootstrap
from ..text import duration, listed

TASKS = 200
SHORT = 0.001
LONG = 1.0
EVERY = 100
AHEAD = 16
WORKERS = 4
MORE = 16
CASES = (
    ("many", "Pool.map, chunks of 16", "Pool", AHEAD, WORKERS),
    ("many", "ProcessPoolExecutor.map, chunks of 16", "ProcessPoolExecutor", AHEAD, WORKERS),
    ("many", "gilkit.map, chunks of 16", "gilkit.map", AHEAD, WORKERS),
    ("many", "processes that take 16 ahead", "ahead", AHEAD, WORKERS),
    ("more", f"{MORE} processes that take 16 ahead", "ahead", AHEAD, MORE),
    ("default", "Pool.map", "Pool", None, WORKERS),
    ("default", "gilkit.map", "gilkit.map", None, WORKERS),
    ("single", "Pool.map, chunks of 1", "Pool", 1, WORKERS),
    ("single", "ProcessPoolExecutor.map, chunks of 1", "ProcessPoolExecutor", 1, WORKERS),
    ("single", "ThreadPoolExecutor.map", "threads", 1, WORKERS),
    ("single", "gilkit.map, chunks of 1", "gilkit.map", 1, WORKERS),
    ("single", "processes that take 1 at a time", "ahead", 1, WORKERS),
)


class Prefetch(Experiment):
    name = "prefetch"
    title = "Short tasks behind a long one"
    claim = "A long task blocks short ones that its worker took ahead; taking one at a time, or more workers, cures it."
    why = "A task that is handed to a worker stays there; one that waits in a common queue goes to whoever is free."
    rounds = 2

    def cases(self, setting: Setting) -> list[Case]:
        return [
            Case(
                label,
                "prefetching:latency",
                setting.interpreters[0],
                {
                    "way": way,
                    "workers": workers,
                    "tasks": TASKS,
                    "short": SHORT,
                    "long": LONG,
                    "every": EVERY,
                    "chunk": chunk,
                },
                strategy,
                workers,
                timed=False,
            )
            for strategy, label, way, chunk, workers in CASES
        ]

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        return [
            Column(
                "short tasks blocked",
                lambda row, _: f"{row['blocked']:.0f} of {row['short']:.0f}",
                "not done after 0.5 s",
            ),
            Column(
                "half of them within",
                lambda row, _: duration(row["median"]),
                "time until half of the short tasks are done",
            ),
            Column(
                "all of them within", lambda row, _: duration(row["longest"]), "time until the last short task is done"
            ),
            Column("all tasks", lambda row, _: duration(row["wall"]), "time until the last task is done"),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        verdict = combine([blocking(rows), one_at_a_time(rows), more_workers(rows)])
        words = listed([f"{row['blocked']:.0f} ({row.label})" for row in select(rows, "default")])
        more = f"Chunks of a pool's own choice leave {words} blocked." if select(rows, "default") else ""
        return Verdict(verdict.outcome, f"{verdict.text} {more}".strip(), verdict.scope)

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        bars = []
        for row in select(rows):
            interval = bootstrap(row.values("blocked"))
            bars.append(Bar(row.label, interval.middle, interval.low, interval.high))
        return [Bars("Short tasks that wait for a long one", "tasks", bars)]


def blocking(rows: Sequence[Row]) -> Check:
    measured = select(rows, "many")
    if not measured:
        return Check("blocking", None)
    low, high = (function(row["blocked"] for row in measured) for function in (min, max))
    return Check(
        "blocking",
        all(count > 0 for row in measured for count in row.values("blocked")),
        f"If {WORKERS} workers take {AHEAD} tasks at a time, two tasks of 1 s block {low:.0f} to {high:.0f} of "
        f"{TASKS - TASKS // EVERY} short ones.",
    )


def one_at_a_time(rows: Sequence[Row]) -> Check:
    measured = select(rows, "single")
    if not measured:
        return Check("taking one at a time", None)
    slowest = max(measured, key=lambda row: row["longest"])
    check = Check(
        "taking one at a time",
        not any(count for row in measured for count in row.values("blocked")),
        f"If they take one at a time, {max(row['blocked'] for row in measured):.0f} are blocked, and all short ones are "
        f"done within {duration(slowest['longest'])} ({slowest.label}).",
    )
    return unless_noisy(check, measured)


def more_workers(rows: Sequence[Row]) -> Check:
    row, few = find(rows, "more"), find(rows, "many", way="ahead")
    if row is None:
        return Check("more workers", None)
    than = f", {few['blocked']:.0f} with {WORKERS}" if few else ""
    return Check(
        "more workers",
        not any(row.values("blocked")),
        f"With {MORE} workers that take {AHEAD} ahead {row['blocked']:.0f} are blocked{than}.",
    )
