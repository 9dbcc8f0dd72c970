"""Format figures and lists for people."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

SHORTEST = 1e-11  # seconds; a tenth of that would be shown as 0.00 ns
_PREFIXES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def duration(seconds: float) -> str:
    """Format seconds with three digits and a unit, such as 12.3 µs."""
    if seconds == 0:
        return "0 s"
    if 0 < seconds < SHORTEST:
        return "< 0.01 ns"
    for factor, unit in _PREFIXES:
        if seconds >= factor:
            return f"{digits(seconds / factor)} {unit}"
    return f"{seconds / 1e-9:.2f} ns"


def durations(low: float, high: float) -> str:
    """Format an interval in one unit, such as 15.7–28.3 µs."""
    if high < SHORTEST:
        return duration(high)
    unit, words = next(((f, u) for f, u in _PREFIXES if high >= f), _PREFIXES[-1])
    return f"{digits(low / unit)}–{digits(high / unit)} {words}"


def amount(count: float) -> str:
    """Format a large number with a prefix, such as 12.3 M."""
    for power, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(count) >= power:
            return f"{digits(count / power)} {letter}"
    return digits(count)


def digits(value: float) -> str:
    """Format a number with three digits: 1.23, 12.3, 123, 1,234."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def factor(value: float) -> str:
    """Format a factor with three digits, or two below 0.1: 861×, 0.57×, 0.0041×."""
    if 0 < abs(value) < 0.1:
        return f"{value:.{1 - math.floor(math.log10(abs(value)))}f}×"
    return f"{digits(value)}×"


def size(count: float) -> str:
    """Format bytes in powers of two: 1 KiB, 1.5 MiB."""
    for unit in ("B", "KiB", "MiB"):
        if abs(count) < 1024:
            return f"{count:g} {unit}" if count == int(count) else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def listed(words: Sequence[str]) -> str:
    """Join words as in "a, b and c"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "none"


def relative(text: str) -> str:
    """Return ``… path/to/file.py:function`` with the path from the current folder, if the file is in it."""
    begin, slash, rest = text.partition(os.sep)
    words, blank, start = begin.rpartition(" ")
    where, colon, name = f"{start}{slash}{rest}".rpartition(":")
    if not os.path.isabs(where):
        return text
    try:
        inside = os.path.relpath(where)
    except (OSError, ValueError):  # the current folder is gone, or on another drive
        return text
    return text if inside.startswith(os.pardir) else f"{words}{blank}{inside}{colon}{name}"


def from_here(text: str) -> str:
    """Return text with paths from the current folder."""
    try:
        return text.replace(os.path.join(os.getcwd(), ""), "")
    except OSError:  # it is gone
        return text


def shorten(words: str, length: int) -> str:
    return words if len(words) <= length else words[: length - 1] + "…"


def shorten_middle(words: str, length: int) -> str:
    """Shorten text but keep its beginning and end."""
    half = (length - 3) // 2
    return words if len(words) <= length else f"{words[:half].rstrip()} … {words[-half:].lstrip()}"


def plural(count: int, word: str, many: str = "") -> str:
    return f"{count} {word if count == 1 else many or word + 's'}"
