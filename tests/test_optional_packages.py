"""gilkit without rich and psutil, which only the lab and progress bars need."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# Makes packages impossible to import, as if they were not installed.
BLOCK = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        package = name.partition(".")[0]
        if package in {packages!r}:
            raise ModuleNotFoundError(f"No module named {{package!r}}", name=package)

sys.meta_path.insert(0, Blocked())
"""

COMMAND = "from _gilkit_command import main\nsys.exit(main())"


def without(packages: tuple[str, ...], code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", BLOCK.format(packages=packages) + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


BOTH = ("psutil", "rich")

COMPUTE = """
import numpy as np
import gilkit

for name in gilkit.__all__:
    getattr(gilkit, name)

x = np.arange(100_000.0)
assert gilkit.sum(x, threads=2) == x.sum()
assert gilkit.std([1.0, 3.0]) == 1.0
assert (gilkit.sort(x[::-1]) == x).all() and gilkit.argsort([3, 1, 2]).tolist() == [1, 2, 0]
assert gilkit.histogram([1, 2, 2], bins=2)[0].tolist() == [1, 2]
assert gilkit.cumsum([1, 2, 3]).tolist() == [1, 3, 6]
assert sorted(gilkit.kmeans(np.array([[0.0], [10.0]]), 2, seed=0).labels) == [0, 1]
assert gilkit.map(abs, [-1, 2], threads=2) == list(gilkit.imap(abs, [-1, 2])) == [1, 2]

with gilkit.threads(2), gilkit.timeout(60):
    assert 3 < gilkit.pi(10_000) < 3.3
lock, counter = gilkit.sync.Lock(), gilkit.sync.AtomicCounter()
with lock:
    counter.add(2)
assert counter.value == 2 and gilkit.info()["cores"] >= 1
assert not {"rich", "psutil"} & set(sys.modules)
print("done")
"""


def last_line(done):
    """Return the last line of a traceback, without the similar name that CPython 3.15 suggests."""
    return done.stderr.splitlines()[-1].partition(". Did you mean: ")[0]


def test_everything_but_the_lab_works_without_them():
    done = without(BOTH, COMPUTE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_the_packages_are_really_blocked():
    for package in BOTH:
        done = without(BOTH, f"import {package}")
        assert last_line(done) == f"ModuleNotFoundError: No module named {package!r}"


@pytest.mark.parametrize(("module", "package"), [("joblib", "joblib"), ("dask", "distributed")])
def test_a_module_names_the_package_that_it_needs(module, package):
    done = without((package,), f"import gilkit\ngilkit.{module}")
    assert last_line(done) == (
        f"ModuleNotFoundError: gilkit.{module} needs the package {package}, which cannot be imported (No module named "
        f"{package!r}); install it with `python -m pip install {package}`"
    )
    assert without((package,), "import gilkit\ngilkit.pandas").returncode == 0


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["experiment", "--help"]], ids=" ".join)
def test_commands_that_print_their_help(arguments):
    done = without(BOTH, COMMAND, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "gilkit" in done.stdout


def test_doctor_as_json_needs_neither():
    done = without(BOTH, COMMAND, "doctor", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)


@pytest.mark.parametrize(
    ("packages", "missing", "arguments"),
    [
        (BOTH, "rich", ["doctor"]),
        (BOTH, "rich", ["experiment"]),
        (BOTH, "rich", ["experiment", "cpu-percent", "--seconds", "0.01"]),
        (BOTH, "rich", ["compare", "loops"]),
        (("psutil",), "psutil", ["experiment", "cpu-percent", "--seconds", "0.01"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, (list, tuple)) else value,
)
def test_a_command_names_the_package_that_it_needs(packages, missing, arguments):
    done = without(packages, COMMAND, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == (
        f"gilkit: error: this command needs the package {missing}, which is not installed for {sys.executable}; "
        f"install it with `python -m pip install {missing}`"
    )


@pytest.mark.parametrize(
    "call", ["gilkit.map(abs, [-1], progress=True)", "list(gilkit.imap(abs, [-1], progress=True))"]
)
def test_progress_without_rich_warns_and_computes(call):
    code = f"""
import warnings
import gilkit
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    assert {call} == [1]
(warning,) = caught
assert warning.category is RuntimeWarning
print(warning.message)
"""
    done = without(("rich",), code)
    assert done.stderr == ""
    assert done.stdout == (
        "progress=True draws its bar with rich, which cannot be imported (No module named 'rich'); install it with "
        "`python -m pip install rich`, or pass a function of (done, total)\n"
    )
