"""The levels of the suite: the tables of conftest.py name existing tests, and signals have their default
dispositions."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent


@pytest.fixture
def conftest(pytestconfig):
    return pytestconfig.pluginmanager.getplugin(str(TESTS / "conftest.py"))


def test_the_tables_name_tests_that_exist(conftest):
    for file, names in [*conftest.FULL.items(), *conftest.LEFT_ALONE.items()]:
        text = (TESTS / f"test_{file}.py").read_text()
        for name in names:
            function = name.partition("[")[0]
            assert re.search(rf"^def {function}", text, re.M), f"test_{file}.py has no {name}"


@pytest.mark.full
def test_some_of_each_subject_is_in_the_default():
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(TESTS)]
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True)
    for path in TESTS.glob("test_*.py"):
        assert f"tests/{path.name}::" in done.stdout or "skip" in path.read_text(), path.name


@pytest.mark.parametrize(("percent", "skips", "tries", "end"), [
    (0.0, True, 1, AssertionError), (90.0, True, 3, pytest.skip.Exception), (90.0, False, 3, AssertionError),
])  # fmt: skip
def test_a_test_disturbed_by_other_programs_is_retried(conftest, monkeypatch, percent, skips, tries, end):
    tried = []

    def test():
        tried.append(1)
        raise AssertionError("late")

    monkeypatch.setattr(conftest.Others, "disturb", lambda self: percent)
    with pytest.raises(end, match="late"):
        conftest.tried_again(test, skips)()
    assert len(tried) == tries


SIGNALS = """
import os, signal, sys
how, arguments = sys.argv[1], sys.argv[2:]
signals = [signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGUSR1, signal.SIGCHLD]
if how == "ignored":
    for number in signals:
        signal.signal(number, signal.SIG_IGN)
else:
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="the system has no POSIX signals")
@pytest.mark.parametrize("how", ["ignored", "blocked"])
def test_signals_ignored_or_blocked_on_entry(how):
    """Tests that send signals pass even if the parent ignores or blocks signals, as a shell does for `pytest &`."""
    tests = ["test_ctrl_c_ends_a_call[2]", "test_ctrl_c_in_the_child_of_another_thread"]
    named = [f"{TESTS / 'test_signals.py'}::{name}" for name in tests] + [f"{__file__}::test_signals_are_the_defaults"]
    # pytest-benchmark starts `file`. If that is not installed while SIGCHLD is ignored, subprocess warns of the process.
    options = ["-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestUnraisableExceptionWarning"]
    command = [sys.executable, "-c", SIGNALS, how, *options, *named]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="the system has no POSIX signals")
def test_signals_are_the_defaults():
    """Signals have their defaults in this process and in processes that it starts."""
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    code = "import os, signal; os.kill(os.getpid(), signal.{}); print('survived')"
    for name in ("SIGINT", "SIGTERM", "SIGUSR1"):
        done = subprocess.run([sys.executable, "-c", code.format(name)], capture_output=True, text=True)
        assert done.returncode == -getattr(signal, name), done.stdout + done.stderr


LEAVES_A_THREAD = """
import conftest, threading
conftest.PATIENCE = 1.0
def test():
    lock = threading.Lock()
    lock.acquire()
    threading.Thread(target=lock.acquire).start()
"""


def test_a_thread_that_never_ends_does_not_hold_up_the_end(tmp_path):
    (tmp_path / "test_it.py").write_text(LEAVES_A_THREAD)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        str(TESTS.parent / "pyproject.toml"),
    ]
    here = ["--rootdir", str(TESTS.parent), "--confcutdir", str(TESTS.parent), "-p", "conftest", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS.parent)}
    done = subprocess.run([*command, *here], capture_output=True, text=True, timeout=60, env=environment)
    assert "1 passed" in done.stdout
    assert "Timeout (0:00:01)!" in done.stderr
    assert "_shutdown" in done.stderr
    assert done.returncode == 1
