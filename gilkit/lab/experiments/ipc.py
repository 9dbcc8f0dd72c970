"""The cost of handing data over.

The claim: processes share nothing, so data must be pickled and sent through a Queue or a Pipe; threads share memory.

The method: send messages of 16 bytes and of 1 MiB from one process to another through multiprocessing's Queue and Pipe
and through shared memory, from one thread to another through a queue, and to gilkit's threads through gilkit.map. The
receiver answers once per batch, so the transport is timed and not the round trip.

The rule: *processes* holds when a megabyte costs at least 10 times as much as a small message, through a Queue and
through a Pipe. *Threads* holds when, between threads, it costs at most 5 times as much as a small message and at most a
tenth of its cost through a Queue between processes.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..costs import CostExperiment
from ..experiment import Case, Check, Column, Row, Setting, Verdict, combine
from ..figures import find, times
from ..text import duration, size

SIZES = (16, 1 << 20)
WAYS = (
    ("multiprocessing.Queue", "queue"),
    ("multiprocessing.Pipe", "pipe"),
    ("shared memory", "shared_memory"),
    ("queue between threads", "thread"),
    ("gilkit.map", "gilkit"),
)
BY_REFERENCE = ("thread", "gilkit")


class Ipc(CostExperiment):
    name = "ipc"
    title = "Handing data over"
    claim = "Processes share nothing, so data is pickled and copied; threads share memory."
    why = "Data for another process is pickled, copied by the kernel and read back; a thread gets a reference."
    thing = "a message"
    base = "thread"
    cpu = False

    def cases(self, setting: Setting) -> list[Case]:
        here = setting.interpreters[0]
        return [
            Case(f"{label}, {size(count)}", f"messages:through_{way}", here, {"size": count}, way)
            for count in SIZES
            for label, way in WAYS
        ]

    def comparable(self, base: Row, row: Row) -> bool:
        return base.arguments["size"] == row.arguments["size"]

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        def bandwidth(row: Row, _: Sequence[Row]) -> str:
            if row.strategy in BY_REFERENCE:
                return "nothing is copied"
            return f"{size(row.arguments['size'] / row['each'])}/s"

        return [
            *super().columns(rows, setting),
            Column("bandwidth", bandwidth, "size of the message divided by its time"),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        return combine([processes_copy(rows), threads_share(rows)])


def growth(rows: Sequence[Row], way: str) -> float | None:
    """Return the cost of a megabyte relative to a small message."""
    small, large = find(rows, way, size=SIZES[0]), find(rows, way, size=SIZES[1])
    return times(large, small) if small and large else None


def processes_copy(rows: Sequence[Row]) -> Check:
    found = {way: growth(rows, way) for way in ("queue", "pipe")}
    known = [value for value in found.values() if value is not None]
    if not known:
        return Check("processes", None)
    words = " and ".join(f"{value:,.0f} times as much through a {way.title()}" for way, value in found.items() if value)
    text = f"Sent to another process, a megabyte costs more than {size(SIZES[0])}: {words}."
    return Check("processes", all(value >= 10 for value in known), text)


def threads_share(rows: Sequence[Row]) -> Check:
    grown = growth(rows, "thread")
    thread, queue = find(rows, "thread", size=SIZES[1]), find(rows, "queue", size=SIZES[1])
    if grown is None or thread is None or queue is None:
        return Check("threads", None)
    against = times(queue, thread)
    text = (
        f"Between threads it costs {grown:.1f} times as much: {duration(thread['each'])}. A Queue between processes "
        f"takes {duration(queue['each'])} for it, {against:,.0f} times as long."
    )
    shared = find(rows, "shared_memory", size=SIZES[1])
    if shared:
        text += f" Shared memory, with a single copy, takes {duration(shared['each'])}."
    return Check("threads", grown <= 5 and against >= 10, text)
