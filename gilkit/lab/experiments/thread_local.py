"""State that belongs to one thread.

The claim: ``threading.local`` gives each thread its own state without a lock and without passing it along.

The method: each thread counts in its own state, which it gets as an argument, from a threading.local, from a dict keyed
by its identity, or from that dict under a lock. This runs in 1 thread and in one thread per core on each interpreter.
At the end each thread checks that the count is its own. For comparison, native threads each add to their own partial
sum (``gilkit.sync.ShardedCounter``).

The rule: *each thread's own state* holds when every thread found exactly its own count in threading.local. *Doing
without a lock* holds when threading.local costs less than a dict under a lock.
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
    title = "State that belongs to a thread"
    claim = "threading.local gives each thread its own state without a lock and without passing it along."
    why = "No other thread can reach the state, so it needs no lock; finding it costs a look-up."
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
                f" With {plural(native.threads, 'native thread')} and a partial sum each, an addition takes "
                f"{duration(native['each'])}."
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
        # The most threads, because that is when the lock is contended.
        own = max(select(rows, "threading.local", interpreter=interpreter), key=lambda row: row.threads, default=None)
        locked = own and find(rows, "dict and lock", interpreter=interpreter, threads=own.threads)
        passed = own and find(rows, "argument", interpreter=interpreter, threads=own.threads)
        if own and locked:
            ratios.append(times(locked, own))
            words.append(
                f"On Python {interpreter.label} with {plural(own.threads, 'thread')}, an access to threading.local "
                f"takes {duration(own['each'])}, a dict with a lock {ratios[-1]:.1f} times as long"
                + (f", an argument {times(passed, own):.2f} times as long." if passed else ".")
            )
    return Check("doing without a lock", all(each > 1 for each in ratios) if ratios else None, " ".join(words))
