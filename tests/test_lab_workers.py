"""Worker processes: answers, failures, and that no process is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from scripts import script

from gilkit.lab import interpreters, workers
from gilkit.lab.workers import TaskError, Worker

HERE = interpreters.running()


def gone(pid, seconds=10.0):
    """Whether the process ends, or becomes a zombie, within ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    """A server with the test's own tasks: ``tasks("def f(): ...")`` makes ``mine:f``."""
    folder = tmp_path / "worker"
    (folder / "gilkit_tasks").mkdir(parents=True)
    (folder / "gilkit_tasks" / "__init__.py").write_text("")
    (folder / "serve.py").write_text(workers.SERVER.read_text())
    monkeypatch.setattr(workers, "SERVER", folder / "serve.py")

    def write(source):
        (folder / "gilkit_tasks" / "mine.py").write_text(source)

    return write


def test_a_task_returns_its_result():
    with Worker(HERE) as worker:
        assert worker.call("cut:spans", {"total": 5, "parts": 2}) == [[0, 3], [3, 5]]
        assert worker.call("cut:cut", {"total": 5, "parts": 3}) == [2, 2, 1]


def test_what_a_task_prints_is_not_an_answer(tasks):
    tasks("import os\ndef f():\n    print('noise', flush=True)\n    os.write(1, b'more noise')\n    return 7\n")
    with Worker(HERE) as worker:
        assert worker.call("mine:f") == 7


def test_a_task_does_not_read_the_requests(tasks):
    tasks("import sys\ndef f():\n    return sys.stdin.read()\n")
    with Worker(HERE) as worker:
        assert worker.call("mine:f") == ""
        assert worker.call("mine:f") == ""


def test_a_task_that_raises_leaves_the_worker_usable(tasks):
    tasks("def f(n):\n    return 10 // n\n")
    with Worker(HERE) as worker:
        with pytest.raises(TaskError, match="ZeroDivisionError") as caught:
            worker.call("mine:f", {"n": 0})
        assert "10 // n" in caught.value.traceback
        assert worker.call("mine:f", {"n": 5}) == 2


@pytest.mark.parametrize("task", ["nothing:f", "cut:nothing"])
def test_an_unknown_task(task):
    with Worker(HERE) as worker, pytest.raises(TaskError, match="nothing"):
        worker.call(task)


def test_a_worker_that_is_killed(tasks):
    tasks("import os, signal\ndef f():\n    os.kill(os.getpid(), signal.SIGKILL)\n")
    with Worker(HERE) as worker:
        with pytest.raises(TaskError, match="was killed by SIGKILL"):
            worker.call("mine:f")
        with pytest.raises(TaskError):  # the worker stays dead
            worker.call("mine:f")


def test_the_last_output_of_a_worker_that_exits_is_shown(tasks):
    tasks("import os\ndef f():\n    os.write(2, b'out of cheese\\n')\n    os._exit(3)\n")
    with Worker(HERE) as worker, pytest.raises(TaskError, match="ended with status 3: out of cheese"):
        worker.call("mine:f")


def test_an_interpreter_that_dies_at_once(tmp_path):
    path = script(tmp_path / "python", "echo 'cannot start' >&2; exit 1")
    broken = interpreters.Interpreter(str(path), "CPython", "3.99.0", False, True)
    with Worker(broken) as worker, pytest.raises(TaskError, match=r"3\.99\.0.*status 1: cannot start"):
        worker.call("cut:cut", {"total": 1, "parts": 1})


def test_a_task_that_takes_too_long_is_stopped(tasks):
    tasks("import time\ndef f():\n    time.sleep(600)\n")
    with Worker(HERE) as worker:
        with pytest.raises(TaskError, match="no answer within"):
            worker.call("mine:f", timeout=0.3)
        assert gone(worker.pid)


def test_the_worker_is_watched_meanwhile(tasks):
    tasks("import time\ndef f():\n    time.sleep(0.5)\n")
    ticks = []
    with Worker(HERE) as worker:
        worker.call("mine:f", tick=lambda: ticks.append(1))
    assert ticks


SPAWNING = """
import os, subprocess, sys, time
def f(path):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with open(path, "w") as file:
        file.write(str(child.pid))
    time.sleep(600)
"""


def test_closing_ends_the_children_too(tasks, tmp_path):
    tasks(SPAWNING)
    note = tmp_path / "pid"
    with Worker(HERE) as worker, pytest.raises(TaskError):
        worker.call("mine:f", {"path": str(note)}, timeout=3)
    assert gone(worker.pid)
    assert gone(int(note.read_text()))


def test_closing_twice():
    worker = Worker(HERE)
    worker.close()
    worker.close()


HANGING = """
import re, subprocess, sys
def answer():
    return 1
def f(path):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with open(path, "w") as file:
        file.write(str(child.pid))
    re.match("(a+)+$", "a" * 64 + "b")  # practically endless, without releasing the GIL
"""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups")
@pytest.mark.parametrize("hangs", [False, True])
def test_the_worker_ends_when_the_lab_is_killed(tasks, tmp_path, hangs):
    """Even by SIGKILL, which the lab cannot handle, and even while a task never releases the GIL."""
    tasks(HANGING)
    note = tmp_path / "pid"
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from gilkit.lab import interpreters, workers\n"
        "workers.SERVER = Path(sys.argv[1])\n"
        "worker = workers.Worker(interpreters.running())\n"
        "worker.call('mine:answer', {})\n"
        "print(worker.pid, flush=True)\n"
        "worker.call('mine:f', {'path': sys.argv[2]}) if sys.argv[3] == 'True' else time.sleep(600)\n"
    )
    command = [sys.executable, "-P", "-c", code, str(workers.SERVER), str(note), str(hangs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as lab:
        try:
            pids = [int(lab.stdout.readline())]
            deadline = time.monotonic() + 30
            while hangs and time.monotonic() < deadline and not (note.exists() and note.read_text()):
                time.sleep(0.02)
            time.sleep(0.2)  # the task is in its loop by now
            if hangs:
                pids.append(int(note.read_text()))
            assert all(psutil.pid_exists(pid) for pid in pids)
        finally:
            lab.send_signal(signal.SIGKILL)
    assert all(gone(pid) for pid in pids)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups")
def test_workers_do_not_keep_each_other_alive(tasks):
    """A worker that starts while another lives must not inherit the pipe that keeps that one alive."""
    tasks("def f():\n    return 1\n")
    with Worker(HERE) as first, Worker(HERE) as second:
        assert first.call("mine:f") == second.call("mine:f") == 1
        os.close(first._lifeline)  # as when the lab ends
        first._lifeline = -1
        assert gone(first.pid)
        assert second.call("mine:f") == 1


def test_a_program_that_does_not_answer_as_agreed(tmp_path, monkeypatch):
    server = tmp_path / "serve.py"
    server.write_text("input()\nprint('hello')\ninput()\n")
    monkeypatch.setattr(workers, "SERVER", server)
    with Worker(HERE) as worker, pytest.raises(TaskError, match=r"not an answer: 'hello\\n'"):
        worker.call("mine:f")


# ---- The server alone


def serve(*arguments, **options):
    command = [sys.executable, "-u", str(workers.SERVER), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


REQUEST = b'{"task": "cut:cut", "arguments": {"total": 3, "parts": 2}}\n'


def test_the_server_ends_when_its_input_does():
    output, errors = serve().communicate(REQUEST * 2, timeout=30)
    assert output == b'{"result": [2, 1]}\n' * 2
    assert errors == b""


def test_the_server_ends_when_its_output_is_closed():
    with serve() as server:
        server.stdout.close()
        server.stdin.write(REQUEST)
        server.stdin.flush()
        assert server.wait(30) == 0
        assert server.stderr.read() == b""


@pytest.mark.skipif(os.name != "posix", reason="process groups")
@pytest.mark.parametrize("platform", [sys.platform, "other"])
@pytest.mark.parametrize("before", [True, False], ids=["closed before", "closed later"])
def test_the_server_dies_with_the_lab(platform, before):
    """Killed by the kernel, or by a thread where the kernel cannot do it."""
    end, lifeline = os.pipe()
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); import serve; sys.platform = sys.argv[3]\n"
        "serve.end_with_the_lab(int(sys.argv[2])); print('ready', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(workers.SERVER.parent), str(end), platform]
    with subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=[end], start_new_session=True) as server:
        os.close(end)
        if before:
            os.close(lifeline)
        else:
            assert server.stdout.readline() == b"ready\n"
            os.close(lifeline)
        assert server.wait(30) == -signal.SIGKILL
