"""The lists of C functions agree: csrc's table and its users, the table of gilkit.h and its wrappers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEADER = ROOT / "gilkit" / "include" / "gilkit" / "gilkit.h"


def names(pattern: str, *paths: Path) -> list[str]:
    return [name for path in paths for name in re.findall(pattern, path.read_text(), re.M)]


def exported() -> list[str]:
    return names(r"^ +X\((\w+)\)", ROOT / "csrc" / "exports.h", ROOT / "csrc" / "sync" / "exports.h")


def cython_files() -> list[Path]:
    return sorted(path for kind in ("pxd", "pyx") for path in (ROOT / "gilkit").rglob(f"*.{kind}"))


def test_no_function_is_exported_twice():
    assert len(exported()) == len(set(exported()))


def test_every_exported_function_has_a_user():
    c_files = (path for kind in ("c", "h") for path in (ROOT / "gilkit").rglob(f"*.{kind}"))
    assert set(names(r"\bGK\((gk_\w+)\)", *cython_files(), *c_files)) == set(exported())


@pytest.mark.parametrize("path", cython_files(), ids=lambda path: path.relative_to(ROOT / "gilkit").as_posix())
def test_cython_declares_functions_by_their_own_names(path):
    for name, function in re.findall(r'(\w+) "GK\((\w+)\)"', path.read_text()):
        # A function with "_as" takes the thread's identity, for which csrc has an inline function without it.
        assert function in (name, f"{name}_as")


def table() -> list[str]:
    """The functions of gilkit.h's table, in their order."""
    struct = re.search(r"const char \*version;\n(.*?)\} gilkit_api;", HEADER.read_text(), re.S)[1]
    return re.findall(r"\(\*(\w+)\)\(", struct)


# Functions of gilkit.h that are not in the table, because they are written in the header.
INLINE = {"import", "default_options", "run", "run_reduce"}


def test_each_function_of_the_table_has_a_wrapper_of_its_name():
    wrappers = re.findall(r"gilkit_(\w+)\([^)]*\)\n\{((?:\n|[^}].*\n)*)\}", HEADER.read_text())
    called = {name: re.findall(r"gilkit_get_table\(\)\s*->(\w+)\(", body) for name, body in wrappers}
    assert {name: found for name, found in called.items() if found} == {name: [name] for name in table()}


def test_capi_fills_the_table_in_its_order():
    initializers = re.findall(r"^ +\.(\w+) = (.+),$", (ROOT / "gilkit" / "_capi.h").read_text(), re.M)
    members = dict(initializers[3:])
    assert [name for name, _ in initializers] == ["abi", "size", "version", *table()]
    for name, value in members.items():
        assert value in (f"api_{name}", f"GK(gk_{name})", name)


def test_cython_declares_each_function_of_the_header():
    types = {"body", "fold", "combine", "token", "options", "lock", "counter"}
    declared = names(r'"gilkit_(\w+)"', ROOT / "gilkit" / "__init__.pxd")
    assert len(declared) == len(set(declared))
    assert set(declared) == {*table(), *INLINE, *types}
