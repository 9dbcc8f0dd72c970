"""Builds gilkit._core, which links all of csrc/, and one extension for each .pyx."""

import os
import sys
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

HERE = Path(__file__).parent
MSVC = sys.platform == "win32" and "GCC" not in sys.version


def paths(pattern: str) -> list[str]:
    return sorted(path.relative_to(HERE).as_posix() for path in HERE.glob(pattern))


C_SOURCES = paths("csrc/**/*.c")
# Without `depends`, an edit in csrc/ or of a header rebuilds nothing.
C_DEPENDS = [*C_SOURCES, *paths("csrc/**/*.h"), *paths("gilkit/**/*.h")]

if MSVC:
    COMPILE_ARGS = ["/O2", "/std:c11", "/experimental:c11atomics", "/fp:precise"]
else:
    COMPILE_ARGS = [
        "-O3",
        "-std=c11",
        "-fvisibility=hidden",  # only the module's init function is exported
        "-ffp-contract=off",  # a fused multiply-add would round otherwise than the other instruction sets
    ]


def extension(pyx: str) -> Extension:
    name = pyx.removesuffix(".pyx").replace("/", ".")
    return Extension(
        name,
        [pyx, *(C_SOURCES if name == "gilkit._core" else [])],
        include_dirs=[".", "csrc", "gilkit/include", numpy.get_include()],
        define_macros=[
            ("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"),
            ("NPY_TARGET_VERSION", "NPY_1_25_API_VERSION"),
        ],
        extra_compile_args=COMPILE_ARGS,
        extra_link_args=[] if MSVC else ["-pthread"],
        libraries=["synchronization"] if sys.platform == "win32" else ["m"],
        depends=C_DEPENDS,
    )


class ParallelBuild(build_ext):
    """Compiles the extensions on all cores."""

    def finalize_options(self) -> None:
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count() or 1


setup(
    ext_modules=cythonize(
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
    ),
    cmdclass={"build_ext": ParallelBuild},
)
