"""Picking rows and comparing them."""

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
    """The rows that were measured and are of that kind; ``arguments`` are those of their task."""
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
    """The first of those, or None."""
    return next(iter(select(rows, strategy, **criteria)), None)


def interpreters_of(rows: Sequence[Row]) -> list[Interpreter]:
    return list(dict.fromkeys(row.interpreter for row in rows))


CROWDED_PERCENT = 15.0  # of a core


def noisy(rows: Sequence[Row]) -> bool:
    """Whether other programs used the cores while those were measured."""
    others = [sample.get("others_percent", 0.0) for row in rows for sample in row.samples]
    return bool(others) and median(others) > CROWDED_PERCENT


def unless_noisy(check: Check, rows: Sequence[Row], holds: bool = False) -> Check:
    """Leaves a part of a claim undecided that failed (or held, with ``holds``) for want of cores, maybe, which other
    programs used meanwhile."""
    if check.holds is holds and noisy(rows):
        return Check(check.name, None, f"{check.text} But other programs used the cores meanwhile: run it again.")
    return check


def ratio(row: Row, base: Row, key: str = "each") -> Ratio:
    """How a figure of one row compares with the other row's, round by round."""
    return compare(row.values(key), base.values(key))


def times(row: Row, base: Row, key: str = "each") -> float:
    """The middle of that ratio."""
    return ratio(row, base, key).middle
