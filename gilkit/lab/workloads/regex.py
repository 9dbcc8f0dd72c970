"""Search with regular expressions: the PyPI package ``regex`` with ``concurrent=True``, through ``gilkit.map``."""

from __future__ import annotations

import importlib.util
import re
from functools import partial
from typing import Any

import gilkit

from ..worker.gilkit_tasks.regex import PATTERN, pieces
from ..worker.gilkit_tasks.text import text
from ..workload import Workload, WrongResult


class Regex(Workload):
    name = "regex"
    title = "a regular expression (package regex)"
    unit = "bytes"

    def __init__(self, size: int = 4_000_000, engine: str | None = None) -> None:
        """``engine`` is "regex" or "re", and by default "regex" if installed. All interpreters use the same engine."""
        super().__init__(size=size, engine=engine or ("regex" if importlib.util.find_spec("regex") else "re"))
        self.needs = [self.size["engine"]] if self.size["engine"] != "re" else []
        pieces(size)  # generated outside the timed part

    @property
    def amount(self) -> float:
        return float(self.size["size"])

    def kernel(self, threads: int) -> Any:
        return self.solve(partial(gilkit.map, threads=threads), threads)

    def check(self, result: Any) -> None:
        expected = len(re.findall(PATTERN, text(self.size["size"])))
        if result != expected:
            raise WrongResult(f"there are {expected} matches, not {result!r}")
