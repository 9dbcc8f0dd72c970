"""SHA-256 of many buffers: hashlib through ``gilkit.map``."""

from __future__ import annotations

from functools import partial
from typing import Any

import gilkit

from ..worker.gilkit_tasks.sha256 import buffers, digest
from ..workload import Workload, WrongResult


class Sha256(Workload):
    name = "sha256"
    title = "SHA-256 of many buffers (hashlib)"
    unit = "bytes"

    def __init__(self, count: int = 2000, size: int = 65_536) -> None:
        super().__init__(count=count, size=size)
        buffers(count, size)  # generated outside the timed part

    @property
    def amount(self) -> float:
        return float(self.size["count"] * self.size["size"])

    def kernel(self, threads: int) -> Any:
        return self.solve(partial(gilkit.map, threads=threads), threads)

    def check(self, result: Any) -> None:
        expected = [digest(buffer) for buffer in buffers(**self.size)]
        if list(result) != expected:
            raise WrongResult("the digests are not those of the buffers")
