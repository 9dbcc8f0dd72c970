"""The lab's errors, which the command line reports in one line instead of a traceback."""

from __future__ import annotations


class LabError(Exception):
    """An error that the user can correct: a wrong path, an unknown name, an unreadable file."""
