"""The command line: what it prints, its exit statuses, and bad input."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import subprocess
import sys
import types

import pytest
from rich.console import Console

from gilkit.lab import cli, compare, doctor, experiments, interpreters, live, results, runner, tables, workloads
from gilkit.lab.errors import LabError
from gilkit.lab.experiment import Case, Row, Setting, legend
from gilkit.lab.results import Result

HERE = interpreters.running()


@pytest.fixture
def nothing_else(monkeypatch):
    """A machine without other interpreters, so that the runs are short."""
    monkeypatch.setattr(interpreters, "find_free_threaded", lambda *_: [])


def test_without_a_command_there_is_help(capsys):
    assert cli.main([]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    for command in ("run", "experiment", "compare", "report", "doctor"):
        assert f"\n    {command}" in output.out
    with pytest.raises(SystemExit) as caught:
        cli.main(["nonsense"])
    assert caught.value.code == 2


@pytest.mark.parametrize(("command", "module"), [("compare", workloads), ("experiment", experiments)])
def test_help_lists_what_can_be_run(capsys, command, module):
    with pytest.raises(SystemExit) as caught:
        cli.main([command, "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    lines = text[text.index(f"{command} can run:") :].splitlines()[1:]
    assert [line.split()[0] for line in lines] == module.names()
    assert all(len(line.split()) > 1 for line in lines)


@pytest.mark.parametrize("name", [*experiments.names(), "compare"])
def test_every_column_is_explained(name):
    experiment = compare.Comparison("spin") if name == "compare" else experiments.get(name)
    columns = experiment.columns([], Setting([HERE], 2, 2))
    assert all(column.heading and column.meaning for column in columns)
    assert all(f"{column.heading}: {column.meaning}" in legend(columns) for column in columns)


def test_no_line_ends_with_blanks(nothing_else, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert cli.main(["experiment", "deadlock"]) == 0
    assert cli.main(["doctor", "json"]) == 0
    output = capsys.readouterr()
    lines = (output.out + output.err).splitlines()
    assert len(lines) > 20
    assert [line for line in lines if line != line.rstrip()] == []
    assert "outcome: what became of the two threads; after: " in output.out


def test_without_a_name_the_experiments_are_listed(capsys):
    assert cli.main(["experiment"]) == 0
    lines = capsys.readouterr().out
    for name in experiments.names():
        assert name in lines


def test_every_experiment_states_its_claim_and_rule():
    for name in experiments.names():
        experiment = experiments.get(name)
        assert experiment.name == name
        assert experiment.claim.endswith(".")
        assert experiment.why.endswith(".")
        text = sys.modules[type(experiment).__module__].__doc__
        for word in ("The claim", "The method", "The rule"):
            assert word in text, f"{name} does not state: {word}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["experiment", "nonsense"], "there is no experiment 'nonsense'; there are: "),
        (["experiment", "cpu-percent", "--python", "/nonexistent"], "'/nonexistent' is not an interpreter"),
        (["experiment", "cpu-percent", "--python", "true"], "'true' is not a Python interpreter"),
        (["experiment", "cpu-percent", "--save", "/nonexistent/folder/run.json"], "cannot be written"),
    ],
)
def test_mistakes_take_one_line(capsys, nothing_else, arguments, message):
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("gilkit: error: ")
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--threads", "0", "--threads: must be an integer of at least 1, got '0'"),
        ("--threads", "-2", "--threads"),
        ("--threads", "1.5", "got '1.5'"),
        ("--seconds", "0", "--seconds: must be between 0.01 and 3600 seconds, got '0'"),
        ("--seconds", "nan", "got 'nan'"),
        ("--seconds", "inf", "got 'inf'"),
        ("--seconds", "soon", "got 'soon'"),
    ],
)
def test_bad_options(capsys, option, value, message):
    with pytest.raises(SystemExit) as caught:
        cli.main(["experiment", "cpu-percent", f"{option}={value}"])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_a_whole_run(capsys, nothing_else, tmp_path):
    saved = tmp_path / "run.json"
    assert cli.main(["experiment", "cpu-percent", "--seconds", "0.03", "--json", "--save", str(saved)]) == 0
    output = capsys.readouterr()
    data = json.loads(output.out)
    assert data == json.loads(saved.read_text())
    (result,) = results.load(saved)
    assert all(row.measured for row in result.rows)
    assert "cpu-percent: " in output.err  # progress does not go to standard output


def test_the_table_of_a_run(capsys, monkeypatch, nothing_else):
    monkeypatch.setenv("COLUMNS", "300")  # no line is wrapped
    assert cli.main(["experiment", "cpu-percent", "--seconds", "0.03", "--threads", "2"]) == 0
    text = capsys.readouterr().out
    assert "Claim: Python threads leave cores idle" in text
    assert "100 Python threads" in text
    assert "gilkit.spin, 2 threads" in text
    assert "Verdict: the claim " in text
    assert HERE.executable in text


def test_importing_gilkit_leaves_the_lab_alone():
    code = "import sys, gilkit; print([m for m in ('gilkit.lab', 'rich', 'psutil') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("before", "statement", "left_out"), [
    ("sys", "import gilkit", {"dataclasses", "importlib.abc", "inspect", "pathlib", "urllib"}),
    ("numpy", "import gilkit; gilkit.patch_numpy()", {"numpy.ma", "numpy.random"}),
    ("gilkit", "from gilkit.lab.cli import main", {"dataclasses", "inspect", "json", "statistics", "subprocess"}),
])  # fmt: skip
def test_what_takes_long_to_import_is_left_out(before, statement, left_out):
    """Every program under `gilkit run` waits for these imports."""
    code = f"import sys, {before}; before = set(sys.modules); {statement}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert "gilkit" in before or "gilkit" in done.stdout.split()
    assert not left_out & set(done.stdout.split())


def test_the_module_is_the_command():
    command = [sys.executable, "-P", "-m", "gilkit", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    import gilkit

    assert done.stdout.strip() == f"gilkit {gilkit.__version__}"


# This is what the script `gilkit` does.
ENTRY_POINT = "import sys, _gilkit_command; sys.exit(_gilkit_command.main())"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("GILKIT_NUM_THREADS", "x", "GILKIT_NUM_THREADS must be an integer from 1 to 1024, not 'x'"),
        ("GILKIT_ISA", "zzz", "GILKIT_ISA: the instruction set must be one of "),
    ],
)
@pytest.mark.parametrize(
    "start", [["-c", ENTRY_POINT], ["-m", "gilkit"], ["-mgilkit"]], ids=["gilkit", "-m", "-mgilkit"]
)
def test_a_wrong_environment_variable_takes_one_line(start, variable, value, message):
    """``import gilkit`` fails before the command line runs, so the entry point answers."""
    done = subprocess.run(
        [sys.executable, "-P", *start, "doctor"],
        env=os.environ | {variable: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("gilkit: error: the environment variable ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "start",
    [["-c", "import gilkit", "gilkit"], ["-m", "timeit", "import gilkit", "gilkit"], ["-m", "imports_gilkit"]],
    ids=lambda start: " ".join(start[:2]),
)
def test_other_programs_get_the_exception(start, tmp_path):
    (tmp_path / "imports_gilkit").mkdir()
    (tmp_path / "imports_gilkit" / "__init__.py").write_text("import gilkit\n")
    (tmp_path / "imports_gilkit" / "__main__.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-P", *start],
        cwd=tmp_path,
        env=os.environ | {"GILKIT_ISA": "zzz", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ValueError: the environment variable GILKIT_ISA: " in done.stderr


def test_the_entry_point_runs_the_command_line():
    (command,) = importlib.metadata.entry_points(group="console_scripts", name="gilkit")
    assert command.value == "_gilkit_command:main"
    command = [sys.executable, "-P", "-c", ENTRY_POINT, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("gilkit ")


def measured(label="a", percent=150.0):
    return Row(label, "threads", HERE, 2, {}, [{"cpu_percent": percent, "wall": 1.0}])


def result(rows):
    return Result("cpu-percent", "", Setting([HERE], 2, 2), {}, "", 1.0, 1, rows)


def test_one_line_for_each_experiment_when_not_a_terminal():
    output = io.StringIO()
    console = Console(file=output, width=120)
    view = live.view(console)
    cases = [Case("a", "loops:threads", HERE), Case("[b]", "loops:threads", HERE)]
    rows = [measured("a"), Row("[b]", "", HERE, 1, error="it broke")]
    view.begin(result(rows), cases, 1, 1.0)
    for index, row in enumerate(rows):
        view.case(index, 0)
        view.tick([10.0, 20.0], 50.0)
        view.sample(index, row)
    view.end()
    lines = output.getvalue().splitlines()
    assert lines == ["cpu-percent: 2 cases, 1 round, 1 s each in total …"]


def test_the_live_view_on_a_terminal():
    output = io.StringIO()
    console = Console(file=output, width=100, height=20, force_terminal=True)
    view = live.view(console)
    cases = [Case(f"case {number}", "loops:threads", HERE) for number in range(40)]
    rows = [measured(case.label) for case in cases]
    view.begin(result(rows), cases, 1, 1.0)
    for index, row in enumerate(rows):
        view.case(index, 0)
        view.tick([10.0, 20.0], 50.0)
        view.sample(index, row)
    view.end()
    text = output.getvalue()
    assert "case 39" in text  # the display follows the current case
    assert "40/40" in text


def test_a_second_experiment_takes_the_place_of_the_first_on_a_terminal(monkeypatch):
    output = io.StringIO()
    view = live.view(Console(file=output, width=100, height=20, force_terminal=True))
    view.end()  # before begin()
    view.note("a [note]")
    now = 0.0
    monkeypatch.setattr(live.time, "monotonic", lambda: now)
    for count in (3, 5):
        cases = [Case(f"case {number}", "loops:threads", HERE) for number in range(count)]
        view.begin(result([]), cases, 1, 1.0)
        view.case(0, 0)
        drawn = len(output.getvalue())
        view.tick([10.0], 50.0)
        assert len(output.getvalue()) == drawn  # at most five times a second
        now += 0.3
        view.tick([12.0], 77.0)
        assert "CPU   77 % so far" in output.getvalue()[drawn:]
        view.sample(0, measured())
        view.end()
    text = output.getvalue()
    assert "a [note]" in text
    assert "1/3" in text
    last = text[text.rindex("case 4") :]
    assert "1/5" in last
    assert "1/3" not in last


def test_the_live_view_shows_nothing_before_an_experiment():
    output = io.StringIO()
    live.view(Console(file=output, force_terminal=True)).case(0, 0)
    assert output.getvalue() == ""


@pytest.mark.parametrize(("percent", "bar"), [(0, "    "), (50, "██  "), (100, "████"), (150, "████"), (-1, "    ")])
def test_meter(percent, bar):
    assert live.meter(percent, 4) == bar


def test_a_case_without_figures_in_the_table():
    experiment = experiments.get("cpu-percent")
    setting = Setting([HERE], 2, 2)
    rows = [Row("never reached", "threads", HERE, 1), Row("broken", "threads", HERE, 2, error="why [it] broke")]
    output = io.StringIO()
    broken = result(rows)
    broken.machine = {"processor": "p", "cores": 2, "affinity": 2, "system": "s"}
    broken.interrupted = True
    broken.warnings = ["something [odd]"]
    broken.verdict = experiment.judge(rows, setting)
    tables.show(Console(file=output, width=100), experiment, broken)
    text = output.getvalue()
    for part in ("never reached", "failed", "why [it] broke", "something [odd]", "Interrupted", "is not decided"):
        assert part in text


def test_the_table_names_each_interpreter_once():
    experiment = experiments.get("cpu-percent")
    other = interpreters.Interpreter("p", "CPython", "3.99.0", False, True)
    rows = [Row(label, "threads", each, 1) for each in (HERE, other) for label in ("one", "two")]
    output = io.StringIO()
    found = result(rows)
    found.machine = {"processor": "p", "cores": 2, "affinity": 2, "system": "s"}
    tables.show(Console(file=output, width=200), experiment, found)
    lines = output.getvalue().splitlines()
    assert [line.split()[0] for line in lines if line.endswith("–") or " – " in line] == [
        HERE.label, "two", "3.99.0", "two",
    ]  # fmt: skip
    assert "Verdict" not in output.getvalue()  # a run without a verdict


def test_names_of_files_are_not_emoji(capsys, monkeypatch):
    """``file.py:a:`` has the form of one."""
    view = live.view(tables.Output(stderr=True))
    found = result([])
    found.name = "compare file.py:a:"
    view.begin(found, [], 1, 1.0)
    view.note("file.py:a: said")
    tables.console().print("file.py:a:", markup=False)
    output = capsys.readouterr()
    assert "file.py:a:" in output.out
    assert output.err.count("file.py:a:") == 2


@pytest.mark.parametrize("width", [10, 70, 300])
def test_a_narrow_console_names_what_it_leaves_out(width):
    experiment = compare.Comparison("spin")
    sample = {"wall": 1.0, "cpu": 1.0, "cpu_percent": 100.0, "count": 5}
    rows = [Row("plain Python", "serial", HERE, 1, {}, [sample] * 2)]
    found = Result("compare spin", "", Setting([HERE], 2, 2), {}, "", 1.0, 1, rows)
    table, hidden = tables.fitting(Console(file=io.StringIO(), width=width), experiment, found)
    headings = [column.heading for column in experiment.columns(rows, found.setting)]
    shown = [column.header for column in table.columns][-(len(headings) - len(hidden)) :]
    assert shown + hidden == headings
    assert len(shown) == {10: 1, 300: len(headings)}.get(width, len(shown))  # at least one column
    assert 1 <= len(shown) <= len(headings)
    if width == 70:
        found.machine = {"processor": "p", "cores": 2, "affinity": 2, "system": "s"}
        output = io.StringIO()
        tables.show(Console(file=output, width=width), experiment, found)
        assert f"Too narrow for: {hidden[0]}" in output.getvalue()


# ---- Runs of several experiments


@pytest.fixture
def three(monkeypatch):
    """Three experiments, the second of which cannot run; the test sets the outcome of the others."""
    names = ["cpu-percent", "distributed", "pool"]
    monkeypatch.setattr(experiments, "names", lambda: names)
    monkeypatch.setattr(type(experiments.get("distributed")), "obstacle", lambda self: "it needs [a farm]")

    def install(*becomes):
        given = iter(becomes)

        def run(experiment, setting, view, seconds):
            row = Row("a", "threads", HERE, 1, error=next(given))
            machine = {"processor": "p", "cores": 2, "affinity": 2, "system": "s"}
            found = Result(experiment.name, "", setting, machine, "", 1.0, 1, [row])
            found.interrupted = row.error == "interrupted"
            return found

        monkeypatch.setattr(runner, "run", run)

    return install


def test_all_experiments_but_those_that_cannot_be_run(three, capsys, nothing_else):
    three(None, None)
    assert cli.main(["experiment", "--all", "--json"]) == 0
    output = capsys.readouterr()
    assert [each["name"] for each in json.loads(output.out)["results"]] == ["cpu-percent", "pool"]
    assert "distributed: skipped, it needs [a farm]" in output.err
    three(None, "it broke")
    assert cli.main(["experiment", "--all"]) == 1


def test_ctrl_c_ends_all_experiments(three, capsys, nothing_else):
    three("interrupted")
    assert cli.main(["experiment", "--all", "--json"]) == 130
    assert len(json.loads(capsys.readouterr().out)["results"]) == 1


def test_one_that_cannot_be_run_is_an_error(three, capsys, nothing_else):
    three()
    assert cli.main(["experiment", "distributed"]) == 2
    assert "distributed cannot be run here: it needs [a farm]" in capsys.readouterr().err
    assert cli.main(["experiment", "pool", "--all"]) == 2
    assert "omit either --all or the name 'pool'" in capsys.readouterr().err


def test_a_report_of_a_new_run(three, capsys, nothing_else, tmp_path):
    three(None, "it broke")
    page = tmp_path / "page.html"
    assert cli.main(["report", str(page)]) == 1
    assert f"{page}: 2 results" in capsys.readouterr().err
    assert "it broke" in page.read_text()


@pytest.mark.parametrize("arguments", [["experiment"], ["doctor", "--json"]])
def test_a_reader_that_is_gone(arguments):
    """The effect of `| head -0` on a table and on JSON."""
    command = [sys.executable, "-P", "-m", "gilkit", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


# ---- doctor


def test_doctor_reports(capsys):
    assert cli.main(["doctor"]) == 0
    text = capsys.readouterr().out
    for subject in ("interpreter", "GIL", "cores", "affinity", "quota", "instruction set", "gilkit's threads"):
        assert subject in text


def test_doctor_json(capsys):
    assert cli.main(["doctor", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["format"], data["version"]) == ("gilkit-doctor", 1)
    assert {"subject", "value", "fine", "advice"} == set(data["findings"][0])


FACTS = {
    "processor": "p",
    "cores": 8,
    "affinity": 8,
    "threads_per_core": 1,
    "num_threads": 8,
    "gilkit": {"quota": None, "isa": "avx2", "isa_best": "avx2"},
}


def advice(findings):
    return {each.subject: each.advice for each in findings if not each.fine}


def test_doctor_finds_nothing_on_a_good_machine():
    assert advice(doctor._cores(FACTS)) == {}
    assert advice(doctor._threads(FACTS)) == {}


@pytest.mark.parametrize(
    ("change", "subject", "words"),
    [
        ({"affinity": 2}, "affinity", "taskset"),
        ({"gilkit": {"quota": 1.5}}, "quota", "throttles"),
    ],
)
def test_doctor_on_restricted_machines(change, subject, words):
    assert words in advice(doctor._cores(FACTS | change))[subject]


def test_doctor_on_hardware_threads():
    (found,) = [each for each in doctor._cores(FACTS | {"threads_per_core": 2}) if "hardware" in each.subject]
    assert found.fine
    assert found.value == "2 share each core"


def test_doctor_counts_threads_by_the_quota():
    assert advice(doctor._threads(FACTS | {"num_threads": 2, "gilkit": {"quota": 2.5}})) == {}
    assert advice(doctor._threads(FACTS | {"num_threads": 1, "gilkit": {"quota": 0.5}})) == {}
    (many,) = doctor._threads(FACTS | {"gilkit": {"quota": 2.5}})
    assert "More than the 2 cores" in many.advice


def test_doctor_on_other_pools(monkeypatch):
    pool = {"user_api": "blas", "internal_api": "openblas", "version": "0.3", "prefix": "libopenblas", "num_threads": 6}
    given = []
    monkeypatch.setitem(sys.modules, "threadpoolctl", types.SimpleNamespace(threadpool_info=lambda: given))
    assert [each.value for each in doctor._pools(FACTS)] == ["none in this process"]
    given += [pool, pool | {"num_threads": 1, "version": None}]
    noisy, alone = doctor._pools(FACTS)
    assert noisy.value == "openblas 0.3 (libopenblas), 6 threads"
    assert "gilkit.threads(2)" in noisy.advice
    assert alone.value == "openblas (libopenblas), 1 threads"
    assert alone.advice == ""
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    (unknown,) = doctor._pools(FACTS)
    assert "pip install threadpoolctl" in unknown.advice
    assert (unknown.value, unknown.fine) == ("not looked for", None)


def test_doctor_on_thread_counts(monkeypatch):
    for name in ("GILKIT_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "2")
        gilkit = FACTS["gilkit"] | {"threads_source": name}
        (few,) = doctor._threads(FACTS | {"num_threads": 2, "gilkit": gilkit})
        assert few.value == f"2 ({name}=2)"
        assert "GILKIT_NUM_THREADS" in few.advice
        assert ("Unset" in few.advice) == (name == "GILKIT_NUM_THREADS")
    (limited,) = doctor._threads(
        FACTS | {"num_threads": 1, "gilkit": FACTS["gilkit"] | {"threads_source": "-X cpu_count"}}
    )
    assert limited.value == "1 (-X cpu_count)"
    (many,) = doctor._threads(FACTS | {"num_threads": 16})
    assert "take turns" in many.advice


POOL = {"internal_api": "openmp", "user_api": "openmp", "prefix": "libgomp", "version": None}


@pytest.mark.parametrize(
    ("threads", "change", "fine", "words"),
    [
        (4, {}, False, "called from 8 threads of gilkit.map it has 32 threads on 8 cores"),
        (4, {"num_threads": 2}, True, ""),  # 2 teams of 4
        (4, {"num_threads": 4}, False, "16 threads on 8 cores"),
        (1, {}, True, ""),
    ],
)
def test_doctor_warns_where_the_threads_of_two_pools_multiply(threads, change, fine, words, monkeypatch):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    monkeypatch.setattr(threadpoolctl, "threadpool_info", lambda: [POOL | {"num_threads": threads}])
    (finding,) = doctor._pools(FACTS | change)
    assert finding.value == f"openmp (libgomp), {threads} threads"
    assert finding.fine == fine
    assert words in finding.advice
    assert bool(finding.advice) == bool(words)


def test_doctor_on_a_pool_that_all_callers_share(monkeypatch):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    pool = {"internal_api": "openblas", "user_api": "blas", "prefix": "libopenblas", "version": "0.3", "num_threads": 6}
    monkeypatch.setattr(threadpoolctl, "threadpool_info", lambda: [pool])
    (finding,) = doctor._pools(FACTS)
    assert finding.value == "openblas 0.3 (libopenblas), 6 threads"
    assert finding.fine
    assert "compete for the cores" in finding.advice
    assert "gilkit.threads(2)" in finding.advice


def test_doctor_sees_the_openmp_of_this_process(run_python, compile_c):
    """A real pool: libgomp is loaded and has a team."""
    pytest.importorskip("threadpoolctl")
    library = compile_c(
        "team",
        """
        int team(void)
        {
            int count = 0;
            #pragma omp parallel reduction(+ : count)
            count++;
            return count;
        }
        """,
        "-fopenmp",
    )
    out = run_python(
        """
        import ctypes, sys
        from gilkit.lab import cli
        assert ctypes.CDLL(sys.argv[1]).team() == 3
        cli.main(["doctor", "--json"])
        """,
        library,
        OMP_NUM_THREADS="3",
        GILKIT_NUM_THREADS="70",
    )
    (finding,) = (each for each in json.loads(out)["findings"] if "omp), 3 threads" in each["value"])
    assert not finding["fine"]
    assert "it has 210 threads on" in finding["advice"]


def test_doctor_on_a_gil_build():
    (finding,) = doctor._gil(interpreters.Interpreter("p", "CPython", "3.12.0", False, True), [])
    assert not finding.fine
    assert "gilkit.map" in finding.advice


def test_doctor_names_the_module_that_switches_the_gil_on(monkeypatch):
    report = [("pandas", "pandas._libs.x", ""), ("nope", "", "ImportError")]
    monkeypatch.setattr(doctor, "imports", lambda modules: report)
    monkeypatch.setattr(doctor.sys, "flags", None)  # 3.13 with a GIL has flags that request it
    here = interpreters.Interpreter("p", "CPython", "3.14.0", True, True)
    gil, module, broken = doctor._gil(here, ["pandas", "nope"])
    assert "module imported" in gil.value
    assert module.value == "module pandas._libs.x (imported by pandas) switches the GIL on"
    assert "newer version of pandas" in module.advice
    assert broken.value == "ImportError"


def test_doctor_says_when_the_gil_was_asked_for(monkeypatch):
    monkeypatch.setattr(doctor, "imports", lambda modules: [])
    monkeypatch.setattr(doctor.sys, "flags", types.SimpleNamespace(gil=1))
    (gil,) = doctor._gil(interpreters.Interpreter("p", "CPython", "3.14.0", True, True), ["numpy"])
    assert "PYTHON_GIL=1" in gil.value
    assert "Unset" in gil.advice


@pytest.fixture
def program(tmp_path):
    def write(text):
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return write


def test_doctor_imports_in_another_interpreter(program):
    answer = 'echo "a module prints"; echo \'gilkit-doctor:[["a", "a.b", ""]]\'; echo "and more"'
    assert doctor.imports(["a"], program(answer)) == [("a", "a.b", "")]
    with pytest.raises(LabError, match="importing a, b ended the interpreter with status 3; it said no such luck"):
        doctor.imports(["a", "b"], program("echo what is it; echo no such luck >&2; exit 3"))
    with pytest.raises(LabError, match="with status 0; it said nothing"):
        doctor.imports(["a"], program("exit 0"))


def test_doctor_does_not_wait_forever(program, monkeypatch):
    monkeypatch.setattr(doctor, "IMPORT_SECONDS", 0.1)
    with pytest.raises(LabError, match=r"importing a took longer than 0.1 s"):
        doctor.imports(["a"], program("exec sleep 60"))


@pytest.mark.skipif(not interpreters.find_free_threaded(), reason="no free-threaded interpreter was found")
def test_doctor_imports_in_a_free_threaded_interpreter(tmp_path, monkeypatch):
    free = interpreters.find_free_threaded()[0].executable
    monkeypatch.setenv("PYTHON_GIL", "1")  # set in the shell, and not the effect of a module
    assert doctor.imports(["json", "sys"], free) == []
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "broken.py").write_text("1 / 0")
    (found,) = doctor.imports(["json", "broken"], free)
    assert found == ("broken", "", "ZeroDivisionError: division by zero")


def test_doctor_says_when_all_is_well_without_gil(monkeypatch):
    monkeypatch.setattr(doctor, "imports", lambda modules: [])
    here = interpreters.Interpreter("p", "CPython", "3.14.0", True, False)
    assert [each.value for each in doctor._gil(here, ["numpy"])] == ["off", "numpy leave the GIL off"]


@pytest.mark.skipif(not HERE.free_threaded, reason="needs a free-threaded build")
def test_gilkit_leaves_the_gil_off():
    assert doctor.imports(["gilkit"]) == []


def test_doctor_with_a_wrong_variable(monkeypatch):
    monkeypatch.setenv(interpreters.VARIABLE, "/nonexistent")
    (finding,) = doctor._interpreters(HERE)
    assert not finding.fine
    assert interpreters.VARIABLE in finding.advice


def test_doctor_where_there_is_no_other_interpreter(nothing_else):
    here = interpreters.Interpreter("p", "CPython", "3.12.0", False, True)
    (finding,) = doctor._interpreters(here)
    assert "uv python install" in finding.advice


def test_runner_is_told_the_options(monkeypatch, capsys, nothing_else):
    seen = {}

    def run(experiment, setting, view, seconds):
        seen.update(threads=setting.threads, seconds=seconds)
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run", run)
    assert cli.main(["experiment", "cpu-percent", "--threads", "7", "--seconds", "2.5"]) == 130
    assert seen == {"threads": 7, "seconds": 2.5}
