"""Cope with standard output and error that are closed, missing, full, without a reader, or unable to encode "✓"."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

# ASCII replacements for the other characters that the lab prints, one for one to keep columns aligned.
_SUBSTITUTES = dict(zip("✓✗◐→×–…µ≈▶█▉▊▋▌▍▎▏·│─━╸╺’▁▂▃▄▅▆▇±", "+x~>x-.u~>########.|----'_.:-=+*~", strict=True))
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF, errno.EROFS}


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_SUBSTITUTES.get(each, "?") for each in error.object[error.start : error.end]), error.end


codecs.register_error("gilkit.lab", _replace)


class Aside:
    """A wrapper for standard error that drops what cannot be written."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):  # ValueError: it was closed
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._file.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def sizes() -> dict[str, str]:
    """Return the environment without COLUMNS and LINES that are not valid sizes."""
    return {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES") or _is_size(value)}


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6 and int(text) > 0


def _usable(file: Any) -> bool:
    return file is not None and not getattr(file, "closed", False)


@contextlib.contextmanager
def prepared() -> Iterator[None]:
    """Make sys.stdout and sys.stderr exist and accept every character, and keep standard error from failing."""
    before = sys.stdout, sys.stderr
    occupied = []
    if os.name == "posix":
        # Occupy the descriptors 0 to 2: a file opened as number 1 would receive what children print.
        while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(number, True)
            occupied.append(number)
        os.close(number)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        sys.stdout, sys.stderr = (file if _usable(file) else nowhere for file in before)
        for file in (sys.stdout, sys.stderr):
            # Replacements in tests and notebooks lack reconfigure() but accept every character.
            if getattr(file, "errors", None) in ("strict", "surrogateescape") and hasattr(file, "reconfigure"):
                file.reconfigure(errors="gilkit.lab")
        sys.stderr = cast(TextIO, Aside(sys.stderr))
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
            for number in occupied:
                os.close(number)


def forget(file: Any) -> None:
    """Discard what a stream could not write; the interpreter would try again at exit."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        number = os.open(os.devnull, os.O_WRONLY)
        os.dup2(number, file.fileno())
        os.close(number)


def is_output_lost(error: OSError) -> bool:
    """Whether ``error`` means that standard output cannot be written; errors of other files name them."""
    return error.filename is None and error.errno in _FULL
