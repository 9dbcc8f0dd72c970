"""Build Cython modules a second time, with their objects kept per interpreter.

Cython keeps a module's objects in static memory, where they belong to the one interpreter that imports the module.
With CYTHON_USE_MODULE_STATE it keeps them per interpreter, which costs two atomic operations at each use. Therefore
only sub-interpreters use these builds; docs/sub-interpreters.md has the measurements.

The C that Cython generates is patched in a few places. Each patch asserts how often it matches. If Cython
changes, the build stops here and names the patch, instead of making a module that crashes.
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
    """A replacement that must match `count` times in each file in which it matches at all."""

    reason: str
    old: str
    new: str
    count: int = 1

    def apply(self, text: str, path: str) -> str:
        found = text.count(self.old)
        if found not in (0, self.count):
            raise ValueError(
                f"{path}: expected {self.count} match(es) of {self.old!r}, found {found}. Cython has changed. "
                f"Read the generated code again ({self.reason}), then fix the patch in tools/isolated.py or, if Cython "
                f"no longer needs it, remove it."
            )
        return text.replace(self.old, self.new)


# From the 33rd interpreter on, Cython 3.3 reads beyond the end of its table of interpreters and uses the memory there
# as an entry.
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
    """Return whether the first line of the module has the mark."""
    return MARK in pyx.read_text().partition("\n")[0]


def with_module_state(generated: Path) -> Path:
    """Return a copy of Cython's C file that keeps objects and types per interpreter."""
    text = generated.read_text()
    # Cython keeps builtins in static memory nevertheless. Types are immortal there; functions are not.
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


def copied(source: Path, folder: Path) -> Path:
    """Return a copy of a C file, because two builds of one file at the same time would overwrite its object file."""
    path = folder / source.name
    text = source.read_text()
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return path


def patched(generated: list[Path], companions: list[Path]) -> list[str]:
    """Return the sources of the second build. Every patch must match in at least one of the generated files."""
    texts = [path.read_text() for path in generated]
    for patch in PATCHES:
        if not any(patch.old in text for text in texts):
            raise ValueError(
                f"{patch.old!r} is nowhere in the generated C. Cython has changed. See whether it still {patch.reason}, "
                "and fix or remove the patch in tools/isolated.py."
            )
    again = [with_module_state(path) for path in generated]
    return [path.as_posix() for path in (*again, *(copied(source, again[0].parent) for source in companions))]
