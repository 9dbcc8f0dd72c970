"""Which interpreters the lab finds, and its errors for programs that are not Python."""

from __future__ import annotations

import os
import sys

import pytest
from scripts import script

from gilkit.lab import interpreters
from gilkit.lab.errors import LabError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the fake interpreters are shell scripts")


def imitation(path, *, version="3.14.0", free_threaded=True, gil=False):
    """Return a shell script that answers the probe like a Python of this kind."""
    answer = (
        f'{{"executable": "{path}", "implementation": "CPython", "version": "{version}", '
        f'"free_threaded": {str(free_threaded).lower()}, "gil": {str(gil).lower()}}}'
    )
    return script(path, f"echo noise\necho 'gilkit-probe:{answer}'")


@pytest.fixture
def environ(tmp_path, monkeypatch):
    """An environment without any interpreter, and an empty home folder."""
    path = tmp_path / "bin"
    path.mkdir()
    return {"PATH": str(path)}


def test_the_running_interpreter_is_described_as_by_the_probe():
    here = interpreters.running()
    there = interpreters.probe(sys.executable)
    assert (here.version, here.implementation, here.free_threaded) == (
        there.version,
        there.implementation,
        there.free_threaded,
    )
    assert here.running
    assert here.version_info == sys.version_info[:2]


@pytest.mark.parametrize(
    ("version", "free_threaded", "gil", "label", "state"),
    [
        ("3.11.7", False, True, "3.11.7", "GIL"),
        ("3.14.0", True, False, "3.14.0t", "free-threaded"),
        ("3.14.0", True, True, "3.14.0t", "free-threaded, GIL switched on"),
    ],
)
def test_label(version, free_threaded, gil, label, state):
    each = interpreters.Interpreter("python", "CPython", version, free_threaded, gil)
    assert (each.label, each.gil_state) == (label, state)


def test_other_implementations_are_named():
    assert interpreters.Interpreter("pypy", "PyPy", "3.10.14", False, True).label == "PyPy 3.10.14"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo hello", "printed 'hello'"),
        ("exit 3", "printed nothing.*exit status 3"),
        ("echo 'no such option: -c' >&2; exit 2", "no such option.*exit status 2"),
        ("echo 'gilkit-probe:{broken'", "not a Python interpreter"),
        ("echo 'gilkit-probe:[]'", "not a Python interpreter"),
    ],
)
def test_a_program_that_is_not_python(tmp_path, body, message):
    path = script(tmp_path / "program", body)
    with pytest.raises(LabError, match=message):
        interpreters.probe(path)


def test_variables_of_this_interpreter_are_not_passed_on(tmp_path, monkeypatch):
    for name in ("PYTHONPATH", "PYTHONHOME", "PYTHON_GIL"):
        monkeypatch.setenv(name, "/nonexistent")
    other = script(tmp_path / "program", f'exec "{sys.executable}" "$@"')
    assert interpreters.probe(other).version == interpreters.running().version


def test_a_long_complaint_is_cut(tmp_path):
    path = script(tmp_path / "program", "head -c 5000 /dev/zero | tr '\\0' x; exit 1")
    with pytest.raises(LabError) as caught:
        interpreters.probe(path)
    assert len(str(caught.value)) < 500


def test_a_file_that_is_missing_or_not_executable(tmp_path):
    plain = tmp_path / "plain.txt"
    plain.write_text("")
    for path in (tmp_path / "missing", plain, tmp_path):
        with pytest.raises(LabError, match="no executable file"):
            interpreters.probe(path)


def test_a_program_that_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(interpreters, "PROBE_SECONDS", 0.2)
    path = script(tmp_path / "program", "exec sleep 60")
    with pytest.raises(LabError, match="did not answer within"):
        interpreters.probe(path)


def test_a_text_file_marked_executable(tmp_path):
    path = tmp_path / "program"
    path.write_bytes(b"\x00\x01\x02")
    path.chmod(0o755)
    with pytest.raises(LabError, match="is not an interpreter"):
        interpreters.probe(path)


def test_nothing_to_find(environ, tmp_path):
    assert interpreters.find_free_threaded(environ, tmp_path) == []


def test_found_on_path_in_uv_and_pyenv(environ, tmp_path):
    on_path = imitation(tmp_path / "bin" / "python3.14t", version="3.14.1")
    uv = imitation(
        tmp_path / ".local/share/uv/python/cpython-3.14.0+freethreaded-linux/bin/python3.14t", version="3.14.0"
    )
    pyenv = imitation(tmp_path / ".pyenv/versions/3.13.2t/bin/python", version="3.13.2")
    found = interpreters.find_free_threaded(environ, tmp_path)
    assert [each.executable for each in found] == [str(on_path), str(uv), str(pyenv)]


def test_folders_named_by_variables(environ, tmp_path):
    uv = imitation(tmp_path / "u/cpython-3.14.0+freethreaded/bin/python3.14t", version="3.14.0")
    pyenv = imitation(tmp_path / "p/versions/3.13.2t/bin/python", version="3.13.2")
    environ |= {"UV_PYTHON_INSTALL_DIR": str(tmp_path / "u"), "PYENV_ROOT": str(tmp_path / "p")}
    found = interpreters.find_free_threaded(environ, tmp_path)
    assert [each.executable for each in found] == [str(uv), str(pyenv)]


def test_each_version_once(environ, tmp_path):
    imitation(tmp_path / "bin" / "python3.14t", version="3.14.0")
    imitation(tmp_path / ".pyenv/versions/3.14.0t/bin/python", version="3.14.0")
    assert len(interpreters.find_free_threaded(environ, tmp_path)) == 1


def test_broken_interpreters_and_those_with_a_gil_are_skipped(environ, tmp_path):
    script(tmp_path / "bin" / "python3.14t", "echo 'pyenv: python3.14t: command not found' >&2; exit 127")
    imitation(tmp_path / ".pyenv/versions/3.13.2t/bin/python", version="3.13.2", free_threaded=False)
    assert interpreters.find_free_threaded(environ, tmp_path) == []


def test_the_variable_comes_first(environ, tmp_path):
    imitation(tmp_path / "bin" / "python3.14t", version="3.14.1")
    named = imitation(tmp_path / "mine", version="3.13.0")
    environ[interpreters.VARIABLE] = str(named)
    assert interpreters.find_free_threaded(environ, tmp_path)[0].executable == str(named)


def test_a_wrong_variable_is_an_error(environ, tmp_path):
    environ[interpreters.VARIABLE] = str(tmp_path / "missing")
    with pytest.raises(LabError, match=rf"{interpreters.VARIABLE}.*missing"):
        interpreters.find_free_threaded(environ, tmp_path)
    environ[interpreters.VARIABLE] = str(imitation(tmp_path / "gil", version="3.12.0", free_threaded=False, gil=True))
    with pytest.raises(LabError, match=r"3\.12\.0 with a GIL"):
        interpreters.find_free_threaded(environ, tmp_path)


def test_choose_puts_the_running_one_first_and_no_version_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(interpreters, "find_free_threaded", list)
    other = imitation(tmp_path / "other", version="3.14.9")
    chosen = interpreters.choose([str(other), str(other), sys.executable])
    assert chosen[0].running
    assert [each.version for each in chosen[1:]] == ["3.14.9"]


def test_modules_that_an_interpreter_lacks():
    assert interpreters.lacks(interpreters.running(), ["json", "no_such_module", "re"]) == ["no_such_module"]


def test_json_round_trip():
    here = interpreters.running()
    assert interpreters.Interpreter.from_json(here.to_json()) == here


def test_a_required_free_threaded_interpreter_is_found():
    """A variable in CI turns a missing interpreter into a failure instead of a skip."""
    if os.environ.get("GILKIT_REQUIRE_FREE_THREADED") != "1":
        pytest.skip("GILKIT_REQUIRE_FREE_THREADED is not set")
    assert interpreters.running().free_threaded or interpreters.find_free_threaded()
