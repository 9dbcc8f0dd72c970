"""Two counters on one cache line.

The claim (gilkit's own): two counters on one cache line slow each other down although no data is shared.

The method: native threads each add to their own cell. The cells are either adjacent in memory or padded to a cache line
each. The experiment runs with one thread and with one thread per core.

The rule: the claim holds when adjacent cells cost at least 1.5 times as much as padded ones with several threads, and
at most 1.2 times as much with one thread. A failure while other programs use the cores is left undecided.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..costs import CostExperiment
from ..experiment import Case, Check, Row, Setting, Verdict, combine
from ..figures import find, select, times, unless_noisy
from ..text import duration, plural

KINDS = ("adjacent cells", "padded cells")


class FalseSharing(CostExperiment):
    name = "false-sharing"
    title = "False sharing"
    claim = "Two counters on one cache line slow each other down although no data is shared."
    why = "A core must own the whole cache line to write any part of it, so the line moves between the cores."
    thing = "an update"
    base = "padded cells"
    seconds = 0.6
    rounds = 5

    def cases(self, setting: Setting) -> list[Case]:
        here = setting.interpreters[0]
        return [
            Case(
                f"{kind}, {plural(threads, 'thread')}",
                "counting:native",
                here,
                {"kind": kind, "threads": threads},
                kind,
                threads,
            )
            for threads in sorted({1, max(2, setting.threads)})
            for kind in KINDS
        ]

    def judge(self, rows: Sequence[Row], setting: Setting) -> Verdict:
        if setting.cores < 2:  # threads on one core share its cache
            return combine([])
        return combine([slowed(rows)])


def factor(rows: Sequence[Row], threads: int) -> float | None:
    adjacent = find(rows, "adjacent cells", threads=threads)
    padded = find(rows, "padded cells", threads=threads)
    return times(adjacent, padded) if adjacent and padded else None


def slowed(rows: Sequence[Row]) -> Check:
    many = max((row.threads for row in select(rows, "adjacent cells")), default=1)
    together, alone = factor(rows, many), factor(rows, 1)
    if many < 2 or together is None or alone is None:
        return Check("several threads", None)
    adjacent, padded = find(rows, "adjacent cells", threads=many), find(rows, "padded cells", threads=many)
    assert adjacent
    assert padded
    check = Check(
        "several threads",
        together >= 1.5 and alone <= 1.2,
        f"With {many} threads an update of adjacent cells takes {duration(adjacent['each'])} and one of padded cells "
        f"{duration(padded['each'])}, a ratio of {together:.1f}. With one thread the ratio is {alone:.2f}.",
    )
    return unless_noisy(check, [adjacent, padded])
