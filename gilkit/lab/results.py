"""The results of a run, saved and loaded as versioned JSON."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import checking
from .errors import LabError
from .experiment import Outcome, Row, Setting, Verdict
from .interpreters import Interpreter

FORMAT = "gilkit-lab"
VERSION = 1
# The parts of a saved result that all experiments share.
SHAPE = {
    "name": str,
    "claim": str,
    "started": str,
    "seconds": float,
    "rounds": int,
    "interrupted": bool,
    "machine": dict,
    "setting": {"interpreters": [Interpreter.SHAPE], "cores": int, "threads": int},
    "rows": [Row.SHAPE],
    "verdict": checking.Nullable({"outcome": str, "scope": str, "text": str}),
    "strip": [[float]],
    "warnings": [str],
}


@dataclass
class Result:
    """The run of one experiment: every raw sample, the machine, and the verdict."""

    name: str
    claim: str
    setting: Setting
    machine: dict[str, Any]
    started: str
    seconds: float
    rounds: int
    rows: list[Row] = field(default_factory=list)
    verdict: Verdict | None = None
    # CPU % of each core while it ran: [seconds since the start, index of the case, core 0, core 1, ...].
    strip: list[list[float]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    interrupted: bool = False
    source: str = field(default="", compare=False)  # the file it was loaded from

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "experiment",
            "name": self.name,
            "claim": self.claim,
            "started": self.started,
            "seconds": self.seconds,
            "rounds": self.rounds,
            "interrupted": self.interrupted,
            "machine": self.machine,
            "setting": {
                "interpreters": [each.to_json() for each in self.setting.interpreters],
                "cores": self.setting.cores,
                "threads": self.setting.threads,
            },
            "rows": [row.to_json() for row in self.rows],
            "verdict": self.verdict
            and {"outcome": self.verdict.outcome.value, "scope": self.verdict.scope, "text": self.verdict.text},
            "strip": self.strip,
            "warnings": self.warnings,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], source: str = "") -> Result:
        verdict = data["verdict"]
        return cls(
            name=data["name"],
            claim=data["claim"],
            setting=Setting(
                [Interpreter.from_json(each) for each in data["setting"]["interpreters"]],
                data["setting"]["cores"],
                data["setting"]["threads"],
            ),
            machine=data["machine"],
            started=data["started"],
            seconds=data["seconds"],
            rounds=data["rounds"],
            rows=[Row.from_json(row) for row in data["rows"]],
            verdict=verdict and Verdict(Outcome(verdict["outcome"]), verdict["text"], verdict["scope"]),
            strip=data["strip"],
            warnings=data["warnings"],
            interrupted=data["interrupted"],
            source=source,
        )


def document(results: Sequence[Result]) -> dict[str, Any]:
    return {"format": FORMAT, "version": VERSION, "results": [result.to_json() for result in results]}


def save(path: str | os.PathLike[str], results: Sequence[Result]) -> None:
    """Write the results to a file, completely or not at all."""
    write(path, json.dumps(document(results), indent=1) + "\n")


def write(path: str | os.PathLike[str], text: str) -> None:
    """Write a file completely or not at all. Raise LabError if it cannot be written."""
    name = os.fspath(path)
    try:
        if is_special(name):
            Path(name).write_text(text, encoding="utf-8")
            return
        target = Path(os.path.realpath(name))  # keeps a symbolic link and replaces the file it points to
        part = target.with_name(target.name + ".part")
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
    except OSError as error:
        raise LabError(f"{name!r} cannot be written: {error.strerror}") from None


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise LabError if write() could not write there, before minutes of measuring rather than after."""
    name = os.fspath(path)
    try:
        folder = os.path.dirname(os.path.realpath(name))
        if not name or Path(name).is_dir():
            raise LabError(f"{name!r} cannot be written: {'it is a folder' if name else 'the name is empty'}")
        writable = os.access(name if is_special(name) else folder, os.W_OK)
    except OSError as error:  # a name that is too long, or a folder that is gone or not accessible
        raise LabError(f"{name!r} cannot be written: {error.strerror}") from None
    if not writable or not os.path.isdir(folder):
        raise LabError(f"{name!r} cannot be written: {folder!r} is not a writable folder")


def is_special(name: str) -> bool:
    """Whether ``name`` is a device or a pipe, such as /dev/stdout, which must not be replaced by a file."""
    path = Path(name)
    return path.exists() and not path.is_file() and not path.is_dir()


def load(path: str | os.PathLike[str]) -> list[Result]:
    """Return the results in a file. Raise LabError if it cannot be read or holds something else."""
    name = os.fspath(path)
    try:
        data = checking.parse(Path(path).read_text(encoding="utf-8-sig"))
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise checking.Damaged(f'does not hold the lab\'s results (no "format": "{FORMAT}")')
        version = data.get("version")
        if version != VERSION or isinstance(version, bool):
            found = checking.shown(version)
            raise checking.Damaged(f"has version {found}; this gilkit reads version {VERSION}")
        return [_result(each, f"results[{index}]", name) for index, each in enumerate(_list(data))]
    except OSError as error:
        raise LabError(f"{name!r} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise LabError(f"{name!r} is not JSON: it is not UTF-8 text") from None
    except checking.Damaged as error:
        raise LabError(f"{name!r} {error}") from None


def _list(data: Mapping[str, Any]) -> list[Any]:
    try:
        checking.check(data, {"results": [dict]}, "it")
    except checking.Damaged as error:
        raise checking.Damaged(f"is damaged: {error}") from None
    found: list[Any] = data["results"]
    return found


def _result(data: Any, where: str, source: str) -> Result:
    try:
        checking.check(data, SHAPE, where)
        verdict = data["verdict"]
        if verdict and verdict["outcome"] not in list(Outcome):
            raise checking.Damaged(f"{where}.verdict.outcome is unknown: {checking.shown(verdict['outcome'])}")
        for index, look in enumerate(data["strip"]):
            if len(look) != len(data["strip"][0]) or len(look) < 2 or look[1] < 0:
                raise checking.Damaged(f"{where}.strip[{index}] must hold a time, a case and the per cent of each core")
        return Result.from_json(data, source)
    except checking.Damaged as error:
        raise checking.Damaged(f"is damaged: {error}") from None


@contextlib.contextmanager
def shown(result: Result) -> Iterator[None]:
    """Turn errors from the figures of a loaded result into a LabError that names its file.

    A saved file may lack what its experiment needs. Errors from a result that the lab has just measured are bugs, and
    pass through.
    """
    try:
        yield
    except LabError as error:
        if not result.source:
            raise
        raise LabError(f"{result.source!r}: {error}") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if not result.source:
            raise
        reason = f"it has no {error.args[0]!r}" if isinstance(error, KeyError) and error.args else str(error)
        where = f"{result.source!r} is damaged: the figures of {result.name!r} cannot be used"
        raise LabError(f"{where} ({reason or type(error).__name__})") from None
