"""The report of a profile on a terminal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TextIO

from rich.table import Table
from rich.text import Text

from .. import machine, tables
from ..escaping import printable
from ..text import duration, plural, shorten_middle
from . import report
from .predict import Prediction
from .report import Report
from .summary import Bin

BLOCKS = " ▁▂▃▄▅▆▇█"
NAME = 48
WIDE = 160  # columns, where standard output is no terminal


def show(done: Report, file: TextIO) -> None:
    """Print the whole report."""
    console = tables.Output(file=file)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = tables.Output(file=file, width=WIDE)

    def say(text: str, style: str = "") -> None:
        console.print(tables.Trimmed(Text(printable(text), style=style)))

    say(report.headline(done), "bold")
    say(machine.one_line(done.machine), "dim")
    for line in report.sentences(done):
        say(line)
    figures = done.summary
    if figures.timeline:
        say("")
        for line in timeline(figures.timeline, done.cores, figures.free_threaded):
            console.print(tables.Trimmed(Text(line)))
    for table in (threads(done), functions(done), operations(done), predictions(done), verified(done)):
        if table.row_count:
            say("")
            console.print(tables.Trimmed(table))
    for line in assumptions(done):
        say(line, "dim")
    for note in done.notes:
        say(f"Note: {note}", "yellow")


def timeline(bins: Sequence[Bin], cores: int, free_threaded: bool = False) -> list[str]:
    """Return the use of the cores and of the GIL over time, each as a line of blocks."""
    end = bins[-1].end
    height = plural(cores, "core")
    lines = [
        f"cores {''.join(block(each.cores / cores) for each in bins)} 0 to {duration(end)}; a full block is {height}"
    ]
    if not free_threaded:
        lines.append(f"GIL   {''.join(block(each.held) for each in bins)} a full block: held all the time")
    return lines


def block(part: float) -> str:
    """Return the block of this height; a part above 1 is full."""
    level = round((len(BLOCKS) - 1) * min(1.0, max(0.0, part)))
    return BLOCKS[max(1, level) if part > 0.01 else level]


def grid(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number == 0 else "right", overflow="fold")
    return table


def cells(table: Table, *words: str) -> None:
    table.add_row(*(Text(printable(each)) for each in words))


def threads(done: Report) -> Table:
    figures = done.summary
    states = report.states(done)
    table = grid("thread", *map(str, states))
    rows = report.threads(done)
    for thread in rows[: report.ROWS]:
        cells(
            table,
            shorten_middle(unqualified(thread.name), NAME),
            *(percent(figures.share(thread[state])) for state in states),
        )
    hidden = len(rows) - report.ROWS
    if hidden > 0:
        cells(table, f"and {hidden} more", *[""] * len(states))
    return table


def unqualified(name: str) -> str:
    """Return the name of a thread without the class of its function, if it is too long with it."""
    function, bracket, file = name.partition(" (")
    begin, times, qualified = function.rpartition("× ")
    return name if len(name) <= NAME else f"{begin}{times}{qualified.rpartition('.')[2]}{bracket}{file}"


def functions(done: Report) -> Table:
    figures = done.summary
    table = grid("function", "holds the GIL", "without it", "keeps others waiting")
    for each in report.functions(done):
        where = f" ({os.path.basename(each.file)})" if each.file else ""
        cells(
            table,
            shorten_middle(each.name, NAME) + where,
            percent(figures.share(each.held)),
            percent(figures.share(each.free)),
            duration(each.kept) if each.kept > 0 else "–",
        )
    return table


def operations(done: Report) -> Table:
    figures = done.summary
    table = grid("call of NumPy", "time", "without the GIL", "patched", "gilkit's own")
    for text, seconds, free, speed in report.operations(done):
        cells(
            table,
            shorten_middle(text, 60),
            percent(figures.share(seconds)),
            percent(free / seconds if seconds else 0.0),
            f"{speed.gain:.2f}×" if speed else "–",
            f"{speed.kernel_gain:.2f}×" if speed and speed.kernel else "–",
        )
    return table


def predictions(done: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("candidate", overflow="fold")
    table.add_column("expected", justify="right", no_wrap=True)
    table.add_column("speed-up", justify="right", no_wrap=True)
    table.add_column("because", overflow="fold")
    for each in done.predictions:
        if each.wall is None:
            cells(table, each.candidate, "–", "–", each.why)
        else:
            cells(
                table,
                each.candidate,
                f"{duration(each.wall)}{margin(each)}",
                f"{done.summary.wall / each.wall:.2f}×" if each.wall else "–",
                each.why,
            )
    return table


def margin(row: Prediction) -> str:
    """Return the margin of a prediction, or an empty string if the number of samples leaves none."""
    if not row.wall or row.margin <= 0:
        return ""
    part = 100 * row.margin / row.wall
    return f" ± {part:.0f} %" if part >= 0.5 else " ± < 1 %"


def verified(done: Report) -> Table:
    table = grid("candidate", "predicted", "measured", "interval")
    table.add_column("predicted / measured", overflow="fold")
    for each in done.verifications:
        if each.measured is None:
            cells(table, each.candidate, each.forecast, "–", "–", report.judged(each))
        else:
            interval = f"{each.low:.2f}–{each.high:.2f}"
            cells(table, each.candidate, each.forecast, f"{each.measured:.2f}", interval, report.judged(each))
    if done.verifications and done.baseline:
        table.title = f"Time as a part of the unchanged program's, which takes {duration(done.baseline)}"
        table.title_justify = "left"
        table.title_style = ""
    return table


def assumptions(done: Report) -> list[str]:
    """Return what the predictions assume, each assumption once."""
    found: dict[str, list[str]] = {}
    for each in done.predictions:
        for text in each.assumes:
            found.setdefault(text, []).append(each.candidate)
    return [f"Assumed: {text}." for text in found]


def percent(part: float) -> str:
    return f"{100 * part:.0f} %" if part >= 0.005 else "–" if part <= 0 else "< 1 %"
