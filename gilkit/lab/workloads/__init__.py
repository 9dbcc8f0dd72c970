"""The workloads, one file each; a new file in this folder is discovered automatically."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from ..custom import Custom
from ..errors import LabError
from ..registry import modules, only_subclass
from ..workload import Workload


def names() -> list[str]:
    return modules(__path__)


@cache
def _class(name: str) -> type[Workload]:
    return only_subclass(f"{__name__}.{name}", Workload)


def custom(size: Mapping[str, Any]) -> Workload:
    """Return the user's own function as a workload; see gilkit.lab.custom."""
    return Custom(**size)


def get(name: str, **size: object) -> Workload:
    """Return the workload called ``name``, with its default size changed by ``size``; raise LabError if there is none."""
    if name not in names():
        raise LabError(f"there is no workload {name!r}; there are: {', '.join(names())}")
    return _class(name)(**size)
