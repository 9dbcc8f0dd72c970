"""What a run produced, saved and loaded as JSON with a version."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import LabError
from .experiment import Outcome, Row, Setting, Verdict
from .interpreters import Interpreter

FORMAT = "gilkit-lab"
VERSION = 1


@dataclass
class Result:
    """One experiment's run: every raw sample, the machine it was made on, and the verdict."""

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
    def from_json(cls, data: Mapping[str, Any]) -> Result:
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
        )


def document(results: Sequence[Result]) -> dict[str, Any]:
    return {"format": FORMAT, "version": VERSION, "results": [result.to_json() for result in results]}


def save(path: str | os.PathLike[str], results: Sequence[Result]) -> None:
    """Writes the results to a file; it is there whole or not at all."""
    target = Path(path)
    part = target.with_name(target.name + ".part")
    try:
        part.write_text(json.dumps(document(results), indent=1) + "\n", encoding="utf-8")
        part.replace(target)
    except OSError as error:
        raise LabError(f"{os.fspath(path)!r} cannot be written: {error.strerror}") from None


def check_writable(path: str | os.PathLike[str]) -> None:
    """LabError when save() could not write there: better known before minutes of measuring than after."""
    folder = Path(path).resolve().parent
    if not os.access(folder, os.W_OK) or Path(path).is_dir():
        raise LabError(f"{os.fspath(path)!r} cannot be written: {os.fspath(folder)!r} is no folder to write in")


def load(path: str | os.PathLike[str]) -> list[Result]:
    """The results in a file. LabError when it cannot be read or holds something else."""
    name = os.fspath(path)
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise LabError(f"{name!r} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise LabError(f"{name!r} is not JSON: {error}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise LabError(f'{name!r} does not hold the lab\'s results (no "format": "{FORMAT}")')
    if data.get("version") != VERSION:
        raise LabError(f"{name!r} is of version {data.get('version')!r}; this gilkit reads version {VERSION}")
    try:
        return [Result.from_json(each) for each in data["results"]]
    except (KeyError, TypeError, ValueError) as error:
        raise LabError(f"{name!r} is damaged: {type(error).__name__}: {error}") from None
