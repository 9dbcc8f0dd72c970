"""The interface of workloads: the same work for every strategy, its size, and the check of its result."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any, ClassVar

Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


class WrongResult(AssertionError):
    """The answer of a strategy is not the workload's answer."""


class Workload(ABC):
    """CPU-bound work of a fixed size.

    The pure-Python version is the module of the same name in ``worker/gilkit_tasks``. Its ``solve(map, parts, **size)``
    splits the work into at least ``parts`` parts and runs them through ``map``, any function with the signature of the
    built-in one, so a strategy is little more than its ``map``. The native versions are methods: ``kernel`` for gilkit,
    and one named after each peer that can do the work, which takes the thread count and returns a function without
    arguments.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str]  # unit of useful work
    needs: Sequence[str] = ()  # modules outside the standard library that the pure-Python version imports
    chunksize: ClassVar[int | None] = 1  # for pools that accept one; solve() has already split the work

    def __init__(self, **size: Any) -> None:
        self.size = size

    @property
    def module(self) -> ModuleType:
        """Return the module of the pure-Python version."""
        return importlib.import_module(f"gilkit.lab.worker.gilkit_tasks.{self.name}")

    @property
    @abstractmethod
    def amount(self) -> float:
        """Return the number of units of useful work."""

    def solve(self, map: Map, parts: int) -> Any:
        """Do the work in pure Python."""
        return self.module.solve(map, parts, **self.size)

    def kernel(self, threads: int) -> Any:
        """Do the work with gilkit: its kernel, or gilkit.map over a library that releases the GIL."""
        raise NotImplementedError(f"gilkit has no kernel for {self.name}")

    @property
    def has_kernel(self) -> bool:
        return type(self).kernel is not Workload.kernel

    @abstractmethod
    def check(self, result: Any) -> None:
        """Raise WrongResult unless ``result`` is the answer."""

    def peer(self, name: str) -> Callable[[int], Callable[[], Any]] | None:
        """Return the peer's version of the work, or None."""
        return getattr(self, name, None)
