"""The pool from Python: settings, environment, information."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time

import pytest
from waiting import until

import gilkit
from gilkit import runtime


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter with these environment variables."""
    env = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60)


def test_num_threads_follows_the_innermost_setting():
    default = gilkit.num_threads()
    assert default >= 1
    with gilkit.threads(3):
        assert gilkit.num_threads() == 3
        with gilkit.threads(5):
            assert gilkit.num_threads() == 5
        with gilkit.threads(None):
            assert gilkit.num_threads() == default
        assert gilkit.num_threads() == 3
    assert gilkit.num_threads() == default


@pytest.mark.thread_unsafe(reason="the setting belongs to the process")
def test_num_threads_of_the_process():
    default = gilkit.num_threads()
    gilkit.set_num_threads(7)
    try:
        assert gilkit.num_threads() == 7
        with gilkit.threads(2):
            assert gilkit.num_threads() == 2
            with gilkit.threads(None):
                assert gilkit.num_threads() == 7
    finally:
        gilkit.set_num_threads(None)
    assert gilkit.num_threads() == default


def test_threads_block_holds_for_its_own_thread_only():
    seen = []
    with gilkit.threads(gilkit.num_threads() + 1):
        thread = threading.Thread(target=lambda: seen.append(gilkit.num_threads()))
        thread.start()
        thread.join()
        expected = gilkit.num_threads() - 1
    # On builds whose threads inherit the context (free-threaded 3.14), they inherit this setting as well.
    inherit = getattr(sys.flags, "thread_inherit_context", 0)
    assert seen == [expected + 1 if inherit else expected]


def test_one_threads_object_can_be_entered_again():
    block = gilkit.threads(2)
    with block, block:
        assert gilkit.num_threads() == 2
    assert repr(block) == "gilkit.threads(2)"


@pytest.mark.parametrize("bad", [0, -1, 1025, 10**30])
def test_thread_counts_out_of_range(bad):
    for call in (gilkit.set_num_threads, gilkit.threads, lambda n: gilkit.spin(1, threads=n)):
        with pytest.raises(ValueError, match=rf"(n|threads) must be from 1 to 1024, not {bad}"):
            call(bad)


@pytest.mark.parametrize("bad", [1.5, 2.0, "2", b"2", [2]])
def test_thread_counts_that_are_not_integers(bad):
    for call in (gilkit.set_num_threads, gilkit.threads, lambda n: gilkit.spin(1, threads=n)):
        with pytest.raises(TypeError, match=r"(n|threads) must be an integer, not"):
            call(bad)


def test_info_is_complete_and_plain():
    info = gilkit.info()
    assert {"version", "python", "cores", "affinity", "quota", "threads", "workers", "isa", "gil"} <= set(info)
    assert info["version"] == gilkit.__version__
    assert 1 <= info["affinity"] <= info["cores"]
    assert all(isinstance(value, (str, int, float, bool, type(None))) for value in info.values())
    assert info["gil"] is runtime.gil_enabled() is getattr(sys, "_is_gil_enabled", lambda: True)()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity masks")
def test_default_follows_affinity():
    one = next(iter(os.sched_getaffinity(0)))
    code = f"import os; os.sched_setaffinity(0, [{one}]); import gilkit; print(gilkit.num_threads())"
    env = {key: value for key, value in os.environ.items() if key != "GILKIT_NUM_THREADS"}
    result = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60)
    assert result.stdout.split() == ["1"], result.stderr


def test_environment_sets_the_number_of_threads():
    assert python("import gilkit; print(gilkit.num_threads())", GILKIT_NUM_THREADS="5").stdout.split() == ["5"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GILKIT_NUM_THREADS", "abc"),
        ("GILKIT_NUM_THREADS", "0"),
        ("GILKIT_NUM_THREADS", "-3"),
        ("GILKIT_NUM_THREADS", "1.5"),
        ("GILKIT_NUM_THREADS", ""),
        ("GILKIT_NUM_THREADS", "99999999999999999999"),
        ("GILKIT_ISA", "avx3"),
        ("GILKIT_ISA", ""),
        ("GILKIT_SPIN_US", "soon"),
        ("GILKIT_SPIN_US", "-1"),
    ],
)
def test_bad_environment_is_refused_by_name(name, value):
    result = python("import gilkit", **{name: value})
    assert result.returncode != 0
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith(f"ValueError: the environment variable {name}")
    assert repr(value) in last


def test_imports_and_small_calls_start_no_thread():
    code = "import gilkit, gilkit.runtime; gilkit.spin(10, threads=8); print(gilkit.info()['workers'])"
    assert python(code).stdout.split() == ["0"]


def test_import_loads_neither_numpy_nor_the_lab():
    code = "import sys, gilkit; print(sorted({'numpy', 'rich', 'psutil', 'gilkit.lab'} & set(sys.modules)))"
    assert python(code).stdout.strip() == "[]"


def test_free_threaded_build_keeps_the_gil_off():
    if not gilkit.info()["free_threaded_build"]:
        pytest.skip("this build has a GIL")
    code = "import sys, gilkit\nfor name in gilkit.__all__: getattr(gilkit, name)\nprint(sys._is_gil_enabled())"
    assert python(code, PYTHON_GIL="").stdout.strip() == "False"


@pytest.mark.thread_unsafe(reason="all threads share one pool")
def test_workers_are_at_most_one_less_than_threads():
    until(runtime.stop)
    assert gilkit.info()["workers"] == 0
    assert gilkit.spin(100_000_001, threads=4) == 1
    assert 1 <= gilkit.info()["workers"] <= 3


def test_idle_workers_sleep():
    gilkit.spin(100_000_000, threads=3)
    for _ in range(1000):
        info = gilkit.info()
        if info["sleeping"] == info["workers"] > 0:
            return
        time.sleep(0.01)
    pytest.fail(f"{info['workers'] - info['sleeping']} workers still spin after ten seconds")


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'sine'"):
        gilkit.sine  # noqa: B018
    assert set(gilkit.__all__) <= set(dir(gilkit))


def test_every_public_name_has_its_type():
    folder = pathlib.Path(gilkit.__file__).parent
    stub = (folder / "__init__.pyi").read_text()
    typed = set(re.findall(r"(?:import \w+ as |^def |^)(\w+)(?=$|\(|: str)", stub, re.M))
    for module in re.findall(r"^from gilkit\.([\w.]+) import \*", stub, re.M):
        typed |= set(
            re.findall(
                r"^(?:def (?=\w+\()|(?=[a-z]\w* = ))(\w+)",
                (folder / f"{module.replace('.', '/')}.pyi").read_text(),
                re.M,
            )
        )
    assert typed == set(gilkit.__all__) | {"runtime", *gilkit._FOR_OTHER_PACKAGES}
    for name in gilkit.__all__:
        assert getattr(gilkit, name).__doc__ or name == "__version__", name


def test_the_reported_include_folder_has_the_header():
    assert (pathlib.Path(gilkit.get_include()) / "gilkit" / "gilkit.h").is_file()


def test_source_tree_says_what_to_do(tmp_path):
    """If a checkout on sys.path hides the installed package, the error says so."""
    package = tmp_path / "gilkit"
    package.mkdir()
    installed = pathlib.Path(gilkit.__file__).parent
    shutil.copy(installed / "__init__.py", package)
    (tmp_path / "csrc").mkdir()
    (tmp_path / "csrc" / "exports.h").touch()
    result = python("import gilkit", PYTHONPATH=str(tmp_path))
    assert "ImportError: this is gilkit's source tree" in result.stderr
    assert "pip install ." in result.stderr
