"""Picking rows and comparing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .experiment import Row
from .interpreters import Interpreter
from .stats import Ratio, compare


def among(
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
    return next(iter(among(rows, strategy, **criteria)), None)


def interpreters_of(rows: Sequence[Row]) -> list[Interpreter]:
    return list(dict.fromkeys(row.interpreter for row in rows))


def ratio(row: Row, base: Row, key: str = "each") -> Ratio:
    """How a figure of one row compares with the other row's, round by round."""
    return compare(row.values(key), base.values(key))


def times(row: Row, base: Row, key: str = "each") -> float:
    """The middle of that ratio."""
    return ratio(row, base, key).middle
