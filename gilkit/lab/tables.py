"""Results on a console: what was measured on, the table, the pictures as bars, warnings, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from . import machine
from .experiment import Experiment, Outcome, Row, Setting
from .results import Result

STYLES = {
    Outcome.HOLDS: "green",
    Outcome.PARTLY: "yellow",
    Outcome.FAILS: "red",
    Outcome.OPEN: "dim",
    Outcome.CHOICE: "green",
}


def show(console: Console, experiment: Experiment, result: Result) -> None:
    """Prints a whole result."""
    console.print(Text(experiment.title, style="bold"), f"[dim]({experiment.name})[/]")
    console.print(Text(f"Claim: {experiment.claim}"))
    console.print(Text(machine.one_line(result.machine), style="dim"))
    for each in result.setting.interpreters:
        here = ", running" if each.running else ""
        console.print(Text(f"{each.label}: {each.gil_state}{here}, {each.executable}", style="dim"))
    console.print(table(experiment, result.rows, result.setting))
    for row in result.rows:
        if row.error:
            console.print(Text(f"{row.interpreter.label}, {row.label}: {row.error}", style="red"))
    for warning in result.warnings:
        console.print(Text(f"Note: {warning}", style="yellow"))
    if result.interrupted:
        console.print(Text("Interrupted: only what was measured until then.", style="yellow"))
    if result.verdict:
        choice = result.verdict.outcome is Outcome.CHOICE
        headline = Text("Advice: " if choice else "Verdict: the claim ", style="bold")
        headline.append(f"{result.verdict.said}.", style=STYLES[result.verdict.outcome])
        console.print(headline)
        console.print(Padding(Text(result.verdict.text), (0, 0, 0, 2)))


def table(experiment: Experiment, rows: Sequence[Row], setting: Setting) -> Table:
    columns = experiment.columns(rows, setting)
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    drawn.add_column("Python")
    drawn.add_column("case", no_wrap=True)
    for column in columns:
        drawn.add_column(column.heading, justify="right")
    previous = None
    for row in rows:
        if previous and row.interpreter != previous:
            drawn.add_section()
        name = row.interpreter.label if row.interpreter != previous else ""
        previous = row.interpreter
        if row.measured:
            cells = [column.show(row, rows) for column in columns]
        else:
            cells = ["failed" if row.error else "–"] + [""] * (len(columns) - 1)
        drawn.add_row(name, row.label, *cells)
    return drawn
