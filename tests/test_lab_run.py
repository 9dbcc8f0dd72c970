"""``gilkit run``: a program behaves as under plain Python, the report, the comparison, and bad input.

The programs run with a test double of the patch, so that these tests are about ``gilkit run`` alone. The double is
installed as the environment's sitecustomize, which also shows that ``gilkit run`` does not disable that. The last tests
use gilkit's own patch.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import types
import warnings
import zipfile

import psutil
import pytest

import gilkit
from gilkit.lab import advice, cli, compare, doctor, interpreters, stats
from gilkit.lab.experiment import Row
from gilkit.lab.program import command, comparison, report

DOUBLE = """
import collections, sys, types
import gilkit

Statistics = collections.namedtuple("FunctionStatistics", "calls items seconds serial")
state = {"patched": False, "collects": False, "options": None}
patching = types.ModuleType("gilkit.patching")
patching.collect_statistics = lambda on: state.update(collects=on)
patching.statistics = lambda: {} if not state["collects"] else {
    "add": Statistics(12, 34_000_000, 0.5, {"too small": 3, "overlap": 1}),
    "ndarray.sort": Statistics(0, 0, 0.0, {"dtype": 2000}),
    "add.reduce": Statistics(1, 5000, 0.75, {}),
    "ceil": Statistics(0, 0, 0.0, {"too small": 1}),
    "floor": Statistics(0, 0, 0.0, {"too small": 2}),
}
patching.state = state

def patch_numpy(min_size=None, memory=False):
    if min_size == 666:
        raise RuntimeError("no luck")
    state.update(patched=True, options=(min_size, memory))

gilkit.patch_numpy = patch_numpy
gilkit.unpatch_numpy = lambda: state.update(patched=False)
gilkit.numpy_is_patched = patching.numpy_is_patched = lambda: state["patched"]
sys.modules["gilkit.patching"] = gilkit.patching = patching
"""


@pytest.fixture
def place(tmp_path):
    """A folder for programs, next to the double. It has a numpy, which is imported sooner than the real one."""
    (tmp_path / "double").mkdir()
    (tmp_path / "double" / "sitecustomize.py").write_text(DOUBLE)
    (tmp_path / "gilkit").write_text("import sys, _gilkit_command\nsys.exit(_gilkit_command.main())\n")
    folder = tmp_path / "programs"
    write(folder, "__version__ = '2.9'", "numpy/__init__.py")
    return folder


def environment(place):
    # Without the variable by which pytest keeps the checkout off sys.path: here it would hide the program's folder.
    env = {key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"}
    return env | {"PYTHONPATH": str(place.parent / "double")}


def execute(place, *words, options=(), stdin="", **more):
    return subprocess.run(
        [sys.executable, *options, *map(str, words)],
        cwd=place, env=environment(place) | more, input=stdin, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def run(place, *words, options=(), stdin="", **more):
    """Run the installed command, whose folder is not the current one, as `python -m gilkit` would have it."""
    return execute(place, place.parent / "gilkit", "run", *words, options=options, stdin=stdin, **more)


def write(place, text, name="program.py"):
    path = place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return name


def same(place, *words, options=(), stdin=""):
    """Run a program by plain Python and by ``gilkit run``; check that all that can be seen is the same."""
    plain = execute(place, *words, options=options, stdin=stdin)
    ours = run(place, *words, options=options, stdin=stdin)
    assert ours.stdout == plain.stdout
    assert ours.stderr == plain.stderr
    assert ours.returncode == plain.returncode
    return ours


# ---- Programs behave as under plain Python

STATE = """
    import inspect, json, os, signal, sys
    import __main__

    print(__name__, __file__, __package__, __doc__, __builtins__ is sys.modules["builtins"])
    print(__spec__ and (__spec__.name, __spec__.origin), type(__loader__).__name__)
    print(globals().get("__cached__"), __main__.__dict__ is globals())
    print(sys.argv, sys.orig_argv, sys.executable, sys.flags, sys._xoptions, sys.warnoptions)
    print(sys.path, [finder for finder in sys.path_importer_cache if "startup" in finder])
    print(sorted(os.environ.items()), os.getcwd())
    print([(number, str(signal.getsignal(number))) for number in signal.valid_signals()])
    print(signal.pthread_sigmask(signal.SIG_BLOCK, []))
    print([(frame.filename, frame.function) for frame in inspect.stack()], sys.modules["sitecustomize"].__file__)
    print([type(each).__name__ for each in sys.meta_path][-3:], sys.stdout.errors, sys.stderr.encoding)

    def depth(n=0):
        try:
            return depth(n + 1)
        except RecursionError:
            return n

    print(depth())
    print(json.dumps(sys.stdin.read()))
    print([fd for fd in range(20) if os.path.exists(f"/proc/self/fd/{fd}")])
"""


def test_the_state_of_a_script(place):
    program = write(place, STATE)
    found = same(place, program, "-x", "--report", "two words", "", "é", stdin="ab\ncd")
    assert found.returncode == 0, found.stderr
    assert "['program.py', '-x', '--report', 'two words', '', 'é']" in found.stdout


def test_the_state_of_a_module(place):
    write(place, "print('imported', __name__)", "package/__init__.py")
    write(place, STATE, "package/__main__.py")
    write(place, STATE, "package/inside.py")
    assert "('package.__main__', " in same(place, "-m", "package", "-m", "x").stdout
    assert "('package.inside', " in same(place, "-mpackage.inside").stdout
    missing = same(place, "-m", "package.absent")
    assert missing.returncode == 1
    assert "No module named package.absent" in missing.stderr


def test_the_state_of_standard_input_a_folder_and_a_zip_file(place):
    assert "<stdin>" in same(place, "-", "x", stdin="import sys; print(__file__ if 0 else sys.argv); 1/0").stderr
    write(place, STATE, "folder/__main__.py")
    assert "['folder', 'x']" in same(place, "folder", "x").stdout
    with zipfile.ZipFile(place / "packed.zip", "w") as packed:
        packed.writestr("__main__.py", textwrap.dedent(STATE))
    assert "zipimporter" in same(place, "packed.zip").stdout
    (place / "empty").mkdir()
    assert "can't find '__main__' module" in same(place, "empty").stderr
    write(place, "import sys; print(sys.argv)", "-odd.py")
    assert same(place, "--", "-odd.py", "-x").stdout == "['-odd.py', '-x']\n"


def test_the_interpreter_options_stay_in_force(place):
    program = write(place, STATE)
    options = ["-u", "-O", "-W", "ignore::DeprecationWarning", "-Xutf8", "-X", "faulthandler", "-Bs"]
    assert same(place, program, options=options).returncode == 0


ENDS = {
    "returns": "print(1)",
    "exception": """
        def f():
            raise ValueError("bad") from KeyError(1)
        f()
        """,
    "syntax-error": "print(1)\nx = = 2",
    "exit": "import sys; sys.exit()",
    "exit-3": "raise SystemExit(3)",
    "exit-true": "raise SystemExit(True)",
    "exit-text": "import sys; sys.exit('no more')",
    "exit-large": "import sys; sys.exit(2**40 + 7)",
    "exit-negative": "import sys; sys.exit(-1)",
    "exit-object": "import sys; sys.exit((1, 2))",
    "os-exit": "import os; os._exit(9)",
    "keyboard-interrupt": "raise KeyboardInterrupt",
    "sigterm": "import os, signal, time; os.kill(os.getpid(), signal.SIGTERM); time.sleep(30)",
    "sigint": "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(30)",
    "abort": "import os; os.abort()",
    "excepthook": "import sys; sys.excepthook = lambda *a: print(a[0], a[2].tb_frame.f_back); 1 / 0",
    "broken-excepthook": "import sys\ndef hook(*a): 1 / 0\nsys.excepthook = hook\n[][1]",
    "exit-in-excepthook": "import sys; sys.excepthook = lambda *a: sys.exit(5); 1 / 0",
    "atexit": """
        import atexit, sys, threading, time
        atexit.register(print, "first")
        atexit.register(lambda: print(sys.last_type if hasattr(sys, "last_type") else None))
        threading.Thread(target=lambda: (time.sleep(0.05), print("thread"))).start()
        1 / 0
        """,
    "stdout-full": "import os, sys; sys.stdout = open('/dev/full', 'w'); os.dup2(sys.stdout.fileno(), 1); print(1)",
    "warning": "import warnings; warnings.warn('odd', stacklevel=2); warnings.warn('here')",
    "exec": "import os, sys; os.execv(sys.executable, [sys.executable, '-c', 'import os, sys; print(sys.path)'])",
}
SLOW_ENDS = {"os-exit", "exit-true", "exit-negative", "exit-object", "broken-excepthook", "exit-in-excepthook", "abort"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.full] if name in SLOW_ENDS else []) for name in ENDS]
)
def test_the_end_of_a_program(place, name):
    found = same(place, write(place, ENDS[name]))
    assert "gilkit" not in found.stderr


def test_the_statuses_are_those_of_the_manual(place):
    assert run(place, write(place, ENDS["keyboard-interrupt"])).returncode == -signal.SIGINT
    assert run(place, write(place, ENDS["exit-text"])).returncode == 1


def test_missing_streams(place):
    program = write(place, "import os, sys; open('found', 'a').write(f'{sys.stdin} {sys.stdout} {sys.stderr}\\n')")
    for words in ([program], ["-m", "gilkit", "run", program]):
        shell = f"exec {sys.executable} {' '.join(words)} <&- >&- 2>&-"
        assert subprocess.run(["sh", "-c", shell], cwd=place, env=environment(place), timeout=60).returncode == 0
    assert (place / "found").read_text().splitlines() == ["None None None"] * 2


def test_ignored_and_blocked_signals_are_inherited(place):
    program = write(place, "import signal; print(signal.getsignal(1), signal.getsignal(2), signal.getsignal(15))")
    shell = f"trap '' HUP TERM; exec {sys.executable} -m gilkit run {program}"
    done = subprocess.run(["sh", "-c", shell], cwd=place, env=environment(place), capture_output=True, text=True)
    assert done.stdout.split()[0] == done.stdout.split()[-1] == str(signal.SIG_IGN)


def test_a_program_may_have_modules_with_the_names_of_others(place, unmeasured):
    """Modules of the standard library that gilkit needs must not replace the program's own modules of the same
    names. (coverage.py would import them first.)"""
    (place.parent / "double" / "sitecustomize.py").write_text("")
    names = ["argparse", "json", "math", "operator", "psutil", "re", "report", "rich", "signal", "text", "types"]
    for name in names:
        write(place, f"print('own {name}')", f"{name}.py")
    program = write(place, f"import sys, {', '.join(names)}; print(sorted(sys.modules))")
    assert "gilkit" not in same(place, program).stdout
    assert same(place, program).stdout.count("own ") >= len(names) - 2  # math and _operator may be built in


def test_pickles_of_main(place):
    program = write(
        place,
        """
        import pickle
        class Point:
            def __eq__(self, other): return type(other) is Point
        text = pickle.dumps(Point(), 0)
        print(text, pickle.loads(text) == Point(), Point.__module__, Point)
        """,
    )
    assert "__main__" in same(place, program).stdout


CHILDREN = """
    import multiprocessing, os, sys
    import numpy
    import gilkit

    class Number:
        def __init__(self, value): self.value = value

    def double(number):
        return Number(2 * number.value), __name__, sys.path == PATH_THERE, gilkit.numpy_is_patched(), sys.argv

    PATH_THERE = list(sys.path)

    if __name__ == "__main__":
        import gilkit
        context = multiprocessing.get_context(sys.argv[1])
        with context.Pool(2) as pool:
            for each in pool.map(double, map(Number, range(3))):
                print(each[0].value, each[1], each[2], "child patched:", each[3], each[4])
        print("patched:", gilkit.numpy_is_patched())
"""


@pytest.mark.parametrize(
    ("method", "inherits"),
    [("fork", True), ("spawn", False), pytest.param("forkserver", False, marks=pytest.mark.full)],
)
@pytest.mark.parametrize("form", ["script", pytest.param("module", marks=pytest.mark.full)])
def test_children_of_multiprocessing(place, method, inherits, form):
    write(place, CHILDREN)
    words = ["program.py"] if form == "script" else ["-m", "program"]
    plain = execute(place, *words, method, options=["-W", "ignore"])
    ours = run(place, *words, method, options=["-W", "ignore"])
    assert (plain.returncode, plain.stderr, ours.returncode, ours.stderr) == (0, "", 0, "")
    assert "patched: True" in ours.stdout
    assert ours.stdout.count("child patched: True") == (3 if inherits else 0)
    assert ours.stdout.replace("patched: True", "patched: False") == plain.stdout


def test_sub_interpreters(place):
    names = ["_interpreters", "_xxsubinterpreters"]
    program = write(
        place,
        f"""
        import importlib, sys
        for name in {names}:
            try:
                module = importlib.import_module(name)
                break
            except ImportError:
                pass
        code = "import sys; print(sys.path); print('sitecustomize' in sys.modules, 'gilkit.lab' in sys.modules)"
        print(flush=True)
        module.run_string(module.create(), code)
        """,
    )
    # The double imports gilkit, which an interpreter with its own GIL may refuse: without the double.
    (place.parent / "double" / "sitecustomize.py").write_text("")
    assert "False" in same(place, program, options=["-W", "ignore"]).stdout


def test_another_sitecustomize_that_fails_or_is_missing(place):
    (place.parent / "double" / "sitecustomize.py").write_text("1 / 0")
    program = write(place, "import sys; print('sitecustomize' in sys.modules)")
    plain = execute(place, program)
    assert "ZeroDivisionError" in plain.stderr
    ours = run(place, program)
    assert ours.stdout == plain.stdout
    assert ours.stderr == plain.stderr * 2  # gilkit's process has it too, and then becomes the program's
    (place.parent / "double" / "sitecustomize.py").unlink()
    plain = execute(place, program)
    ours = run(place, program)
    assert (ours.stdout, ours.stderr) == (plain.stdout, plain.stderr)


# ---- The patch


def real_numpy(place):
    shutil.rmtree(place / "numpy")


def test_numpy_is_patched_when_the_program_imports_it(place):
    real_numpy(place)
    program = write(
        place,
        """
        import importlib.util, sys
        import gilkit
        print("numpy" in sys.modules, gilkit.numpy_is_patched(), importlib.util.find_spec("numpy").name)
        import numpy.linalg
        print(gilkit.numpy_is_patched(), gilkit.patching.state, gilkit.num_threads())
        print(type(numpy.__loader__).__name__, numpy.__spec__.loader is numpy.__loader__)
        print([type(each).__name__ for each in sys.meta_path])
        print(importlib.reload(numpy).__name__ if len(sys.argv) > 1 else "")
        """,
    )
    found = run(place, "--threads", "3", "--min-size=16", "--memory", program)
    assert found.stderr == ""
    lines = found.stdout.splitlines()
    assert lines[0] == "False False numpy"
    assert lines[1] == "True {'patched': True, 'collects': False, 'options': (16, True)} 3"
    assert lines[2] == "SourceFileLoader True"
    assert "AfterImport" not in lines[3]
    found = run(place, program)
    assert "'options': (None, False)} " in found.stdout
    assert f"}} {gilkit.num_threads()}\n" in found.stdout


def test_a_numpy_that_cannot_be_imported_at_first(place):
    write(
        place,
        "import os\nif os.environ.pop('FIRST', None): raise ImportError('not yet')\nvalue = 1",
        "numpy/__init__.py",
    )
    program = write(
        place,
        """
        import os
        import gilkit
        os.environ["FIRST"] = "1"
        try:
            import numpy
        except ImportError as error:
            print(error, gilkit.numpy_is_patched())
        import numpy
        print(numpy.value, gilkit.numpy_is_patched())
        """,
    )
    assert run(place, program).stdout == "not yet False\n1 True\n"


def test_a_patch_that_fails_leaves_the_program_alone(place):
    found = run(place, "--min-size", "666", write(place, "import numpy; print(3)"))
    assert (found.returncode, found.stdout) == (0, "3\n")
    assert found.stderr == "gilkit run: NumPy stays unpatched: RuntimeError: no luck\n"


def test_a_numpy_that_is_there_before_the_program(place):
    with open(place.parent / "double" / "sitecustomize.py", "a") as file:
        file.write("import numpy\n")
    assert run(place, write(place, "import gilkit; print(gilkit.numpy_is_patched())")).stdout == "True\n"


def test_an_import_that_fails_shows_no_frame_of_gilkit(place):
    write(place, "1 / 0", "numpy/__init__.py")
    assert "ZeroDivisionError" in same(place, write(place, "import numpy")).stderr
    write(place, "import absent", "numpy/__init__.py")
    assert "No module named 'absent'" in same(place, write(place, "import numpy")).stderr
    write(place, "raise KeyboardInterrupt", "numpy/__init__.py")
    assert same(place, write(place, "import numpy")).returncode == -signal.SIGINT


def test_no_numpy_at_all(place):
    program = write(place, "import sys; sys.path[:] = []; import numpy")
    assert "No module named 'numpy'" in same(place, program, options=["-W", "ignore"]).stderr


# ---- The report

USES_NUMPY = "import numpy\nprint(6)\n"
TABLE = """\
function      calls   items  seconds  left to NumPy
add.reduce        1  5.00 k    0.750
add              12  34.0 M    0.500  3 too small, 1 overlap
ndarray.sort      0    0.00    0.000  2,000 dtype
2 other functions: 3 calls, all too small.
In parallel: 13 calls, 1.250 s. Left to NumPy: 2007 calls.
"""


@pytest.mark.parametrize(
    ("end", "status", "before"),
    [
        ("", 0, ""),
        ("raise SystemExit(4)", 4, ""),
        ("import sys; sys.exit('why')", 1, "why\n"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
        ("raise KeyboardInterrupt", -signal.SIGINT, "KeyboardInterrupt\n"),
    ],
)
def test_the_report_comes_at_the_end(place, end, status, before):
    found = run(place, "--report", "--threads=2", write(place, USES_NUMPY + end))
    assert (found.stdout, found.returncode) == ("6\n", status)
    said, line, table = re.fullmatch(r"(.*?)(gilkit run: [^\n]*\n)(.*)", found.stderr, re.S).groups()
    assert said.endswith(before)
    assert bool(said) == bool(before)
    assert re.fullmatch(r"gilkit run: \d+\.\d\d s, CPU \d+ % of one core, 2 threads, NumPy 2.9 patched\n", line)
    assert table == TABLE


def test_the_report_follows_what_the_program_prints(place):
    program = write(place, USES_NUMPY + "import os, sys, atexit; atexit.register(print, 'last'); os.dup2(1, 2)")
    lines = run(place, "--report", program).stdout.splitlines()
    assert lines[1] == "last"
    assert lines[2].startswith("gilkit run: ")


def test_the_report_as_json(place):
    program = write(place, USES_NUMPY + "import os, time; os.chdir('/'); time.sleep(0.2); raise SystemExit(2)")
    found = run(place, "--report=found.json", "--threads=2", program, "x")
    assert (found.returncode, found.stderr) == (2, "")
    data = json.loads((place / "found.json").read_text())
    assert (data["format"], data["version"]) == ("gilkit-run", 1)
    assert data["program"] == ["program.py", "x"]
    assert data["wall"] >= 0.2
    assert data["cpu_percent"] == pytest.approx(100 * data["cpu"] / data["wall"])
    assert (data["threads"], data["patched"]) == (2, True)
    assert data["functions"]["add"] == {
        "calls": 12, "items": 34_000_000, "seconds": 0.5, "serial": {"too small": 3, "overlap": 1},
    }  # fmt: skip
    assert data["numpy"] == "2.9"
    assert sorted(path.name for path in place.iterdir()) == ["found.json", "numpy", "program.py"]
    done = run(place, "--report=/dev/stdout", program)
    assert json.loads(done.stdout.partition("\n")[2])["format"] == "gilkit-run"


def test_the_report_of_a_program_with_very_long_arguments(place):
    words = ["x" * 100_000] * 5
    found = run(place, "--report=found.json", write(place, USES_NUMPY + "import sys; print(len(sys.argv))"), *words)
    assert (found.returncode, found.stdout) == (0, "6\n6\n")
    assert json.loads((place / "found.json").read_text())["program"] == ["program.py", *words]


def test_a_report_that_cannot_be_written(place):
    found = run(place, "--report=nowhere/found.json", write(place, USES_NUMPY))
    assert (found.returncode, found.stdout) == (2, "")
    assert "'nowhere/found.json' cannot be written" in found.stderr
    (place / "going").mkdir()
    program = write(place, USES_NUMPY + "import os; os.rmdir('going')")
    found = run(place, "--report=going/found.json", program)
    assert (found.returncode, found.stdout) == (0, "6\n")
    assert found.stderr.startswith("gilkit run: '")
    assert found.stderr.endswith("found.json' cannot be written: No such file or directory\n")


def test_the_report_without_numpy(place):
    found = run(place, "--report", write(place, "print(1)"))
    assert "the program did not import NumPy" in found.stderr
    assert found.stderr.count("\n") == 1


def test_a_forked_child_does_not_report(place):
    program = write(
        place,
        USES_NUMPY
        + "import os, sys, warnings; sys.stdout.flush(); warnings.simplefilter('ignore')\n"
        + "child = os.fork()\nif child: os.waitpid(child, 0)\nsys.exit(0)",
    )
    assert run(place, "--report", program).stderr.count("gilkit run: ") == 1


@pytest.mark.parametrize("change", ["sys.stderr.close()", "sys.stderr = io.StringIO()", "sys.__stderr__ = None"])
def test_the_report_with_another_standard_error(place, change):
    found = run(place, "--report", write(place, f"import io, sys\n{change}\nprint(1)"))
    assert (found.returncode, found.stdout) == (0, "1\n")
    assert ("gilkit run" in found.stderr) == (change == "sys.stderr = io.StringIO()")


def test_ctrl_c_ends_the_program_as_without_gilkit(place):
    program = write(place, USES_NUMPY + "import sys, time; sys.stdout.flush(); time.sleep(60)")
    command_ = [sys.executable, "-m", "gilkit", "run", "--report", program]
    with subprocess.Popen(
        command_, cwd=place, env=environment(place), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "6\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt\n" in said
    assert said.endswith(TABLE)


def test_the_text_of_a_report_of_other_numpys():
    found = {
        "wall": 2.0, "cpu_percent": 150.0, "threads": 1, "numpy": "1.26.4", "patched": False, "functions": {},
    }  # fmt: skip
    assert report.text(found) == ("gilkit run: 2.00 s, CPU 150 % of one core, 1 thread, NumPy 1.26.4 not patched\n")
    assert report.text({**found, "patched": True}).endswith("No patched function was called.\n")


# ---- The comparison


def test_a_comparison_of_identical_output(place):
    program = write(
        place,
        """
        import os, sys
        import numpy, gilkit
        with open("order", "a") as file:
            file.write("B" if gilkit.numpy_is_patched() else "A")
        print(sys.stdin.read())
        print("to standard error", file=sys.stderr)
        """,
    )
    found = run(place, "--compare", "--rounds", "3", "--threads=2", program, stdin="the input")
    assert found.returncode == 0
    assert (place / "order").read_text() == "ABABAB"
    assert re.search(r"^unpatched +[\d.]+ m?s .* \d+ %$", found.stdout, re.M)
    assert re.search(r"^patched +[\d.]+ m?s .* \d+ %$", found.stdout, re.M)
    assert re.search(
        r"^Unpatched time / patched time: \d+\.\d\d \(95 % interval \d+\.\d\d–\d+\.\d\d, 3 rounds\)", found.stdout, re.M
    )
    assert "Output and exit status are identical in all runs (exit status 0)." in found.stdout
    assert found.stderr.count("round ") == 3
    assert "to standard error" not in found.stderr


def test_a_comparison_of_different_output(place):
    program = write(place, "import numpy, gilkit\nprint('same')\nprint('patched:', gilkit.numpy_is_patched())")
    found = run(place, "--compare", "--rounds=3", "--report=found.json", program)
    assert found.returncode == 1
    assert (
        "NOT IDENTICAL: the patched run of round 1: line 2 of the output is 'patched: True\\n' instead of "
        "'patched: False\\n'." in found.stdout
    )
    assert "3 runs differ" in found.stdout
    assert "chance" not in found.stdout
    data = json.loads((place / "found.json").read_text())
    assert (data["format"], data["identical"], len(data["differences"])) == ("gilkit-run-comparison", False, 3)
    assert [len(data[way]) for way in ("unpatched", "patched")] == [3, 3]
    ratio = data["ratio"]
    assert 0 < ratio["low"] <= ratio["middle"] <= ratio["high"]
    for sample in data["unpatched"] + data["patched"]:
        assert sample["wall"] > 0
        assert sample["cpu_percent"] == pytest.approx(100 * (sample["user"] + sample["system"]) / sample["wall"])
    assert data["report"]["patched"] is True
    assert data["report"]["functions"]["add"]["calls"] == 12


def test_a_comparison_with_other_exit_statuses(place):
    program = write(
        place,
        """
        import numpy, gilkit, sys
        print("x")
        sys.exit("it broke" if gilkit.numpy_is_patched() else 0)
        """,
    )
    found = run(place, "--compare", "--rounds=3", program)
    assert found.returncode == 1
    assert "round 1: exit status 1 instead of exit status 0." in found.stdout
    assert "the program ended with exit status 1; the end of its standard error:\n  it broke\n" in found.stderr


@pytest.mark.full
def test_a_comparison_of_random_output(place):
    found = run(place, "--compare", "--rounds=3", write(place, "import os; print(os.getpid())"))
    assert found.returncode == 1
    assert "Unpatched runs differ from one another too" in found.stdout


@pytest.mark.full
def test_a_comparison_of_a_program_that_always_fails(place):
    found = run(place, "--compare", "--rounds=3", "--report", write(place, "import numpy; 1 / 0"))
    assert found.returncode == 0
    assert "identical in all runs (exit status 1)" in found.stdout
    assert found.stderr.count("ZeroDivisionError") == 1
    assert "add.reduce" in found.stdout


@pytest.mark.full
def test_a_comparison_of_a_program_from_standard_input(place):
    found = run(place, "--compare", "--rounds=3", "-", "x", stdin="import sys; print(sys.argv)")
    assert found.returncode == 0
    assert "identical" in found.stdout


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_comparison_leaves_no_process_behind(place, number, status):
    program = write(
        place,
        """
        import os, subprocess, sys, time
        with open("pids", "a") as file:
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            file.write(f"{os.getpid()} {child.pid}\\n")
        if sys.argv[1:] == ["all"] or len(open("pids").readlines()) == 3:
            time.sleep(60)
        child.kill()
        child.wait()
        """,
    )
    words = [sys.executable, "-m", "gilkit", "run", "--compare", "--rounds=3", program]
    with subprocess.Popen(
        words, cwd=place, env=environment(place), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        end = time.monotonic() + 60
        lines = []
        while len(lines) < 3 and time.monotonic() < end:
            time.sleep(0.05)
            with contextlib.suppress(FileNotFoundError):
                lines = [line for line in (place / "pids").read_text().splitlines(keepends=True) if line[-1] == "\n"]
        process.send_signal(number)
        said = process.communicate(timeout=60)[0]
    assert process.returncode == status
    assert "Interrupted; only the rounds up to then are shown." in said
    assert "1 round)" in said
    for pid in map(int, "".join(lines).split()):
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            process.wait(20)  # a killed process may take a moment, and its parent here is init


def test_the_first_line_that_differs(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    for ours, theirs, expected in [
        (b"", b"", ""),
        (b"1\n2\n", b"1\n2\n", ""),
        (b"1\n2\n", b"1\n2", r"line 2 of the output is '2' instead of '2\n'"),
        (b"1\n2\n", b"1\n", r"line 2 of the output is missing instead of '2\n'"),
        (b"", b"\xff\x1b[2J", r"line 1 of the output is '\\xff\x1b[2J' instead of missing"),
    ]:
        a.write_bytes(ours)
        b.write_bytes(theirs)
        assert comparison.compare_files(a, b) == expected
    a.write_bytes(b"x" * 5000)
    b.write_bytes(b"x" * 4999 + b"y")
    assert len(comparison.compare_files(a, b)) < 300


def made_up(unpatched, patched):
    here = interpreters.running()
    rows = [
        Row(label, label, here, 1, {}, [{"wall": wall, "cpu_percent": 100.0} for wall in walls])
        for label, walls in (("unpatched", unpatched), ("patched", patched))
    ]
    return comparison.Comparison(["x.py"], 3, *rows)


def test_the_ratio_is_the_median_of_the_rounds():
    found = made_up([2.0, 4.0, 9.0], [1.0, 1.0, 3.0])
    assert found.ratio == stats.compare([2.0, 4.0, 9.0], [1.0, 1.0, 3.0])
    assert found.ratio.middle == 3.0
    first = comparison.sentences(found)[0]
    assert first == "Unpatched time / patched time: 3.00 (95 % interval 2.00–4.00, 3 rounds)."
    unclear = comparison.sentences(made_up([2.0, 4.0, 9.0], [3.0, 4.0, 8.0]))[0]
    assert unclear.endswith("The interval does not show a difference.")


def test_endings_in_words():
    assert comparison.ending(3) == "exit status 3"
    assert comparison.ending(-signal.SIGSEGV) == "death by SIGSEGV"
    assert comparison.ending(-1000) == "death by signal 1000"


def test_waiting_for_standard_input_is_announced(capsys, monkeypatch):
    monkeypatch.setattr(comparison, "NOTICE_AFTER", 0.01)
    with comparison.notice("reading"):
        time.sleep(0.5)
    assert capsys.readouterr().err == "gilkit: reading\n"


# ---- The command line


@pytest.mark.parametrize(
    ("words", "own", "program"),
    [
        (["a.py"], [], ["a.py"]),
        (["--report", "a.py", "--report"], ["--report"], ["a.py", "--report"]),
        (["--threads", "2", "a.py"], ["--threads", "2"], ["a.py"]),
        (["--threads=2", "--memory", "-m", "m", "x"], ["--threads=2", "--memory"], ["-m", "m", "x"]),
        (["-mm.n", "-m"], [], ["-mm.n", "-m"]),
        (["-", "--", "-h"], [], ["-", "--", "-h"]),
        (["--compare", "--", "-a.py", "--"], ["--compare"], ["--", "-a.py", "--"]),
        (["--report"], ["--report"], []),
        (["--rounds"], ["--rounds"], []),
        ([], [], []),
    ],
)
def test_split(words, own, program):
    assert command.split(words) == (own, program)


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["python", "-m", "gilkit", "run"], []),
        (["python", "/bin/gilkit", "run", "-x"], []),
        (
            ["python", "-u", "-X", "dev", "-Werror", "-W", "x", "-m", "gilkit"],
            ["-u", "-X", "dev", "-Werror", "-W", "x"],
        ),
        (["python", "-uBm", "gilkit", "-O"], ["-uB"]),
        (["python", "-bXdev", "-c", "..."], ["-bXdev"]),
        (["python", "--check-hash-based-pycs", "never", "x"], ["--check-hash-based-pycs", "never"]),
        (["python", "-P", "--", "x"], ["-P"]),
        (["python"], []),
        ([""], []),
        ([], []),
    ],
)
def test_interpreter_options(words, options):
    assert command.interpreter_options(words) == options


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "a program is needed: SCRIPT, a folder or zip file with __main__.py, - for standard input, or -m MODULE"),
        (["--"], "a program is needed"),
        (["--report"], "a program is needed"),
        (["-m"], "-m needs the name of a module, got none"),
        (["-m", ""], "-m needs the name of a module, got none"),
        (["--speed", "a.py"], "there is no option --speed; options of gilkit come before the program"),
        (["--rep", "a.py"], "there is no option --rep"),
        (["-x", "a.py"], "there is no option -x"),
        (["--threads", "a.py"], "--threads: must be an integer of at least 1, got 'a.py'"),
        (["--threads=2000", "a.py"], "--threads: must be at most 1024, got '2000'"),
        (["--min-size=0", "a.py"], "--min-size: must be an integer of at least 1, got '0'"),
        (["--rounds=5", "a.py"], "--rounds is the number of runs of --compare, which is not given"),
        (["--compare", "--rounds=2", "a.py"], "--rounds: must be an integer of at least 3, got '2'"),
    ],
)
def test_mistakes_in_the_options(capsys, words, message):
    with pytest.raises(SystemExit) as caught:
        cli.main(["run", *words])
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("usage: gilkit run [OPTION ...] SCRIPT")
    assert f"gilkit run: error: {message}" in said.replace("argument --", "--")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["absent.py"], "'absent.py' cannot be run: No such file or directory\n"),
        (["absent"], "'absent' cannot be run: No such file or directory; to run a module, use -m absent\n"),
        (["--", "-absent.py"], "'-absent.py' cannot be run: No such file or directory\n"),
        ([""], "'' cannot be run: No such file or directory\n"),
        (["a\0b"], "cannot be run: a name cannot contain a null character\n"),
        (["--compare", "absent.py"], "'absent.py' cannot be run: No such file or directory\n"),
        (["--report=/nonexistent/x.json", "x"], "'/nonexistent/x.json' cannot be written"),
        (["--compare", "--report=/nonexistent/x.json", "x"], "'/nonexistent/x.json' cannot be written"),
    ],
)
def test_mistakes_that_take_one_line(capsys, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("gilkit: error: ")
    assert message in said
    assert said.count("\n") == 1


def test_an_interpreter_that_ignores_its_environment(place):
    found = run(place, write(place, "print(1)"), options=["-E"])
    assert found.returncode == 2
    assert "which the options -E, -I and -S of Python switch off" in found.stderr


def test_an_interpreter_that_cannot_be_started(capsys, tmp_path, monkeypatch):
    program = tmp_path / "a.py"
    program.write_text("")
    monkeypatch.setattr(sys, "executable", "")
    assert cli.main(["run", str(program)]) == 2
    assert "sys.executable is empty" in capsys.readouterr().err
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    assert cli.main(["run", str(program)]) == 2
    assert "gone' cannot be started: No such file or directory" in capsys.readouterr().err
    monkeypatch.setattr(command, "STARTUP", "/a:b/startup")
    assert cli.main(["run", str(program)]) == 2
    assert "PYTHONPATH cannot hold because of the ':'" in capsys.readouterr().err


def test_a_command_that_cannot_replace_the_process(tmp_path):
    """As on Windows."""
    program = tmp_path / "a.py"
    program.write_text("import sys; sys.exit(int(sys.argv[1]))")
    assert command.Command([sys.executable, str(program), "5"], dict(os.environ)).wait() == 5


def test_a_comparison_without_wait4(capsys, tmp_path, monkeypatch):
    program = tmp_path / "a.py"
    program.write_text("")
    monkeypatch.delattr(os, "wait4")
    assert cli.main(["run", "--compare", str(program)]) == 2
    assert "os.wait4, which this system does not have" in capsys.readouterr().err


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["run", "--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    for option in ("--threads N", "--min-size N", "--memory", "--report [FILE.json]", "--compare", "--rounds N"):
        assert option in said
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert "run a program with NumPy on all cores" in capsys.readouterr().out


def test_the_entry_point_runs_a_program(place):
    code = "import sys, _gilkit_command; sys.exit(_gilkit_command.main())"
    program = write(place, "import sys; print(sys.argv, sys.orig_argv[1:]); sys.exit(7)")
    done = execute(place, "-u", "-c", code, "run", program, "--version")
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout == "['program.py', '--version'] ['-u', 'program.py', '--version']\n"


def test_options_of_the_program_are_not_parsed():
    options = cli.parser().parse_args(["run", "a.py", "--=x", "--h", "-h", "--version", "--"])
    assert isinstance(options, argparse.Namespace)
    assert options.program == ["a.py", "--=x", "--h", "-h", "--version", "--"]


# ---- doctor and compare


@pytest.fixture
def patchable(monkeypatch):
    """Give gilkit a patch that does nothing, or that fails if the test sets `refuses`."""
    state = types.SimpleNamespace(patched=False, refuses=False)

    @contextlib.contextmanager
    def patch_numpy(**options):
        if state.refuses:
            warnings.warn("NumPy 9.9 is not known", RuntimeWarning, stacklevel=2)
        before, state.patched = state.patched, not state.refuses
        yield
        state.patched = before

    monkeypatch.setattr(gilkit, "patch_numpy", patch_numpy, raising=False)
    monkeypatch.setattr(gilkit, "numpy_is_patched", lambda: state.patched, raising=False)
    return state


def test_doctor_tells_of_the_patch(patchable, monkeypatch):
    (found,) = doctor._numpy()
    assert found.fine
    assert found.value.endswith("not patched: its functions use one core")
    assert "gilkit run script.py" in found.advice
    assert not patchable.patched
    patchable.patched = True
    assert doctor._numpy()[0].value.endswith(", patched: its functions use all cores")
    patchable.patched, patchable.refuses = False, True
    (found,) = doctor._numpy()
    assert (found.fine, found.advice) == (False, "NumPy 9.9 is not known")
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert doctor._numpy()[0].value.startswith("cannot be imported")


@pytest.mark.parametrize(("part", "suggests"), [(None, False), (0.1, False), (0.29, False), (0.3, True), (1.0, True)])
def test_compare_suggests_run_for_time_in_numpy(part, suggests):
    base = Row("plain Python", "serial", interpreters.running(), 1, {}, [{"wall": 1.0}])
    words = advice.numpy_part(base, [base], {"numpy_part": part})
    assert bool(words) == suggests
    assert all("gilkit run --compare" in each for each in words)
    assert advice.numpy_part(base, [base], {}) == []


TIMED = """
    import collections, sys, time, types
    import gilkit

    Statistics = collections.namedtuple("FunctionStatistics", "calls items seconds serial")

    class patch_numpy:
        def __enter__(self): gilkit.numpy_is_patched = lambda: True
        def __exit__(self, *exception): gilkit.numpy_is_patched = lambda: False

    patching = types.ModuleType("gilkit.patching")
    patching.collect_statistics = lambda on: None
    patching.numpy_is_patched = lambda: gilkit.numpy_is_patched()
    patching.statistics = lambda: {"add": Statistics(1, 1, 0.8 * time.perf_counter(), {})}
    gilkit.patch_numpy = patch_numpy
    gilkit.numpy_is_patched = lambda: False
    sys.modules["gilkit.patching"] = gilkit.patching = patching
"""


def test_compare_measures_the_part_in_numpy(place, monkeypatch):
    (place.parent / "double" / "sitecustomize.py").write_text(textwrap.dedent(TIMED))
    monkeypatch.setenv("PYTHONPATH", str(place.parent / "double"))
    real_numpy(place)
    write(place, "import numpy, time\ndef f(): time.sleep(0.2)", "mine.py")
    write(place, "def f(): return 1", "other.py")
    facts = compare.examine(f"{place}/mine.py:f", None)
    assert facts["numpy_part"] == pytest.approx(0.8, abs=0.02)
    assert compare.examine(f"{place}/other.py:f", None)["numpy_part"] is None


# ---- gilkit's own patch

REAL = hasattr(gilkit, "patch_numpy")


@pytest.mark.skipif(not REAL, reason="this gilkit has no patch_numpy")
def test_the_real_patch(place):
    real_numpy(place)
    (place.parent / "double" / "sitecustomize.py").write_text("")
    program = write(
        place,
        """
        import hashlib
        import numpy as np
        a = np.random.default_rng(1).random((400, 500))
        b = np.sin(a) * a[::-1] + a.sum(axis=0)
        print(repr(b.sum()), hashlib.sha256(np.sort(b, axis=None).tobytes()).hexdigest())
        import gilkit
        assert gilkit.numpy_is_patched()
        """,
    )
    found = run(place, "--min-size=64", "--threads=2", "--report=found.json", program)
    assert (found.returncode, found.stderr) == (0, "")
    functions = json.loads((place / "found.json").read_text())["functions"]
    assert functions["sin"]["calls"] >= 1
    assert functions["sin"]["items"] >= 200_000
    plain = execute(place, write(place, (place / program).read_text().partition("import gilkit")[0], "plain.py"))
    assert plain.stdout == found.stdout


@pytest.mark.full
@pytest.mark.skipif(not REAL, reason="this gilkit has no patch_numpy")
@pytest.mark.parametrize("name", ["gray_scott", "table_statistics"])
def test_the_programs_of_the_benchmark_print_the_same(name):
    path = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench", "programs", f"{name}.py")
    plain = subprocess.run([sys.executable, path], capture_output=True, check=True, timeout=300)
    ours = subprocess.run([sys.executable, "-m", "gilkit", "run", path], capture_output=True, check=True, timeout=300)
    assert (ours.stdout, ours.stderr) == (plain.stdout, plain.stderr)


def test_the_report_is_plain_text():
    output = io.StringIO()
    functions = {"add": {"calls": 1, "items": 10**7, "seconds": 0.1, "serial": {}}}
    print("\n".join(report.table(functions)), file=output)
    assert output.getvalue().isascii()
    assert all(line == line.rstrip() for line in output.getvalue().splitlines())
