"""The cost of starting something and waiting for its end.

The claim: a process is expensive to create (fork less than spawn, thanks to copy-on-write), a thread is cheap, and a
coroutine is cheaper.

The method: start processes by fork, spawn and forkserver, and by fork from a process that holds 256 MiB, and start
threads, greenlets and asyncio tasks, all of which do nothing; wait for each to end. For comparison, submit a task to an
existing process or thread of a pool, and run the smallest region of a gilkit kernel on all threads.

The rule: *spawn over fork*, *process over thread* and *thread over coroutine* are judged separately. Each holds when
the interval of the ratio of the same rounds lies above 1, and is not decided if it does not while other programs use the
cores.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence

from ..costs import CostExperiment
from ..experiment import Case, Check, Row, Setting, Verdict, combine
from ..figures import find, ratio, unless_noisy
from ..text import digits, duration

BALLAST = 256 << 20
NAMES = {
    "spawn": "A process by spawn",
    "fork": "A process by fork",
    "thread": "A thread",
    "task": "An asyncio task",
}


class SpawnCost(CostExperiment):
    name = "spawn-cost"
    title = "The cost of a start"
    claim = "A process is expensive to create (fork less so than spawn), a thread is cheap, a coroutine cheaper."
    why = "A process needs an address space or a whole new interpreter, a thread a stack, a coroutine only an object."
    thing = "a start and join"
    base = "thread"
    cpu = False
    seconds = 0.9

    def cases(self, setting: Setting) -> list[Case]:
        import importlib.util

        here = setting.interpreters[0]
        cases = []
        for method in ("spawn", "forkserver", "fork"):
            if method in multiprocessing.get_all_start_methods():
                cases.append(Case(f"process ({method})", "spawning:process", here, {"method": method}, method))
        if "fork" in multiprocessing.get_all_start_methods():
            arguments = {"method": "fork", "ballast": BALLAST}
            cases.append(Case("process (fork of 256 MiB)", "spawning:process", here, arguments, "large fork"))
        cases.append(Case("thread", "spawning:thread", here, {}, "thread"))
        if importlib.util.find_spec("greenlet"):
            cases.append(Case("greenlet", "spawning:greenlet", here, {}, "greenlet"))
        cases.append(Case("asyncio task", "spawning:task", here, {}, "task"))
        cases.append(Case("task for a process pool", "spawning:process_pool", here, {}, "process pool"))
        cases.append(Case("task for a thread pool", "spawning:thread_pool", here, {}, "thread pool"))
        cases.append(Case("gilkit region, all threads", "spawning:region", here, {}, "gilkit"))
        return cases

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        checks = [
            costlier(rows, "spawn", "fork", "spawn over fork"),
            costlier(rows, "fork", "thread", "process over thread"),
            costlier(rows, "thread", "task", "thread over coroutine"),
        ]
        verdict = combine(checks)
        kept, region = find(rows, "thread pool"), find(rows, "gilkit")
        extra = ""
        if kept and region:
            extra = (
                f" Reuse is cheaper: a task for a thread pool takes {duration(kept['each'])}, a gilkit region on all "
                f"threads {duration(region['each'])}."
            )
        return Verdict(verdict.outcome, verdict.text + extra, verdict.scope)


def costlier(rows: Sequence[Row], costly: str, cheap: str, name: str) -> Check:
    first, second = find(rows, costly), find(rows, cheap)
    if first is None or second is None:
        return Check(name, None)
    found = ratio(first, second)
    check = Check(
        name,
        found.interval.low > 1,
        f"{NAMES[costly]} takes {duration(first['each'])}, {digits(found.middle)} times as long as "
        f"{NAMES[cheap][0].lower()}{NAMES[cheap][1:]} ({duration(second['each'])}).",
    )
    return unless_noisy(check, [first, second])
