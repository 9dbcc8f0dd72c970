"""The best number of simultaneous tasks for CPU-bound work.

The claim: for CPU-bound work the number of simultaneous tasks should equal the number of cores; more only switch.

The method: run the busy loop in 1 to 128 threads, in C as ``gilkit.spin`` and in pure Python on every interpreter, and
measure work per second and CPU %.

The rule, for the native loop and for the threads of each interpreter: the claim holds when one thread per core does at
least 0.95 times the work of the best count and at least 1.5 times the work of one thread, and when 128 threads do at
most 1.05 times the work of one per core. An interpreter with a GIL fails, because its threads gain nothing at any
count. Other failures while other programs use the cores are left undecided.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..charts import Chart, Line, Lines, Point
from ..experiment import CPU, SWITCHES, Case, Check, Column, Experiment, Row, Setting, Verdict, combine
from ..figures import find, interpreters_of, select, unless_noisy
from ..stats import compare
from ..text import plural


class Oversubscription(Experiment):
    name = "oversubscription"
    title = "More threads than cores"
    claim = "CPU-bound work needs as many simultaneous tasks as cores; more tasks only add switches."
    why = "A core runs one thread at a time, so more threads than cores take turns, and every turn costs a switch."
    seconds = 0.9
    rounds = 3

    def cases(self, setting: Setting) -> list[Case]:
        cases = []
        here = setting.interpreters[0]
        for count in counts(setting.threads):
            label = f"gilkit.spin, {plural(count, 'thread')}"
            cases.append(Case(label, "loops:native", here, {"count": count}, "gilkit", count))
        for interpreter in setting.interpreters:
            for count in counts(setting.threads):
                label = plural(count, "Python thread")
                cases.append(Case(label, "loops:threads", interpreter, {"count": count}, "threads", count))
        return cases

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        def work(row: Row, rows: Sequence[Row]) -> str:
            base = find(rows, row.strategy, threads=1, interpreter=row.interpreter)
            return f"{gain(row, base):.2f}×" if base else "–"

        return [
            Column("CPU %", lambda row, _: f"{row['cpu_percent']:.0f} %", CPU),
            Column("work against 1", work, "loops a second divided by those of one thread"),
            Column(
                "switches/s",
                lambda row, _: f"{(row['voluntary'] + row['involuntary']) / row['wall']:,.0f}",
                SWITCHES,
            ),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        checks = [enough(select(rows, "gilkit"), "native threads", setting.usable)]
        # Of all rows, not only the measured ones: a missing interpreter leaves its part undecided.
        for interpreter in interpreters_of([row for row in rows if row.strategy == "threads"]):
            mine = select(rows, "threads", interpreter=interpreter)
            checks.append(enough(mine, f"threads of Python {interpreter.label}", setting.usable))
        return combine(checks)

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        lines = []
        groups = [("gilkit.spin", select(rows, "gilkit"))]
        groups += [
            (f"Python {each.label}", select(rows, "threads", interpreter=each)) for each in interpreters_of(rows)
        ]
        for label, group in groups:
            base = find(group, threads=1)
            points = []
            for row in group:
                if base:
                    interval = compare(rates(row), rates(base)).interval
                    points.append(Point(row.threads, interval.middle, interval.low, interval.high))
            if points:
                lines.append(Line(label, points))
        ideal = [Point(count, min(count, setting.usable)) for count in counts(setting.threads)]
        lines.append(Line("ideal", ideal, ideal=True))
        return [Lines("Work relative to one thread", "threads", "×", lines, log_x=True)]


def counts(cores: int) -> list[int]:
    return sorted({1, cores, 2 * cores, 4 * cores, 32, 128})


def rates(row: Row) -> list[float]:
    return [sample["loops"] / sample["wall"] for sample in row.samples]


def gain(row: Row, base: Row) -> float:
    return compare(rates(row), rates(base)).middle


def enough(rows: Sequence[Row], name: str, cores: int) -> Check:
    one, right = find(rows, threads=1), find(rows, threads=cores)
    if one is None or right is None or cores < 2:
        return Check(name, None)
    last = max(rows, key=lambda row: row.threads)
    best = max(rows, key=lambda row: gain(row, one))
    against_one, against_best, after = gain(right, one), gain(right, best), gain(last, right)
    check = Check(
        name,
        against_best >= 0.95 and against_one >= 1.5 and after <= 1.05,
        f"{name[0].upper()}{name[1:]}: {cores} do {against_one:.2f} times the work of one; {last.threads} "
        f"do {after:.2f} times the work of {cores}.",
    )
    # A GIL keeps the threads on one core, whatever other programs do.
    held = right.strategy == "threads" and right.interpreter.gil
    return check if held else unless_noisy(check, rows)
