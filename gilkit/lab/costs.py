"""Base of the experiments about the cost of one operation: the figure ``each``, a table, bars on a log axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from .charts import Bar, Bars, Chart
from .experiment import CPU, INTERVAL, Column, Experiment, Row, Setting
from .figures import times
from .stats import bootstrap
from .text import duration, durations, factor


class CostExperiment(Experiment):
    """An experiment about the cost of one operation.

    ``thing`` names the operation and ``base`` the strategy that the table compares the others with. ``cpu`` says whether
    CPU % is meaningful; it is not where short-lived processes do the work.
    """

    thing: ClassVar[str]
    base: ClassVar[str]
    cpu: ClassVar[bool] = True

    def columns(self, rows: Sequence[Row], setting: Setting) -> list[Column]:
        def against(row: Row, rows: Sequence[Row]) -> str:
            base = self.base_of(row, rows)
            return factor(times(row, base)) if base else "–"

        def spread(row: Row, _: Sequence[Row]) -> str:
            interval = bootstrap(row.values("each"))
            return durations(interval.low, interval.high)

        columns = [
            Column(self.thing, lambda row, _: duration(row["each"]), "median time of one"),
            Column("interval", spread, INTERVAL),
            Column(
                f"against {self.base}", against, f"the time divided by that of {self.base} in the same round, median"
            ),
        ]
        if self.cpu:
            columns.append(
                Column("CPU %", lambda row, _: f"{row['cpu_percent']:.0f} %" if row.get("cpu_percent") else "–", CPU)
            )
        return columns

    def base_of(self, row: Row, rows: Sequence[Row]) -> Row | None:
        """Return the row to compare ``row`` with: the base strategy on the same interpreter, if measured."""
        return next(
            (
                each
                for each in rows
                if each.strategy == self.base
                and each.measured
                and each.interpreter == row.interpreter
                and self.comparable(each, row)
            ),
            None,
        )

    def comparable(self, base: Row, row: Row) -> bool:
        return base.threads == row.threads

    def group_of(self, row: Row) -> str:
        """Return the heading of the group that holds the row's bar."""
        return f"Python {row.interpreter.label}"

    def charts(self, rows: Sequence[Row], setting: Setting) -> list[Chart]:
        bars = []
        for row in rows:
            if row.measured:
                interval = bootstrap(row.values("each"))
                group = self.group_of(row)
                bars.append(Bar(row.label, interval.middle, interval.low, interval.high, group))
        return [Bars(f"Time for {self.thing}", "s", bars, log=True)]
