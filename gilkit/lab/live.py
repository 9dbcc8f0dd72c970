"""Progress of a running experiment: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from .text import plural, relative

if TYPE_CHECKING:
    from .experiment import Case, Row
    from .results import Result
    from .runner import View

BAR = 24
BLOCKS = " ▏▎▍▌▋▊▉█"


def meter(percent: float, width: int = BAR) -> str:
    """Return a bar of ``width`` characters for 0 to 100 %, in eighths of a character."""
    eighths = round(max(0.0, min(100.0, percent)) / 100 * width * 8)
    full, rest = divmod(eighths, 8)
    bar = BLOCKS[8] * full + (BLOCKS[rest] if rest else "")
    return bar.ljust(width)


def view(console: Console) -> View:
    """Return the view that suits the console."""
    return LiveView(console) if console.is_terminal else PlainView(console)


class PlainView:
    """One line per experiment, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def begin(self, result: Result, cases: Sequence[Case], rounds: int, seconds: float) -> None:
        timed = f", {seconds:g} s each in total" if any(case.timed for case in cases) else ""
        name = relative(result.name)
        self._print(f"{name}: {plural(len(cases), 'case')}, {plural(rounds, 'round')}{timed} …")

    def case(self, index: int, round: int) -> None:
        pass

    def tick(self, cores: Sequence[float], case_percent: float | None) -> None:
        pass

    def sample(self, index: int, row: Row) -> None:
        pass

    def end(self) -> None:
        pass

    def note(self, text: str) -> None:
        self._print(text)

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class LiveView:
    """Progress, time left, the measurements so far, and the current CPU % of each core."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=BAR),
            TextColumn("{task.completed}/{task.total}"),
            TimeRemainingColumn(compact=True),
            console=console,
        )
        self._live: Live | None = None
        self._cases: Sequence[Case] = ()
        self._cells: list[str] = []
        self._now = -1
        self._cores: Sequence[float] = ()
        self._percent: float | None = None
        self._drawn = 0.0

    def begin(self, result: Result, cases: Sequence[Case], rounds: int, seconds: float) -> None:
        self._cases = cases
        self._cells = [""] * len(cases)
        for task in self._progress.task_ids:  # of the previous experiment
            self._progress.remove_task(task)
        self._task = self._progress.add_task(relative(result.name), total=len(cases) * rounds)
        # Only tick() draws it: a refresh thread would compete with what is measured.
        self._live = Live(self._draw(), console=self._console, auto_refresh=False, transient=True)
        self._live.start()

    def case(self, index: int, round: int) -> None:
        self._now = index
        self._percent = None
        self._refresh()

    def tick(self, cores: Sequence[float], case_percent: float | None) -> None:
        self._cores = cores
        self._percent = case_percent
        if time.monotonic() - self._drawn > 0.2:
            self._refresh()

    def sample(self, index: int, row: Row) -> None:
        self._cells[index] = outcome(row)
        self._progress.advance(self._task)
        self._refresh()

    def end(self) -> None:
        if self._live:
            self._live.stop()

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)

    def _refresh(self) -> None:
        self._drawn = time.monotonic()
        if self._live:
            self._live.update(self._draw(), refresh=True)

    def _draw(self) -> Group:
        # Only the lines that fit on the screen, around the case being measured.
        room = max(4, self._console.size.height - len(self._cores) - 6)
        first = max(0, min(self._now - room // 2, len(self._cases) - room))
        table = Table.grid(padding=(0, 2))
        for index in range(first, min(first + room, len(self._cases))):
            case, cell = self._cases[index], self._cells[index]
            running = index == self._now
            if running and self._percent is not None:
                cell = f"CPU {self._percent:4.0f} % so far"
            cells = ("▶" if running else " ", case.interpreter.label, case.label, cell)
            table.add_row(*map(Text, cells), style="bold" if running else "")
        cores = Text()
        for number, percent in enumerate(self._cores):
            cores.append(f"  core {number:<3} ")
            cores.append(meter(percent), style="green")
            cores.append(f" {percent:4.0f} %\n")
        return Group(table, Text(), cores, self._progress)


def outcome(row: Row) -> str:
    """Return the last measurement of a case in a few words."""
    if row.error:
        return f"failed: {row.error}"
    percent = row.values("cpu_percent")
    return f"CPU {percent[-1]:4.0f} %" if percent else "done"
