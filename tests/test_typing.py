"""The types that users see: two type checkers run on sample programs, and stubtest compares stubs and modules."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
SAMPLES = ROOT / "typing"
MARKED = {
    number
    for number, line in enumerate((SAMPLES / "rejected.py").read_text().splitlines(), 1)
    if re.search(r"\S.*# rejected", line)
}


def run(*command):
    # Run in the folder of the samples, where no checker sees the source tree.
    return subprocess.run([sys.executable, *map(str, command)], cwd=SAMPLES, capture_output=True, text=True)


def needs(name):
    return pytest.mark.skipif(importlib.util.find_spec(name) is None, reason=f"{name} is not installed")


def mypy(cache):
    """Return the lines with errors, by file."""
    strict = ["--strict", "--config-file=", "--cache-dir", cache, "--no-error-summary", "--show-error-codes"]
    done = run("-m", "mypy", *strict, "accepted.py", "rejected.py")
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [(name, int(line)) for name, line in re.findall(r"^(\w+)\.py:(\d+): error", done.stdout, re.M)], done.stdout


def pyright(cache):
    if run("-m", "pyright", "--version").returncode != 0:
        pytest.skip("pyright does not start: it fetches itself from npm the first time")
    done = run("-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "accepted.py", "rejected.py")
    found = json.loads(done.stdout)["generalDiagnostics"]
    errors = [one for one in found if one["severity"] == "error"]
    return [(Path(one["file"]).stem, one["range"]["start"]["line"] + 1) for one in errors], done.stdout


@pytest.mark.parametrize(
    "checker", [pytest.param(mypy, marks=needs("mypy")), pytest.param(pyright, marks=needs("pyright"))]
)
def test_checkers_accept_and_reject(checker, tmp_path):
    errors, said = checker(tmp_path)
    assert not [line for name, line in errors if name == "accepted"], said
    assert {line for name, line in errors if name == "rejected"} == MARKED, said
    assert len(MARKED) > 30


@needs("mypy")
def test_stubs_match_the_modules(tmp_path):
    # stubtest imports the modules that it checks, and these need other packages.
    missing = tmp_path / "missing.txt"
    has = {name: importlib.util.find_spec(name) is not None for name in ("distributed", "joblib", "threadpoolctl")}
    names = [] if has["distributed"] else ["gilkit.dask"]
    # The others have no types, so the bases of the classes are unknown.
    names.append("gilkit.joblib.GilkitBackend" if has["joblib"] else "gilkit.joblib")
    names.append("gilkit.threadpoolctl.Controller" if has["threadpoolctl"] else "gilkit.threadpoolctl")
    missing.write_text("".join(name.replace(".", r"\.") + "\n" for name in names))
    done = run(
        "-m", "mypy.stubtest", "gilkit", "--concise", "--ignore-disjoint-bases",  # older checkers do not support this marker
        "--allowlist", "allowlist.txt", "--allowlist", missing, "--mypy-config-file", ROOT.parent / "pyproject.toml",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
