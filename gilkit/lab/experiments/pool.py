"""The schedule of a pool, what a pool saves, and its best size.

The claim: a pool of 4 workers given 5 tasks starts four at once, and the fifth waits for the first to finish. Pools
save creating and destroying workers. The best pool size for CPU-bound work is the number of cores.

The method: run five sleeping tasks of different length on four workers and record when each starts and ends. Run a task
on a pool made for it and on a pool that is kept. Run the same CPU-bound work on warm pools of half as many to four
times as many processes as cores.

The rule: the *schedule* holds when, in most runs, the first four tasks start before any ends and the fifth starts
within 10 ms after the first end. *Reuse* holds when a task on the kept pool is shown to cost less than one on a new
pool (the interval of the ratio of the same rounds lies above 1), for threads and for processes. The *best size* holds
when one process per core takes at most 1.1 times the best time of all sizes, and half as many take at least 1.3 times
as long as that; a failure while other programs use the cores is left undecided.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..charts import Chart, Lane, Line, Lines, Point, Span, Timeline
from ..experiment import Case, Check, Column, Experiment, Row, Setting, Verdict, combine
from ..figures import find, ratio, select, times, unless_noisy
from ..stats import bootstrap
from ..text import digits, duration, listed, plural

WORKERS = 4
LENGTHS = [0.16, 0.08, 0.2, 0.12, 0.1]
PROMPT = 0.010
LOOPS = 100_000
TASKS = 48  # per core; many short tasks, because the wait for the last one must not matter


class Pool(Experiment):
    name = "pool"
    title = "Pools: schedule, reuse, size"
    claim = "4 workers start 4 of 5 tasks, the fifth waits; reuse saves time; the best size is the number of cores."
    why = "A worker takes the next task when it is free; a new worker costs the start of a thread or a process."
    seconds = 0.6
    rounds = 3

    def cases(self, setting: Setting) -> list[Case]:
        here = setting.interpreters[0]
        cases = []
        for kind in ("threads", "processes"):
            cases.append(
                Case(
                    f"5 tasks on {WORKERS} {kind}",
                    "pooling:schedule",
                    here,
                    {"kind": kind, "workers": WORKERS, "lengths": LENGTHS},
                    "schedule",
                    WORKERS,
                    timed=False,
                )
            )
        for kind in ("threads", "processes"):
            for task, words in (("fresh", "a new pool for each task"), ("reused", "one pool for all tasks")):
                arguments = {"kind": kind, "workers": WORKERS}
                cases.append(Case(f"{words}, {kind}", f"pooling:{task}", here, arguments, task, WORKERS))
        tasks = TASKS * setting.threads
        for size in sizes(setting.threads):
            cases.append(
                Case(
                    f"{tasks} computations on {plural(size, 'process', 'processes')}",
                    "pooling:computing",
                    here,
                    {"workers": size, "tasks": tasks, "loops": LOOPS},
                    "size",
                    size,
                    timed=False,
                )
            )
        return cases

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        def fifth(row: Row, _: Sequence[Row]) -> str:
            spans = row.samples[-1].get("spans")
            if not spans:
                return ""
            return f"started at {duration(spans[-1][2])}, first end at {duration(min(span[3] for span in spans))}"

        return [
            # Not for reuse, whose tasks are repeated for as long as the time allows.
            Column(
                "total",
                lambda row, _: "" if row.strategy in ("fresh", "reused") else duration(row["wall"]),
                "time of all tasks together",
            ),
            Column(
                "per task", lambda row, _: duration(row["each"]) if row.get("each") else "", "median time of one task"
            ),
            Column("fifth task", fifth, "when the last of five tasks for four workers started, in the last round"),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        return combine([schedule(rows), reuse(rows), best_size(rows, setting.usable)])

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        charts: list[Chart] = []
        for row in select(rows, "schedule"):
            lanes: dict[int, list[Span]] = {}
            for number, worker, start, end in row.samples[-1]["spans"]:
                lanes.setdefault(worker, []).append(Span(start, end, f"task {number + 1}"))
            charts.append(
                Timeline(row.label, "s", [Lane(f"worker {w + 1}", spans) for w, spans in sorted(lanes.items())])
            )
        points = []
        for row in select(rows, "size"):
            interval = bootstrap(row.values("wall"))
            points.append(Point(row.threads, interval.middle, interval.low, interval.high))
        if points:
            lines = [Line("all tasks", points)]
            charts.append(Lines("CPU-bound work by pool size", "processes", "seconds", lines, log_x=True))
        return charts


def sizes(cores: int) -> list[int]:
    """Return the pool sizes, from half the cores to four times as many, and 1 where that does not take too long."""
    return sorted({1 if cores <= 8 else cores, max(1, cores // 2), cores, 2 * cores, 4 * cores})


def schedule(rows: Sequence[Row]) -> Check:
    samples = [sample for row in select(rows, "schedule") for sample in row.samples]
    if not samples:
        return Check("the schedule", None)
    kept = 0
    latest = 0.0
    for sample in samples:
        starts = sorted(span[2] for span in sample["spans"])
        first = min(span[3] for span in sample["spans"])
        latest = max(latest, starts[WORKERS] - first)
        kept += starts[WORKERS - 1] < first <= starts[WORKERS] + 0.001 and starts[WORKERS] - first <= PROMPT
    # One late start on a busy machine does not refute the rule.
    return Check(
        "the schedule",
        kept > len(samples) / 2,
        f"In {kept} of {len(samples)} runs four tasks started at once and the fifth as soon as one had ended "
        f"(at most {duration(max(0.0, latest))} later).",
    )


def reuse(rows: Sequence[Row]) -> Check:
    ratios = []
    for kept in select(rows, "reused"):
        fresh = find(rows, "fresh", kind=kept.arguments["kind"])
        if fresh:
            ratios.append((kept.arguments["kind"], ratio(fresh, kept)))
    if not ratios:
        return Check("reuse", None)
    words = listed([f"{digits(found.middle)} times as much with {kind}" for kind, found in ratios])
    check = Check(
        "reuse",
        all(found.interval.low > 1 for _, found in ratios),
        f"A task on a new pool costs more than one on a pool that is kept: {words}.",
    )
    return unless_noisy(check, [*select(rows, "reused"), *select(rows, "fresh")])


def best_size(rows: Sequence[Row], cores: int) -> Check:
    measured = select(rows, "size")
    chosen = find(rows, "size", threads=cores)
    if chosen is None or min(row.threads for row in measured) >= cores:
        return Check("the best size", None)
    best = min(measured, key=lambda row: row["wall"])
    half = max((row for row in measured if row.threads < cores), key=lambda row: row.threads)
    slower, near = times(half, chosen, "wall"), times(chosen, best, "wall")
    check = Check(
        "the best size",
        near <= 1.1 and slower >= 1.3,
        f"CPU-bound work was fastest on {plural(best.threads, 'process', 'processes')}; {cores}, one for each core, "
        f"took {near:.2f} times as long, and {half.threads} took {slower:.2f} times as long as {cores}.",
    )
    return unless_noisy(check, measured)
