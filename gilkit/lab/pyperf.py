"""The lab's figures in pyperf's file format, for ``pyperf compare_to``, ``stats``, ``hist`` and others to load.

Every case of which a time is known becomes a benchmark, named after its result, its label and its interpreter, and every
round a run with one value: the seconds for one operation, or for the whole, where nothing was counted and in comparisons.
Cases without any time are left out. pyperf itself is not needed to write it.
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
    """The time of each round; empty where there is none for every round."""
    for key in ("wall",) if result.name.startswith(PREFIX) else ("each", "wall"):
        values = row.values(key)
        if len(values) == len(row.samples) and all(value > 0 for value in values):
            return values
    return []


def document(results: Sequence[Result]) -> dict[str, Any]:
    """What pyperf would have written. LabError when there is no time in it."""
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
