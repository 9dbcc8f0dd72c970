"""Builds Cython modules a second time, with their objects kept per interpreter.

Cython keeps a module's objects in static memory, where they belong to the one interpreter that imports the module.
With CYTHON_USE_MODULE_STATE it keeps them per interpreter, which costs two atomic operations at each use. So only
sub-interpreters get these builds; docs/sub-interpreters.md has the measurements.

The C that Cython generates is patched in a few places. Each patch asserts how often it matches: when Cython changes,
the build stops here and names the patch, instead of making a module that crashes.
"""

from __future__ import annotations

import builtins
import re
from dataclasses import dataclass
from pathlib import Path

MARK = "subinterpreters_compatible"  # in the first line of a .pyx
NAMES = "modules.txt"  # installed next to the modules, one name a line


@dataclass(frozen=True)
class Patch:
    """A replacement that must match `count` times in a file that contains it at all."""

    reason: str
    old: str
    new: str
    count: int = 1

    def apply(self, text: str, path: str) -> str:
        found = text.count(self.old)
        if found not in (0, self.count):
            raise ValueError(
                f"{path}: expected {self.count} match(es) of {self.old!r}, found {found}. Cython has changed. "
                f"Read the generated code again ({self.reason}), then mend the patch in tools/isolated.py or, if Cython "
                f"no longer needs it, remove it."
            )
        return text.replace(self.old, self.new)


# Cython 3.3 looks up an interpreter beyond the end of its table, from the 33rd interpreter on, and takes what it finds
# there for an entry.
PATCHES = (
    Patch(
        "reads past the end of the table of interpreters",
        "if (found && found->id == interpreter_id)",
        "if (found && found < data->table + data->count && found->id == interpreter_id)",
    ),
    Patch(
        "reads past the end of the table of interpreters",
        "if (lower_bound->id != interpreter_id) goto done;",
        "if (lower_bound == data->table + data->count || lower_bound->id != interpreter_id) goto done;",
    ),
)


def works_in_subinterpreters(pyx: Path) -> bool:
    """Whether the module says so in its first line."""
    return MARK in pyx.read_text().partition("\n")[0]


def with_module_state(generated: Path) -> Path:
    """Return a copy of Cython's C file that keeps objects and types per interpreter."""
    text = generated.read_text()
    # Cython keeps builtins in static memory all the same. Types are immortal, functions are not.
    for name in re.findall(r"^static PyObject \*__pyx_builtin_(\w+);", text, re.M):
        if not isinstance(getattr(builtins, name), type):
            raise ValueError(f"{generated}: the builtin function {name} would be shared by all interpreters")
    for patch in PATCHES:
        text = patch.apply(text, str(generated))
    text = f"#define CYTHON_USE_MODULE_STATE 1\n#define CYTHON_USE_TYPE_SPECS 1\n{text}"
    path = generated.parent / "isolated" / generated.name
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return path


def patched(generated: list[Path]) -> list[str]:
    """Return the sources of the second build; every patch must have found its place in one of them."""
    texts = [path.read_text() for path in generated]
    for patch in PATCHES:
        if not any(patch.old in text for text in texts):
            raise ValueError(
                f"{patch.old!r} is nowhere in the generated C. Cython has changed. See whether it still {patch.reason}, "
                "and mend or remove the patch in tools/isolated.py."
            )
    return [with_module_state(path).as_posix() for path in generated]
