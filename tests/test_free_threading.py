"""On a free-threaded build the GIL stays disabled, whichever module of gilkit is imported first."""

import sysconfig
from pathlib import Path

import pytest

import gilkit

PACKAGE = Path(gilkit.__file__).parent
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")

pytestmark = pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="not a free-threaded build")


def modules(suffix):
    """Return the names of all modules with these suffixes that a program can import."""
    files = [path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob(f"*{suffix}")]
    # _isolated is only for sub-interpreters, worker has the programs of the lab's workers, __main__ runs the command,
    # and gilkit.dask and gilkit.joblib import other packages, which may enable the GIL.
    left_out = {"_isolated", "worker", "__main__.py"}
    names = [path.as_posix().removesuffix(suffix) for path in files if not left_out & set(path.parts)]
    found = {name.removesuffix("/__init__").replace("/", ".") for name in names}
    return sorted(found - {"gilkit.dask", "gilkit.joblib"})


EXTENSIONS, PURE = modules(SUFFIX), modules(".py")


def test_importing_any_extension_leaves_the_gil_off(run_python):
    assert len(EXTENSIONS) > 20
    run_python(
        """
        import subprocess, sys
        for module in sys.argv[1:]:
            code = f"import {module}, sys; sys.exit(sys._is_gil_enabled())"
            subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
        """,
        *EXTENSIONS,
    )


def test_importing_all_modules_leaves_the_gil_off(run_python):
    assert {"gilkit", "gilkit.blocks", "gilkit.lab", "gilkit.reference", "gilkit.sync"} <= set(PURE)
    run_python(
        """
        import importlib, sys
        for module in sys.argv[1:]:
            importlib.import_module(module)
            assert not sys._is_gil_enabled(), module
        """,
        *PURE,
        *EXTENSIONS,
        options=["-W", "error"],
    )
