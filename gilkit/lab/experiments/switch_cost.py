"""What a switch from one context to another costs.

The claim: a kernel trap costs tens of cycles; what is dear is the switch, which grows with the number of active
contexts; user-level switches (coroutines) are cheapest.

The method: a token goes round a ring of 2, 16 and 128 contexts: processes with pipes, Python threads with locks, native
threads (``gilkit.sync.ping_pong``), asyncio tasks, greenlets, generators. The rings of processes and of threads are kept to
one core, where handing the token over is a switch and nothing else; beside them, rings of 2 that may use any core, where
it is mostly the waking of another core. And the system call getppid(), less a call of the same kind that stays in Python.

The rule: the *trap* holds when it costs at most a third of a switch between native threads, which have nothing else to
do. *Growth* holds when a switch in the largest ring costs at least 1.2 times one in the smallest, for most of Python
threads, native threads and processes. *User-level switches* hold when generators, and greenlets where installed, cost
less than any of those; asyncio's tasks, whose event loop works between two switches, are told of but not asked for.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence

from ..charts import Chart, Line, Lines, Point
from ..costs import CostExperiment
from ..experiment import Case, Check, Row, Setting, Verdict, combine
from ..figures import find, select, times
from ..stats import bootstrap
from ..text import digits, duration, listed

RINGS = (2, 16, 128)
KINDS = ("generators", "greenlets", "tasks", "native", "threads", "processes")
BY_KERNEL = ("native", "threads", "processes")
NAMES = {"tasks": "asyncio tasks", "native": "native threads", "threads": "Python threads"}


class SwitchCost(CostExperiment):
    name = "switch-cost"
    title = "The cost of a switch"
    claim = "A kernel trap is cheap, a switch is dear and grows with the contexts; coroutines switch cheapest."
    why = "The kernel puts one context away and brings another, whose data has left the caches; a coroutine is called."
    thing = "a switch"
    base = "threads"
    cpu = False
    seconds = 0.6

    def cases(self, setting: Setting) -> list[Case]:
        here = setting.interpreters[0]
        pinned = hasattr(os, "sched_setaffinity")
        cases = [Case("system call, no switch", "switching:system_call", here, {"contexts": 1}, "trap")]
        for kind in KINDS:
            if kind == "greenlets" and importlib.util.find_spec("greenlet") is None:
                continue
            task, name = f"switching:{kind}", NAMES.get(kind, kind)
            for contexts in RINGS:
                arguments = {"contexts": contexts} | ({"one_core": pinned} if kind in BY_KERNEL else {})
                cases.append(Case(f"{contexts} {name}", task, here, arguments, kind, contexts))
            if kind in BY_KERNEL and pinned and setting.cores > 1:
                label = f"{RINGS[0]} {name}, any core"
                cases.append(Case(label, task, here, {"contexts": RINGS[0]}, f"{kind}, any core", RINGS[0]))
        return cases

    def comparable(self, base: Row, row: Row) -> bool:
        return base.threads == max(RINGS[0], row.threads)

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        return combine([trap(rows), growth(rows), user_level(rows)])

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        lines = []
        for kind in KINDS:
            points = []
            for row in select(rows, kind):
                interval = bootstrap([1e6 * value for value in row.values("each")])
                points.append(Point(row.threads, interval.middle, interval.low, interval.high))
            if points:
                lines.append(Line(NAMES.get(kind, kind), points))
        return [
            *super().charts(rows, setting),
            Lines("A switch, by the number of contexts", "contexts", "µs", lines, log_x=True, log_y=True),
        ]


def trap(rows: Sequence[Row]) -> Check:
    call, switch = find(rows, "trap"), find(rows, "native", threads=RINGS[0])
    if call is None or switch is None:
        return Check("the trap", None)
    share = times(switch, call)
    text = (
        f"A system call takes {duration(call['each'])}, a switch between two native threads "
        f"{duration(switch['each'])}, {digits(share)} times as long."
    )
    woken = find(rows, "native, any core")
    if woken:
        text += f" Where it is another core that must wake up, it takes {duration(woken['each'])}."
    return Check("the trap", share >= 3, text)


def growth(rows: Sequence[Row]) -> Check:
    grown = []
    for kind in BY_KERNEL:
        first, last = find(rows, kind, threads=RINGS[0]), find(rows, kind, threads=RINGS[-1])
        if first and last:
            grown.append((NAMES.get(kind, kind), times(last, first)))
    if not grown:
        return Check("growth with the contexts", None)
    words = listed([f"{factor:.2f} times that among {RINGS[0]} for {name}" for name, factor in grown])
    return Check(
        "growth with the contexts",
        2 * sum(factor >= 1.2 for _, factor in grown) > len(grown),
        f"Among {RINGS[-1]} contexts a switch costs {words}.",
    )


def user_level(rows: Sequence[Row]) -> Check:
    kernel = [row for kind in BY_KERNEL for row in select(rows, kind, threads=RINGS[0])]
    user = [row for kind in ("generators", "greenlets") for row in select(rows, kind, threads=RINGS[0])]
    if not kernel or not user:
        return Check("user-level switches", None)
    cheapest = min(kernel, key=lambda row: row["each"])
    words = listed([f"{duration(row['each'])} between {row.strategy}" for row in user])
    text = (
        f"In user mode it takes {words}; by way of the kernel at least {duration(cheapest['each'])}, between "
        f"{NAMES.get(cheapest.strategy, cheapest.strategy)}."
    )
    tasks = find(rows, "tasks", threads=RINGS[0])
    if tasks:
        text += f" asyncio's tasks take {duration(tasks['each'])}: the event loop's own work."
    return Check("user-level switches", all(times(row, cheapest) < 1 for row in user), text)
