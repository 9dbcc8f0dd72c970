"""Select rows and compare them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from .experiment import Check, Row
from .interpreters import Interpreter
from .stats import Ratio, compare


def select(
    rows: Sequence[Row],
    strategy: str | None = None,
    threads: int | None = None,
    interpreter: Interpreter | None = None,
    **arguments: Any,
) -> list[Row]:
    """Return the measured rows that match. ``arguments`` are compared with those of the row's task."""
    return [
        row
        for row in rows
        if row.measured
        and (strategy is None or row.strategy == strategy)
        and (threads is None or row.threads == threads)
        and (interpreter is None or row.interpreter == interpreter)
        and all(row.arguments.get(key) == value for key, value in arguments.items())
    ]


def find(rows: Sequence[Row], strategy: str | None = None, **criteria: Any) -> Row | None:
    """Return the first matching row, or None."""
    return next(iter(select(rows, strategy, **criteria)), None)


def interpreters_of(rows: Sequence[Row]) -> list[Interpreter]:
    return list(dict.fromkeys(row.interpreter for row in rows))


NOISY_PERCENT = 15.0  # of one core


def disturbed_percent(rows: Sequence[Row]) -> float:
    """Return the per cent of a core that other programs used and the host took while ``rows`` were measured."""
    taken = [
        sample.get("others_percent", 0.0) + sample.get("steal_percent", 0.0) for row in rows for sample in row.samples
    ]
    return median(taken) if taken else 0.0


def noisy(rows: Sequence[Row]) -> bool:
    """Whether other programs or the host used the cores while ``rows`` were measured."""
    return disturbed_percent(rows) > NOISY_PERCENT


def unless_noisy(check: Check, rows: Sequence[Row], holds: bool = False) -> Check:
    """Return ``check``, undecided if it failed while other programs used the cores.

    With ``holds``, it becomes undecided if it held, because it may have held only for lack of cores.
    """
    if check.holds is holds and noisy(rows):
        return Check(
            check.name, None, f"{check.text} But other programs used the cores during the measurement; run it again."
        )
    return check


def ratio(row: Row, base: Row, key: str = "each") -> Ratio:
    """Return the ratio of a figure of two rows, round by round."""
    return compare(row.values(key), base.values(key))


def times(row: Row, base: Row, key: str = "each") -> float:
    """Return the median of that ratio."""
    return ratio(row, base, key).middle


def speed_up(row: Row, base: Row | None) -> str:
    """Return how many times as fast as the base a row is, for a table."""
    return f"{1 / times(row, base, 'wall'):.2f}×" if base else "–"
