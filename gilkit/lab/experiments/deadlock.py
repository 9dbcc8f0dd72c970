"""Two locks taken in opposite order.

The claim: two threads that take two locks in opposite order hang until the process is killed.

The method: two threads each take one lock, wait until the other thread has the second lock, and then request that one.
They do so with threading's locks (counted as hung after half a second) and with gilkit.sync's locks and deadlock
detection. Two more cases take both locks in one order, and release everything after a timeout and retry.

The rule: the claim holds when both threads hung in every round. If they did not, it was *not observed here, and is still
unsafe*, for a deadlock needs only one unlucky moment. The remedies are only reported: detection works when a
DeadlockError named a cycle of both threads and neither hung; one order and timeouts work when neither hung.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..charts import Bar, Bars, Chart
from ..experiment import Case, Check, Column, Experiment, Outcome, Row, Setting, Verdict, combine
from ..figures import find, select
from ..stats import bootstrap
from ..text import duration

WAYS = {
    "hang": "threading.Lock, opposite order",
    "found": "gilkit.sync.Lock, deadlock detection",
    "avoided": "one order for both locks",
    "survived": "timeout and retry",
}


class Deadlock(Experiment):
    name = "deadlock"
    title = "Deadlock"
    claim = "Two threads that take two locks in opposite order hang until the process is killed."
    why = "Each thread holds the lock that the other waits for; with one order for all locks no such cycle can form."
    rounds = 3

    def cases(self, setting: Setting) -> list[Case]:
        here = setting.interpreters[0]
        return [Case(label, f"locking:{way}", here, {}, way, 2, timed=False) for way, label in WAYS.items()]

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        def ended(row: Row, _: Sequence[Row]) -> str:
            if row.strategy == "found":
                return f"DeadlockError, a cycle of {row['cycle']:.0f}" if row["found"] else "nothing found"
            return f"{row['hung']:.0f} threads hang" if row["hung"] else "both end"

        return [
            Column("outcome", ended, "what became of the two threads"),
            Column("after", lambda row, _: duration(row["wall"]), "median time until then"),
            Column(
                "retries",
                lambda row, _: f"{row['retries']:.0f}" if row.values("retries") else "",
                "how often a thread released both locks and tried again",
            ),
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        hung = hang(rows)
        verdict = combine([hung])
        outcome = Outcome.UNSEEN if hung.holds is False else verdict.outcome
        text = " ".join(filter(None, [verdict.text, *(way_out(rows, way) for way in list(WAYS)[1:])]))
        return Verdict(outcome, text, verdict.scope)

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        bars = []
        for way, label in WAYS.items():
            for row in select(rows, way):
                interval = bootstrap(row.values("wall"))
                bars.append(Bar(label, interval.middle, interval.low, interval.high))
        return [Bars("Time until both threads ended or were counted as hung", "s", bars, log=True)]


def hang(rows: Sequence[Row]) -> Check:
    row = find(rows, "hang")
    if row is None:
        return Check("the hang", None)
    hung = [value == 2 for value in row.values("hung")]
    return Check("the hang", all(hung), f"In {sum(hung)} of {len(hung)} rounds both threads hung.")


def way_out(rows: Sequence[Row], way: str) -> str:
    row = find(rows, way)
    if row is None:
        return ""
    free = not any(row.values("hung"))
    after = duration(row["wall"])
    if way == "found":
        named = free and all(row.values("found")) and all(value == 2 for value in row.values("cycle"))
        return (
            "With detection, gilkit.sync's locks raised a DeadlockError that named the cycle of both threads after "
            f"{after}."
            if named
            else "Detection did not find the deadlock."
        )
    if way == "avoided":
        return (
            f"With one order, taken a thousand times by each thread, nothing hung ({after})."
            if free
            else "One order hung too."
        )
    retries = sum(row.values("retries"))
    return (
        f"With timeouts both threads ended after {after} and {retries:.0f} retries in total."
        if free
        else "Timeouts hung too."
    )
