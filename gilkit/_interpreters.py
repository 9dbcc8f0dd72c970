"""Which extension modules a sub-interpreter gets: those of `_isolated/modules`.

Cython keeps the objects of a module in static memory, where they belong to the
one interpreter that imports it. Compiled with CYTHON_USE_MODULE_STATE it keeps
them for each interpreter, and looks them up at each use, which costs an atomic
counter that all threads share. The main interpreter shall not pay for that. So
setup.py compiles these modules twice. docs/sub-interpreters.md tells the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

# One file with the init functions of all of them.
MODULES = str(Path(__file__).parent / "_isolated" / f"modules{EXTENSION_SUFFIXES[0]}")
# Those whose .pyx says so in its first line, and what all of them share.
ISOLATED = frozenset({
    "gilkit._call", "gilkit._cyutility", "gilkit._imap", "gilkit.kernels.pi", "gilkit.kernels.spin", "gilkit.mapping",
    "gilkit.parallel", "gilkit.runtime", "gilkit.sync._condition", "gilkit.sync._counters", "gilkit.sync._locks",
    "gilkit.sync._rwlock", "gilkit.sync._signals", "gilkit.sync._wait",
})  # fmt: skip


class IsolatedModules:
    """A finder for sys.meta_path."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith("gilkit."):
            return None
        if name in ISOLATED:
            return spec_from_file_location(name, MODULES, loader=ExtensionFileLoader(name, MODULES))
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
