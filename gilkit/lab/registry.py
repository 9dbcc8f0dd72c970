"""Finds the experiments, workloads and strategies: a file in the folder is all it takes to add one."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def modules(path: Iterable[str]) -> list[str]:
    """The names of a package's modules, with hyphens as the command line writes them."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(path))


def subclasses(module: str, base: type[T]) -> list[type[T]]:
    """The subclasses of ``base`` that a module defines and that can be made, in the order they stand there."""
    loaded = importlib.import_module(module.replace("-", "_"))
    return [
        value
        for value in vars(loaded).values()
        if isinstance(value, type)
        and issubclass(value, base)
        and value.__module__ == loaded.__name__
        and not getattr(value, "__abstractmethods__", None)
        and not value.__name__.startswith("_")
    ]


def only_subclass(module: str, base: type[T]) -> type[T]:
    (found,) = subclasses(module, base)
    return found
