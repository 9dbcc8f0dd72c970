"""The command line with unusual standard output and error, and with targets that misbehave."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import textwrap

import pytest
from rich.console import Console

from gilkit.lab import cli, doctor, interpreters, live, tables, terminal
from gilkit.lab.errors import LabError
from gilkit.lab.experiment import Case, Row, Setting
from gilkit.lab.results import Result

HERE = interpreters.running()
POSIX = pytest.mark.skipif(os.name != "posix", reason="the shell closes descriptors")
COMMANDS = {
    "list": ["experiment"],
    "doctor": ["doctor"],
    "doctor-json": ["doctor", "--json"],
    "experiment": ["experiment", "thread-local", "--seconds", "0.02", "--threads", "2"],
    "report": ["report", "page.md", "--from", "saved.json"],
    "help": ["--help"],
    "version": ["--version"],
}
ENCODINGS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "ascii-strict": {"PYTHONIOENCODING": "ascii:strict"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "utf-16": {"PYTHONIOENCODING": "utf-16"},
    "locale-c": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a saved run, where the commands run."""
    path = tmp_path_factory.mktemp("terminal")
    done = start(path, ["experiment", "thread-local", "--seconds", "0.02", "--threads", "2", "--save", "saved.json"])
    assert done.returncode == 0, done.stderr
    return path


def start(folder, arguments, redirect="", **environment):
    command = [sys.executable, "-P", "-m", "gilkit", *arguments]
    if redirect:
        command = ["sh", "-c", f'exec "$@" {redirect}', "sh", *command]
    # Other interpreters would make the runs longer.
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHONIO", "COLUMNS", "LINES"))}
    env |= {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYENV_ROOT": str(folder), **environment}
    env.pop("UV_PYTHON_INSTALL_DIR", None)
    env.pop(interpreters.VARIABLE, None)
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, timeout=120, check=False)


# Every command in one encoding and one command in every encoding, because each is a process.
@pytest.mark.parametrize(
    ("command", "encoding"),
    [*((name, "ascii") for name in COMMANDS), *(("doctor", name) for name in ENCODINGS if name != "ascii")],
)
def test_characters_that_cannot_be_encoded_are_replaced(folder, command, encoding):
    done = start(folder, COMMANDS[command], **ENCODINGS[encoding])
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr and b"Error" not in done.stderr
    if command not in ("report",):
        text = done.stdout.decode({"locale-c": "ascii", "ascii-strict": "ascii"}.get(encoding, encoding))
        assert text.strip()
        assert "✓" not in text or encoding == "utf-16"
        if command == "doctor" and encoding == "ascii":
            assert "\n!  GIL" in text or text.startswith("+  ")


@POSIX
@pytest.mark.parametrize(
    ("command", "redirect"),
    [*((name, ">&- 2>&- <&-") for name in COMMANDS), *(("doctor", redirect) for redirect in (">&-", "2>&-", "<&-"))],
)
def test_closed_streams(folder, command, redirect):
    done = start(folder, COMMANDS[command], redirect)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    if ">&-" not in redirect.split():
        assert done.stdout or command == "report"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
@pytest.mark.parametrize("command", ["doctor", "doctor-json", "experiment"])
def test_a_full_disk_takes_one_sentence(folder, command):
    done = start(folder, COMMANDS[command], ">/dev/full")
    assert done.returncode == 2
    assert done.stderr.endswith(b"gilkit: error: standard output cannot be written: No space left on device\n")
    assert b"Traceback" not in done.stderr
    # Standard error carries only progress, so its loss does not end the run.
    assert start(folder, COMMANDS[command], "2>/dev/full").returncode == 0


@pytest.mark.parametrize(
    ("command", "size"),
    [("help", "1"), ("list", "1"), *(("doctor", size) for size in ("0", "1", "-5", "²", "", "99999999999"))],
)
def test_terminals_of_any_size(folder, command, size):
    done = start(folder, COMMANDS[command], COLUMNS=size, LINES=size, TERM="dumb")
    assert done.returncode == 0, done.stderr
    assert done.stdout and not done.stderr


def test_a_table_in_a_tiny_terminal(folder):
    done = start(folder, COMMANDS["experiment"], COLUMNS="1", TERM="dumb")
    assert done.returncode == 0 and b"Traceback" not in done.stderr


@POSIX
def test_a_reader_of_the_progress_that_has_gone(folder):
    """The run continues, and its result is complete."""
    done = start(folder, [*COMMANDS["experiment"], "--json"], "2>&1 >result.json | head -1")
    assert done.returncode in (0, 141)
    assert b"Traceback" not in done.stdout


def test_streams_that_are_missing(monkeypatch):
    """As under pythonw."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert cli.main(["experiment"]) == 0
    assert cli.main(["experiment", "nonsense"]) == 2
    assert sys.stdout is sys.stderr is None


def test_streams_that_were_closed(monkeypatch):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    monkeypatch.setattr(sys, "stderr", closed)
    assert cli.main(["doctor", "--json"]) == 0
    assert cli.main(["experiment", "nonsense"]) == 2


def test_streams_that_are_not_files(monkeypatch):
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    assert cli.main(["experiment"]) == 0
    assert "cpu-percent" in output.getvalue()


class Broken(io.StringIO):
    def write(self, text):
        raise OSError(28, "No space left on device")

    flush = write


def test_a_failing_standard_error_is_ignored(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", Broken())
    assert cli.main(["experiment", "nonsense"]) == 2
    aside = terminal.Aside(Broken())
    assert aside.write("abc") == 3
    assert not aside.isatty()


@pytest.mark.parametrize("text", ["[/nope]", "[b]bold", "[link=x]", ":smile:", "\\[x]"])
def test_texts_are_not_markup(text):
    """rich would raise at a closing tag without an opening one."""
    rows = [Row(text, "threads", HERE, 1, error=text), Row(text, "threads", HERE, 1, {}, [{"cpu_percent": 1.0}])]
    found = Result(f"compare {text}.py:f", text, Setting([HERE], 2, 2), {}, "", 1.0, 1, rows)
    output = io.StringIO()
    view = live.view(tables.Output(file=output, width=200, height=20, force_terminal=True))
    view.begin(found, [Case(text, "loops:threads", HERE)] * 2, 1, 1.0)
    for index, row in enumerate(rows):
        view.case(index, 0)
        view.sample(index, row)
    view.end()
    view.note(text)
    assert f"failed: {text}" in output.getvalue()
    from gilkit.lab import experiments

    shown = tables.table(
        experiments.get("cpu-percent"), rows[:1], [tables.Column("h", lambda row, rows: "c", "a letter")]
    )
    console = Console(file=io.StringIO(), width=200)
    console.print(shown)
    assert text in console.file.getvalue()


def test_doctor_shows_messages_of_modules_literally(monkeypatch, capsys):
    finding = doctor.Finding("import [/x]", "ImportError: [Errno 2] \x1b[2J [/nope]", False, "[bold] advice")
    monkeypatch.setattr(doctor, "examine", lambda modules: [finding])
    assert cli.main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert "ImportError: [Errno 2] \ufffd[2J [/nope]" in text and "import [/x]" in text and "[bold] advice" in text


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")

    def write(text):
        (tmp_path / "theirs.py").write_text(textwrap.dedent(text), encoding="utf-8")
        return doctor.imports(["theirs", "json"])

    return write


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt: "),
        ("def f(:", "SyntaxError: "),
        ("x = '\\ud800'; raise ValueError(x)", "ValueError: \ud800"),
        ("class Odd(BaseException): pass\nraise Odd('µ')", "Odd: µ"),
    ],
)
def test_doctor_and_modules_that_fail(module, text, said):
    ((name, culprit, error),) = module(text)
    assert (name, culprit) == ("theirs", "")
    assert error.startswith(said)


@pytest.mark.parametrize(
    "text",
    [
        "print('garbage ✓', end='')",
        "import sys; sys.stdout.close()",
        "import sys; sys.stdout = None",
        "import sys; assert sys.stdin.read() == ''",
        "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()",
        "import os; os.write(1, b'\\xff\\xfe')",
    ],
)
def test_doctor_and_modules_that_behave_oddly(module, text):
    assert module(text) == []


def test_doctor_and_modules_that_end_the_interpreter(module):
    with pytest.raises(LabError, match="importing theirs, json ended the interpreter with status 4"):
        module("import os; os._exit(4)")
    (finding,) = doctor._imports(["theirs"], "")
    assert not finding.fine and "status 4" in finding.value


def test_doctor_looks_at_the_modules_on_any_build(capsys):
    assert cli.main(["doctor", "json", "--json"]) == 0
    capsys.readouterr()
    assert cli.main(["doctor", "gilkit_no_such_module", "json", "--json"]) == 1
    findings = {each["subject"]: each for each in json.loads(capsys.readouterr().out)["findings"]}
    assert "No module named 'gilkit_no_such_module'" in findings["import gilkit_no_such_module"]["value"]
    assert not findings["import gilkit_no_such_module"]["fine"]
    here = interpreters.Interpreter("p", "CPython", "3.12.0", False, True)
    assert "json can be imported" in doctor._gil(here, ["gilkit", "json"])[1].value


# ---- compare


@pytest.fixture
def compared(tmp_path, capsys):
    def run(text, name="f", file="theirs.py"):
        (tmp_path / "theirs.py").write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
        status = cli.main(["compare", f"{tmp_path / file}:{name}", "--rounds", "1", "--threads", "1"])
        return status, capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def f(:", "SyntaxError"),
        ("\x00", "null bytes"),
        (b"\xff\xfe", "SyntaxError"),
        ("import sys; sys.exit(3)", "ended with status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("def f(): raise ValueError('\\x1b[2J')\ninputs = [1]", "cannot be compared"),
        ("def f(x): return x", "theirs.py"),
        ("def f(:\n  '\\ud800 µ'", "SyntaxError"),
    ],
)
def test_functions_that_cannot_be_compared(compared, text, words):
    status, said = compared(text)
    assert status == 2
    assert said.err.startswith("gilkit: error: ")
    assert words in said.err
    assert "\x1b" not in said.err
    assert "site-packages/gilkit/lab/cli.py" not in said.err  # not the lab's own traceback


INPUTS = """
def f(x): return x
def none(): return None
def number(): return 5
def nothing(): return []
def needs(x): return [x]
def fails(): raise TypeError("[/theirs]")
def broken():
    def items():
        yield 1
        raise TypeError("of theirs")
    return items()
value = 5
"""


@pytest.mark.parametrize(
    ("name", "inputs", "words"),
    [
        ("missing", "nothing", "theirs.py has no attribute 'missing'"),
        ("f", "missing", "theirs.py has no attribute 'missing'"),
        ("f.x", "nothing", "theirs.py has no attribute 'f.x'"),
        ("value", "nothing", "is int, not a function"),
        ("f", "value", "is int, not a function"),
        ("f", "none", "must return a list of inputs, got NoneType"),
        ("f", "number", "must return a list of inputs, got int"),
        ("f", "nothing", "returned no inputs"),
        ("f", "needs", "is missing 1 required positional argument"),
    ],
)
def test_names_that_cannot_be_used_take_one_sentence(tmp_path, capsys, name, inputs, words):
    file = tmp_path / "theirs.py"
    file.write_text(INPUTS)
    assert cli.main(["compare", f"{file}:{name}", "--inputs", f"{file}:{inputs}"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("gilkit: error: ") and words in error and error.count("\n") == 1


@pytest.mark.parametrize(("inputs", "words"), [("fails", "TypeError: [/theirs]"), ("broken", "TypeError: of theirs")])
def test_what_their_functions_raise_is_shown_with_the_place(tmp_path, capsys, inputs, words):
    file = tmp_path / "theirs.py"
    file.write_text(INPUTS)
    assert cli.main(["compare", f"{file}:f", "--inputs", f"{file}:{inputs}"]) == 2
    error = capsys.readouterr().err
    assert words in error and f'File "{file}", line ' in error


@pytest.mark.parametrize("command", [["experiment", "pool"], ["compare", "spin"]])
def test_options_that_cannot_be_used(command, capsys):
    with pytest.raises(SystemExit):
        cli.main([*command, "--threads", "1025"])
    assert "--threads: must be at most 1024, got '1025'" in capsys.readouterr().err
    for option in ("--save", "--pyperf"):
        assert cli.main([*command, option, ""]) == 2
        assert "'' cannot be written: the name is empty" in capsys.readouterr().err


@POSIX
def test_a_current_folder_that_is_gone(folder):
    inside = folder / "gone"
    for command in ("compare spin --save x.json", "compare x.py:f", "report x.md --from x.json"):
        inside.mkdir()
        script = f'cd gone && rmdir ../gone && exec "$@" {command}'
        done = subprocess.run(
            ["sh", "-c", script, "sh", sys.executable, "-P", "-m", "gilkit"],
            cwd=folder,
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 2
        assert done.stderr.startswith(b"gilkit: error: '") and done.stderr.count(b"\n") == 1, done.stderr


def test_specs_that_name_no_file(compared, tmp_path):
    for file in ("missing.py", "x" * 300 + ".py", "theirs.py/x.py", ".", "folder.py"):
        (tmp_path / "folder.py").mkdir(exist_ok=True)
        status, said = compared("", file=file)
        assert status == 2 and said.err.count("\n") == 1, said.err
