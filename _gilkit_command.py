"""Entry point of the command ``gilkit``, outside the package so that it can report why ``import gilkit`` fails.

Importing gilkit reads the environment variables ``GILKIT_*`` and raises ValueError for a value it does not accept. For
the command that is a mistake of the user like any other: one sentence, exit status 2.
"""

from __future__ import annotations

import contextlib
import sys


def report(error: ValueError) -> int:
    """Write the error to standard error and return the exit status. Raise it if it is not about the environment."""
    if not str(error).startswith("the environment variable GILKIT_"):
        raise error
    with contextlib.suppress(AttributeError, OSError, ValueError):  # standard error may be missing or closed
        sys.stderr.write(f"gilkit: error: {error}\n")
    return 2


def exit_if_command(error: ValueError) -> None:
    """Report the error and exit if this process is ``python -m gilkit``.

    Python imports the package before it runs ``gilkit/__main__.py``, so ``gilkit/__init__.py`` calls this function.
    Until the program runs, sys.argv is "-m" and the program's arguments. In sys.orig_argv they follow the program's
    name: "-m", "gilkit", or in one argument, "-mgilkit" or "-Imgilkit".
    """
    if sys.argv[:1] == ["-m"]:
        program = sys.orig_argv[-len(sys.argv)]
        if program == "gilkit" or (program.startswith("-") and program.endswith("mgilkit")):
            sys.exit(report(error))


def main() -> int:
    """Run the command line and return its exit status."""
    try:
        import gilkit  # noqa: F401
    except ValueError as error:
        return report(error)
    from gilkit.lab.cli import main as run

    return run()
