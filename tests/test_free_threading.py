"""On a free-threaded build the GIL stays off, whichever module of gilkit is imported first."""

import sysconfig
from pathlib import Path

import pytest

import gilkit

PACKAGE = Path(gilkit.__file__).parent
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
MODULES = sorted(
    "gilkit." + path.relative_to(PACKAGE).as_posix().removesuffix(SUFFIX).replace("/", ".")
    for path in PACKAGE.rglob(f"*{SUFFIX}")
    if "_isolated" not in path.parts
)


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="not a free-threaded build")
def test_importing_any_module_leaves_the_gil_off(run_python):
    assert len(MODULES) > 20
    run_python(
        """
        import subprocess, sys
        for module in sys.argv[1:]:
            code = f"import {module}, sys; sys.exit(sys._is_gil_enabled())"
            subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
        """,
        *MODULES,
    )
