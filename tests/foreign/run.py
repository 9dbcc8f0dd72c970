"""Run the test suite of another package without and with `gilkit.patch_numpy()`, and compare the outcome of each test.

    python tests/foreign/run.py numpy                     # all of NumPy's tests
    python tests/foreign/run.py numpy numpy._core.tests.test_ufunc
    python tests/foreign/run.py scipy.special scipy.stats pandas …
    python tests/foreign/run.py --functions numpy         # NumPy's tests, with gilkit's functions called in place of NumPy's

Exit status 0: the same outcomes. The tests whose outcomes differ are run once more by themselves, without gilkit and with
it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def run(
    tests: list[str], min_size: int, options: list[str], *, pyargs: bool = True, functions: bool = False
) -> tuple[dict[str, str], str]:
    """Return the outcome of each test, and the end of what pytest printed. min_size 0: without the patch."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "outcomes")
        # Neither the settings nor the conftest.py of a folder around the environment, such as our own: with them, four of
        # five cases of a test would not run.
        settings = Path(folder, "pytest.ini")
        settings.write_text("[pytest]\n")
        environment = {
            **os.environ,
            "FOREIGN_OUTCOMES": str(file),
            "FOREIGN_PATCH": str(min_size or ""),
            "PYTHONPATH": str(HERE),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "outcomes", "-p", "no:cacheprovider",
             "-c", str(settings), f"--confcutdir={sys.prefix}", "--tb=short", *options,
             *(["-p", "functions"] if functions else []), *(["--pyargs"] if pyargs else []), *tests],
            env=environment, cwd=folder, capture_output=True, text=True,
        )  # fmt: skip
        if not file.exists():
            sys.exit(f"pytest failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        lines = file.read_text().splitlines()
        return {name: outcome for outcome, name in (line.split("\t", 1) for line in lines)}, done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", nargs="+", help="packages or modules, as for pytest --pyargs")
    parser.add_argument(
        "--min-size", type=int, default=1, help="divide calls of at least so many items (default: %(default)s)"
    )
    parser.add_argument("--option", action="append", default=[], help="of pytest, such as --option=-x")
    parser.add_argument(
        "--functions", action="store_true", help="call gilkit's functions in the tests' code, without the patch"
    )
    arguments = parser.parse_args()

    def outcomes(tests: list[str], *, gilkit: bool) -> tuple[dict[str, str], str]:
        functions = gilkit and arguments.functions
        size = arguments.min_size if gilkit and not functions else 0
        return run(tests, size, arguments.option, functions=functions)

    plain, _ = outcomes(arguments.tests, gilkit=False)
    ours, output = outcomes(arguments.tests, gilkit=True)
    different = sorted(name for name in plain.keys() | ours.keys() if plain.get(name) != ours.get(name))
    if different:  # some tests fail now and then without gilkit too
        again = [outcomes(different, gilkit=gilkit)[0] for gilkit in (False, True)]
        different = [name for name in different if again[0].get(name) != again[1].get(name)]
    counts = {outcome: list(plain.values()).count(outcome) for outcome in sorted(set(plain.values()))}
    print(f"{len(plain)} tests: {', '.join(f'{number} {outcome}' for outcome, number in counts.items())}")
    if not different:
        print("The outcomes with gilkit are the same.")
        return 0
    for name in different:
        print(f"{plain.get(name)} -> {ours.get(name)}: {name}")
    print(output[-20000:])
    return 1


if __name__ == "__main__":
    sys.exit(main())
