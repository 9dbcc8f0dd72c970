"""Threads help tasks that wait, not tasks that compute.

The claim: fetching six pages takes 1.61 s one after another and 0.37 s in six threads, so threads help tasks that
wait. They do not help tasks that compute.

The method: six fetches from a loopback server that answers after 0.1 s, and six computations in pure Python. On the
running interpreter they run serially, in six threads, in six processes, in asyncio tasks and through gilkit.map; on
other interpreters serially and in threads.

The rule: *waiting* holds when six threads fetch at least 3 times as fast as one. *Computing* holds for an interpreter
when its threads compute at most 1.2 times as fast as one. Without a GIL, that stays undecided while other programs use
the cores.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..charts import Bar, Bars, Chart
from ..experiment import CPU, Case, Check, Column, Experiment, Row, Setting, Verdict, combine
from ..figures import find, interpreters_of, ratio, select, speed_up, times, unless_noisy
from ..text import duration

DELAY = 0.1
LOOPS = 1_500_000
WAYS = ("serial", "threads", "processes", "asyncio", "gilkit.map")
WORK = {"fetch": "six fetches", "compute": "six computations"}


class CpuVsIo(Experiment):
    name = "cpu-vs-io"
    title = "Waiting and computing"
    claim = "Six threads fetch six pages in a quarter of the time; they do not compute any faster."
    why = "A thread releases the GIL while it waits for the network and holds it while it computes in Python."
    rounds = 3

    def cases(self, setting: Setting) -> list[Case]:
        cases = []
        for interpreter in setting.interpreters:
            if interpreter.version_info < (3,):
                continue
            for work, label in WORK.items():
                for how in WAYS if interpreter.running else WAYS[:2]:
                    arguments = {"work": work, "how": how, "delay": DELAY, "loops": LOOPS}
                    cases.append(Case(f"{label}, {how}", "waiting:six", interpreter, arguments, how, 6, timed=False))
        return cases

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        return [
            Column("wall", lambda row, _: duration(row["wall"]), "median time of all six"),
            Column(
                "against serial",
                lambda row, rows: speed_up(row, serial(rows, row)),
                "speed-up over one after another, median",
            ),
            Column("CPU %", lambda row, _: f"{row['cpu_percent']:.0f} %" if row.get("cpu_percent") else "–", CPU),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        checks = [waiting(rows)]
        checks += [computing(rows, interpreter) for interpreter in interpreters_of(rows)]
        return combine(checks)

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        charts: list[Chart] = []
        for work, label in WORK.items():
            bars = []
            for row in select(rows, work=work):
                base = serial(rows, row)
                if base:
                    found = ratio(base, row, "wall").interval
                    group = f"Python {row.interpreter.label} ({row.interpreter.gil_state})"
                    bars.append(Bar(row.strategy, found.middle, found.low, found.high, group))
            charts.append(Bars(f"{label.capitalize()}: speed-up over the serial run", "×", bars))
        return charts


def serial(rows: Sequence[Row], row: Row) -> Row | None:
    return find(rows, "serial", interpreter=row.interpreter, work=row.arguments["work"])


def gain(rows: Sequence[Row], **criteria: object) -> tuple[Row, float] | None:
    """Return the row of threads that meets the criteria and its speed relative to the serial row."""
    row = find(rows, "threads", **criteria)
    base = row and serial(rows, row)
    return (row, 1 / times(row, base, "wall")) if row and base else None


def waiting(rows: Sequence[Row]) -> Check:
    found = gain(rows, work="fetch")
    if found is None:
        return Check("waiting", None)
    row, faster = found
    base = serial(rows, row)
    assert base
    return Check(
        "waiting",
        faster >= 3,
        f"Six fetches take {duration(base['wall'])} one after another and {duration(row['wall'])} in six threads, "
        f"{faster:.1f} times as fast.",
    )


def computing(rows: Sequence[Row], interpreter: object) -> Check:
    found = gain(rows, interpreter=interpreter, work="compute")
    label = getattr(interpreter, "label", "")
    name = f"computing on Python {label}"
    if found is None:
        return Check(name, None)
    row, faster = found
    check = Check(
        name,
        faster <= 1.2,
        f"On Python {label} six computations in threads are {faster:.2f} times as fast as one after another.",
    )
    # A GIL keeps the threads on one core in any case; without one, other programs may have taken the second core.
    return check if row.interpreter.gil else unless_noisy(check, [row], holds=True)
