"""The import hook of sub-interpreters, which get the extension modules of `_isolated/modules`.

Cython keeps the objects of a module in static memory, where they belong to the
one interpreter that imports it. With CYTHON_USE_MODULE_STATE it keeps them per
interpreter and looks them up at each use, which costs an operation on an atomic
counter that all threads share. setup.py compiles these modules twice
(tools/isolated.py), so the main interpreter does not pay for that. See
docs/sub-interpreters.md.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

# A module that needs NumPy is refused by name: NumPy's own error does not say what works here.
NEED_NUMPY = ("gilkit.array_api", "gilkit.blocks", "gilkit.kernels.", "gilkit.pandas", "gilkit.patching")

# One file contains the init functions of all these modules.
MODULES = str(Path(__file__).parent / "_isolated" / f"modules{EXTENSION_SUFFIXES[0]}")


@cache
def isolated() -> frozenset[str]:
    """Return the names of the modules in that file, from a list that setup.py installs."""
    return frozenset(Path(MODULES).with_name("modules.txt").read_text().split())


class IsolatedModules:
    """A finder for sys.meta_path that returns the isolated builds."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith("gilkit."):
            return None
        if name in isolated():
            return spec_from_file_location(name, MODULES, loader=ExtensionFileLoader(name, MODULES))
        spec = PathFinder.find_spec(name, path)
        is_extension = spec is not None and isinstance(spec.loader, ExtensionFileLoader)
        if (is_extension and name != "gilkit._core") or name.startswith(NEED_NUMPY):
            raise ImportError(
                f"{name} works only in the main interpreter: "
                + (
                    "a C module has one table of gilkit's functions for all interpreters"
                    if name == "gilkit._capi"
                    else "it needs NumPy, which cannot be imported in sub-interpreters"
                )
                + ". In sub-interpreters there are spin, pi, map, imap, starmap, Executor, as_completed, to_thread, aimap, "
                "parallel_for, sync and the runtime.",
                name=name,
            )
        return spec


def prepare() -> None:
    """Install the import hook, before a sub-interpreter imports anything else of gilkit."""
    if sys.version_info < (3, 12):
        raise ImportError(
            "gilkit works in sub-interpreters from CPython 3.12 on; in 3.11, only in the main interpreter"
        )
    elif not any(isinstance(finder, type) and issubclass(finder, IsolatedModules) for finder in sys.meta_path):
        sys.meta_path.insert(0, IsolatedModules)
