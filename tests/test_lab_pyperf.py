"""Figures for pyperf: the content of the file, and that pyperf loads it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gilkit.lab import cli, interpreters, pyperf
from gilkit.lab.errors import LabError
from gilkit.lab.experiment import Row, Setting
from gilkit.lab.interpreters import Interpreter
from gilkit.lab.results import Result

GIL = Interpreter("python3", "CPython", "3.13.0", False, True, running=True)


def result(name, *rows):
    machine = {"processor": "A fast one", "system": "Linux"}
    return Result(name, "A claim.", Setting([GIL], 2, 2), machine, "2026-01-01T10:00:00+00:00", 1.0, 3, list(rows))


def row(label, **figures):
    samples = [{key: value * factor for key, value in figures.items()} for factor in (0.9, 1.0, 1.1)]
    return Row(label, label, GIL, 1, {}, samples)


COST = result("spawn-cost", row("thread", each=1e-5, wall=1.0), row("task", each=1e-6, wall=1.0))
SCHEDULE = result("pool", Row("broken", "x", GIL, 1, error="no"), row("idle", wall=0.0), row("whole", wall=0.5))
COMPARED = result("compare spin", row("plain Python", each=1e-9, wall=0.25))


def test_one_value_for_each_round():
    data = pyperf.document([COST, SCHEDULE, COMPARED])
    assert data["version"] == "1.0"
    found = {each["metadata"]["name"]: [run["values"] for run in each["runs"]] for each in data["benchmarks"]}
    assert all(len(values) == 1 for runs in found.values() for values in runs)
    first = {name: [values[0] for values in runs] for name, runs in found.items()}
    assert list(found) == [
        "spawn-cost: thread (3.13.0)",
        "spawn-cost: task (3.13.0)",
        "pool: whole (3.13.0)",
        "compare spin: plain Python (3.13.0)",
    ]
    assert [len(runs) for runs in found.values()] == [3, 3, 3, 3]
    assert first["spawn-cost: thread (3.13.0)"] == pytest.approx([9e-6, 1e-5, 1.1e-5])
    # The time of a whole run, not of one loop.
    assert first["compare spin: plain Python (3.13.0)"] == pytest.approx([0.225, 0.25, 0.275])


def test_nothing_to_write(tmp_path):
    with pytest.raises(LabError, match="no time in these results"):
        pyperf.document([result("pool", Row("broken", "x", GIL, 1, error="no"))])
    with pytest.raises(LabError, match="cannot be written"):
        pyperf.save(tmp_path / "missing" / "file.json", [COST])


def test_pyperf_loads_it(tmp_path):
    library = pytest.importorskip("pyperf")
    path = tmp_path / "run.json"
    pyperf.save(path, [COST, SCHEDULE, COMPARED])
    suite = library.BenchmarkSuite.load(str(path))
    assert len(suite) == 4
    benchmark = suite.get_benchmark("spawn-cost: thread (3.13.0)")
    assert benchmark.median() == pytest.approx(1e-5)
    assert benchmark.get_values() == pytest.approx((9e-6, 1e-5, 1.1e-5))
    for command in (["stats", str(path)], ["compare_to", str(path), str(path)], ["hist", str(path)]):
        subprocess.run([sys.executable, "-m", "pyperf", *command], check=True, capture_output=True)


def test_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(interpreters, "find_free_threaded", lambda *_: [])
    path = tmp_path / "run.json"
    assert cli.main(["experiment", "deadlock", "--pyperf", str(path)]) == 0
    names = [each["metadata"]["name"] for each in json.loads(path.read_text())["benchmarks"]]
    assert len(names) == 4
    assert cli.main(["experiment", "deadlock", "--pyperf", str(tmp_path / "no" / "x.json")]) == 2
    assert "cannot be written" in capsys.readouterr().err
