"""The report of ``gilkit run --report``: what ran in parallel, what did not and why, and how busy the cores were.

This module is imported in the program's process, so it needs little of the standard library and nothing else.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from typing import Any

import gilkit

from ..text import amount, plural

FORMAT = "gilkit-run"


def finish(found: dict[str, Any], path: str) -> None:
    """Report at the end of the program: to standard error, or as JSON to the file ``path``."""
    with contextlib.suppress(Exception):  # the interpreter flushes again, and reports what is wrong
        sys.stdout.flush()
    with contextlib.suppress(Exception):  # standard error may be closed or missing
        if path:
            try:
                write(path, json.dumps(found, indent=1) + "\n")
            except OSError as error:
                sys.__stderr__.write(f"gilkit run: {path!r} cannot be written: {error.strerror}\n")  # type: ignore[union-attr]
        else:
            sys.__stderr__.write(text(found))  # type: ignore[union-attr]
        sys.__stderr__.flush()  # type: ignore[union-attr]


def write(path: str, words: str) -> None:
    """Write a file completely or not at all.

    results.write() does the same, but imports modules that the program may not have.
    """
    special = os.path.exists(path) and not os.path.isfile(path)  # a pipe or a device, which must not be replaced
    part = path if special else path + ".part"
    with open(part, "w", encoding="utf-8") as file:
        file.write(words)
    if not special:
        os.replace(part, path)


def collect(program: list[str], wall: float, cpu: float, patched: bool) -> dict[str, Any]:
    """Return the figures of the run, in values that JSON can hold."""
    numpy = sys.modules.get("numpy")
    functions = {}
    if patched:
        for name, each in importlib.import_module("gilkit.patching").statistics().items():
            functions[name] = {
                "calls": each.calls, "items": each.items, "seconds": each.seconds, "serial": dict(each.serial),
            }  # fmt: skip
    return {
        "format": FORMAT,
        "version": 1,
        "program": program,
        "wall": wall,
        "cpu": cpu,
        "cpu_percent": 100 * cpu / wall if wall > 0 else 0.0,
        "threads": gilkit.num_threads(),
        "numpy": getattr(numpy, "__version__", None),
        "patched": patched,
        "functions": functions,
    }


def text(found: dict[str, Any]) -> str:
    """Return the report as plain text in ASCII."""
    if found["numpy"] is None:
        state = "the program did not import NumPy"
    else:
        state = f"NumPy {found['numpy']} {'patched' if found['patched'] else 'not patched'}"
    lines = [
        f"gilkit run: {found['wall']:.2f} s, CPU {found['cpu_percent']:.0f} % of one core, "
        f"{plural(found['threads'], 'thread')}, {state}"
    ]
    functions = found["functions"]
    if functions:
        small = {name: each for name, each in functions.items() if is_small(each)}
        others = {name: each for name, each in functions.items() if name not in small}
        if others:
            lines += table(others)
        if small:
            number = plural(len(small), "other function" if others else "function")
            calls = sum(sum(each["serial"].values()) for each in small.values())
            lines.append(f"{number}: {plural(calls, 'call')}, all too small.")
        serial = sum(sum(each["serial"].values()) for each in functions.values())
        calls = sum(each["calls"] for each in functions.values())
        seconds = sum(each["seconds"] for each in functions.values())
        lines.append(f"In parallel: {plural(calls, 'call')}, {seconds:.3f} s. Left to NumPy: {plural(serial, 'call')}.")
    elif found["patched"]:
        lines.append("No patched function was called.")
    return "\n".join(lines) + "\n"


def is_small(function: dict[str, Any]) -> bool:
    """Return whether all calls of the function were too small."""
    return function["calls"] == 0 and function["serial"].keys() == {"too small"}


def table(functions: dict[str, Any]) -> list[str]:
    """Return the lines of the table, with the longest times first."""
    rows = [("function", "calls", "items", "seconds", "left to NumPy")]
    for name, each in sorted(functions.items(), key=lambda pair: (-pair[1]["seconds"], pair[0])):
        reasons = sorted(each["serial"].items(), key=lambda pair: (-pair[1], pair[0]))
        why = ", ".join(f"{count:,} {reason}" for reason, count in reasons)
        rows.append((name, f"{each['calls']:,}", amount(each["items"]), f"{each['seconds']:.3f}", why))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        f"{name:<{widths[0]}}  {calls:>{widths[1]}}  {items:>{widths[2]}}  {seconds:>{widths[3]}}  {why}".rstrip()
        for name, calls, items, seconds, why in rows
    ]
