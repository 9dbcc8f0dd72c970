"""Which extension modules a sub-interpreter gets: those in `_isolated/`.

Cython keeps the objects of a module in static memory, where they belong to the
one interpreter that imports it. Compiled with CYTHON_USE_MODULE_STATE it keeps
them for each interpreter, and looks them up at each use, which costs an atomic
counter that all threads share. The main interpreter shall not pay for that. So
setup.py compiles these modules twice. docs/sub-interpreters.md tells the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ExtensionFileLoader, ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent


class IsolatedModules:
    """A finder for sys.meta_path."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        package, *parts = name.split(".")
        if package != "gilkit" or not parts:
            return None
        isolated = PathFinder.find_spec(name, [str(HERE.joinpath("_isolated", *parts[:-1]))])
        if isolated is not None and isinstance(isolated.loader, ExtensionFileLoader):
            return isolated
        spec = PathFinder.find_spec(name, path)
        if spec is not None and isinstance(spec.loader, ExtensionFileLoader) and name != "gilkit._core":
            raise ImportError(
                f"{name} works in the main interpreter alone: "
                + (
                    "a C module has one table of gilkit's functions for all interpreters"
                    if name == "gilkit._capi"
                    else "it needs NumPy, which cannot be imported in sub-interpreters"
                )
                + ". In sub-interpreters there are spin, pi, map, imap, starmap, parallel_for, sync and the runtime.",
                name=name,
            )
        return spec


def prepare() -> None:
    """Before a sub-interpreter imports anything else of gilkit."""
    if sys.version_info < (3, 12):
        raise ImportError(
            "gilkit works in sub-interpreters from CPython 3.12 on; in 3.11, in the main interpreter alone"
        )
    elif not any(isinstance(finder, type) and issubclass(finder, IsolatedModules) for finder in sys.meta_path):
        sys.meta_path.insert(0, IsolatedModules)
