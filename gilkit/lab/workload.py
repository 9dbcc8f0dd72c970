"""What a workload is: the same piece of work for every strategy, its size, and how its result is checked."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any, ClassVar

Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


class WrongResult(AssertionError):
    """A strategy's answer is not the workload's answer."""


class Workload(ABC):
    """CPU-bound work of a fixed size.

    The pure-Python side is the module of the same name in ``worker/gilkit_tasks``: its ``solve(map, parts, **size)``
    does the work in ``parts`` parts or more through any function with the shape of the built-in ``map``. So a strategy
    is little more than its ``map``. The native sides are the methods here: ``kernel`` for gilkit, and for each peer
    that can do the work, a method of the peer's name: it takes the thread count and returns a function without
    arguments.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str]  # of useful work
    needs: Sequence[str] = ()  # modules besides the standard library's that the pure-Python side imports
    chunksize: ClassVar[int | None] = 1  # for pools that take one; solve() has cut the work already

    def __init__(self, **size: Any) -> None:
        self.size = size

    @property
    def module(self) -> ModuleType:
        """The pure-Python side."""
        return importlib.import_module(f"gilkit.lab.worker.gilkit_tasks.{self.name}")

    @property
    @abstractmethod
    def amount(self) -> float:
        """How many units of useful work it is."""

    def solve(self, map: Map, parts: int) -> Any:
        """Does the work in pure Python."""
        return self.module.solve(map, parts, **self.size)

    def kernel(self, threads: int) -> Any:
        """Does the work in gilkit's kernel; for work that has none, gilkit.map is the way."""
        raise NotImplementedError(f"gilkit has no kernel for {self.name}")

    @property
    def has_kernel(self) -> bool:
        return type(self).kernel is not Workload.kernel

    @abstractmethod
    def check(self, result: Any) -> None:
        """Raises WrongResult unless ``result`` is the answer."""

    def peer(self, name: str) -> Callable[[int], Callable[[], Any]] | None:
        """The peer's side of the work, or None where it has none."""
        return getattr(self, name, None)
