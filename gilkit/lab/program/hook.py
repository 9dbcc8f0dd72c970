"""The part of ``gilkit run`` that uses gilkit inside the program's process; startup/sitecustomize.py decides when it
runs."""

from __future__ import annotations

import importlib
from typing import Any

import gilkit

from . import allocator

facade: Any = gilkit


def set_threads(number: int) -> None:
    gilkit.set_num_threads(number)


def patch(settings: dict[str, Any]) -> bool:
    """Patch NumPy, and return whether it is patched: an unknown NumPy gets a warning instead."""
    options: dict[str, Any] = {"memory": True} if settings["memory"] else {}
    facade.patch_numpy(min_size=settings["min_size"], **options)
    allocator.keep_freed_memory()
    if settings["report"] is not None:
        importlib.import_module("gilkit.patching").collect_statistics(True)
    return bool(facade.numpy_is_patched())


def report(path: str, program: list[str], wall: float, cpu: float, patched: bool) -> None:
    from . import report

    report.finish(report.collect(program, wall, cpu, patched), path)
