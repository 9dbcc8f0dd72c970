"""What ``gilkit run`` does in the process of the program: patch NumPy when the program imports it, and report at exit.

NumPy is not imported before the program does it: a program may set OMP_NUM_THREADS, warning filters or sys.path first.
Nothing here may change the program's result, so an error is a line on standard error.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import gilkit

facade: Any = gilkit


def start(settings: dict[str, Any]) -> None:
    """Arrange everything that the options of ``gilkit run`` ask for."""
    if settings["threads"] is not None:
        gilkit.set_num_threads(settings["threads"])
    reporting = settings["report"] is not None

    def patch() -> None:
        try:
            facade.patch_numpy(min_size=settings["min_size"], memory=settings["memory"])
            if reporting:
                importlib.import_module("gilkit.patching").collect_statistics(True)
        except Exception as error:
            say(f"NumPy stays unpatched: {type(error).__name__}: {error}")

    if "numpy" in sys.modules:  # by a .pth file
        patch()
    else:
        sys.meta_path.insert(0, AfterImport("numpy", patch))
    if reporting:
        # Imported now, because the program may put modules of the same names on sys.path.
        from . import report

        begun = report.Begun(settings["program"], os.getpid(), time.perf_counter(), time.process_time())
        # Functions that are registered first run last: after the program's own, and after its threads have ended.
        atexit.register(report.finish, begun, settings["report"])


def say(text: str) -> None:
    """Print a line on the standard error that the process began with, if that is possible."""
    with contextlib.suppress(Exception):
        if sys.__stderr__ is not None:
            sys.__stderr__.write(f"gilkit run: {text}\n")
            sys.__stderr__.flush()


class AfterImport:
    """A finder that calls a function after the first successful import of a module, and then removes itself."""

    def __init__(self, name: str, function: Callable[[], None]) -> None:
        self.name, self.function = name, function

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != self.name:
            return None
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find else None
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader, self)
                return spec
        return None

    def done(self) -> None:
        with contextlib.suppress(ValueError):  # two threads, or a program that has replaced the list
            sys.meta_path.remove(self)  # type: ignore[arg-type]
            self.function()


class _Loader:
    """A loader that does as another one does, and tells the finder when the module has been executed."""

    def __init__(self, loader: Any, finder: AfterImport) -> None:
        self._loader, self._finder = loader, finder

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        module.__spec__.loader = module.__loader__ = self._loader  # as without gilkit
        self._loader.exec_module(module)
        self._finder.done()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
