"""The command line: ``gilkit …`` or ``python -m gilkit …``.

A program started by ``gilkit run`` waits for these imports, so most modules are imported by the commands that need them.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from . import terminal
from .errors import LabError
from .profile.options import ProfileParser
from .program.command import PROGRAM, Command, RunParser

if TYPE_CHECKING:
    from .experiment import Experiment, Setting
    from .results import Result

MAX_THREADS = 1024  # gilkit's own limit
DEPENDENCIES = ("psutil", "rich")  # needed by the lab only, so an installation may lack them
MARKS = {True: ("✓", "green"), False: ("!", "yellow"), None: ("–", "dim")}  # of a finding, and its style
INTERRUPTED = 130  # the status that shells report for a program ended by Ctrl-C


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
    if value > MAX_THREADS:
        raise argparse.ArgumentTypeError(f"must be at most {MAX_THREADS}, got {text!r}")
    return value


def duration(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"must be between 0.01 and 3600 seconds, got {text!r}")
    return value


def rounds(text: str) -> int:
    from .stats import MINIMUM_PAIRS

    value = positive(text)
    if value < MINIMUM_PAIRS:
        raise argparse.ArgumentTypeError(f"must be an integer of at least {MINIMUM_PAIRS}, got {text!r}")
    return value


class Parser(argparse.ArgumentParser):
    """A parser whose help ends with a list that is made only when it is shown."""

    more: Callable[[], list[tuple[str, str]]] | None = None

    def format_help(self) -> str:
        text = super().format_help()
        if self.more is None:
            return text
        rows = self.more()
        wide = max(len(name) for name, _ in rows)
        return f"{text}\n{self.prog.rpartition(' ')[2]} can run:\n" + "".join(
            f"  {n:{wide}}  {what}\n" for n, what in rows
        )


def workloads_listed() -> list[tuple[str, str]]:
    from . import workloads

    return [(name, workloads.get(name).title) for name in workloads.names()]


def experiments_listed() -> list[tuple[str, str]]:
    from . import experiments

    return [(name, experiments.get(name).claim) for name in experiments.names()]


def parser() -> argparse.ArgumentParser:
    import gilkit

    # Without abbreviations, because it looks at the arguments of the program of `gilkit run` too.
    top = Parser(
        prog="gilkit",
        description="Run programs on all cores, and measure what Python's threads, processes and native threads do "
        "with your cores.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"gilkit {gilkit.__version__}")

    def show_help(options: argparse.Namespace) -> int:
        top.print_help()
        return 0

    top.set_defaults(run=show_help)  # without a command
    # prog is what argparse would find out, with a formatter that asks the terminal for its size.
    commands = top.add_subparsers(dest="command", metavar="COMMAND", prog="gilkit")
    add_run(commands)
    add_profile(commands)

    experiment = commands.add_parser(
        "experiment",
        help="test a claim about Python's concurrency",
        description="Measure a claim about Python's concurrency on this machine and give a verdict. "
        "Without a name, list the experiments.",
    )
    experiment.add_argument("name", metavar="NAME", nargs="?", help="the experiment to run; without it, list them")
    experiment.add_argument("--all", action="store_true", help="run all experiments, one after another")
    experiment.add_argument("--seconds", type=duration, metavar="S", help="time to measure each case")
    experiment.add_argument("--threads", type=threads, metavar="N", help="number of threads (default: usable cores)")
    experiment.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="PATH",
        help="also measure this interpreter, Python 2.7 or later; may be repeated",
    )
    experiment.add_argument("--json", action="store_true", help="print every raw value as JSON on standard output")
    experiment.add_argument("--save", metavar="FILE", help="also write the JSON to a file")
    experiment.add_argument("--pyperf", metavar="FILE", help="write the times to a file for pyperf")
    experiment.set_defaults(run=run_experiment)
    experiment.more = experiments_listed

    compare = commands.add_parser(
        "compare",
        help="run a workload or your own function under every strategy",
        description="Run one of the lab's workloads or your own function in threads, processes, sub-interpreters, "
        "a free-threaded build, gilkit.map and more; check that all results agree, and advise which to choose.",
    )
    compare.add_argument(
        "target",
        metavar="TARGET",
        nargs="?",
        help="name of a workload, path/to/file.py:function, or package.module:function",
    )
    compare.add_argument(
        "-m", dest="module", metavar="MODULE:FUNCTION", help="your function, by the name of its module, as in python -m"
    )
    compare.add_argument(
        "--inputs",
        metavar="FILE:FUNCTION",
        help="function that returns the list of inputs for your function; without FILE, in the same file",
    )
    compare.add_argument(
        "--seconds",
        type=duration,
        metavar="S",
        help="time to measure each strategy (default: do the work once in each round)",
    )
    compare.add_argument("--threads", type=threads, metavar="N", help="number of threads (default: usable cores)")
    compare.add_argument("--rounds", type=positive, metavar="N", help="runs of each strategy (default: 7)")
    compare.add_argument(
        "--python", action="append", default=[], metavar="PATH", help="free-threaded interpreter to use"
    )
    compare.add_argument("--against", metavar="FILE", help="report changes since this saved comparison")
    compare.add_argument("--json", action="store_true", help="print every raw value as JSON on standard output")
    compare.add_argument("--save", metavar="FILE", help="also write the JSON to a file")
    compare.add_argument("--pyperf", metavar="FILE", help="write the times to a file for pyperf")
    compare.set_defaults(run=run_compare)
    compare.more = workloads_listed

    report = commands.add_parser(
        "report",
        help="write verdicts, charts and figures to one HTML file",
        description="Write a self-contained HTML page from saved runs, or from a new run of all experiments. A name "
        "that ends in .md gets the verdicts as Markdown; an existing folder gets the charts as SVG files.",
    )
    report.add_argument("file", metavar="FILE.html", help="output file; or FILE.md, or a folder")
    report.add_argument(
        "--from",
        dest="sources",
        action="append",
        default=[],
        metavar="FILE.json",
        help="saved run; may be repeated, and the last run of an experiment counts",
    )
    report.add_argument("--seconds", type=duration, metavar="S", help="for a new run: time to measure each case")
    report.add_argument("--threads", type=threads, metavar="N", help="for a new run: number of threads")
    report.add_argument(
        "--python", action="append", default=[], metavar="PATH", help="for a new run: another interpreter"
    )
    report.set_defaults(run=run_report)

    doctor = commands.add_parser(
        "doctor",
        help="find what keeps this Python from using all cores",
        description="Check the interpreter, the GIL and what switched it on, cores, affinity, quota, instruction set, "
        "other thread pools and other interpreters, and say what to do about each finding.",
    )
    doctor.add_argument(
        "modules", nargs="*", metavar="MODULE", help="also check whether importing this module switches the GIL on"
    )
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON on standard output")
    doctor.set_defaults(run=run_doctor)
    return top


def add_run(commands: Any) -> None:
    run = RunParser(
        prog="gilkit run",
        usage="gilkit run [OPTION ...] SCRIPT [ARGUMENT ...]\n       gilkit run [OPTION ...] -m MODULE [ARGUMENT ...]",
        description="Run a Python program as `python SCRIPT` or `python -m MODULE` would, with NumPy patched: its "
        f"functions use all cores, with the same results. The program is {PROGRAM}. Options of gilkit come before it; "
        "everything after it is the program's.",
        allow_abbrev=False,
    )
    run.add_argument("--threads", type=threads, metavar="N", help="number of threads (default: usable cores)")
    run.add_argument(
        "--min-size",
        type=positive,
        metavar="N",
        help="share out operations of N items or more (default: measured thresholds for each function)",
    )
    run.add_argument("--memory", action="store_true", help="also keep large blocks of memory for the next arrays")
    run.add_argument(
        "--report",
        nargs="?",
        const="",
        metavar="FILE.json",
        help="at the end, report on standard error what ran in parallel and what did not; "
        "--report=FILE.json writes it to a file",
    )
    run.add_argument(
        "--compare",
        action="store_true",
        help="run the program unpatched and patched in turn, and compare times and output; exit status 1 if the output "
        "differs",
    )
    run.add_argument("--rounds", type=rounds, metavar="N", help="with --compare: runs of each (default: 5)")
    run.set_defaults(run=run_program)
    # add_parser() would make a parser of the other class.
    commands.add_parser("run", help="run a program with NumPy on all cores", add_help=False)
    commands.choices["run"] = run


def add_profile(commands: Any) -> None:
    profile = ProfileParser(
        prog="gilkit profile",
        usage="gilkit profile [OPTION ...] SCRIPT [ARGUMENT ...]\n       gilkit profile [OPTION ...] -m MODULE "
        "[ARGUMENT ...]\n       gilkit profile [OPTION ...] --pid PID",
        description="Run a Python program, or watch a process that runs already, and report which threads hold the GIL, "
        "which ones wait for it, and what would be gained by NumPy on all cores, by gilkit.map, by processes and without "
        f"a GIL. The program is {PROGRAM}. Options of gilkit come before it; everything after it is the program's.",
        allow_abbrev=False,
    )
    profile.add_argument("--pid", type=positive, metavar="PID", help="watch this process instead")
    profile.add_argument("--seconds", type=duration, metavar="S", help="with --pid: time to watch (default: 10)")
    profile.add_argument("--threads", type=threads, metavar="N", help="predict for N cores (default: usable cores)")
    profile.add_argument("--html", metavar="FILE.html", help="also write the report as an HTML page")
    profile.add_argument("--save", metavar="FILE.json", help="also write the figures as JSON")
    profile.add_argument(
        "--verify",
        action="store_true",
        help="also run the candidates that need no edit, in turn with the unchanged program, and compare the times with "
        "the predictions",
    )
    profile.add_argument("--rounds", type=rounds, metavar="N", help="with --verify: runs of each (default: 3)")
    profile.set_defaults(run=run_profile, min_size=None, memory=False)
    commands.add_parser("profile", help="see who holds the GIL, and what would be gained", add_help=False)
    commands.choices["profile"] = profile


def setting_of(options: argparse.Namespace) -> Setting:
    """Return the interpreters, the cores and the thread count of a run."""
    import gilkit

    from . import interpreters, machine
    from .experiment import Setting

    chosen = interpreters.choose(options.python)
    return Setting(chosen, machine.affinity(), options.threads or gilkit.num_threads())


def run_experiment(options: argparse.Namespace) -> int:
    from . import experiments, results, tables

    output = tables.console()
    if options.name and options.all:
        raise LabError(f"--all runs every experiment; omit either --all or the name {options.name!r}")
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
) -> list[Result]:
    """Run experiments one after another until the last one or Ctrl-C, and call ``done`` after each."""
    from . import live, runner, tables

    view = live.view(tables.Output(stderr=True))
    found: list[Result] = []
    for experiment in chosen:
        obstacle = experiment.obstacle()
        if obstacle:
            view.note(f"{experiment.name}: skipped, {obstacle}")
            continue
        found.append(runner.run(experiment, setting, view, seconds=seconds))
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
    """Write the files in formats of other tools."""
    from . import pyperf

    if options.pyperf:
        pyperf.save(options.pyperf, found)


def status(found: Sequence[Result]) -> int:
    if any(result.interrupted for result in found):
        return INTERRUPTED
    return 1 if any(row.error for result in found for row in result.rows) else 0


def run_compare(options: argparse.Namespace) -> int:
    import tempfile

    from . import compare, results, tables, workloads

    old = results.load(options.against) if options.against else []
    for result in old:
        with results.shown(result):  # fails now if it is damaged, not after minutes of measuring
            compare.against(result.rows, result.rows)
    check_writable(options)
    if bool(options.target) == bool(options.module):
        which = "both TARGET and -m were given" if options.target else "it needs something to compare"
        raise LabError(f"{which}: name a workload ({', '.join(workloads.names())}) or a function of yours")
    setting = setting_of(options)
    target = options.target or options.module
    comparison = compare.build(target, options.inputs, options.seconds, options.rounds, bool(options.module))
    before = next((result for result in old if result.name == comparison.name), None)
    if options.against and before is None:
        names = ", ".join(result.name for result in old) or "nothing"
        raise LabError(f"{options.against!r} holds no comparison of {target!r} (it holds {names})")
    output = tables.console()

    def done(experiment: Experiment, result: Result, all_results: Sequence[Result]) -> None:
        if options.save:
            results.save(options.save, all_results)
        if not options.json:
            tables.show(output, experiment, result)
            for line in compare.against(result.rows, before.rows) if before else []:
                output.print(line, markup=False, highlight=False)

    with tempfile.TemporaryDirectory(prefix="gilkit-compare-") as comparison.folder:
        found = run_all([comparison], setting, None, done)
    if options.json:
        print_json(results.document(found))
    export(options, found)
    # A strategy that cannot run the function is a finding, not a failure.
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


def run_program(options: argparse.Namespace) -> int | Command:
    """Compare, or return the command that main() is to start."""
    from .program import command

    if options.compare:
        from .program import comparison

        return comparison.run(options)
    if options.report:
        from . import results

        results.check_writable(options.report)
        options.report = os.path.abspath(options.report)  # the program may change the current folder
    return command.patched(options, options.report)


def run_profile(options: argparse.Namespace) -> int:
    from .profile import command

    return command.run(options)


def run_doctor(options: argparse.Namespace) -> int:
    from . import doctor

    findings = doctor.examine(options.modules)
    status = 1 if doctor.failed(findings, options.modules) else 0
    if options.json:
        print_json(doctor.to_json(findings))
        return status
    from rich.table import Table
    from rich.text import Text

    from . import tables
    from .escaping import printable

    grid = Table(box=None, pad_edge=False, show_header=False)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    for each in findings:
        text = Text(printable(each.value))
        if each.advice:
            text.append(f"\n{each.advice}", style="dim")
        grid.add_row(Text(*MARKS[each.fine]), Text(printable(each.subject)), text)
    tables.console().print(tables.Trimmed(grid))
    return status


def print_json(data: Any) -> None:
    import json

    json.dump(data, sys.stdout, indent=1)
    sys.stdout.write("\n")


@contextlib.contextmanager
def stopping() -> Iterator[list[int]]:
    """Let SIGTERM and SIGHUP stop a run as Ctrl-C does: end the workers, and keep what was measured.

    Yields the list that collects the numbers of the signals that arrive.
    """
    came: list[int] = []

    def stop(number: int, frame: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    before = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # An ignored signal (nohup) stays ignored. Only the main thread may set handlers.
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            with contextlib.suppress(ValueError):
                before[number] = signal.signal(number, stop)
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status. Errors that the user can correct take one line.

    ``gilkit run`` does not return unless it fails: the program takes the place of this process.
    """
    with terminal.prepared(), stopping() as came:
        status = run(arguments)
    if isinstance(status, Command) and not came:
        # Here, where signals and streams are as the process got them: the program inherits them.
        try:
            status.start()
        except LabError as error:
            return fail(str(error))
    return 128 + came[0] if came else cast(int, status)


def run(arguments: Sequence[str] | None) -> int | Command:
    try:
        try:
            options = parser().parse_args(arguments)
            status: int | Command = options.run(options)
        finally:
            sys.stdout.flush()  # also after --help, which raises SystemExit
        return status
    except LabError as error:
        return fail(str(error))
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in DEPENDENCIES:
            raise
        return fail(
            f"this command needs the package {missing}, which is not installed for {sys.executable}; install it with "
            f"`python -m pip install {missing}`"
        )
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of the output is gone (| head). Discard what remains.
        terminal.forget(sys.stdout)
        return 0
    except OSError as error:
        if not terminal.is_output_lost(error):
            return fail(str(error))
        terminal.forget(sys.stdout)
        return fail(f"standard output cannot be written: {error.strerror}")


def fail(message: str) -> int:
    from .escaping import printable

    with contextlib.suppress(AttributeError, OSError, ValueError):  # standard error may be missing or closed
        sys.stderr.write(f"gilkit: error: {printable(message)}\n")
    return 2
