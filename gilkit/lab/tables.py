"""Results on a console: the machine, the interpreters, the table, warnings and the verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from . import machine
from .experiment import Column, Experiment, Outcome, Row, legend
from .figures import interpreters_of
from .results import Result
from .terminal import sizes

LINE = 120  # the widest paragraph
NARROWEST = 10  # columns
STYLES = {
    Outcome.HOLDS: "green",
    Outcome.PARTLY: "yellow",
    Outcome.HALF: "yellow",
    Outcome.UNSEEN: "yellow",
    Outcome.FAILS: "red",
    Outcome.OPEN: "dim",
    Outcome.CHOICE: "green",
}


class Output(Console):
    """A console of any encoding and width that prints text literally and whose reader may disappear (| head)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(emoji=False, _environ=sizes(), **options)
        self.width = max(self.width, NARROWEST)

    def on_broken_pipe(self) -> None:
        raise  # passes the error to the caller; rich would exit with status 1


class Trimmed:
    """A table or text without the blanks at the ends of its lines."""

    def __init__(self, content: Table | Text) -> None:
        self._content = content

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self._content)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for line in console.render_lines(self._content, options, pad=False):
            while line and not line[-1].text.strip():
                line.pop()
            if line:
                last = line.pop()
                line.append(Segment(last.text.rstrip(), last.style, last.control))
            yield from line
            yield Segment.line()


def console() -> Output:
    """Return standard output as a console, wide enough for every column when it is not a terminal."""
    found = Output()
    if not found.is_terminal and "COLUMNS" not in sizes():
        found = Output(width=160)
    return found


def show(console: Console, experiment: Experiment, result: Result) -> None:
    """Print a whole result."""
    console.print(Text(experiment.title, style="bold"), Text(f"({experiment.command})", style="dim"))
    console.print(Text(f"{'Question' if experiment.asks else 'Claim'}: {experiment.claim}"))
    console.print(Text(machine.one_line(result.machine), style="dim"))
    for each in interpreters_of(result.rows):
        here = ", running" if each.running else ""
        console.print(Text(f"{each.label}: {each.gil_state}{here}, {each.executable}", style="dim"))
    drawn, hidden = fitting(console, experiment, result)
    console.print(Trimmed(drawn))
    columns = experiment.columns(result.rows, result.setting)
    if words := legend(columns[: len(columns) - len(hidden)]):
        console.print(Text(paragraph(words, console.width), style="dim"))
    if hidden:
        console.print(Text(f"Too narrow for: {', '.join(hidden)}. A wider terminal or --json shows them.", style="dim"))
    for row in result.rows:
        if row.error:
            console.print(Trimmed(Text(f"{row.interpreter.label}, {row.label}: {row.error}", style="red")))
    for warning in result.warnings:
        console.print(Trimmed(Text(f"Note: {warning}", style="yellow")))
    if result.interrupted:
        console.print(Text("Interrupted; only the measurements up to then are shown.", style="yellow"))
    if result.verdict:
        headline = Text("Advice: " if experiment.asks else "Verdict: the claim ", style="bold")
        words = result.verdict.headline if experiment.asks else result.verdict.said
        headline.append(f"{words}.", style=STYLES[result.verdict.outcome])
        console.print(headline)
        console.print(Text(paragraph(result.verdict.text, console.width)))
        if experiment.why:
            console.print(Text(paragraph(f"Why: {experiment.why}", console.width), style="italic"))


def paragraph(text: str, width: int) -> str:
    return textwrap.fill(text, min(width, LINE), initial_indent="  ", subsequent_indent="  ")


def fitting(console: Console, experiment: Experiment, result: Result) -> tuple[Table, list[str]]:
    """Return the table with as many columns as fit, from the left, and the headings of the others."""
    columns = experiment.columns(result.rows, result.setting)
    for count in range(len(columns), 0, -1):
        drawn = table(experiment, result.rows, columns[:count])
        if console.measure(drawn, options=console.options.update(width=1000)).maximum <= console.width:
            break
    return drawn, [column.heading for column in columns[count:]]


def table(experiment: Experiment, rows: Sequence[Row], columns: Sequence[Column]) -> Table:
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    named = experiment.names_interpreters
    if not named:
        drawn.add_column("Python")
    drawn.add_column("case", no_wrap=True)
    for column in columns:
        drawn.add_column(column.heading, justify="right")
    previous = None
    for row in rows:
        if previous and row.interpreter != previous and not named:
            drawn.add_section()
        name = row.interpreter.label if row.interpreter != previous else ""
        previous = row.interpreter
        if row.measured:
            cells = [column.show(row, rows) for column in columns]
        else:
            cells = ["failed" if row.error else "–"] + [""] * (len(columns) - 1)
        drawn.add_row(*map(Text, [*([] if named else [name]), row.label, *cells]))
    return drawn
