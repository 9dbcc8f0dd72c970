"""The memory of a thread's stack.

The claim: a thread's stack takes 8 MB, so 512 threads take 4 GB and 10,000 take 80 GB. In truth that is address space:
pages are given on use, so a thread costs a little more than it needs, and it gives nothing back before it ends.

The method: start 10 to 5,000 threads that wait, in Python and native (up to 1,000), and read the process's address
space (VmSize) and its memory (Rss of smaps_rollup) before, during and after. Some threads first make 300 nested calls
through C, some have a stack of 256 KiB (threading.stack_size). glibc's arenas are limited to one, so that they do not
count as stacks. The kernel's own memory for a thread, about 20 KB, is in none of these figures.

The rule: *address space* holds when each of the 1,000 Python threads reserves 8 MiB, to within a tenth. *Pages on use*
holds when such a thread has at most a tenth of what it reserves in memory. *Kept to the end* holds when a thread that
once made the nested calls has at least 1.5 times the memory of one that did not, and when at most half of it is left
after the end of the threads.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..charts import Chart, Line, Lines, Point
from ..experiment import Case, Check, Column, Experiment, Row, Setting, Verdict, combine
from ..figures import find, select, times
from ..stats import bootstrap
from ..text import duration, size

COUNTS = (10, 100, 1000, 5000)
NATIVE = (10, 100, 1000)
MANY = 1000
DEPTH = 300
SMALL = 256 << 10
CLAIMED = 8 << 20


class ThreadStack(Experiment):
    name = "thread-stack"
    title = "The memory of threads"
    claim = "A thread's stack reserves 8 MB, takes memory only for pages used, and gives none back before it ends."
    why = "The kernel gives a page on its first use; a stack that shrinks does not tell the kernel."
    rounds = 2

    def obstacle(self) -> str | None:
        return None if os.path.exists("/proc/self/smaps_rollup") else "it reads /proc/self/smaps_rollup (Linux)"

    def cases(self, setting: Setting) -> list[Case]:
        here = setting.interpreters[0]

        def case(label: str, task: str, strategy: str, count: int, **more: int) -> Case:
            return Case(label, f"stacks:{task}", here, {"count": count, **more}, strategy, count, timed=False)

        cases = [case(f"{count:,} Python threads", "python", "python", count) for count in COUNTS]
        cases += [
            case(f"{MANY:,} Python threads, deep once", "python", "deep", MANY, depth=DEPTH),
            case(f"{MANY:,} Python threads, stack of {size(SMALL)}", "python", "small", MANY, stack=SMALL),
        ]
        return cases + [case(f"{count:,} native threads", "native", "native", count) for count in NATIVE]

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        return [
            Column("reserved each", lambda row, _: whole(row["reserved"]), "address space of a thread"),
            Column("in memory each", lambda row, _: whole(row["resident"]), "memory of a thread that waits"),
            Column(
                "left after the end", lambda row, _: whole(row["left"]), "memory of a thread that the process still has"
            ),
            Column("all reserve", lambda row, _: whole(row["reserved"] * row.threads), "address space"),
            Column("all take", lambda row, _: whole(row["resident"] * row.threads), "memory"),
            Column("starting one", lambda row, _: duration(row["each"]), "median time"),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        verdict = combine([address_space(rows), on_use(rows), kept(rows)])
        return Verdict(verdict.outcome, f"{verdict.text} {others(rows)}".strip(), verdict.scope)

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        lines = []
        for strategy, label in (("python", "Python"), ("native", "native")):
            for key, word in (("reserved", "reserved"), ("resident", "in memory")):
                points = []
                for row in select(rows, strategy):
                    interval = bootstrap([max(1.0, value * row.threads) / 2**20 for value in row.values(key)])
                    points.append(Point(row.threads, interval.middle, interval.low, interval.high))
                if points:
                    lines.append(Line(f"{label}, {word}", points))
        return [Lines("Memory of all threads", "threads", "MiB", lines, log_x=True, log_y=True)]


def whole(count: float) -> str:
    """Return a number of bytes in a unit that leaves at most four digits."""
    return size(round(max(0.0, count)))


def address_space(rows: Sequence[Row]) -> Check:
    row = find(rows, "python", threads=MANY)
    if row is None:
        return Check("address space", None)
    return Check(
        "address space",
        abs(row["reserved"] - CLAIMED) <= CLAIMED / 10,
        f"Each of {MANY:,} Python threads reserves {whole(row['reserved'])} of address space, together "
        f"{whole(row['reserved'] * MANY)}.",
    )


def on_use(rows: Sequence[Row]) -> Check:
    row = find(rows, "python", threads=MANY)
    if row is None:
        return Check("pages on use", None)
    return Check(
        "pages on use",
        row["resident"] <= row["reserved"] / 10,
        f"Waiting, it has {whole(row['resident'])} in memory.",
    )


def kept(rows: Sequence[Row]) -> Check:
    shallow, deep = find(rows, "python", threads=MANY), find(rows, "deep", threads=MANY)
    if shallow is None or deep is None:
        return Check("kept to the end", None)
    more = times(deep, shallow, "resident")
    return Check(
        "kept to the end",
        more >= 1.5 and deep["left"] <= deep["resident"] / 2,
        f"After {DEPTH} nested calls through C it still has {whole(deep['resident'])}, {more:.1f} times as much, of "
        f"which {whole(deep['left'])} is left after the end of all threads.",
    )


def others(rows: Sequence[Row]) -> str:
    sentences = []
    native, small = find(rows, "native", threads=MANY), find(rows, "small")
    if native:
        sentences.append(
            f"A native thread reserves {whole(native['reserved'])} and has {whole(native['resident'])} in memory."
        )
    if small:
        sentences.append(
            f"With threading.stack_size({SMALL}) a thread reserves {whole(small['reserved'])} and has "
            f"{whole(small['resident'])} in memory."
        )
    return " ".join(sentences)
