"""The cost of a switch from one context to another.

The claim: a kernel trap costs tens of cycles. The context switch is the expensive part, and its cost grows with the
number of active contexts. User-level switches (coroutines) are cheapest.

The method: a token travels round a ring of 2, 16 and 128 contexts: processes with pipes, Python threads with locks,
native threads (``gilkit.sync.ping_pong``), asyncio tasks, greenlets and generators. Rings of processes and threads are
pinned to one core, where handing over the token is exactly one switch. Further rings of 2 may use any core, where the
time is mostly that of waking another core. The system call is getppid(). The time of an equal call that stays in user
mode is subtracted from it.

The rule: the *trap* holds when it costs at most a third of a switch between native threads. *Growth with the contexts*
holds when a switch in the largest ring costs at least 1.2 times as much as in the smallest, for most of Python threads,
native threads and processes. *User-level switches* holds when generators, and greenlets where installed, cost less than
all of those. asyncio tasks are reported but not judged, because the event loop works between two switches.
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
    claim = "A kernel trap is cheap; a switch is expensive, more so with more contexts; coroutines switch cheapest."
    why = "The kernel saves one context and loads another, whose data has left the caches; a coroutine is just called."
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
        text += f" When another core must wake up, it takes {duration(woken['each'])}."
    return Check("the trap", share >= 3, text)


def growth(rows: Sequence[Row]) -> Check:
    grown = []
    for kind in BY_KERNEL:
        first, last = find(rows, kind, threads=RINGS[0]), find(rows, kind, threads=RINGS[-1])
        if first and last:
            grown.append((NAMES.get(kind, kind), times(last, first)))
    if not grown:
        return Check("growth with the contexts", None)
    words = listed([f"{factor:.2f} times as much for {name}" for name, factor in grown])
    return Check(
        "growth with the contexts",
        2 * sum(factor >= 1.2 for _, factor in grown) > len(grown),
        f"With {RINGS[-1]} contexts instead of {RINGS[0]} a switch costs {words}.",
    )


def user_level(rows: Sequence[Row]) -> Check:
    kernel = [row for kind in BY_KERNEL for row in select(rows, kind, threads=RINGS[0])]
    user = [row for kind in ("generators", "greenlets") for row in select(rows, kind, threads=RINGS[0])]
    if not kernel or not user:
        return Check("user-level switches", None)
    cheapest = min(kernel, key=lambda row: row["each"])
    words = listed([f"{duration(row['each'])} between {row.strategy}" for row in user])
    text = (
        f"In user mode a switch takes {words}; through the kernel it takes at least {duration(cheapest['each'])}, "
        f"between {NAMES.get(cheapest.strategy, cheapest.strategy)}."
    )
    tasks = find(rows, "tasks", threads=RINGS[0])
    if tasks:
        text += f" Between asyncio tasks it takes {duration(tasks['each'])}, which includes the event loop's own work."
    return Check("user-level switches", all(times(row, cheapest) < 1 for row in user), text)
