"""Running experiments: the order, what is recorded, and what happens when something fails."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
import types

import psutil
import pytest

from gilkit.lab import cli, interpreters, machine, results, runner
from gilkit.lab.errors import LabError
from gilkit.lab.experiment import Case, Column, Experiment, Outcome, Row, Setting, Verdict

HERE = interpreters.running()
MISSING = interpreters.Interpreter("/nonexistent/python", "CPython", "3.99.0", False, True)


class Recorder:
    """A view that records its calls."""

    def __init__(self):
        self.order = []
        self.ended = False

    def begin(self, result, cases, rounds, seconds):
        self.started = (len(cases), rounds, seconds)

    def case(self, index, round):
        self.order.append((round, index))

    def tick(self, cores, case_percent):
        pass

    def sample(self, index, row):
        pass

    def end(self):
        self.ended = True


class Small(Experiment):
    """A task without a duration."""

    name = "small"
    title = "A small one"
    claim = "Cutting works."

    def __init__(self, *cases):
        self._cases = cases

    def cases(self, setting):
        return list(self._cases)

    def columns(self, rows, setting):
        return [Column("count", lambda row, rows: str(len(row.samples)))]

    def judge(self, rows, setting):
        return Verdict(Outcome.HOLDS, f"{sum(row.measured for row in rows)} measured")


def case(label="a", interpreter=HERE, task="loops:threads", timed=True, **arguments):
    return Case(label, task, interpreter, arguments or {"count": 1}, timed=timed)


SETTING = Setting([HERE], 2, 2)


def run(*cases, **options):
    view = Recorder()
    options = {"seconds": 0.03, "rounds": 3} | options
    return runner.run(Small(*cases), SETTING, view, **options), view


def test_every_case_once_in_each_round():
    result, view = run(case("a"), case("b", count=2))
    assert view.order == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert view.started == (2, 3, 0.03)
    assert view.ended
    assert [len(row.samples) for row in result.rows] == [3, 3]
    assert result.verdict.text == "2 measured"


def test_the_samples_and_what_follows_from_them():
    (row,) = run(case(), rounds=1)[0].rows
    (sample,) = row.samples
    assert sample["cpu"] == sample["user"] + sample["system"]
    assert sample["cpu_percent"] == pytest.approx(100 * sample["cpu"] / sample["wall"])
    assert sample["others_percent"] >= 0
    assert sample["loops"] > 0


def test_a_case_that_fails_does_not_stop_the_others():
    result, view = run(case("bad", task="loops:nothing"), case("good"))
    bad, good = result.rows
    assert "AttributeError" in bad.error
    assert not bad.samples
    assert good.error is None
    assert len(good.samples) == 3
    assert [index for _, index in view.order].count(0) == 1  # not retried


def test_an_interpreter_that_cannot_be_started():
    result, _ = run(case("missing", interpreter=MISSING), case("good"))
    assert "nonexistent" in result.rows[0].error
    assert result.rows[1].measured


@pytest.mark.thread_unsafe(reason="looks at all children of the process")
def test_ctrl_c_keeps_what_was_measured_and_leaves_no_process():
    class Impatient(Recorder):
        def case(self, index, round):
            super().case(index, round)
            if len(self.order) == 3:
                raise KeyboardInterrupt

    before = set(psutil.Process().children(recursive=True))
    view = Impatient()
    result = runner.run(Small(case("a"), case("b")), SETTING, view, seconds=0.03, rounds=3)
    assert result.interrupted
    assert [len(row.samples) for row in result.rows] == [1, 1]
    assert result.verdict is not None
    assert view.ended
    assert set(psutil.Process().children(recursive=True)) <= before


def test_disturbances_are_reported_with_advice():
    quiet = Row("a", "", HERE, 1, {}, [{"others_percent": 2.0, "steal_percent": 0.0}] * 3)
    busy = Row("b", "", HERE, 1, {}, [{"others_percent": 60.0, "steal_percent": 9.0}] * 3)
    assert runner.disturbances([quiet]) == []
    others, steal = runner.disturbances([busy])
    assert "60 % of a core" in others
    assert "--seconds" in others
    assert "9 % of a core" in steal
    assert runner.disturbances([]) == []


def test_too_short_a_measurement_says_what_to_change():
    (warning,) = [each for each in run(case())[0].warnings if "too short" in each]
    assert "lasted 10.0 ms" in warning
    assert "--seconds 0.15 or more" in warning
    assert not any("too short" in each for each in run(case(), seconds=0.3)[0].warnings)


def test_limits_of_the_machine_are_reported():
    facts = {"cores": 8, "affinity": 8, "threads_per_core": 1, "gilkit": {"quota": None}}
    assert runner.standing_warnings(facts) == []
    (text,) = runner.standing_warnings(facts | {"affinity": 2})
    assert "2 of 8 cores" in text
    (text,) = runner.standing_warnings(facts | {"gilkit": {"quota": 1.5}})
    assert "150 %" in text
    (text,) = runner.standing_warnings(facts | {"threads_per_core": 2})
    assert "hardware threads" in text


def test_the_machine_fits_json_and_has_a_line():
    facts = machine.describe()
    assert json.loads(json.dumps(facts)) == facts
    assert f"{facts['cores']} cores" in machine.one_line(facts)
    assert "quota 1.5" in machine.one_line(facts | {"gilkit": {"quota": 1.5}})


def test_results_come_back_from_a_file_as_they_were(tmp_path):
    result, _ = run(case("good"), case("bad", task="loops:nothing"), rounds=1)
    path = tmp_path / "run.json"
    results.save(path, [result])
    assert results.load(path) == [result]
    data = json.loads(path.read_text())
    assert (data["format"], data["version"]) == ("gilkit-lab", 1)
    assert set(data["results"][0]) == {
        "kind", "name", "claim", "started", "seconds", "rounds", "interrupted", "machine", "setting", "rows",
        "verdict", "strip", "warnings",
    }  # fmt: skip
    assert set(data["results"][0]["rows"][0]) == {
        "label", "strategy", "interpreter", "threads", "arguments", "samples", "error",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("[]", "does not hold the lab's results"),
        ('{"format": "pyperf"}', "does not hold the lab's results"),
        ('{"format": "gilkit-lab", "version": 99}', "version 99"),
        ('{"format": "gilkit-lab", "version": 1}', "damaged"),
        ('{"format": "gilkit-lab", "version": 1, "results": [{}]}', "damaged"),
    ],
)
def test_files_that_are_not_results(tmp_path, content, message):
    path = tmp_path / "run.json"
    path.write_text(content)
    with pytest.raises(LabError, match=message):
        results.load(path)


def test_files_that_cannot_be_read_or_written(tmp_path):
    with pytest.raises(LabError, match="cannot be read"):
        results.load(tmp_path / "missing.json")
    with pytest.raises(LabError, match="cannot be written"):
        results.save(tmp_path / "missing" / "run.json", [])


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129), ("SIGKILL", -9)])
@pytest.mark.usefixtures("default_hangup")
def test_a_signal_at_the_command_line(name, status):
    """The whole command, interrupted by a terminal, ended by a batch system, and killed by the system."""
    command = [sys.executable, "-P", "-m", "gilkit", "experiment", "cpu-percent", "--seconds", "60", "--json"]
    environ = {key: value for key, value in os.environ.items() if key != interpreters.VARIABLE}
    lab = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 60
        workers = []
        while not workers and time.monotonic() < deadline:
            workers = [p for p in psutil.Process(lab.pid).children() if "serve.py" in " ".join(p.cmdline())]
            time.sleep(0.05)
        assert workers
        time.sleep(0.5)
        os.kill(lab.pid, getattr(signal, name))
        output, _ = lab.communicate(timeout=30)
    finally:
        lab.kill()
        lab.wait()
    assert lab.returncode == status
    if name != "SIGKILL":  # the measurements are kept
        assert json.loads(output)["results"][0]["interrupted"]
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive


@pytest.mark.thread_unsafe(reason="signals and their handlers belong to the process")
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_signals_that_are_ignored_stay_so():
    """nohup ignores SIGHUP on purpose."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with cli.stopping():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


# ---- Facts about the machine, known and unknown


def test_a_machine_with_few_known_facts(monkeypatch):
    def unreadable(*arguments, **options):
        raise PermissionError

    monkeypatch.setattr(machine.Path, "read_text", unreadable)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert machine.processor() == (platform.processor() or platform.machine())
    assert machine.siblings() == 1
    assert machine.allowed() == set(psutil.Process().cpu_affinity())
    monkeypatch.delattr(psutil.Process, "cpu_affinity")
    assert machine.allowed() == set(range(os.cpu_count()))


@pytest.mark.parametrize(("text", "count"), [("0\n", 1), ("0-1\n", 2), ("0,64\n", 2), ("0-1,8-9\n", 4)])
def test_hardware_threads(monkeypatch, text, count):
    monkeypatch.setattr(machine.Path, "read_text", lambda self, **options: text)
    assert machine.siblings() == count
    facts = machine.describe() | {"cores": 8}
    line = machine.one_line(facts)
    assert (f"8 cores, {count} hardware threads per core, affinity" in line) == (count > 1)


@pytest.mark.parametrize(
    ("text", "name"), [("processor: 0\nmodel name\t: A chip: fast\n", "A chip: fast"), ("Model : Board\n", "Board")]
)
def test_the_name_of_the_processor(monkeypatch, text, name):
    monkeypatch.setattr(machine.Path, "read_text", lambda self, **options: text)
    assert machine.processor() == name
    monkeypatch.setattr(machine.Path, "read_text", lambda self, **options: "features: few\n")
    assert machine.processor() == (platform.processor() or platform.machine())


def test_cores_of_others_do_not_count(monkeypatch):
    """Programs on cores that this process may not use do not disturb it."""
    times = [types.SimpleNamespace(user=float(core), system=0.0, steal=0.0) for core in (1000, 1)]
    monkeypatch.setattr(psutil, "cpu_times", lambda percpu: times)
    monkeypatch.setattr(machine, "allowed", lambda: {1})
    others = runner.Others(types.SimpleNamespace(pid=os.getpid()))
    times[0].user += 500.0
    times[1].user += 50.0
    time.sleep(0.05)
    # 50 s in about 0.05 s; the 500 s of the other core would make it ten times as much.
    assert 10_000 < others.percent()["others_percent"] <= 100 * 50 / 0.05


def test_a_worker_that_is_gone_used_nothing():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    percent = runner.Others(types.SimpleNamespace(pid=child.pid)).percent()
    assert percent["others_percent"] >= 0


def test_the_strip_begins_before_any_case(monkeypatch):
    ticks = []
    view = Recorder()
    view.tick = lambda cores, percent: ticks.append((len(cores), percent))
    result, _ = run(case(), rounds=1)
    sampler = runner.CoreSampler(result, view)
    before = len(result.strip)
    sampler.tick()
    assert ticks == [(psutil.cpu_count(), None)]  # of no case
    assert len(result.strip) == before + 1
