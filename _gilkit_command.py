"""Entry point of the command ``gilkit``, outside the package so that it can report why ``import gilkit`` fails."""

from __future__ import annotations

import contextlib
import sys


def main() -> int:
    """Run the command line and return its exit status.

    Importing gilkit reads the environment variables ``GILKIT_*`` and raises ValueError for a value it does not accept.
    That is a mistake in the command like any other: one sentence, exit status 2.
    """
    try:
        import gilkit  # noqa: F401
    except ValueError as error:
        if not str(error).startswith("the environment variable GILKIT_"):
            raise
        with contextlib.suppress(AttributeError, OSError, ValueError):  # standard error may be missing or closed
            sys.stderr.write(f"gilkit: error: {error}\n")
        return 2
    from gilkit.lab.cli import main as run

    return run()
