"""`pytest` runs tests/, `pytest --benchmark` runs bench/; both use the installed gilkit.

Both have a short form, the default, and --full; CONTRIBUTING.md, "Three levels", says what each is for.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
MANY = 4  # cases of a test, all of which the default level runs
PATIENCE = 60.0  # seconds that the process has to end after the last test
FOLDERS = {False: ROOT / "tests", True: ROOT / "bench"}  # by --benchmark

# `python -m pytest` puts the current folder on sys.path, where gilkit/ would
# hide the installed package; so would `python -c` in the programs that tests run.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
os.environ["PYTHONSAFEPATH"] = "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gilkit")
    group.addoption("--benchmark", action="store_true", help="run the benchmarks in bench/ instead of the tests")
    group.addoption("--all-cases", action="store_true", help="run every case of each test, except for long ones")
    group.addoption("--full", action="store_true", help="run every case, however long it takes")
    group.addoption(
        "--promises", action="store_true", help="--full, and each promise as often as it is made: see often"
    )
    group.addoption("--tables", action="store_true", help="with --benchmark: show pytest-benchmark's own tables too")


@pytest.hookimpl(tryfirst=True)  # before pytest-benchmark and Hypothesis read their options
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: too long for the default run; `pytest --full` or its own name runs it")
    benchmark = config.getoption("--benchmark")
    if config.getoption("--promises"):
        config.option.full = True
    sources = pytest.Config.ArgsSource
    if config.args_source is sources.TESTPATHS or (benchmark and config.args_source is not sources.ARGS):
        config.args, config.args_source = [str(FOLDERS[benchmark])], sources.ARGS
    if benchmark:
        config.option.benchmark_quiet = not config.getoption("--tables")
    else:
        add_profiles(config)


def add_profiles(config: pytest.Config) -> None:
    """Register the profile here, because Hypothesis looks for it before tests/conftest.py is loaded."""
    try:
        import hypothesis
    except ImportError:
        if config.args == [str(FOLDERS[False])]:
            raise pytest.UsageError("the tests need the extra `test`: pip install '.[test]'") from None
    else:
        # For interpreters that are many times slower, as under ThreadSanitizer: --hypothesis-profile=few
        hypothesis.settings.register_profile(
            "few",
            max_examples=10,
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=[hypothesis.HealthCheck.too_slow],
        )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out whichever of the two folders was not asked for."""
    benchmark = config.getoption("--benchmark")
    if collection_path == FOLDERS[not benchmark]:
        named = any(Path(argument.split("::")[0]).resolve().is_relative_to(ROOT / "bench") for argument in config.args)
        return None if named and not benchmark else True
    return None


def cases_left_out(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the cases to leave out: four in five of each test with more than MANY. Its name decides which fifth
    stays."""
    cases: dict[tuple[Path, str], list[pytest.Item]] = {}
    for item in items:
        if not item.get_closest_marker("full"):
            cases.setdefault((item.path, getattr(item, "originalname", item.name)), []).append(item)
    return [
        item
        for (_, name), same in cases.items()
        if len(same) > MANY
        for number, item in enumerate(same)
        if number % 5 != zlib.crc32(name.encode()) % 5
    ]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the cases marked `full`, and most cases of tests with many, except for those that are named on the command
    line."""
    if config.getoption("--full"):
        return
    if not config.getoption("--all-cases") and not config.getoption("--benchmark"):
        for left_out in cases_left_out(items):
            left_out.add_marker(pytest.mark.full)
    arguments = [argument.partition("::") for argument in config.args if "::" in argument]
    named = [(Path(file).resolve(), name) for file, _, name in arguments]

    def runs(item: pytest.Item) -> bool:
        name = item.nodeid.partition("::")[2]
        return not item.get_closest_marker("full") or any(item.path == f and name.startswith(n) for f, n in named)

    left_out = [item for item in items if not runs(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = filter(runs, items)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """If a test left a thread that never ends, print all stacks and exit: the interpreter would wait for the thread."""
    if not hasattr(sys, "ps1"):  # in an interactive session, the process goes on
        faulthandler.dump_traceback_later(PATIENCE, exit=True, file=sys.__stderr__)
