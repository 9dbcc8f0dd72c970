"""Detect the import of greenlet, so that programs without greenlets pay nothing for them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from gilkit.sync._wait import expect_greenlets


class GreenletImport:
    """A finder in sys.meta_path that removes itself once the finders after it have found greenlet."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "greenlet":
            return None
        finders = sys.meta_path[:]
        for finder in finders[finders.index(cls) + 1 :] if cls in finders else ():
            spec = finder.find_spec(name, path, target) if hasattr(finder, "find_spec") else None
            if spec is not None:
                expect_greenlets()
                sys.meta_path[:] = [other for other in sys.meta_path if other is not cls]
                return spec
        return None


def install_import_hook() -> None:
    if "greenlet" in sys.modules:
        expect_greenlets()
    elif GreenletImport not in sys.meta_path:
        sys.meta_path.insert(0, GreenletImport)
