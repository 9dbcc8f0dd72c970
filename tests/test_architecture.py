"""The rules of the house, read off the source: see docs/architecture.md."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gilkit
from gilkit import _interpreters

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(gilkit.__file__).parent

# A part may import the parts after it, never those before.
ORDER = ["lab", "facade", "wrappers", "reference", "core"]
IMPORT = re.compile(r"^\s*(?:from\s+(gilkit[\w.]*)\s+c?import\s+([\w, ()]+)|c?import\s+(gilkit[\w.]*))", re.M)


def part_of(module: str) -> str:
    name = module.removeprefix("gilkit").lstrip(".").split(".")[0]
    if name == "":
        return "facade"
    if name in ("lab", "__main__"):
        return "lab"
    if name in ("_core", "_exports"):
        return "core"
    return "reference" if name == "reference" else "wrappers"


def sources() -> list[Path]:
    folder = ROOT / "gilkit"
    return [path for suffix in ("py", "pyx", "pxd") for path in folder.rglob(f"*.{suffix}")]


def module_name(path: Path) -> str:
    name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    return name.removesuffix(".__init__")


def imports_of(path: Path) -> set[str]:
    found = set()
    for module, names, plain in IMPORT.findall(path.read_text()):
        # `from gilkit import _scopes` is an import of gilkit._scopes, not of the facade.
        if module == "gilkit":
            for name in re.findall(r"\w+", names):
                inner = (ROOT / "gilkit" / name).exists() or any((ROOT / "gilkit").glob(f"{name}.*"))
                found.add(f"gilkit.{name}" if inner else "gilkit")
        else:
            found.add(module or plain)
    return found


@pytest.mark.parametrize("path", sources(), ids=lambda path: module_name(path))
def test_dependencies_point_one_way(path):
    here = ORDER.index(part_of(module_name(path)))
    for imported in imports_of(path):
        assert ORDER.index(part_of(imported)) >= here, f"{module_name(path)} imports {imported}"


def test_lab_uses_only_the_public_facade():
    for path in (ROOT / "gilkit" / "lab").rglob("*.py"):
        for imported in imports_of(path):
            private = any(name.startswith("_") for name in imported.split("."))
            assert not private, f"{path.name} imports {imported}"


def test_csrc_knows_no_python():
    for path in (ROOT / "csrc").rglob("*.[ch]"):
        assert "Python.h" not in path.read_text(), path


def test_base_knows_nothing_above_it():
    for folder, allowed in {"base": {"base"}, "runtime": {"base", "runtime"}, "sync": {"base", "sync"}}.items():
        for path in (ROOT / "csrc" / folder).rglob("*.[ch]"):
            included = set(re.findall(r'#\s*include "(\w+)/', path.read_text()))
            assert included <= allowed, path


def test_files_are_short():
    limits = {".pyx": 500, ".c": 1000, ".h": 1000, ".py": 1000}
    for folder in ("csrc", "gilkit", "bench", "tests"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in limits and path.is_file():
                lines = len(path.read_text().splitlines())
                assert lines <= limits[path.suffix], f"{path.relative_to(ROOT)} has {lines} lines"


@pytest.mark.skipif(shutil.which("nm") is None, reason="the system has no nm")
def test_extensions_export_only_their_init_function():
    modules = list(PACKAGE.rglob("*.so"))
    assert modules
    for module in modules:
        symbols = subprocess.run(
            ["nm", "-D", "--defined-only", module], capture_output=True, text=True, check=True
        ).stdout
        names = {line.split()[-1] for line in symbols.splitlines()}
        # That for sub-interpreters is many modules in one file.
        isolated = module.parent.name == "_isolated"
        inside = _interpreters.isolated() if isolated else [module.name.split(".")[0]]
        assert names == {f"PyInit_{name.rpartition('.')[2]}" for name in inside}, module


@pytest.mark.skipif(sys.version_info < (3, 12), reason="CPython 3.11 has no interpreters with a GIL of their own")
def test_modules_of_sub_interpreters_are_those_that_say_so():
    folder = ROOT / "gilkit"
    marked = {
        ".".join(pyx.relative_to(ROOT).with_suffix("").parts)
        for pyx in folder.rglob("*.pyx")
        if "subinterpreters_compatible" in pyx.read_text().partition("\n")[0]
    }
    assert marked | {"gilkit._cyutility"} == _interpreters.isolated()


def test_only_core_links_the_pool():
    if shutil.which("nm") is None:
        pytest.skip("the system has no nm")
    for module in PACKAGE.rglob("*.so"):
        symbols = subprocess.run(["nm", module], capture_output=True, text=True).stdout
        assert (" gk_parallel_for" in symbols) == module.name.startswith("_core."), module
