"""gzip: blocks compressed in parallel by zlib and joined into one valid file, as pigz does."""

from __future__ import annotations

import gzip
from functools import partial
from typing import Any

import gilkit

from ..worker.gilkit_tasks.text import text
from ..workload import Workload, WrongResult


class Gzip(Workload):
    name = "gzip"
    title = "gzip compression (zlib, in blocks)"
    unit = "bytes"

    def __init__(self, size: int = 16_000_000, level: int = 6) -> None:
        super().__init__(size=size, level=level)
        text(size)  # generated outside the timed part

    @property
    def amount(self) -> float:
        return float(self.size["size"])

    def kernel(self, threads: int) -> Any:
        return self.solve(partial(gilkit.map, threads=threads), threads)

    def check(self, result: Any) -> None:
        try:
            data = gzip.decompress(bytes.fromhex(result))
        except (OSError, EOFError, ValueError, TypeError) as error:
            raise WrongResult(f"not a gzip file: {error}") from error
        if data != text(self.size["size"]):
            raise WrongResult("the file holds a different text")
