"""Run tests with a wheel that tests/dist/cross.py has built, where an interpreter for it can run here.

    python tests/dist/foreign.py WHEEL [ARGUMENT...]

A wheel for Windows runs under Wine, in the Windows Python that cross.py has unpacked. A wheel for aarch64 runs under
qemu-user, in the Python of Debian that debian.py unpacks. A wheel for musl runs in the interpreter that the variable
GILKIT_MUSL_PYTHON names. Arguments go to pytest; without any, the tests of ESSENTIAL run, on aarch64 those of AARCH64.

Wine has Windows's functions and none of its kernel. So this shows that the modules load, that the kernels give the same
results, and that waiting, waking and ending work as documented. It does not show how Windows schedules threads.

qemu-user translates instructions and hands system calls on to this machine's kernel. So this shows the code, its results and
its data layout. x86-64 orders memory accesses more strictly than aarch64 does, and qemu-user does not undo that: the races
are proved in tests/weak_memory. Nothing can be timed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import lief
import ziglang
from cross import ROOT, TARGETS, VERSION, WORK, windows_python
from debian import aarch64_python

PACKAGES = [
    *("numpy", "hypothesis", "markdown-it-py", "psutil", "pytest", "pytest-benchmark", "pytest-timeout", "rich"),
    "threadpoolctl",
]
ESSENTIAL = [
    *("runtime", "mapping", "reductions", "sorting", "scan", "sets", "histograms", "random", "spin", "sync_locks"),
    *("groups", "patching", "patching_kernels"),
]
# All kernels, and what depends on the processor or on its memory order. Left out are the files whose tests fork beside other
# threads (qemu-user 7.2 then ends with failed assertions of its own) or compile C (this machine's compiler would).
AARCH64 = [
    *("accumulate", "aio", "averages", "binning", "blocks", "clustering", "digests", "dot", "free_threading", "fsum"),
    *("groups", "histograms", "imap", "like_numpy", "mandelbrot", "mapping", "mapping_processes", "moving", "parallel"),
    *("partition", "patch_memory", "patching", "patching_threads", "pi", "positions", "quantiles", "random"),
    *("reductions", "runtime", "scan", "selection", "sets", "shuffling", "sorting", "spin", "stencil"),
    *("subinterpreters", "sync_counters", "sync_locks", "sync_ping_pong", "sync_rwlock", "tables"),
]
MATH, OUR_MATH = "api-ms-win-crt-math-l1-1-0.dll", "xpi-ms-win-crt-math-l1-1-0.dll"
COMPLEX = "c(abs|arg|exp|imag|log|pow|real|sqrt|a?cosh?|a?sinh?|a?tanh?)"


def install(wheel: Path, name: str) -> Path:
    """Install the wheel and what the tests need into a folder, and return the folder."""
    site = WORK / name / f"site-{VERSION}"
    target = TARGETS[name]
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "install", "--upgrade"]
    only = ["--implementation", "cp", "--python-version", VERSION, "--only-binary", ":all:"]
    if not site.exists():
        # pip evaluates conditions for this system, so Windows's own dependency has to be named.
        more = ["colorama"] if name == "win_amd64" else []
        platforms = [word for tag in target.numpy for word in ("--platform", tag)]
        part = site.with_name(f"{site.name}.part")
        subprocess.run([*pip, *only, *platforms, "--target", str(part), *PACKAGES, *more], check=True)
        if name == "win_amd64":
            complete_wine(windows_python(), part)
        part.rename(site)
    for old in site.glob("*gilkit*"):
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    subprocess.run([*pip, *only, "--platform", target.tag, "--target", str(site), "--no-deps", str(wheel)], check=True)
    return site


def complete_wine(python: Path, site: Path) -> None:
    """Give NumPy the complex functions that Wine's C runtime lacks.

    They come from MinGW's C library, in a DLL whose name is as long as that of the runtime's mathematical part. NumPy's
    modules are changed to import that name; all other functions are handed on to the runtime.
    """
    modules = list(site.glob("numpy/**/*.pyd"))
    functions = set()
    for module in modules:
        binary = lief.parse(str(module))  # must outlive its parts
        for library in binary.imports:
            if library.name == MATH:
                functions |= {str(each.name) for each in library.entries}
        module.write_bytes(module.read_bytes().replace(MATH.encode(), OUR_MATH.encode()))
    lines = []
    for each in sorted(functions):
        match = re.fullmatch(f"({COMPLEX})([fl]?)", each)
        if match is None:
            lines.append(f"  {each} = ucrtbase.{each}")
        else:  # Microsoft's long double is a double
            lines.append(f"  {each} = {match[1]}" if match[2] == "l" else f"  {each}")
    with tempfile.TemporaryDirectory() as folder:
        names, source, library = (Path(folder) / each for each in ("math.def", "math.c", OUR_MATH))
        names.write_text(f"LIBRARY {OUR_MATH}\nEXPORTS\n" + "\n".join(lines) + "\n")
        # From the source that Zig brings, since the libraries of newer versions take these functions from the runtime.
        assert ziglang.__file__ is not None
        mingw = Path(ziglang.__file__).parent / "lib/libc/mingw/complex"
        parts = "".join(f'#include "{each.name}"\n' for each in sorted(mingw.glob("c*.def.h")))
        source.write_text(f'#include "complex_internal.h"\n{parts}')
        zig = [sys.executable, "-m", "ziglang", "cc", "-target", TARGETS["win_amd64"].zig, "-O2", f"-I{mingw}"]
        objects = [str(Path(folder) / f"{each}.o") for each in ("DOUBLE", "FLOAT")]
        for each in objects:
            subprocess.run([*zig, f"-D_NEW_COMPLEX_{Path(each).stem}", "-c", str(source), "-o", each], check=True)
        subprocess.run([*zig, "-shared", *objects, str(names), "-o", str(library)], check=True)
        shutil.copy(library, python)


@contextlib.contextmanager
def under_wine(folder: str) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Yield the command that starts the Windows Python, and its environment."""
    path = os.environ["PATH"] + ":/usr/lib/wine"
    wine, server = shutil.which("wine64", path=path), shutil.which("wineserver", path=path)
    if wine is None or server is None:
        raise SystemExit("Wine is missing (Debian: wine64)")
    # A separate prefix, without a desktop and without the browser and .NET that Wine would download.
    own = {"WINEPREFIX": f"{folder}/wine", "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml=", "DISPLAY": ""}
    environment = {**os.environ, **own}
    os.mkdir(own["WINEPREFIX"])
    subprocess.run([wine, "wineboot", "--init"], env=environment, check=True)
    try:
        yield [wine, str(windows_python() / "python.exe")], environment
    finally:
        subprocess.run([server, "-k"], env=environment, check=False)


def main() -> int:
    wheel, *arguments = sys.argv[1:]
    name = next(name for name, target in TARGETS.items() if wheel.endswith(f"-{target.tag}.whl"))
    site = install(Path(wheel), name)
    chosen = AARCH64 if name == "manylinux_aarch64" else ESSENTIAL
    arguments = arguments or [str(ROOT / "tests" / f"test_{each}.py") for each in chosen]
    pytest = ["-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "600", "--rootdir", str(ROOT)]
    pytest += ["-c", str(ROOT / "pyproject.toml"), *arguments]
    # Not in the source tree, whose gilkit/ would hide the installed one.
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        if name == "win_amd64":
            python, environment = stack.enter_context(under_wine(folder))
            # Not PYTHONPATH, since some tests start Python with -E.
            (windows_python() / "Lib" / "site-packages").mkdir(exist_ok=True)
            (windows_python() / "Lib" / "site-packages" / "tests.pth").write_text(f"Z:{site}\n")
        elif name == "manylinux_aarch64":
            interpreter = aarch64_python(VERSION)
            packages = interpreter.parents[1] / "lib" / "python3" / "dist-packages"
            packages.mkdir(exist_ok=True)
            (packages / "tests.pth").write_text(f"{site}\n")
            python, environment = [str(interpreter)], {**os.environ, "GILKIT_UNDER_QEMU": "1"}
            pytest.append("--hypothesis-profile=few")
        else:
            python, environment = [os.environ["GILKIT_MUSL_PYTHON"]], {**os.environ, "PYTHONPATH": str(site)}
        # Windows's Python starts only with a standard input that Wine can hand on, and an output that is a pipe.
        with subprocess.Popen(
            [*python, *pytest],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                sys.stdout.write(line.decode(errors="replace"))
                sys.stdout.flush()
        return process.returncode


if __name__ == "__main__":
    sys.exit(main())
