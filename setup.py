"""Build gilkit._core, which links all of csrc/, and one extension module for each .pyx file."""

import gzip
import os
import re
import sys
import sysconfig
import tarfile
from pathlib import Path
from typing import ClassVar

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "tools"))
from isolated import NAMES, patched, works_in_subinterpreters  # noqa: E402

# The system that the build is for. tests/dist/cross.py builds for others.
WINDOWS = sysconfig.get_platform().startswith(("win", "mingw"))
MSVC = sys.platform == "win32" and "GCC" not in sys.version


def version() -> str:
    header = (HERE / "gilkit/include/gilkit/gilkit.h").read_text()
    return re.search(r'^#define GILKIT_VERSION "(.+?)"', header, re.M)[1]


def paths(pattern: str) -> list[str]:
    return sorted(path.relative_to(HERE).as_posix() for path in HERE.glob(pattern))


C_SOURCES = paths("csrc/**/*.c")
# Without `depends`, changes in csrc/ or in headers would rebuild nothing.
C_DEPENDS = [*C_SOURCES, *paths("csrc/**/*.h"), *paths("gilkit/**/*.h")]

if MSVC:
    COMPILE_ARGS = ["/std:c11", "/experimental:c11atomics", "/fp:precise"]
else:
    COMPILE_ARGS = [
        "-std=c11",
        "-fvisibility=hidden",  # only the module's init function is exported
        # Cython modules declare the functions of csrc themselves: compilers before GCC 14 would only warn of a mismatch.
        "-Werror=incompatible-pointer-types",
        "-Werror=int-conversion",
        "-ffp-contract=off",  # a fused multiply-add rounds differently from other instruction sets
        f"-ffile-prefix-map={HERE}=.",  # the same bytes for any build directory
        # Python's own flags have -g, which would make the wheel four times as large.
        *([] if "-g" in os.environ.get("CFLAGS", "").split() else ["-g0"]),
    ]


FAST, USUAL, SMALL = ("/O2", "/O2", "/O1") if MSVC else ("-O3", "-O2", "-Os")

# Modules whose calls are rare, or long compared with the wrapper.
SELDOM_CALLED = {
    "gilkit._capi",
    "gilkit.kernels.clustering",
    "gilkit.kernels.mandelbrot",
    "gilkit.kernels.pi",
    "gilkit.kernels.spin",
    "gilkit.kernels.stencil",
    "gilkit.patching._memory",
    "gilkit.patching._streams",
    "gilkit.runtime",
    "gilkit.sync._contention",
}

# The module of Cython's own functions and types, of which each module would otherwise have a copy.
SHARED = "gilkit._cyutility"


# The C files that a module has besides its .pyx. Their names must differ from those of the .pyx files, which become C
# files too.
OWN_SOURCES = {
    "gilkit._core": C_SOURCES,
    "gilkit._executor": ["gilkit/_tasks.c"],
    "gilkit._imap": ["gilkit/_mapping.c", "gilkit/_pipeline.c"],
    "gilkit.patching._patch": [
        "gilkit/patching/_elementwise.c",
        "gilkit/patching/_hooks.c",
        "gilkit/patching/_ufunc_call.c",
    ],
}


def extension(source: str) -> Extension:
    name = source.rpartition(".")[0].replace("/", ".")
    is_core = name == "gilkit._core"
    return Extension(
        name,
        [source, *OWN_SOURCES.get(name, [])],
        include_dirs=[".", "csrc", "gilkit/include", numpy.get_include()],
        define_macros=[
            ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
            ("NPY_TARGET_VERSION", "NPY_1_25_API_VERSION"),
            ("CYTHON_COMPRESS_STRINGS", "0"),  # the wheel compresses them better
        ],
        # With -O2, the wrappers are 20 % smaller than with -O3 and no slower. -Os saves
        # another 20 %, but makes a lock or a sum of 100 numbers 20 % slower.
        extra_compile_args=[*COMPILE_ARGS, SMALL if name in SELDOM_CALLED else FAST if is_core else USUAL],
        # -x drops the local symbols, which are a tenth of the wrappers' size.
        extra_link_args=[] if MSVC else ["-Wl,-x"] if WINDOWS else ["-pthread", "-Wl,-x"],
        libraries=["synchronization"] if WINDOWS else ["m"],
        depends=C_DEPENDS,
    )


def isolated(modules: list[Extension]) -> Extension:
    """Return the second build of the modules, for sub-interpreters. One file is a third smaller than one for each."""
    template = modules[0]
    companions = [path for module in modules for path in module.sources[1:]]
    return Extension(
        "gilkit._isolated.modules",
        patched([Path(module.sources[0]) for module in modules], [Path(path) for path in companions]),
        include_dirs=template.include_dirs,
        define_macros=template.define_macros,
        extra_compile_args=[*template.extra_compile_args, SMALL],
        extra_link_args=template.extra_link_args,
        libraries=template.libraries,
        depends=[*template.depends, "tools/isolated.py"],
    )


def in_subinterpreters(module: Extension) -> bool:
    """Return whether sub-interpreters get the module: its .pyx is marked, or it is the one that the others share."""
    return module.name == SHARED or works_in_subinterpreters(HERE / f"{module.name.replace('.', '/')}.pyx")


def extensions() -> list[Extension]:
    modules = cythonize(
        [extension(source) for source in ("gilkit/_cyutility.c", *paths("gilkit/**/*.pyx"))],
        shared_utility_qualified_name=SHARED,
        shared_utility_features_disabled=["MemoryView"],  # unused, and incompatible with sub-interpreters
        build_dir="build/cython",
        include_path=["."],
        compiler_directives={
            "language_level": 3,
            "embedsignature": True,
            "binding": True,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "freethreading_compatible": True,
        },
    )
    # Before 3.12 there are no interpreters with a GIL of their own.
    if sys.version_info >= (3, 12):
        again = list(filter(in_subinterpreters, modules))
        Build.isolated_names = sorted(module.name for module in again)
        modules.append(isolated(again))
    return [extension("gilkit/_core.c"), *modules]


class Build(build_ext):
    """Compile the extensions on all cores, and install the list of those that sub-interpreters get."""

    isolated_names: ClassVar[list[str]] = []

    def run(self) -> None:
        super().run()
        if self.isolated_names:
            modules = Path(self.get_ext_fullpath("gilkit._isolated.modules"))
            modules.with_name(NAMES).write_text("".join(f"{name}\n" for name in self.isolated_names))

    def finalize_options(self) -> None:
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count() or 1

    def get_export_symbols(self, ext: Extension) -> list[str]:
        """Add no symbols to those of PyMODINIT_FUNC. setuptools would add PyInit_modules, which does not exist."""
        return ext.export_symbols


class ReproducibleSdist(sdist):
    """With SOURCE_DATE_EPOCH set, make the same bytes from the same files, as bdist_wheel does for wheels."""

    def make_archive(self, base_name, format, root_dir=None, base_dir=None, owner=None, group=None):
        epoch = os.environ.get("SOURCE_DATE_EPOCH")
        if epoch is None or format != "gztar":
            return super().make_archive(base_name, format, root_dir, base_dir, owner, group)

        def same_for_all(member: tarfile.TarInfo) -> tarfile.TarInfo:
            member.mtime = int(epoch)
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            return member

        path = f"{base_name}.tar.gz"
        with (
            open(path, "wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=int(epoch)) as compressed,
            tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            archive.add(Path(root_dir or ".", base_dir), base_dir, filter=same_for_all)
        return path


setup(
    version=version(),
    ext_modules=extensions(),
    cmdclass={"build_ext": Build, "sdist": ReproducibleSdist},
)
