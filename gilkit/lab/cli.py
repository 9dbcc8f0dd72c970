"""The command line: ``gilkit …`` or ``python -m gilkit …``."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from . import terminal
from .errors import LabError
from .escaping import printable
from .experiment import Experiment, Setting
from .results import Result

MOST_THREADS = 1024  # gilkit's own limit
INTERRUPTED = 130  # what shells report for a program that Ctrl-C ended


def positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be an integer of at least 1, got {text!r}")
    return value


def threads(text: str) -> int:
    value = positive(text)
    if value > MOST_THREADS:
        raise argparse.ArgumentTypeError(f"must be at most {MOST_THREADS}, got {text!r}")
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
    experiment.add_argument("--threads", type=threads, metavar="N", help="in place of the number of usable cores")
    experiment.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="PATH",
        help="measure this interpreter too; may be given more than once, Python 2.7 included",
    )
    experiment.add_argument("--json", action="store_true", help="every raw value as JSON on standard output")
    experiment.add_argument("--save", metavar="FILE", help="write the JSON to a file as well")
    experiment.add_argument("--pyperf", metavar="FILE", help="write the times as a file that pyperf loads")
    experiment.set_defaults(run=run_experiment)

    compare = commands.add_parser(
        "compare",
        help="a workload, or your own function, under every strategy",
        description="Runs one of the lab's workloads, or a function of yours, in threads, processes, sub-interpreters, "
        "a free-threaded build, gilkit.map and more, checks that all give the same results, and advises.",
    )
    compare.add_argument("target", metavar="TARGET", help="a workload's name, or path/to/file.py:function")
    compare.add_argument(
        "--inputs", metavar="FILE:FUNCTION", help="the function that returns the list of inputs for yours"
    )
    compare.add_argument("--threads", type=threads, metavar="N", help="in place of the number of usable cores")
    compare.add_argument("--rounds", type=positive, metavar="N", help="how often each strategy runs (default 7)")
    compare.add_argument("--python", action="append", default=[], metavar="PATH", help="a free-threaded one to use")
    compare.add_argument("--against", metavar="FILE", help="say what has changed since this saved comparison")
    compare.add_argument("--json", action="store_true", help="every raw value as JSON on standard output")
    compare.add_argument("--save", metavar="FILE", help="write the JSON to a file as well")
    compare.add_argument("--pyperf", metavar="FILE", help="write the times as a file that pyperf loads")
    compare.set_defaults(run=run_compare)

    report = commands.add_parser(
        "report",
        help="one HTML file of verdicts, pictures and figures",
        description="Writes a self-contained HTML page, from saved runs or from a new run of all experiments. A file "
        "that ends in .md gets the verdicts as Markdown, a folder that exists the pictures as SVG files.",
    )
    report.add_argument("file", metavar="FILE.html", help="where to write it; or FILE.md, or a folder")
    report.add_argument(
        "--from",
        dest="sources",
        action="append",
        default=[],
        metavar="FILE.json",
        help="a saved run; may be repeated, and of several runs of the same experiment the last counts",
    )
    report.add_argument("--seconds", type=duration, metavar="S", help="of a new run: how long to measure each case")
    report.add_argument("--threads", type=threads, metavar="N", help="of a new run: in place of the usable cores")
    report.add_argument("--python", action="append", default=[], metavar="PATH", help="of a new run: measure it too")
    report.set_defaults(run=run_report)

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


def setting_of(options: argparse.Namespace) -> Setting:
    """The interpreters, the cores and the threads of a run."""
    import gilkit

    from . import interpreters, machine

    chosen = interpreters.choose(options.python)
    return Setting(chosen, machine.affinity(), options.threads or gilkit.num_threads())


def console() -> Any:
    """Standard output; wide enough for every column where it is no terminal."""
    from .tables import Output

    found = Output()
    if not found.is_terminal and "COLUMNS" not in terminal.sizes():
        found = Output(width=160)
    return found


def run_experiment(options: argparse.Namespace) -> int:
    from . import experiments, results, tables

    output = console()
    if options.name and options.all:
        raise LabError(f"--all runs every experiment: leave out either it or the name {options.name!r}")
    if options.name is None and not options.all:
        for name in experiments.names():
            output.print(f"{name:18}", style="bold", end="")
            output.print(experiments.get(name).claim, markup=False, highlight=False, soft_wrap=True)
        return 0
    chosen = [experiments.get(name) for name in ([options.name] if options.name else experiments.names())]
    obstacle = chosen[0].obstacle()
    if options.name and obstacle:
        raise LabError(f"{options.name} cannot be run here: {obstacle}")
    setting = setting_of(options)
    check_writable(options)

    def done(experiment: Experiment, result: Result, all_results: Sequence[Result]) -> None:
        if options.save:
            results.save(options.save, all_results)
        if not options.json:
            tables.show(output, experiment, result)
            output.print()

    found = run_all(chosen, setting, options.seconds, done)
    if options.json:
        print_json(results.document(found))
    export(options, found)
    return status(found)


def run_all(
    chosen: Sequence[Experiment],
    setting: Setting,
    seconds: float | None,
    done: Callable[[Experiment, Result, Sequence[Result]], None],
    rounds: int | None = None,
) -> list[Result]:
    """Runs experiments one after another, until the last one or Ctrl-C; tells ``done`` of each."""
    from . import live, runner, tables

    view = live.view(tables.Output(stderr=True))
    found: list[Result] = []
    for experiment in chosen:
        obstacle = experiment.obstacle()
        if obstacle:
            view.note(f"{experiment.name}: left out, {obstacle}")
            continue
        found.append(runner.run(experiment, setting, view, seconds=seconds, rounds=rounds))
        done(experiment, found[-1], found)
        if found[-1].interrupted:
            break
    return found


def check_writable(options: argparse.Namespace) -> None:
    from . import results

    for path in (options.save, options.pyperf):
        if path is not None:
            results.check_writable(path)


def export(options: argparse.Namespace, found: Sequence[Result]) -> None:
    """The files besides the lab's own."""
    from . import pyperf

    if options.pyperf:
        pyperf.save(options.pyperf, found)


def status(found: Sequence[Result]) -> int:
    if any(result.interrupted for result in found):
        return INTERRUPTED
    return 1 if any(row.error for result in found for row in result.rows) else 0


def run_compare(options: argparse.Namespace) -> int:
    from . import compare, results, tables

    old = results.load(options.against) if options.against else []
    for result in old:
        with results.shown(result):  # before minutes of measuring rather than after
            compare.against(result.rows, result.rows)
    check_writable(options)
    setting = setting_of(options)
    comparison = compare.build(options.target, options.inputs)
    before = next((result for result in old if result.name == comparison.name), None)
    if options.against and before is None:
        names = ", ".join(result.name for result in old) or "nothing"
        raise LabError(f"{options.against!r} holds no comparison of {options.target!r} (it holds {names})")
    output = console()

    def done(experiment: Experiment, result: Result, all_results: Sequence[Result]) -> None:
        if options.save:
            results.save(options.save, all_results)
        if not options.json:
            tables.show(output, experiment, result)
            for line in compare.against(result.rows, before.rows) if before else []:
                output.print(line, markup=False, highlight=False)

    found = run_all([comparison], setting, None, done, options.rounds)
    if options.json:
        print_json(results.document(found))
    export(options, found)
    # A strategy that a function does not fit is a finding, not a failure.
    return INTERRUPTED if found[0].interrupted else 0 if any(row.measured for row in found[0].rows) else 1


def run_report(options: argparse.Namespace) -> int:
    from . import experiments, report, results
    from .text import plural

    if not os.path.isdir(options.file):
        results.check_writable(options.file)
    found = [result for source in options.sources for result in results.load(source)]
    code = 0
    if not options.sources:
        chosen = [experiments.get(name) for name in experiments.names()]
        found = run_all(chosen, setting_of(options), options.seconds, lambda *_: None)
        code = status(found)
    count = report.write(options.file, found)
    print(f"{options.file}: {plural(count, 'result')}", file=sys.stderr)
    return code


def run_doctor(options: argparse.Namespace) -> int:
    from rich.table import Table
    from rich.text import Text

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
        text = Text(printable(each.value))
        if each.advice:
            text.append(f"\n{each.advice}", style="dim")
        mark = Text("✓", style="green") if each.fine else Text("!", style="yellow")
        grid.add_row(mark, Text(printable(each.subject)), text)
    console().print(grid)
    return 0


def print_json(data: Any) -> None:
    json.dump(data, sys.stdout, indent=1)
    sys.stdout.write("\n")


@contextlib.contextmanager
def stopping() -> Iterator[list[int]]:
    """SIGTERM and SIGHUP stop a run as Ctrl-C does: workers are ended, and what was measured is kept. Yields the list of
    those that came."""
    came: list[int] = []

    def stop(number: int, frame: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    before = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # One that is ignored (nohup) stays so; elsewhere than in the main thread there are no handlers.
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            with contextlib.suppress(ValueError):
                before[number] = signal.signal(number, stop)
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status. Errors the reader can put right take one line."""
    with terminal.prepared(), stopping() as came:
        status = run(arguments)
    return 128 + came[0] if came else status


def run(arguments: Sequence[str] | None) -> int:
    try:
        try:
            options = parser().parse_args(arguments)
            status: int = options.run(options)
        finally:
            sys.stdout.flush()  # also of --help, which ends the program
        return status
    except LabError as error:
        return fail(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (| head). What is left to write goes nowhere, quietly.
        terminal.forget(sys.stdout)
        return 0
    except OSError as error:
        if not terminal.is_output_lost(error):
            return fail(str(error))
        terminal.forget(sys.stdout)
        return fail(f"standard output cannot be written: {error.strerror}")


def fail(message: str) -> int:
    print(f"gilkit: error: {printable(message)}", file=sys.stderr)
    return 2
