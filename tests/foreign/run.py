"""Run test suites of other packages without and with gilkit, file by file, and compare the outcome of each test.

With the patch, the warnings that pytest collects from each test are compared too.

    python tests/foreign/run.py numpy                     # all of NumPy's tests, with gilkit.patch_numpy()
    python tests/foreign/run.py numpy._core.tests.test_ufunc
    python tests/foreign/run.py scipy.special scipy.stats pandas …
    python tests/foreign/run.py --functions numpy.lib     # with gilkit's functions called in place of NumPy's
    python tests/foreign/run.py --array-api ~/array-api-tests/array_api_tests    # gilkit.array_api in place of NumPy

Each file is run in a process of its own. The tests whose outcomes differ are run once more by themselves, without gilkit and
with it. `--keep FOLDER` keeps the outcomes of each file, and a later run with the same folder continues where this one
ends.

Exit status 0: with gilkit, all tests have the same outcomes and warnings, or pass.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SECONDS = 3600  # for one file


def run(
    tests: list[str],
    min_size: int,
    options: list[str],
    *,
    pyargs: bool = True,
    functions: bool = False,
    **settings: str,
) -> tuple[dict[str, str], str]:
    """Return the outcome of each test, and the end of what pytest printed. min_size 0: without the patch."""
    outcomes, _, output = run_and_count(tests, min_size, options, pyargs=pyargs, functions=functions, **settings)
    return outcomes, output


def run_and_count(
    tests: list[str], min_size: int, options: list[str], *, pyargs: bool, functions: bool, **settings: str
) -> tuple[dict[str, str], list[str], str]:
    """Return also which tests have called gilkit's functions, if FOREIGN_COUNT is among the settings."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "outcomes")
        # Neither the settings nor the conftest.py of a folder around the environment, such as our own: with them, four of
        # five cases of a test would not run.
        ini = Path(folder, "pytest.ini")
        ini.write_text("[pytest]\n")
        environment = {
            **os.environ,
            "FOREIGN_OUTCOMES": str(file),
            "FOREIGN_PATCH": str(min_size or ""),
            "PYTHONPATH": str(HERE),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            **settings,
        }
        command = [
            sys.executable, "-m", "pytest", "-q", "-p", "outcomes", "-p", "no:cacheprovider",
            "-c", str(ini), f"--confcutdir={sys.prefix}", "--tb=short", *options,
            *(["-p", "functions"] if functions else []), *(["--pyargs"] if pyargs else []), *tests,
        ]  # fmt: skip
        printed = Path(folder, "printed")
        with printed.open("w") as output:
            try:
                subprocess.run(
                    command, env=environment, cwd=folder, stdout=output, stderr=subprocess.STDOUT, timeout=SECONDS
                )
            except subprocess.TimeoutExpired:
                output.write(f"not finished after {SECONDS} s")
        text = printed.read_text(errors="replace")
        if not file.exists():
            sys.exit(f"pytest failed:\n{text[-6000:]}")
        outcomes, calling, warned = {}, [], defaultdict(set)
        for line in file.read_text().splitlines():
            outcome, calls, name = line.split("\t", 2)
            if outcome.startswith("warns "):
                warned[name].add(outcome)
            else:
                outcomes[name] = outcome
            if calls != "0":
                calling.append(name)
        for name, found in warned.items():
            outcomes[name] = ", ".join([outcomes[name], *sorted(found)])
        return outcomes, calling, text


def files_of(name: str) -> list[str]:
    """Return the files of a package, a module or a folder."""
    place = Path(name)
    if not place.exists():
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.origin:
            sys.exit(f"there is no package, module or folder {name}")
        place = Path(spec.origin)
        place = place.parent if spec.submodule_search_locations else place
    return [str(place)] if place.is_file() else sorted(map(str, place.rglob("test_*.py")))


def differing(plain: dict[str, str], ours: dict[str, str]) -> list[str]:
    return sorted(name for name in plain.keys() | ours.keys() if plain.get(name) != ours.get(name))


def compare(file: str, outcomes: Callable[..., tuple[dict[str, str], list[str], str]]) -> dict[str, Any]:
    """Return the outcomes of a file's tests without gilkit, and those of the tests that have others with it."""
    begin = time.monotonic()
    plain, _, _ = outcomes([file], gilkit=False)
    ours, calling, output = outcomes([file], gilkit=True)
    different = differing(plain, ours)
    again = [name for name in different if "::" in name]
    if again:  # some tests fail now and then without gilkit too
        alone, _, _ = outcomes(again, gilkit=False, alone=True)
        ours_alone, _, output = outcomes(again, gilkit=True, alone=True)
        different = [name for name in different if alone.get(name) != ours_alone.get(name)]
    return {
        "plain": plain,
        "calling": sorted(set(calling)),
        "different": {name: ours.get(name, "not run") for name in different},
        "output": output[-20_000:] if different else "",
        "seconds": round(time.monotonic() - begin),
    }


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return a line for each file, and one for all."""
    lines = [("file", "tests", "call gilkit", "same", "different", "seconds")]
    total = [0] * 5
    for file, result in results.items():
        tests, different = len(result["plain"]), len(result["different"])
        numbers = [tests, len(result["calling"]), tests - different, different, result["seconds"]]
        total = [one + other for one, other in zip(total, numbers, strict=True)]
        if tests:
            lines.append((short(file), *map(str, numbers)))
    lines.append(("all", *map(str, total)))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([first.ljust(widths[0]), *(each.rjust(width) for each, width in zip(rest, widths[1:], strict=True))])
        for first, *rest in lines
    )


def short(name: str) -> str:
    return name.rpartition("site-packages/")[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", nargs="+", help="packages, modules or folders")
    parser.add_argument(
        "--min-size", type=int, default=1, help="divide calls of at least this many items (default: %(default)s)"
    )
    parser.add_argument("--option", action="append", default=[], help="of pytest, such as --option=-x")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the outcomes of each file in this folder")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--functions", action="store_true", help="call gilkit's functions in the tests' code, without the patch"
    )
    how.add_argument(
        "--array-api", action="store_true", help="test gilkit.array_api with the standard's array-api-tests"
    )
    arguments = parser.parse_args()

    def outcomes(tests: list[str], *, gilkit: bool, alone: bool = False) -> tuple[dict[str, str], list[str], str]:
        size = 0
        settings: dict[str, str] = {}
        options = list(arguments.option)
        if arguments.array_api:
            settings["ARRAY_API_TESTS_MODULE"] = "gilkit.array_api" if gilkit else "numpy"
            # The tests use a fixture of pytest-json-report.
            options += [
                "-p",
                "pytest_metadata.plugin",
                "-p",
                "pytest_jsonreport.plugin",
                "--disable-deadline",
                "--derandomize",
            ]
        elif arguments.functions:
            # A wrapper that counts calls differs slightly from the function itself.
            settings["FOREIGN_COUNT"] = "" if alone else "1"
        else:
            settings["FOREIGN_WARNINGS"] = "1"
            size = arguments.min_size if gilkit else 0
        functions = gilkit and arguments.functions
        return run_and_count(tests, size, options, pyargs=False, functions=functions, **settings)

    results: dict[str, dict[str, Any]] = {}
    for file in dict.fromkeys(file for name in arguments.tests for file in files_of(name)):
        kept = arguments.keep and arguments.keep / (short(file).strip("/").replace("/", ".") + ".json")
        if kept and kept.exists():
            results[file] = json.loads(kept.read_text())
            continue
        result = results[file] = compare(file, outcomes)
        if kept:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(result))
        print(f"{short(file)}: {len(result['plain'])} tests, {len(result['different'])} different", flush=True)

    print(table(results))
    plain = Counter(outcome.partition(",")[0] for result in results.values() for outcome in result["plain"].values())
    print(f"without gilkit: {', '.join(f'{number} {outcome}' for outcome, number in sorted(plain.items()))}")
    calling = [(file, name) for file, result in results.items() for name in result["calling"]]
    if calling:
        other = sum(name in results[file]["different"] for file, name in calling)
        print(f"{len(calling)} tests call gilkit's functions; {len(calling) - other} of them have the same outcomes")
    worse = False
    for result in results.values():
        for name, outcome in result["different"].items():
            before = result["plain"].get(name, "not run")
            print(f"{before} -> {outcome}: {short(name)}")
            worse |= outcome != "passed" or "warns" in before
        print(result["output"], end="")
    return int(worse)


if __name__ == "__main__":
    sys.exit(main())
