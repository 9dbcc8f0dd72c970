"""State that belongs to one thread.

The claim: ``threading.local`` gives each thread its own state without a lock and without passing it along.

The method: threads that each count in a state of their own, which they are given as an argument, find in a
threading.local, find in a dict by their identity, or find in that dict under a lock; in 1 thread and in as many as
cores, on each interpreter. At the end each checks that its count is what it alone has counted. Beside them native
threads, which add to a partial sum of their own each (``gilkit.sync.ShardedCounter``).

The rule: *own state* holds when every thread of every case found exactly its own count in threading.local. *Without a
lock* holds when threading.local costs less than a dict under a lock.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..costs import CostExperiment
from ..experiment import Case, Check, Row, Setting, Verdict, combine
from ..figures import find, interpreters_of, select, times
from ..text import duration, plural

KINDS = ("argument", "threading.local", "dict by thread", "dict and lock")


class ThreadLocal(CostExperiment):
    name = "thread-local"
    title = "State of a thread's own"
    claim = "threading.local gives each thread its own state without a lock and without passing it along."
    why = "No other thread can reach it, so none need be kept out; to find it costs a look-up."
    thing = "an access"
    base = "argument"
    seconds = 0.6

    def cases(self, setting: Setting) -> list[Case]:
        here = setting.interpreters[0]
        cases = [
            Case(
                f"{kind}, {plural(threads, 'thread')}",
                "locals:access",
                interpreter,
                {"kind": kind, "threads": threads},
                kind,
                threads,
            )
            for interpreter in setting.interpreters
            if interpreter.version_info >= (3,)
            for threads in sorted({1, setting.threads})
            for kind in KINDS
        ]
        for threads in sorted({1, setting.threads}):
            label = f"native partial sums, {plural(threads, 'thread')}"
            arguments = {"kind": "padded cells", "threads": threads}
            cases.append(Case(label, "counting:native", here, arguments, "native", threads))
        return cases

    def group_of(self, row: Row) -> str:
        return "Native threads" if row.strategy == "native" else super().group_of(row)

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        verdict = combine([own_state(rows), without_lock(rows)])
        native = max(select(rows, "native"), key=lambda row: row.threads, default=None)
        extra = ""
        if native:
            extra = (
                f" Native threads with a partial sum each, {native.threads} at once, take "
                f"{duration(native['each'])} for an addition."
            )
        return Verdict(verdict.outcome, verdict.text + extra, verdict.scope)


def own_state(rows: Sequence[Row]) -> Check:
    kept = [value for row in select(rows, "threading.local") for value in row.values("kept")]
    if not kept:
        return Check("each thread's own state", None)
    return Check(
        "each thread's own state",
        all(kept),
        f"In {sum(map(bool, kept)):.0f} of {len(kept)} runs every thread found its own count.",
    )


def without_lock(rows: Sequence[Row]) -> Check:
    ratios, words = [], []
    for interpreter in interpreters_of(rows):
        # With most threads: that is when a lock is contended.
        own = max(select(rows, "threading.local", interpreter=interpreter), key=lambda row: row.threads, default=None)
        locked = own and find(rows, "dict and lock", interpreter=interpreter, threads=own.threads)
        passed = own and find(rows, "argument", interpreter=interpreter, threads=own.threads)
        if own and locked:
            ratios.append(times(locked, own))
            words.append(
                f"On Python {interpreter.label}, {plural(own.threads, 'thread')}, an access to threading.local takes "
                f"{duration(own['each'])}, a dict and a lock {ratios[-1]:.1f} times as long"
                + (f", an argument {times(passed, own):.2f} times." if passed else ".")
            )
    return Check("doing without a lock", all(each > 1 for each in ratios) if ratios else None, " ".join(words))
