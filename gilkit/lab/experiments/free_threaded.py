"""What a build without the GIL changes for pure Python.

The claim: the GIL makes reference counting simple and keeps pure-Python CPU-bound code on one core; PEP 703 removes it.

The method: run the lab's workloads in pure Python, in one thread and in one thread per core, on the running interpreter
and on every other Python 3 that was found or given. Measure wall time, CPU % and the process's peak memory.

The rule compares the threads with one thread by the geometric mean over all workloads. *One core with the GIL* holds
when on every interpreter with a GIL the threads are at most 1.2 times as fast. *All cores without it* holds when on
every free-threaded interpreter they are at least 1.4 times as fast; a failure while other programs use the cores is
left undecided. The cost for a single thread, in time and memory, is only reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..charts import Bar, Bars, Chart
from ..experiment import CPU, Case, Check, Column, Experiment, Row, Setting, Verdict, combine
from ..figures import find, interpreters_of, ratio, select, times, unless_noisy
from ..interpreters import VARIABLE, Interpreter
from ..text import duration, plural, size

WORKLOADS: dict[str, dict[str, object]] = {
    "spin": {"iterations": 15_000_000},
    "pi": {"samples": 1_500_000, "seed": 0},
    "mandelbrot": {"width": 200, "height": 200, "x": [-2.0, 1.0], "y": [-1.5, 1.5], "max_iter": 200},
}


class FreeThreaded(Experiment):
    name = "free-threaded"
    title = "With and without the GIL"
    claim = "The GIL keeps pure Python on one core; a free-threaded build uses all of them."
    why = "Without a GIL all threads run at once, but thread-safe reference counts slow each of them down."
    rounds = 3

    def cases(self, setting: Setting) -> list[Case]:
        return [
            Case(
                f"{name}, {plural(threads, 'thread')}",
                "work:once",
                interpreter,
                {"workload": name, "size": size, "threads": threads},
                name,
                threads,
                timed=False,
            )
            for name, size in WORKLOADS.items()
            for interpreter in setting.interpreters
            if interpreter.version_info >= (3, 6)
            for threads in sorted({1, setting.threads})
        ]

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        def faster(row: Row, rows: Sequence[Row]) -> str:
            base = find(rows, row.strategy, threads=1, interpreter=row.interpreter)
            return f"{1 / times(row, base, 'wall'):.2f}×" if base else "–"

        def against_gil(row: Row, rows: Sequence[Row]) -> str:
            base = find(rows, row.strategy, threads=row.threads, interpreter=setting.interpreters[0])
            return f"{times(row, base, 'wall'):.2f}×" if base else "–"

        return [
            Column("wall", lambda row, _: duration(row["wall"]), "median time of the work"),
            Column("speed-up over 1 thread", faster, "on the same interpreter, median"),
            Column(
                f"time against {setting.interpreters[0].label}", against_gil, "with the same number of threads, median"
            ),
            Column("CPU %", lambda row, _: f"{row['cpu_percent']:.0f} %", CPU),
            Column("memory", lambda row, _: size(row["memory"]) if row.get("memory") else "–", "peak of the process"),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        with_gil = [each for each in interpreters_of(rows) if each.gil]
        without = [each for each in interpreters_of(rows) if not each.gil]
        checks = [
            group_check(rows, with_gil, setting.threads, "one core with the GIL", lambda gain: gain <= 1.2),
            group_check(rows, without, setting.threads, "all cores without it", lambda gain: gain >= 1.4),
        ]
        verdict = combine(checks)
        more = costs(rows, with_gil, without)
        if not any(each.free_threaded for each in interpreters_of(rows)):
            more = f"No free-threaded interpreter was found: name one with --python or in {VARIABLE}."
        return Verdict(verdict.outcome, f"{verdict.text} {more}".strip(), verdict.scope)

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        bars = []
        for row in select(rows, threads=setting.threads):
            base = find(rows, row.strategy, threads=1, interpreter=row.interpreter)
            if base:
                found = ratio(base, row, "wall").interval
                label = f"Python {row.interpreter.label} ({row.interpreter.gil_state})"
                bars.append(Bar(row.strategy, found.middle, found.low, found.high, label))
        bars.sort(key=lambda bar: bar.group)
        title = f"Speed-up of {setting.threads} threads over one"
        return [Bars(title, "×", bars, float(setting.usable), "ideal")]


def mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def gain(rows: Sequence[Row], interpreter: Interpreter, threads: int) -> float | None:
    """Return the geometric mean of the speed-ups over all workloads."""
    gains = []
    for row in select(rows, threads=threads, interpreter=interpreter):
        base = find(rows, row.strategy, threads=1, interpreter=interpreter)
        if base:
            gains.append(1 / times(row, base, "wall"))
    return mean(gains) if gains else None


def group_check(
    rows: Sequence[Row],
    interpreters: Sequence[Interpreter],
    threads: int,
    name: str,
    rule: Callable[[float], bool],
) -> Check:
    known = [(each, value) for each in interpreters if (value := gain(rows, each, threads)) and threads > 1]
    if not known:
        return Check(name, None)
    held = all(rule(value) for _, value in known)
    mine = [row for each, _ in known for row in select(rows, interpreter=each)]
    text = " ".join(
        f"On Python {each.label}, {threads} threads are {value:.2f} times as fast as one." for each, value in known
    )
    check = Check(name, held, text)
    return check if any(each.gil for each in interpreters) else unless_noisy(check, mine)


def costs(rows: Sequence[Row], with_gil: Sequence[Interpreter], without: Sequence[Interpreter]) -> str:
    """Say what one thread pays without the GIL, compared with the interpreter nearest in version."""
    sentences = []
    for free in without:
        if not with_gil:
            continue
        near = min(with_gil, key=lambda each: (abs(each.version_info[1] - free.version_info[1]), not each.running))
        pairs = [
            (mine, theirs)
            for mine in select(rows, threads=1, interpreter=free)
            if (theirs := find(rows, mine.strategy, threads=1, interpreter=near))
        ]
        if pairs:
            slower = mean([times(mine, theirs, "wall") for mine, theirs in pairs])
            memory = [times(mine, theirs, "memory") for mine, theirs in pairs if mine.get("memory")]
            sentences.append(
                f"One thread of Python {free.label} takes {slower:.2f} times as long as one of {near.label}"
                + (f" and uses {mean(memory):.2f} times the memory." if memory else ".")
            )
    return " ".join(sentences)
