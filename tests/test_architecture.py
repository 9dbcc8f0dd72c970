"""The rules of docs/architecture.md, checked in the source."""

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
    may_include = {
        "base": {"base"},
        "runtime": {"base", "runtime"},
        "sync": {"base", "sync"},
        "memory": {"base", "runtime", "memory"},
    }
    for folder, allowed in may_include.items():
        for path in (ROOT / "csrc" / folder).rglob("*.[ch]"):
            included = set(re.findall(r'#\s*include "(\w+)/', path.read_text()))
            assert included <= allowed, path


# The families of kernels, and the folders of csrc that each may include besides its own.
FAMILIES = ["array", "cluster", "demo", "histogram", "index", "moving", "random", "reduce", "scan", "search", "sort"]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([\w/]+)\.\w+"', re.M)


def test_families_of_kernels_share_array_only():
    kernels = ROOT / "csrc" / "kernels"
    assert sorted(path.name for path in kernels.iterdir() if path.is_dir()) == FAMILIES
    for path in kernels.rglob("*.[ch]"):
        family = path.relative_to(kernels).parts[0]
        allowed = ("base/", "runtime/", "kernels/array/", f"kernels/{family}/")
        for included in INCLUDE.findall(path.read_text()):
            assert included.startswith(allowed), f"{path.relative_to(ROOT)} includes {included}"


def cycle_in(uses: dict[str, set[str]]) -> list[str]:
    """Return the files of a cycle, or an empty list if there is none."""
    done: set[str] = set()

    def search(path: list[str]) -> list[str]:
        for used in sorted(uses.get(path[-1], set()) - done):
            if used in path:
                return [*path[path.index(used) :], used]
            if found := search([*path, used]):
                return found
        done.add(path[-1])
        return []

    return next((found for file in sorted(uses) if (found := search([file]))), [])


def test_cycle_in_finds_a_cycle():
    assert cycle_in({"a": {"b", "c"}, "b": {"c"}, "c": {"d"}}) == []
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b"}}) == ["b", "c", "d", "b"]


@pytest.mark.parametrize("folder", ["base", "memory", "runtime", "sync"])
def test_headers_include_one_another_one_way(folder):
    uses = {
        path.stem: set(re.findall(rf'^\s*#\s*include\s+"{folder}/(\w+)\.h"', path.read_text(), re.M))
        for path in (ROOT / "csrc" / folder).glob("*.h")
    }
    assert cycle_in(uses) == []


@pytest.mark.parametrize("folder", ["base", "memory", "runtime", "sync"])
def test_files_call_one_another_one_way(folder, tmp_path):
    compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
    if compiler is None or shutil.which("nm") is None:
        pytest.skip("the system has no C compiler, or no nm")
    defined: dict[str, str] = {}
    undefined: dict[str, set[str]] = {}
    for source in sorted((ROOT / "csrc" / folder).glob("*.c")):
        made = tmp_path / f"{source.stem}.o"
        subprocess.run(
            [compiler, "-std=c11", "-O1", f"-I{ROOT / 'csrc'}", "-c", source, "-o", made],
            check=True,
        )
        listing = subprocess.run(["nm", "-g", made], capture_output=True, text=True, check=True).stdout
        undefined[source.name] = set()
        for *_, kind, name in (line.split() for line in listing.splitlines() if line):
            if kind == "U":
                undefined[source.name].add(name)
            else:
                defined[name] = source.name
    assert len(defined) > len(undefined)
    uses = {source: {defined[name] for name in names if name in defined} for source, names in undefined.items()}
    assert cycle_in(uses) == []


def test_files_are_short():
    limits = {".pyx": 500, ".c": 1000, ".h": 1000, ".py": 1000}
    for folder in ("csrc", "gilkit", "bench", "tests"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in limits and path.is_file():
                lines = len(path.read_text().splitlines())
                assert lines <= limits[path.suffix], f"{path.relative_to(ROOT)} has {lines} lines"


def test_cython_modules_use_no_negative_indices():
    """They are compiled with wraparound=False. Where an item [-1] is then read, NumPy 2.5 raises an IndexError."""
    for path in (ROOT / "gilkit").rglob("*.pyx"):
        assert re.findall(r"[\w)\]]\[-\w+\]", path.read_text()) == [], path


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


def test_every_header_has_a_guard_of_its_own():
    """A header with the guard of another is silently left out where both are included."""
    guards = {}
    for path in sorted((ROOT / "csrc").rglob("*.h")):
        found = re.search(r"^#ifndef (\w+_H)$", path.read_text(), re.M)
        if found:
            guards.setdefault(found[1], []).append(path.name)
    assert not {guard: names for guard, names in guards.items() if len(names) > 1}
