"""Check a wheel of gilkit: its contents, its size, its import, and that its build is reproducible.

    python tests/dist/check_wheel.py WHEEL [--same-as WHEEL_BUILT_ELSEWHERE] [--python PYTHON_THAT_HAS_IT_INSTALLED]

The script needs only the standard library and, without --python, pip. If something is wrong, it prints the reason and
exits with status 1. At the end it prints the time of `import gilkit`, for information only.
"""

from __future__ import annotations

import argparse
import email
import fnmatch
import os
import re
import statistics
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LARGEST = 2_750_000  # a module of kernels takes 30 to 70 kB, the C code of all kernels 800 kB

# The files that a wheel may contain besides its .dist-info; the first pattern that matches classifies a file.
KINDS = {
    "gilkit/include/gilkit/*.h": "the C interface",
    "gilkit/*.so": "extension module",
    "gilkit/*.pyd": "extension module",
    "gilkit/_isolated/modules.txt": "names of the modules of sub-interpreters",
    "gilkit/*.pyi": "types",
    "gilkit/*.pxd": "interface for Cython",
    "gilkit/py.typed": "types",
    "gilkit/lab/*.css": "the lab's report",
    "gilkit/*.py": "Python",
    "_gilkit_command.py": "the command's entry point",
}

# Runs with the wheel installed. Counts the process's threads before and after, since NumPy's BLAS starts its own.
IMPORTS = """
import importlib, os, pkgutil, sys, sysconfig
import numpy

def threads():
    return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1

before = threads()
import gilkit
assert gilkit.__version__ == sys.argv[1], gilkit.__version__
names = [module.name for module in pkgutil.walk_packages(gilkit.__path__, "gilkit.")]
left_out = {"gilkit.__main__", "gilkit.dask", "gilkit.joblib"}  # the last two need other packages
wanted = [name for name in names if not name.startswith("gilkit.lab.worker") and name not in left_out]
for name in wanted:
    importlib.import_module(name)
assert len(wanted) > 50, wanted
assert threads() == before, f"importing gilkit started {threads() - before} threads"
workers = gilkit.info()["workers"]
assert workers == 0, f"importing gilkit started {workers} workers"
free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
assert not (free_threaded and sys._is_gil_enabled()), "importing gilkit turned the GIL on"
assert gilkit.sum(numpy.arange(10), threads=2) == 45 and gilkit.map(abs, [-1, 2]) == [1, 2]
"""


EXTENSIONS = (".so", ".pyd")


class Wrong(Exception):
    """A defect of the wheel."""


def version() -> str:
    header = (ROOT / "gilkit/include/gilkit/gilkit.h").read_text()
    return re.findall(r'^#define GILKIT_VERSION "(.+?)"', header, re.M)[0]


def kind(name: str) -> str | None:
    return next((what for pattern, what in KINDS.items() if fnmatch.fnmatch(name, pattern)), None)


def expected_modules(wheel: Path) -> set[str]:
    """Return the extension modules: _core, Cython's shared module, one per .pyx, and _isolated from CPython 3.12 on."""
    modules = {path.relative_to(ROOT).with_suffix("").as_posix() for path in (ROOT / "gilkit").rglob("*.pyx")}
    python = re.search(r"-cp3(\d+)-", wheel.name)
    isolated = {"gilkit/_isolated/modules"} if python and int(python[1]) >= 12 else set()
    return {"gilkit/_core", "gilkit/_cyutility"} | modules | isolated


def check_contents(wheel: Path, version: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        info = f"gilkit-{version}.dist-info"
        metadata = email.message_from_bytes(archive.read(f"{info}/METADATA"))
    package = {name for name in names if not name.startswith(f"{info}/")}
    if strange := sorted(name for name in package if kind(name) is None or re.search(r"\btests?[_/]", name)):
        raise Wrong(f"does not belong in a wheel: {', '.join(strange)}")
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "gilkit").rglob("*")
        if path.is_file() and path.suffix not in EXTENSIONS and kind(path.relative_to(ROOT).as_posix())
    }
    if missing := sorted((expected | {"_gilkit_command.py"}) - package):
        raise Wrong(f"is missing: {', '.join(missing)}")
    built = {name.split(".")[0] for name in package if name.endswith(EXTENSIONS)}
    modules = expected_modules(wheel)
    if built != modules:
        raise Wrong(f"its extension modules differ from those of the source tree: {sorted(built ^ modules)}")
    if f"{info}/licenses/LICENSE" not in names:
        raise Wrong("the licence is missing")
    if (metadata["Name"], metadata["Version"]) != ("gilkit", version):
        raise Wrong(f"the metadata belong to {metadata['Name']} {metadata['Version']}, not to gilkit {version}")


def check_size(wheel: Path) -> None:
    size = wheel.stat().st_size
    print(f"{wheel.name}: {size:,} bytes")
    if size > LARGEST:
        raise Wrong(f"has {size:,} bytes, more than {LARGEST:,}")


def check_same(wheel: Path, other: Path) -> None:
    if wheel.read_bytes() == other.read_bytes():
        return
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(other) as two:
        members = [{member.filename: (member.CRC, member.date_time) for member in a.infolist()} for a in (one, two)]
    differ = [name for name in members[0] | members[1] if members[0].get(name) != members[1].get(name)]
    what = ", ".join([*differ[:5], "..."] if len(differ) > 5 else differ) or "the order of members"
    raise Wrong(f"is not the same as {other}, built from the same files: {what}")


def import_milliseconds(python: Path, times: int = 15) -> float:
    """Return the median time of `import gilkit` after `import numpy`, over several processes."""
    found = []
    for _ in range(times):
        said = subprocess.run(
            [python, "-P", "-X", "importtime", "-c", "import numpy, gilkit"],
            capture_output=True,
            text=True,
            check=True,
        ).stderr
        found += [int(line.split("|")[1]) / 1000 for line in said.splitlines() if re.search(r"\| gilkit$", line)]
    return statistics.median(found)


def check_import(python: Path, version: str) -> None:
    done = subprocess.run([python, "-P", "-c", IMPORTS, version], capture_output=True, text=True)
    if done.returncode != 0:
        raise Wrong(f"cannot be imported:\n{done.stderr}")
    print(f"import gilkit after import numpy: {import_milliseconds(python):.1f} ms (median of 15 processes)")


def install(wheel: Path, folder: str) -> Path:
    """Install the wheel and its dependencies into a new environment; return that environment's interpreter."""
    venv.create(folder, with_pip=False)
    python = Path(folder) / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "-q", "-q", "--prefer-binary", str(wheel)], check=True)
    return python


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--same-as", type=Path, help="a wheel that must have the same bytes")
    parser.add_argument("--python", type=Path, help="an interpreter that has the wheel installed")
    arguments = parser.parse_args()
    wheel = arguments.wheel
    try:
        check_contents(wheel, version())
        check_size(wheel)
        if arguments.same_as:
            check_same(wheel, arguments.same_as)
        with tempfile.TemporaryDirectory() as folder:
            check_import(arguments.python or install(wheel, folder), version())
    except Wrong as wrong:
        print(f"{wheel.name}: {wrong}", file=sys.stderr)
        return 1
    print(f"{wheel.name}: correct")
    return 0


if __name__ == "__main__":
    sys.exit(main())
