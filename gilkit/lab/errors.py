"""The lab's own errors: what the command line reports in one line instead of a traceback."""

from __future__ import annotations


class LabError(Exception):
    """Something the reader can put right: a wrong path, an unknown name, an unreadable file."""
