"""A representative part of NumPy's own test suite, with NumPy patched and every call divided. `nox -s foreign` runs all of it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent / "foreign"))
import run as foreign

sys.path.pop(0)

pytestmark = [
    pytest.mark.full,
    pytest.mark.thread_unsafe(reason="runs separate processes"),
    pytest.mark.skipif(not (Path(np.__file__).parent / "_core" / "tests").is_dir(), reason="NumPy has no tests here"),
]

# Together less than two minutes on two cores. The expressions of pytest's -k leave out what takes long.
PARTS = {
    "numpy._core.tests.test_ufunc": "reduce or reduction or out or broadcast or inplace or nout",
    "numpy._core.tests.test_mem_overlap": "unary_ufunc_1d or views or inplace",
    "numpy._core.tests.test_errstate": None,
    "numpy._core.tests.test_numeric": "TestClip or TestNonarrayArgs",
    "numpy._core.tests.test_umath": "Hypot or Arctan2 or Maximum or Special",
    "numpy._core.tests.test_indexerrors": None,
    "numpy._core.tests.test_item_selection": None,
}


@pytest.mark.parametrize("part", PARTS)
def test_the_same_outcomes(part):
    options = ["-k", PARTS[part]] if PARTS[part] else []
    plain, _ = foreign.run([part], 0, options)
    patched, output = foreign.run([part], 1, options)
    assert "passed" in plain.values()
    different = {name: (plain.get(name), patched.get(name)) for name in plain.keys() | patched.keys()}
    different = {name: outcomes for name, outcomes in different.items() if outcomes[0] != outcomes[1]}
    assert not different, output[-5000:]


def test_an_error_would_be_found(tmp_path):
    """A test that passes, or is silent, only without the patch has another outcome with it."""
    file = tmp_path / "test_two.py"
    file.write_text(
        "import warnings, gilkit\n"
        "def test_fails(): assert not gilkit.numpy_is_patched()\n"
        "def test_warns():\n"
        "    if gilkit.numpy_is_patched(): warnings.warn(f'{id(warnings):#x} has 1\t2')\n"
    )
    for size, outcomes in ((0, ["passed", "passed"]), (1, ["failed", "passed, warns UserWarning: # has # #"])):
        found, _ = foreign.run([str(file)], size, [], pyargs=False, FOREIGN_WARNINGS="1")
        assert list(found.values()) == outcomes
