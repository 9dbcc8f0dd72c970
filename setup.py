"""Builds gilkit._core, which links all of csrc/, and one extension for each .pyx."""

import builtins
import gzip
import os
import re
import sys
import tarfile
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
MSVC = sys.platform == "win32" and "GCC" not in sys.version


def version() -> str:
    header = (HERE / "gilkit/include/gilkit/gilkit.h").read_text()
    return re.search(r'^#define GILKIT_VERSION "(.+?)"', header, re.M)[1]


def paths(pattern: str) -> list[str]:
    return sorted(path.relative_to(HERE).as_posix() for path in HERE.glob(pattern))


C_SOURCES = paths("csrc/**/*.c")
# Without `depends`, an edit in csrc/ or of a header rebuilds nothing.
C_DEPENDS = [*C_SOURCES, *paths("csrc/**/*.h"), *paths("gilkit/**/*.h")]

if MSVC:
    COMPILE_ARGS = ["/std:c11", "/experimental:c11atomics", "/fp:precise"]
else:
    COMPILE_ARGS = [
        "-std=c11",
        "-fvisibility=hidden",  # only the module's init function is exported
        "-ffp-contract=off",  # a fused multiply-add would round otherwise than the other instruction sets
        f"-ffile-prefix-map={HERE}=.",  # the same bytes in whatever folder it is built
        # Python's own flags have -g, which would make the wheel four times as large.
        *([] if "-g" in os.environ.get("CFLAGS", "").split() else ["-g0"]),
    ]


def extension(source: str) -> Extension:
    name = source.rpartition(".")[0].replace("/", ".")
    is_core = name == "gilkit._core"
    return Extension(
        name,
        [source, *(C_SOURCES if is_core else [])],
        include_dirs=[".", "csrc", "gilkit/include", numpy.get_include()],
        define_macros=[
            ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
            ("NPY_TARGET_VERSION", "NPY_1_25_API_VERSION"),
        ],
        # The wrappers are a fifth smaller with -O2, and no slower.
        extra_compile_args=[*COMPILE_ARGS, "/O2" if MSVC else "-O3" if is_core else "-O2"],
        # Of the wrappers' symbols only those that are linked: a tenth of their size.
        extra_link_args=[] if MSVC else ["-pthread", *([] if is_core else ["-Wl,-x"])],
        libraries=["synchronization"] if sys.platform == "win32" else ["m"],
        depends=C_DEPENDS,
    )


# Cython 3.3 looks an interpreter up beyond the end of its table, from the 33rd
# interpreter on, and takes for an entry what it finds there.
LOOKUP_MENDED = {
    "if (found && found->id == interpreter_id)":
    "if (found && found < data->table + data->count && found->id == interpreter_id)",
    "if (lower_bound->id != interpreter_id) goto done;":
    "if (lower_bound == data->table + data->count || lower_bound->id != interpreter_id) goto done;",
}  # fmt: skip


def with_module_state(generated: str) -> str:
    """Cython's C once more, with objects and types for each interpreter."""
    text = Path(generated).read_text()
    # Cython keeps these in static memory all the same. Types are immortal.
    for name in re.findall(r"^static PyObject \*__pyx_builtin_(\w+);", text, re.M):
        if not isinstance(getattr(builtins, name), type):
            raise ValueError(f"{generated}: the builtin function {name} would be shared by all interpreters")
    for wrong, right in LOOKUP_MENDED.items():
        text = text.replace(wrong, right)
    text = f"#define CYTHON_USE_MODULE_STATE 1\n#define CYTHON_USE_TYPE_SPECS 1\n{text}"
    path = Path(generated).parent / "isolated" / Path(generated).name
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    return path.as_posix()


def isolated(module: Extension) -> Extension:
    """The module as sub-interpreters have it; gilkit/_interpreters.py tells why
    there are two."""
    return Extension(
        module.name.replace("gilkit", "gilkit._isolated", 1),
        [with_module_state(module.sources[0])],
        include_dirs=module.include_dirs,
        define_macros=module.define_macros,
        # Small rather than fast: there are two of each in the wheel.
        extra_compile_args=[*module.extra_compile_args, "/O1" if MSVC else "-Os"],
        extra_link_args=module.extra_link_args,
        libraries=module.libraries,
        depends=module.depends,
    )


def works_in_subinterpreters(module: Extension) -> bool:
    """Whether its .pyx says so in the first line."""
    pyx = HERE / f"{module.name.replace('.', '/')}.pyx"
    return "subinterpreters_compatible" in pyx.read_text().partition("\n")[0]


def extensions() -> list[Extension]:
    modules = cythonize(
        [extension(pyx) for pyx in paths("gilkit/**/*.pyx")],
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
    twice = [] if sys.version_info < (3, 12) else filter(works_in_subinterpreters, modules)
    return [extension("gilkit/_core.c"), *modules, *map(isolated, twice)]


class ParallelBuild(build_ext):
    """Compiles the extensions on all cores."""

    def finalize_options(self) -> None:
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count() or 1


class ReproducibleSdist(sdist):
    """With SOURCE_DATE_EPOCH set, the same files give the same bytes, as bdist_wheel sees to for wheels."""

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
    cmdclass={"build_ext": ParallelBuild, "sdist": ReproducibleSdist},
)
