"""Who gets which task of a pool, what a pool saves, and how many workers are enough.

The claim: a pool of 4 workers given 5 tasks starts four at once; the fifth waits for the first to finish. Pools save
the creation and destruction of their workers. A pool's best size for CPU-bound work is the number of cores.

The method: five sleeping tasks of different length on four workers, each with the moments it began and ended; a pool
made for every task beside one that is kept; and CPU-bound work, the same amount for each, on warm pools of half as many
to 4 × as many processes as cores.

The rule: the *schedule* holds when the first four have all begun before any ended, and the fifth began after the first
end, within 10 ms of it. *Reuse* holds when a task on the kept pool is shown to cost less than one on a pool of its own
(the interval of the ratio, the same round for both, lies above 1), for threads and for processes. The *best size* holds
when as many processes as cores take at most 1.1 times the best time of all sizes, and half as many take at least 1.3
times as long as that.
What failed while other programs used the cores is left undecided.
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
TASKS = 48  # for each core: many and short, so that waiting for the last one does not count


class Pool(Experiment):
    name = "pool"
    title = "Pools: schedule, reuse, size"
    claim = "4 workers start 4 of 5 tasks, the fifth waits; reuse saves; the best size is the number of cores."
    why = "A worker takes the next task when it is free; making it anew costs what starting a thread or a process does."
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
            for task, words in (("fresh", "a pool for each task"), ("reused", "one pool for all tasks")):
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
            return f"began at {duration(spans[-1][2])}, first end at {duration(min(span[3] for span in spans))}"

        return [
            # Of a schedule the whole is what counts; those of a pool a task are done as often as time allows.
            Column("in all", lambda row, _: "" if row.strategy in ("fresh", "reused") else duration(row["wall"])),
            Column("a task", lambda row, _: duration(row["each"]) if row.get("each") else ""),
            Column("fifth task", fifth),
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
    """From half as many as cores to four times as many; and one, where that does not take too long."""
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
    # One late start on a busy machine does not refute a rule that holds all other times.
    return Check(
        "the schedule",
        kept > len(samples) / 2,
        f"In {kept} of {len(samples)} runs four tasks began at once and the fifth as soon as one had ended "
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
    words = listed([f"{digits(found.middle)} times for {kind}" for kind, found in ratios])
    return Check(
        "reuse",
        all(found.interval.low > 1 for _, found in ratios),
        f"A pool made for it alone makes a task so much dearer than a pool that is kept: {words}.",
    )


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
        f"CPU-bound work was quickest on {plural(best.threads, 'process', 'processes')}; {cores}, one for each core, "
        f"took {near:.2f} times as long, and {half.threads} took {slower:.2f} times as long as {cores}.",
    )
    return unless_noisy(check, measured)
