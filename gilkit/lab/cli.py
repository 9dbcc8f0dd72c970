"""The command line: ``gilkit …`` or ``python -m gilkit …``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from .errors import LabError

INTERRUPTED = 130  # what shells report for a program that Ctrl-C ended


def positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be an integer of at least 1, got {text!r}")
    return value


def duration(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"must be between 0.01 and 3600 seconds, got {text!r}")
    return value


def parser() -> argparse.ArgumentParser:
    import gilkit

    top = argparse.ArgumentParser(
        prog="gilkit", description="See what Python's threads, processes and native threads do with your cores."
    )
    top.add_argument("--version", action="version", version=f"gilkit {gilkit.__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    experiment = commands.add_parser(
        "experiment",
        help="put a claim about Python's concurrency to the test",
        description="Measures a claim about Python's concurrency on this machine and ends in a verdict. "
        "Without a name: lists the experiments.",
    )
    experiment.add_argument("name", metavar="NAME", nargs="?", help="which experiment; without it, a list of them")
    experiment.add_argument("--all", action="store_true", help="run all of them, one after another")
    experiment.add_argument("--seconds", type=duration, metavar="S", help="how long to measure each case")
    experiment.add_argument("--threads", type=positive, metavar="N", help="in place of the number of usable cores")
    experiment.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="PATH",
        help="measure this interpreter too; may be given more than once, Python 2.7 included",
    )
    experiment.add_argument("--json", action="store_true", help="every raw value as JSON on standard output")
    experiment.add_argument("--save", metavar="FILE", help="write the JSON to a file as well")
    experiment.set_defaults(run=run_experiment)

    doctor = commands.add_parser(
        "doctor",
        help="what stands between this Python and all its cores",
        description="Looks at the interpreter, the GIL and what switched it on, cores, affinity, quota, instruction "
        "set, other thread pools and other interpreters, and says what to do about each finding.",
    )
    doctor.add_argument(
        "modules", nargs="*", metavar="MODULE", help="also see whether importing this module switches the GIL on"
    )
    doctor.add_argument("--json", action="store_true", help="the findings as JSON on standard output")
    doctor.set_defaults(run=run_doctor)
    return top


def run_experiment(options: argparse.Namespace) -> int:
    from rich.console import Console

    from . import experiments, interpreters, live, machine, results, runner, tables
    from .experiment import Setting

    console = Console()
    if options.name and options.all:
        raise LabError(f"--all runs every experiment: leave out either it or the name {options.name!r}")
    if options.name is None and not options.all:
        for name in experiments.names():
            console.print(f"[bold]{name:18}[/]", end="")
            console.print(experiments.get(name).claim, markup=False, highlight=False, soft_wrap=True)
        return 0
    import gilkit

    chosen = [experiments.get(name) for name in ([options.name] if options.name else experiments.names())]
    setting = Setting(interpreters.choose(options.python), machine.affinity(), options.threads or gilkit.num_threads())
    if options.save:
        results.check_writable(options.save)
    view = live.view(Console(stderr=True))
    done = []
    for experiment in chosen:
        obstacle = experiment.obstacle()
        if obstacle and options.name:
            raise LabError(f"{experiment.name} cannot be run here: {obstacle}")
        if obstacle:
            view.note(f"{experiment.name}: left out, {obstacle}")
            continue
        done.append(runner.run(experiment, setting, view, seconds=options.seconds))
        if options.save:
            results.save(options.save, done)
        if not options.json:
            tables.show(console, experiment, done[-1])
        if done[-1].interrupted:
            break
    if options.json:
        print_json(results.document(done))
    if any(result.interrupted for result in done):
        return INTERRUPTED
    return 1 if any(row.error for result in done for row in result.rows) else 0


def run_doctor(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table

    from . import doctor

    findings = doctor.examine(options.modules)
    if options.json:
        print_json(doctor.to_json(findings))
        return 0
    grid = Table(box=None, pad_edge=False, show_header=False)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    for each in findings:
        text = each.value + (f"\n[dim]{each.advice}[/]" if each.advice else "")
        grid.add_row("[green]✓[/]" if each.fine else "[yellow]![/]", each.subject, text)
    Console().print(grid)
    return 0


def print_json(data: Any) -> None:
    json.dump(data, sys.stdout, indent=1)
    sys.stdout.write("\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status. Errors the reader can put right take one line."""
    options = parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
        return status
    except LabError as error:
        print(f"gilkit: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (| head). What is left to write goes nowhere, quietly.
        sys.stdout = open("/dev/null", "w")  # noqa: SIM115
        return 0
