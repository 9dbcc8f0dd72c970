"""``gilkit run --compare``: run a program unpatched and patched in turn, and compare times, output and exit status.

The method: each run is a process of its own, started as ``gilkit run`` or ``python`` would start it, and nothing else
runs at the same time. The two take turns, round after round (A B A B), so a disturbance hits neighbours alike. Standard
input is read once, and each run gets it from its beginning. CPU seconds include those of the program's own children.

The rule: the figure is the median over the rounds of unpatched time / patched time, with a 95 % bootstrap interval. The
outputs are identical if every run has the exit status and the bytes on standard output of the first unpatched run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from .. import figures, interpreters, machine, results, runner, tables
from ..errors import LabError
from ..escaping import printable
from ..experiment import Row
from ..stats import Ratio, bootstrap
from ..text import duration, durations, plural, shorten, shorten_middle
from . import command, report
from .command import Command

FORMAT = "gilkit-run-comparison"
DEFAULT_ROUNDS = 5
NOTICE_AFTER = 2.0  # seconds of reading standard input before a notice says so
INTERRUPTED = 130
LINE = 100  # characters shown of a line that differs
ERROR_LINES = 8  # lines shown of what a failing program wrote to standard error


@dataclass
class Difference:
    """A run whose output or exit status differs from that of the first unpatched run."""

    way: str
    round: int
    text: str


@dataclass
class Comparison:
    """The measurements of both ways, and every difference between the runs."""

    program: list[str]
    rounds: int
    unpatched: Row
    patched: Row
    differences: list[Difference] = field(default_factory=list)
    status: int = 0  # exit status of the first unpatched run; a negative number is a signal
    interrupted: bool = False
    report: dict[str, Any] | None = None

    @property
    def ratio(self) -> Ratio:
        return figures.ratio(self.unpatched, self.patched, "wall")

    @property
    def identical(self) -> bool:
        return not self.differences

    @property
    def repeatable(self) -> bool:
        """Whether all unpatched runs did the same."""
        return all(each.way != self.unpatched.label for each in self.differences)


def run(options: argparse.Namespace) -> int:
    """Compare, print the result and return the exit status: 0 for identical output, 1 for different output."""
    if not hasattr(os, "wait4"):  # Windows
        raise LabError("--compare measures each run with os.wait4, which this system does not have")
    if options.report:
        results.check_writable(options.report)
    rounds = options.rounds or DEFAULT_ROUNDS
    here = interpreters.running()
    import gilkit

    found = Comparison(
        options.program,
        rounds,
        Row("unpatched", "unpatched", here, 1),
        Row("patched", "patched", here, options.threads or gilkit.num_threads()),
    )
    with tempfile.TemporaryDirectory(prefix="gilkit-run-") as folder:
        place = Path(folder)
        figures_file = str(place / "report.json") if options.report is not None else None
        ways = {"unpatched": command.unpatched(options), "patched": command.patched(options, figures_file)}
        read_input(place / "input", ignore_terminal=options.program[0] != "-")
        try:
            for number in range(rounds):
                for row in (found.unpatched, found.patched):
                    measure(found, row, ways[row.label], number, place)
                last = [row.samples[-1]["wall"] for row in (found.unpatched, found.patched)]
                print(
                    f"round {number + 1} of {rounds}: unpatched {duration(last[0])}, patched {duration(last[1])}",
                    file=sys.stderr,
                )
        except KeyboardInterrupt:
            found.interrupted = True
        if figures_file and os.path.exists(figures_file):
            found.report = json.loads(Path(figures_file).read_text(encoding="utf-8"))
    if options.report:
        results.write(options.report, json.dumps(document(found), indent=1) + "\n")
    if found.patched.measured:
        show(found)
    if found.interrupted:
        return INTERRUPTED
    return 0 if found.identical else 1


# ---- One run


def read_input(path: Path, ignore_terminal: bool) -> None:
    """Copy standard input to a file, from which each run reads it.

    A terminal is read only if the program itself comes from there. Otherwise the input is empty.
    """
    with open(path, "wb") as file:
        try:
            if ignore_terminal and os.isatty(0):
                return
            with notice("reading standard input to its end, so that each run gets the same; </dev/null gives none"):
                while block := os.read(0, 1 << 20):
                    file.write(block)
        except OSError as error:
            raise LabError(f"standard input cannot be read: {error.strerror}") from None


@contextlib.contextmanager
def notice(text: str) -> Iterator[None]:
    """Print a line on standard error if the block takes longer than NOTICE_AFTER."""
    timer = threading.Timer(NOTICE_AFTER, print, [f"gilkit: {text}"], {"file": sys.stderr})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def measure(found: Comparison, row: Row, way: Command, number: int, place: Path) -> None:
    """Run the program once, add the figures to the row, and compare the run with the first."""
    output, errors = place / f"output-{row.label}", place / "errors"
    cores, began = runner.core_seconds(), time.monotonic()
    own = time.process_time()
    with open(place / "input", "rb") as stdin, open(output, "wb") as stdout, open(errors, "wb") as stderr:
        status, figure = execute(way, stdin, stdout, stderr)
    wall = time.monotonic() - began
    busy, steal = (now - before for now, before in zip(runner.core_seconds(), cores, strict=True))
    others = busy - (time.process_time() - own) - figure["user"] - figure["system"]
    figure["others_percent"] = max(0.0, 100 * others / wall)
    figure["steal_percent"] = max(0.0, 100 * steal / wall)
    row.samples.append(runner.finish({**figure, "status": status}))
    first = place / "output-first"
    if not first.exists():
        output.replace(first)
        found.status = status
        tell_failure(status, errors)
        return
    difference = compare_status(found.status, status) or compare_files(first, output)
    if difference:
        if status != found.status:
            tell_failure(status, errors)
        found.differences.append(Difference(row.label, number + 1, difference))


def execute(way: Command, stdin: BinaryIO, stdout: BinaryIO, stderr: BinaryIO) -> tuple[int, dict[str, float]]:
    """Run a command to its end; return its exit status and its wall and CPU seconds, children included.

    The process has a session of its own, so Ctrl-C reaches only gilkit, which then kills the whole session.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        way.words, env=way.environment, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
    )
    try:
        _, code, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(code)
    except BaseException:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return process.returncode, {"wall": wall, "user": usage.ru_utime, "system": usage.ru_stime}


def ending(status: int) -> str:
    """Return the end of a process in words."""
    if status < 0:
        try:
            return f"death by {signal.Signals(-status).name}"
        except ValueError:
            return f"death by signal {-status}"
    return f"exit status {status}"


def tell_failure(status: int, errors: Path) -> None:
    """Show the last lines that a failing program wrote to standard error, which is otherwise not shown."""
    if status:
        lines = errors.read_text(encoding="utf-8", errors="replace").splitlines()[-ERROR_LINES:]
        shown = "".join(f"  {shorten(printable(line), LINE)}\n" for line in lines)
        said = f"the end of its standard error:\n{shown}" if lines else "its standard error is empty\n"
        print(f"gilkit: the program ended with {ending(status)}; {said}", file=sys.stderr, end="")


def compare_status(expected: int, status: int) -> str:
    return "" if status == expected else f"{ending(status)} instead of {ending(expected)}"


def compare_files(expected: Path, found: Path) -> str:
    """Return the first line that differs, or "" if the files are identical."""
    with open(expected, "rb") as ours, open(found, "rb") as theirs:
        number = 0
        while True:
            number += 1
            a, b = ours.readline(), theirs.readline()
            if a != b:
                return f"line {number} of the output is {quoted(b)} instead of {quoted(a)}"
            if not a:
                return ""


def quoted(line: bytes) -> str:
    if not line:
        return "missing"
    return shorten_middle(repr(line.decode("utf-8", errors="backslashreplace")), LINE)


# ---- The result


def document(found: Comparison) -> dict[str, Any]:
    """Return everything that was measured, in values that JSON can hold."""
    ratio = found.ratio.interval if found.patched.measured else None
    return {
        "format": FORMAT,
        "version": 1,
        "program": found.program,
        "rounds": found.rounds,
        "interrupted": found.interrupted,
        "machine": machine.describe(),
        "unpatched": found.unpatched.samples,
        "patched": found.patched.samples,
        "ratio": ratio and {"middle": ratio.middle, "low": ratio.low, "high": ratio.high},
        "status": found.status,
        "identical": found.identical,
        "differences": [vars(each) for each in found.differences],
        "report": found.report,
    }


def show(found: Comparison) -> None:
    """Print the result on standard output."""
    from rich.table import Table
    from rich.text import Text

    console = tables.console()
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    drawn.add_column("")
    for heading in ("wall", "interval", "CPU %"):
        drawn.add_column(heading, justify="right")
    for row in (found.unpatched, found.patched):
        interval = bootstrap(row.values("wall"))
        drawn.add_row(
            row.label,
            duration(row["wall"]),
            durations(interval.low, interval.high),
            f"{row['cpu_percent']:.0f} %",
        )
    console.print(Text(machine.one_line(machine.describe()), style="dim"))
    console.print(drawn)
    for line in sentences(found):
        console.print(Text(printable(line)))
    if found.report:
        console.print(Text(printable("\n" + report.text(found.report).rstrip())))


def sentences(found: Comparison) -> list[str]:
    """Return the result in sentences."""
    ratio = found.ratio
    unclear = "" if ratio.shown else " The interval does not show a difference."
    lines = [
        f"Unpatched time / patched time: {ratio.middle:.2f} (95 % interval {ratio.interval.low:.2f}–"
        f"{ratio.interval.high:.2f}, {plural(ratio.pairs, 'round')}).{unclear}"
    ]
    if found.identical:
        lines.append(f"Output and exit status are identical in all runs ({ending(found.status)}).")
    else:
        first = found.differences[0]
        lines.append(f"NOT IDENTICAL: the {first.way} run of round {first.round}: {first.text}.")
        if len(found.differences) > 1:
            lines.append(f"{len(found.differences)} runs differ from the first unpatched run.")
        if not found.repeatable:
            lines.append(
                "Unpatched runs differ from one another too: the output depends on chance, the time or earlier runs. "
                "Fix the seed, or print only what repeats."
            )
    if found.interrupted:
        lines.append("Interrupted; only the rounds up to then are shown.")
    return lines + [f"Note: {each}" for each in notes(found)]


def notes(found: Comparison) -> list[str]:
    facts = machine.describe()
    disturbed = runner.disturbances([found.unpatched, found.patched], "more --rounds")
    return [*disturbed, *runner.standing_warnings(facts)]
