"""The command line of ``gilkit run``, and the interpreter that it starts."""

from __future__ import annotations

import argparse
import marshal
import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from ..errors import LabError

STARTUP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "startup")
VARIABLE = "_GILKIT_RUN"  # startup/sitecustomize.py reads it
TAKE_VALUES = ("--threads", "--min-size", "--rounds")
PROGRAM = "SCRIPT, a folder or zip file with __main__.py, - for standard input, or -m MODULE"


def split(arguments: Sequence[str], take_values: Sequence[str] = TAKE_VALUES) -> tuple[list[str], list[str]]:
    """Split the words after ``gilkit run`` into gilkit's own options and the program with its arguments.

    ``take_values`` are the options whose value may be the next word. The program is in the form that the interpreter takes: ``[script, ...]``, ``["--", script, ...]``, ``["-", ...]``,
    ``["-m", module, ...]`` or ``["-mmodule", ...]``.
    """
    own: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest[0]
        if word in ("-", "--") or word.startswith("-m") or not word.startswith("-"):
            return own, rest
        own.append(rest.pop(0))
        if word in take_values and rest:
            own.append(rest.pop(0))
    return own, []


class RunParser(argparse.ArgumentParser):
    """A parser whose options end at the program. All words after that belong to the program."""

    take_values: Sequence[str] = TAKE_VALUES

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        own, program = split(sys.argv[1:] if args is None else args, self.take_values)
        options, unknown = super().parse_known_args(own, namespace)
        if unknown:
            self.error(
                f"there is no option {unknown[0]}; options of gilkit come before the program, those of the program after it"
            )
        self.check(options, program)
        options.program = program
        return options, []

    def check(self, options: argparse.Namespace, program: list[str]) -> None:
        """End with an error if options do not fit together."""
        self.check_program(program)
        if options.rounds is not None and not options.compare:
            self.error("--rounds is the number of runs of --compare, which is not given")

    def check_program(self, program: list[str]) -> None:
        if program[:1] == ["-m"] and not "".join(program[1:2]):
            self.error("-m needs the name of a module, got none")
        if not program or program == ["--"]:
            self.error(f"a program is needed: {PROGRAM}")


def interpreter_options(words: Sequence[str]) -> list[str]:
    """Return the interpreter's own options from sys.orig_argv, such as ``-u -X dev``.

    sys.flags does not have all of them. The options end at the first word that is none, and at -c or -m.
    """
    found: list[str] = []
    rest = list(words[1:])
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word in ("-", "--"):
            break
        if word.startswith("--"):
            found.append(word)
            if word == "--check-hash-based-pycs" and rest:
                found.append(rest.pop(0))
            continue
        for place, letter in enumerate(word[1:], 1):
            if letter in "cm":
                return found + ([word[:place]] if place > 1 else [])
            if letter in "WX":  # the value is the rest of this word, or the next one
                found.append(word)
                if place == len(word) - 1 and rest:
                    found.append(rest.pop(0))
                break
        else:
            found.append(word)
    return found


class Command(NamedTuple):
    """An interpreter's command line and environment."""

    words: list[str]
    environment: dict[str, str]

    def start(self) -> NoReturn:
        """Replace this process by the command. Raise LabError if the system refuses.

        Windows cannot replace a process: there, wait for the command, and exit with its status.
        """
        for file in (sys.stdout, sys.stderr):
            if file is not None and not file.closed:
                file.flush()
        try:
            if os.name == "nt":  # pragma: no cover
                sys.exit(self.wait())
            os.execve(self.words[0], self.words, self.environment)
        except OSError as error:
            raise LabError(f"{self.words[0]!r} cannot be started: {error.strerror}") from None

    def wait(self) -> int:
        """Run the command in a process of its own, and return its exit status. Ctrl-C is the command's to handle."""
        import subprocess

        with subprocess.Popen(self.words, env=self.environment) as process:
            while True:
                try:
                    return process.wait()
                except KeyboardInterrupt:
                    continue  # the console sent it to both processes


def unpatched(options: argparse.Namespace) -> Command:
    """Return the command that runs the program as it is. Raise LabError if that is bound to fail."""
    if not sys.executable:
        raise LabError("this Python does not know its own program (sys.executable is empty), so it cannot be started")
    check(options.program)
    return Command([sys.executable, *interpreter_options(sys.orig_argv), *options.program], dict(os.environ))


def patched(options: argparse.Namespace, report: str | None) -> Command:
    """Return the command that runs the program patched.

    ``report`` is None for no report, "" for a table on standard error, or a file for JSON.
    """
    if sys.flags.ignore_environment or sys.flags.no_site:
        raise LabError(
            "gilkit run reaches the program through PYTHONPATH and the module site, which the options -E, -I and -S of "
            "Python switch off; start it without them"
        )
    if os.pathsep in STARTUP:
        raise LabError(
            f"gilkit is installed in {STARTUP!r}, which PYTHONPATH cannot hold because of the {os.pathsep!r}"
        )
    command = unpatched(options)
    before = os.environ.get("PYTHONPATH")
    settings = {
        "pythonpath": before,
        "gilkit": root(),
        "threads": options.threads,
        "min_size": options.min_size,
        "memory": options.memory,
        "report": report,
        "skip": len(command.words) - len(options.program),  # words of sys.orig_argv before the program
    }
    path = STARTUP if not before else STARTUP + os.pathsep + before
    return Command(command.words, {**command.environment, "PYTHONPATH": path, VARIABLE: marshal.dumps(settings).hex()})


def root() -> str:
    """Return the folder that holds gilkit, which the program's interpreter may not have on its path."""
    import gilkit

    return os.path.dirname(os.path.dirname(os.path.abspath(gilkit.__file__)))


def check(program: Sequence[str]) -> None:
    """Raise LabError if the program's file does not exist. The interpreter finds out everything else."""
    name = program[1] if program[0] == "--" else program[0]
    if program[0].startswith("-m") or name == "-":
        return
    try:
        os.stat(name)
    except (OSError, ValueError) as error:  # ValueError: a null character
        reason = getattr(error, "strerror", None) or "a name cannot contain a null character"
        hint = (
            f"; to run a module, use -m {name}" if name.replace(".", "").isidentifier() and name[-3:] != ".py" else ""
        )
        raise LabError(f"{name!r} cannot be run: {reason}{hint}") from None
