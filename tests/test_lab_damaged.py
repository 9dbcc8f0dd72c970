"""Files that the lab did not write: one sentence names the file and the mistake, never a traceback."""

from __future__ import annotations

import copy
import json
import math
import os
import stat

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gilkit.lab import checking, cli, compare, experiments, interpreters, results
from gilkit.lab.errors import LabError
from gilkit.lab.experiment import Row, Setting
from gilkit.lab.interpreters import Interpreter
from gilkit.lab.results import Result

GIL = Interpreter("python3", "CPython", "3.13.0", False, True, running=True)
MACHINE = {"processor": "p", "cores": 2, "affinity": 2, "system": "s", "threads_per_core": 1, "gilkit": {"quota": None}}


def run(experiment, rows):
    setting = Setting([GIL], 2, 2)
    strip = [[0.1 * step, step % 2, 50.0, 100.0] for step in range(1, 6)]
    verdict = experiment.judge(rows, setting)
    return Result(experiment.name, experiment.claim, setting, MACHINE, "", 1.0, 3, rows, verdict, strip, ["A note."])


def sample(**figures):
    return {
        "wall": 1.0,
        "user": 1.0,
        "system": 0.1,
        "cpu": 1.1,
        "cpu_percent": 110.0,
        "count": 5,
        "each": 0.2,
        **figures,
    }


SPANS = [[0, 0, 0.0, 0.2], [1, 1, 0.0, 0.1], [2, 2, 0.0, 0.2], [3, 3, 0.0, 0.2], [4, 1, 0.1, 0.3]]
RUNS = [
    run(experiments.get("cpu-percent"), [Row("a", "threads", GIL, 2, {"loops": 5}, [sample()] * 3)]),
    run(experiments.get("pool"), [Row("b", "schedule", GIL, 4, {"kind": "threads"}, [sample(spans=SPANS)] * 3)]),
    run(compare.Comparison("spin"), [Row(n, n, GIL, 2, {}, [sample()] * 3) for n in ("serial", "gilkit")]),
]
WHOLE = json.loads(json.dumps(results.document(RUNS)))


def places(value, path=()):
    """Return the path of every place in a JSON value."""
    yield path
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(each, (*path, key))


PLACES = list(places(WHOLE))[1:]
ODD = [None, True, False, 0, -1, 1, 1.5, -1e99, 1e99, 10**99, 1e-99, "", "x", "\ud800", [], [[]], [1], {}, {"x": None}]


def changed(path, value):
    whole = copy.deepcopy(WHOLE)
    place = whole
    for key in path[:-1]:
        place = place[key]
    if value is None and isinstance(place, dict) and isinstance(path[-1], str):
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(whole)


@pytest.fixture
def sentence(tmp_path, capsys):
    """Return the sentence that a report from this file gives, or "" if it accepts the file."""

    def ask(content, report="page.html"):
        path = tmp_path / "saved.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        capsys.readouterr()
        status = cli.main(["report", str(tmp_path / report), "--from", str(path)])
        error = capsys.readouterr().err
        if status == 0:
            return ""
        assert status == 2
        assert error.startswith("gilkit: error: ")
        assert str(path) in error
        assert error.count("\n") == 1 and len(error) < 500
        assert "Traceback" not in error
        return error

    return ask


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("{", "is not JSON: "),
        (json.dumps(WHOLE)[:-20], "is not JSON: "),
        (json.dumps(WHOLE).encode("utf-16"), "it is not UTF-8 text"),
        (b"\xff\xfe", "it is not UTF-8 text"),
        (b"\x00" * 10, "is not JSON"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"a":' * 100_000, "is nested too deeply"),
        ("[]", "does not hold the lab's results"),
        ("null", "does not hold the lab's results"),
        ("17", "does not hold the lab's results"),
        ('"x"', "does not hold the lab's results"),
        ('{"format": "gilkit-doctor", "version": 1}', "does not hold the lab's results"),
        ('{"format": "gilkit-lab"}', "has version null; this gilkit reads version 1"),
        ('{"format": "gilkit-lab", "version": 2}', "has version 2;"),
        ('{"format": "gilkit-lab", "version": "%s"}' % ("x" * 5000), "has version 'xxx"),
        ('{"format": "gilkit-lab", "version": true}', "has version true;"),
        ('{"format": "gilkit-lab", "version": 1}', "is damaged: it has no 'results'"),
        ('{"format": "gilkit-lab", "version": 1, "results": {}}', "it.results must be a list, got an object"),
        ('{"format": "gilkit-lab", "version": 1, "results": [5]}', "it.results[0] must be an object, got 5"),
        (changed(("results", 0, "seconds"), math.nan), "holds a number that is not finite, or too large: 'NaN'"),
        (changed(("results", 0, "seconds"), -math.inf), "too large: '-Infinity'"),
        (changed(("results", 0, "seconds"), 0).replace('"seconds": 0', '"seconds": 1e999'), "too large: '1e999'"),
        (changed(("results", 0, "rounds"), 0).replace('"rounds": 0', '"rounds": 1' + 5000 * "0"), "too large: '1000"),
        (changed(("results", 0, "name"), 5), "is damaged: results[0].name must be text, got 5"),
        (changed(("results", 0, "name"), "new"), "there is no experiment 'new'"),
        (changed(("results", 1, "rows"), None), "is damaged: results[1] has no 'rows'"),
        (changed(("results", 1, "rows", 0, "samples", 0), []), "results[1].rows[0].samples[0] must be an object, got a list"),
        (changed(("results", 0, "rows", 0, "interpreter", "gil"), 1), "interpreter.gil must be true or false, got 1"),
        (changed(("results", 0, "verdict", "outcome"), "maybe"), "results[0].verdict.outcome is unknown: 'maybe'"),
        (changed(("results", 0, "strip", 2), [1]), "results[0].strip[2] must hold a time, a case"),
        (changed(("results", 0, "machine"), {}), "is damaged: the figures of 'cpu-percent' cannot be used (it has no 'processor')"),
    ],
)  # fmt: skip
def test_damaged_files(sentence, content, words):
    assert words in sentence(content)
    assert words in sentence(content, "page.md")


def test_intact_files_are_accepted(sentence):
    assert sentence(json.dumps(WHOLE)) == ""
    assert sentence(json.dumps(WHOLE).encode("utf-8-sig")) == ""  # with a byte-order mark, as some editors save it
    more = copy.deepcopy(WHOLE)
    for part in (more, more["results"][0], more["results"][0]["rows"][0], more["results"][0]["setting"]):
        part["added later"] = 1
    assert sentence(json.dumps(more), "page.md") == ""


@given(st.sampled_from(PLACES), st.sampled_from(ODD), st.sampled_from(["page.html", "page.md"]))
@settings(deadline=None, max_examples=120, suppress_health_check=list(HealthCheck))
@example(("results", 1, "rows", 0, "samples", 0, "spans", 0), [], "page.html")
@example(("results", 2, "rows", 0, "samples", 0, "wall"), "x", "page.html")
@example(("results", 2, "rows", 0, "samples", 0, "wall"), 0, "page.html")
def test_any_change_is_accepted_or_answered(sentence, path, value, report):
    sentence(changed(path, value), report)


@given(st.integers(0, len(json.dumps(WHOLE)) - 1), st.binary(max_size=3))
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
def test_any_bytes_are_accepted_or_answered(sentence, start, piece):
    content = json.dumps(WHOLE).encode()
    sentence(content[:start])
    sentence(content[:start] + piece + content[start + len(piece) :])


def test_paths_without_a_file(tmp_path, capsys):
    for path, words in (
        (tmp_path, "Is a directory"),
        (tmp_path / "missing.json", "No such file"),
        (tmp_path / ("x" * 300), "File name too long"),
    ):
        assert cli.main(["report", str(tmp_path / "page.html"), "--from", str(path)]) == 2
        assert f"'{path}' cannot be read: {words}" in capsys.readouterr().err


def test_a_damaged_comparison_is_refused_before_anything_is_measured(tmp_path, capsys):
    saved = tmp_path / "saved.json"
    for content, words in (
        (changed(("results", 2, "rows", 0, "samples", 0, "wall"), "x"), "the figures of 'compare spin' cannot be used"),
        (json.dumps(WHOLE)[:-9], "is not JSON"),
        (changed(("results",), []), "holds no comparison of 'spin' (it holds nothing)"),
    ):
        saved.write_text(content)
        assert cli.main(["compare", "spin", "--against", str(saved)]) == 2
        error = capsys.readouterr().err
        assert words in error and str(saved) in error and error.count("\n") == 1


def test_errors_of_the_lab_itself_are_not_blamed_on_a_file():
    with pytest.raises(KeyError), results.shown(RUNS[0]):
        raise KeyError("each")


# ---- Where output goes


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "saved.json"
    path.write_text(json.dumps(WHOLE))
    return str(path)


@pytest.mark.parametrize("file", ["page.html", "page.md"])
def test_files_that_cannot_be_written(tmp_path, saved, capsys, file):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (tmp_path / "no" / file, tmp_path / saved / file, loop / file, tmp_path / (300 * "x" + file)):
        assert cli.main(["report", str(path), "--from", saved]) == 2
        error = capsys.readouterr().err
        assert f"'{path}' cannot be written: " in error and error.count("\n") == 1
        with pytest.raises(LabError, match="cannot be written"):
            results.write(path, "")
    with pytest.raises(LabError, match="it is a folder"):
        results.check_writable(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to(tmp_path, saved, capsys):
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o500)
    assert cli.main(["report", str(folder / "page.html"), "--from", saved]) == 2
    assert "is not a writable folder" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="pipes have names on POSIX")
def test_devices_and_pipes_are_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    results.check_writable(pipe)
    results.write(pipe, "text")
    assert os.read(end, 10) == b"text"
    os.close(end)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    if os.path.exists("/dev/full"):
        with pytest.raises(LabError, match="'/dev/full' cannot be written: No space left"):
            results.write("/dev/full", "text")


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    results.write(link, "text")
    assert link.is_symlink() and target.read_text() == "text"
    assert {file.name for file in tmp_path.iterdir()} == {"target", "link"}


def test_nothing_is_left_of_a_file_that_could_not_be_written(tmp_path):
    with pytest.raises(UnicodeEncodeError):
        results.write(tmp_path / "file", "\ud800")
    assert not list(tmp_path.iterdir())


# ---- Answers of interpreters and workers


def answer(**changes):
    found = {"executable": "p", "implementation": "CPython", "version": "3.99.1", "free_threaded": False, "gil": True}
    return json.dumps(found | changes)


@pytest.mark.skipif(os.name != "posix", reason="a shell script is the program")
@pytest.mark.parametrize(
    "text",
    ["{", "[]", "5", "null", "{}", answer(version=5), answer(gil=None), answer(executable=None), "[" * 50_000, "NaN"],
    ids=lambda text: text[:20],
)
def test_programs_that_answer_nonsense_are_not_interpreters(tmp_path, text):
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ncat '{tmp_path}/answer'\n")
    program.chmod(0o755)
    (tmp_path / "answer").write_text(f"gilkit-probe:{text}\n")
    with pytest.raises(LabError, match="is not a Python interpreter: it printed"):
        interpreters.probe(program)
    (tmp_path / "answer").write_bytes(b"\xff garbage \xfe\ngilkit-probe:" + answer().encode() + b"\n")
    assert interpreters.probe(program).version_info == (3, 99)


@pytest.mark.parametrize(
    ("version", "expected"), [("3.13.0", (3, 13)), ("²", (0,)), ("", (0,)), (5000 * "9" + ".x", (999999999, 0))]
)
def test_versions_of_any_kind(version, expected):
    assert Interpreter("p", "CPython", version, False, True).version_info == expected


def test_a_missing_home_folder_is_not_an_error(monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.setattr(interpreters.Path, "home", lambda: 1 / 0)
    assert interpreters.find_free_threaded({}) == []


@pytest.mark.parametrize(
    ("value", "shape", "words"),
    [
        (1, str, "it must be text, got 1"),
        (True, int, "it must be a whole number, got true"),
        (False, float, "it must be a number, got false"),
        ({"a": 1}, {"b": int}, "it has no 'b'"),
        ([1, "x"], [int], r"it\[1\] must be a whole number, got 'x'"),
        (None, {}, "it must be an object, got null"),
        (5, checking.Nullable(str), "it must be text, got 5"),
        ("y" * 100, int, r"got 'y+\.\.\.$"),
    ],
)
def test_shapes(value, shape, words):
    with pytest.raises(checking.Damaged, match=words):
        checking.check(value, shape, "it")
    checking.check({"a": [1.5, 2], "b": None, "c": 3}, {"a": [float], "b": checking.Nullable(str)}, "it")
