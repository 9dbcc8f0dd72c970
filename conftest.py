"""`pytest` runs tests/, `pytest --benchmark` runs bench/; both use the installed gilkit."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent

# `python -m pytest` puts the current folder on sys.path, where gilkit/ would
# hide the installed package; so would `python -c` in the programs that tests run.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
os.environ["PYTHONSAFEPATH"] = "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--benchmark", action="store_true", help="run the benchmarks in bench/ instead of the tests")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--benchmark") and config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = [str(ROOT / "bench")]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Of the two folders, leaves out the one that is not asked for."""
    benchmark = config.getoption("--benchmark")
    if collection_path == ROOT / "tests":
        return True if benchmark else None
    if collection_path == ROOT / "bench" and not benchmark:
        named = any(Path(argument.split("::")[0]).resolve().is_relative_to(ROOT / "bench") for argument in config.args)
        return None if named else True
    return None
