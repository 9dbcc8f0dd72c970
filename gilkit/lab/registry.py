"""Discover the experiments, workloads and strategies; adding a file to the folder adds one."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def modules(path: Iterable[str]) -> list[str]:
    """Return the names of a package's modules, with hyphens as on the command line."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(path))


def subclasses(module: str, base: type[T]) -> list[type[T]]:
    """Return the concrete public subclasses of ``base`` that a module defines, in source order."""
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
