"""The strategies; a new class in this folder is discovered automatically."""

from __future__ import annotations

from functools import cache

from ..errors import LabError
from ..registry import modules, subclasses
from ..strategy import Strategy

# The simplest first: plain Python, then gilkit, then the peers. Files not listed here come last.
_ORDER = (
    "serial",
    "asyncio",
    "threads",
    "pool",
    "subinterpreters",
    "free-threaded",
    "patched-numpy",
    "gilkit-map",
    "executor",
    "kernel",
    "peers",
)


@cache
def every() -> tuple[Strategy, ...]:
    files = sorted(modules(__path__), key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))
    return tuple(found() for name in files for found in subclasses(f"{__name__}.{name}", Strategy))


def names() -> list[str]:
    return [strategy.name for strategy in every()]


def get(name: str) -> Strategy:
    """Return the strategy called ``name``; raise LabError if there is none."""
    for strategy in every():
        if strategy.name == name:
            return strategy
    raise LabError(f"there is no strategy {name!r}; there are: {', '.join(names())}")
