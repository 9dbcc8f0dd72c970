"""What a switch from one context to another costs.

The claim: a kernel trap costs tens of cycles; what is dear is the switch, which grows with the number of active
contexts; user-level switches (coroutines) are cheapest.

The method: a token goes round a ring of 2, 16 and 128 contexts: processes with pipes, threads with locks, asyncio
tasks, greenlets, generators. Beside it the system call getppid(), less a call of the same kind that stays in Python.

The rule: the *trap* holds when it costs at most a third of a switch between threads. *Growth* holds when a switch in
the largest ring of threads or of processes costs at least 1.2 times one in the smallest. *User-level switches* hold
when generators, and greenlets where installed, cost less than threads and processes; asyncio's tasks, whose event loop
works between two switches, are told of but not asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..charts import Chart, Line, Lines, Point
from ..costs import CostExperiment
from ..experiment import Case, Check, Row, Setting, Verdict, weigh
from ..figures import among, find, times
from ..stats import bootstrap
from ..text import duration

RINGS = (2, 16, 128)
KINDS = ("generators", "greenlets", "tasks", "threads", "processes")
NAMES = {"tasks": "asyncio tasks"}


class SwitchCost(CostExperiment):
    name = "switch-cost"
    title = "The cost of a switch"
    claim = "A kernel trap is cheap, a switch is dear and grows with the contexts; coroutines switch cheapest."
    thing = "a switch"
    base = "threads"
    seconds = 0.6

    def cases(self, setting: Setting) -> list[Case]:
        import importlib.util

        here = setting.interpreters[0]
        cases = [Case("system call, no switch", "switching:system_call", here, {"contexts": 1}, "trap")]
        for kind in KINDS:
            if kind == "greenlets" and importlib.util.find_spec("greenlet") is None:
                continue
            for contexts in RINGS:
                label = f"{contexts} {NAMES.get(kind, kind)}"
                cases.append(Case(label, f"switching:{kind}", here, {"contexts": contexts}, kind, contexts))
        return cases

    def comparable(self, base: Row, row: Row) -> bool:
        return base.threads == max(RINGS[0], row.threads)

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        return weigh([trap(rows), growth(rows), user_level(rows)])

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        lines = []
        for kind in KINDS:
            points = []
            for row in among(rows, kind):
                interval = bootstrap([1e6 * value for value in row.values("each")])
                points.append(Point(row.threads, interval.middle, interval.low, interval.high))
            if points:
                lines.append(Line(NAMES.get(kind, kind), points))
        return [
            *super().charts(rows, setting),
            Lines("A switch, by the number of contexts", "contexts", "µs", lines, log_x=True, log_y=True),
        ]


def trap(rows: Sequence[Row]) -> Check:
    call, switch = find(rows, "trap"), find(rows, "threads", threads=RINGS[0])
    if call is None or switch is None:
        return Check("the trap", None)
    share = times(switch, call)
    return Check(
        "the trap",
        share >= 3,
        f"A system call takes {duration(call['each'])}, a switch between two threads {duration(switch['each'])}, "
        f"{share:.0f} times as long.",
    )


def growth(rows: Sequence[Row]) -> Check:
    grown = []
    for kind in ("threads", "processes"):
        first, last = find(rows, kind, threads=RINGS[0]), find(rows, kind, threads=RINGS[-1])
        if first and last:
            grown.append((kind, times(last, first)))
    if not grown:
        return Check("growth with the contexts", None)
    words = " and ".join(f"{factor:.2f} times that among {RINGS[0]} for {kind}" for kind, factor in grown)
    return Check(
        "growth with the contexts",
        any(factor >= 1.2 for _, factor in grown),
        f"Among {RINGS[-1]} contexts a switch costs {words}.",
    )


def user_level(rows: Sequence[Row]) -> Check:
    kernel = [row for kind in ("threads", "processes") for row in among(rows, kind, threads=RINGS[0])]
    user = [row for kind in ("generators", "greenlets") for row in among(rows, kind, threads=RINGS[0])]
    if not kernel or not user:
        return Check("user-level switches", None)
    cheapest = min(kernel, key=lambda row: row["each"])
    words = ", ".join(f"{row.strategy} {duration(row['each'])}" for row in user)
    text = f"In user mode it takes {words}; between {cheapest.strategy}, {duration(cheapest['each'])}."
    tasks = find(rows, "tasks", threads=RINGS[0])
    if tasks:
        text += f" asyncio's tasks take {duration(tasks['each'])}: the event loop's own work."
    return Check("user-level switches", all(times(row, cheapest) < 1 for row in user), text)
