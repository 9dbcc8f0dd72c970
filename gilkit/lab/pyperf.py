"""Write the lab's figures in pyperf's file format, for ``pyperf compare_to``, ``stats``, ``hist`` and others.

Every case with a known time becomes a benchmark, named after its result, label and interpreter. Every round becomes a run
with one value: the seconds per operation, or the total in comparisons and where nothing was counted. Cases without a time
are left out. Writing does not need pyperf.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from .compare import PREFIX
from .errors import LabError
from .experiment import Row
from .results import Result, write

VERSION = "1.0"


def seconds(result: Result, row: Row) -> list[float]:
    """Return the time of each round, or an empty list unless every round has one."""
    for key in ("wall",) if result.name.startswith(PREFIX) else ("each", "wall"):
        values = row.values(key)
        if len(values) == len(row.samples) and all(value > 0 for value in values):
            return values
    return []


def document(results: Sequence[Result]) -> dict[str, Any]:
    """Return the document that pyperf would write. Raise LabError if the results hold no time."""
    benchmarks = []
    for result in results:
        for row in result.rows:
            values = seconds(result, row)
            if not values:
                continue
            metadata = {
                "name": f"{result.name}: {row.label} ({row.interpreter.label})",
                "unit": "second",
                "date": result.started[:19].replace("T", " "),
                "cpu_model_name": str(result.machine.get("processor", "")),
                "platform": str(result.machine.get("system", "")),
                "python_version": row.interpreter.version,
                "python_executable": row.interpreter.executable,
                "description": result.claim,
            }
            runs = [{"values": [value]} for value in values]
            benchmarks.append({"metadata": {key: text for key, text in metadata.items() if text}, "runs": runs})
    if not benchmarks:
        raise LabError("there is no time in these results that pyperf could load")
    return {"version": VERSION, "benchmarks": benchmarks}


def save(path: str | os.PathLike[str], results: Sequence[Result]) -> None:
    write(path, json.dumps(document(results), indent=1) + "\n")
