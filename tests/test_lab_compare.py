"""Comparing strategies: advice from figures, and users' own functions of every kind."""

from __future__ import annotations

import json
import pickle
import sys

import pytest

from gilkit.lab import cli, compare, interpreters, results, strategies, workloads
from gilkit.lab.errors import LabError
from gilkit.lab.experiment import Row, Setting
from gilkit.lab.interpreters import Interpreter
from gilkit.lab.strategies import free_threaded
from gilkit.lab.worker.gilkit_tasks import compare as compare_tasks

GIL = Interpreter("python3", "CPython", "3.13.0", False, True, running=True)
SETTING = Setting([GIL], 2, 2)


def row(strategy, wall, threads=1):
    return Row(strategy, strategy, GIL, threads, {}, [{"wall": wall} for _ in range(5)])


@pytest.mark.parametrize(
    ("each", "inputs", "take", "repeat"),
    [
        (1e-6, 1000, None, 20),
        (0.1, 10, None, 1),
        (1.0, 100, 5, 1),
        (60.0, 3, 2, 1),
        (60.0, 1, 1, 1),
        (0.0, 1, None, compare.MAX_CALLS),
    ],
)
def test_work_is_fitted(each, inputs, take, repeat):
    assert compare.fit({"each": each, "inputs": inputs}, 2) == {"take": take, "repeat": repeat}


def test_calls_that_move_much_are_not_repeated_for_long():
    facts = {"each": 1e-6, "inputs": 10, "tried": 5, "pickle_inputs": [1 << 20, 0.008], "pickle_results": [9, 0.002]}
    assert compare.fit(facts, 2) == {"take": None, "repeat": 10}
    assert compare.fit(facts | {"pickle_inputs": [1 << 30, 1.0]}, 2)["repeat"] == 1


@pytest.mark.parametrize(
    ("each", "seconds", "take", "repeat"),
    [
        (1.0, 20.0, 20, 1),  # more than the 5 that a round takes without --seconds
        (1.0, 200.0, None, 1),
        (1.0, 0.5, 2, 1),  # one for each thread
        (1e-4, 1.0, None, 5),
        (1e-5, 0.002, None, 2),
    ],
)
def test_work_is_fitted_to_the_seconds_of_a_round(each, seconds, take, repeat):
    assert compare.fit({"each": each, "inputs": 100}, 2, seconds) == {"take": take, "repeat": repeat}
    planned = compare.planned({"each": each, "inputs": 100}, 2, seconds)
    assert planned == pytest.approx(max(seconds, each * (take or 100) * repeat))


def test_long_calls_are_announced_and_given_time():
    minute = compare.Comparison("/a.py:f", "/a.py:g", {"each": 60.0, "inputs": 6})
    text = minute.announcement(SETTING)
    assert "A call takes 60.0 s. Each strategy will compute 2 of 6 inputs" in text
    assert "minutes in total" in text
    assert minute.grace > 600
    short = compare.Comparison("/a.py:f", "/a.py:g", {"each": 0.1, "inputs": 6})
    assert short.announcement(SETTING) == ""
    assert short.grace < 70
    assert compare.Comparison("spin").announcement(SETTING) == ""
    # Rounds that were asked for are not cut short, and the notice says what they take.
    assert minute.budget == 60.0
    asked = compare.Comparison("/a.py:f", "/a.py:g", {"each": 60.0, "inputs": 6}, rounds=3)
    assert (asked.budget, asked.rounds) == (None, 3)
    count = len(asked.cases(SETTING))
    assert f"up to {2 * count * 3} minutes in total" in asked.announcement(SETTING)
    assert f"up to {2 * count} minutes in total" in text
    whole = compare.Comparison("/a.py:f", "/a.py:g", {"each": 60.0, "inputs": 6}, seconds=700.0)
    assert whole.budget is None
    assert "will compute 6 of 6 inputs" not in whole.announcement(SETTING)


def test_seconds_are_shared_by_the_rounds():
    for comparison in (compare.Comparison("spin", seconds=7.0), compare.Comparison("spin", seconds=1.0, rounds=2)):
        assert comparison.seconds / comparison.rounds == comparison.each_round
        assert all(case.timed for case in comparison.cases(SETTING))
    assert not any(case.timed for case in compare.Comparison("spin").cases(SETTING))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ([1, 2.5, "x"], [1, 2.5, "x"], True),
        ([1], [1.0], False),
        ([1], (1,), False),
        ([["a"], ["a"]], [["a"], ["".join("a")]], True),
        ({"a": {1, 2}}, {"a": {2, 1}}, True),
        ({"a": {1, 2}}, {"a": {1, 3}}, False),
        (frozenset("abcdef"), frozenset("fedcba"), True),
        ({1}, [1], False),
    ],
)
def test_digests_tell_equal_from_other_results(one, other, same):
    assert (compare_tasks.digest(one) == compare_tasks.digest(other)) is same


def test_what_comes_back_from_a_process_is_equal_though_not_identical():
    shared = "".join(["a string", " of its own"])
    results = [shared, shared]
    copies = [pickle.loads(pickle.dumps(each)) for each in results]
    assert compare_tasks.digest(results) == compare_tasks.digest(copies)
    assert compare_tasks.digest([lambda: 1]) is None


SMALL = {
    "spin": {"iterations": 1001},
    "pi": {"samples": 20_000, "seed": 0},
    "mandelbrot": {"width": 24, "height": 17, "x": (-2.0, 1.0), "y": (-1.5, 1.5), "max_iter": 30},
    "jacobi": {"height": 12, "width": 9, "iterations": 5},
    "kmeans": {"count": 300, "dimensions": 3, "clusters": 4, "iterations": 3},
    "sort": {"count": 5000},
    "gzip": {"size": 300_000, "level": 6},
    "sha256": {"count": 50, "size": 3001},
    "regex": {"size": 200_000},
}


@pytest.mark.parametrize("name", SMALL)
def test_the_workloads_as_workers_carry_them_out(name, monkeypatch):
    """Sizes that have been through JSON, in the plain loop, threads, processes and the kernel."""
    work = workloads.get(name, **SMALL[name])
    sized = json.loads(json.dumps(SMALL[name]))
    for strategy in strategies.every():
        if strategy.name in ("serial", "threads", "pool-spawn", "gilkit") and not strategy.obstacle(work):
            monkeypatch.setattr(compare_tasks, "_state", {})
            sample = compare_tasks.once(strategy.name, name, sized, 2, work.amount)
            compare_tasks._state["contender"].close()
            assert sample["wall"] > 0
            assert sample["count"] == work.amount
            assert sample["memory"] > 0
            if strategy.shares_memory:
                assert sample["moved"] == 0
            elif sys.platform == "linux":
                assert sample["moved"] > 0


def test_bytes_moved_are_those_of_the_data(monkeypatch):
    """sort sends all numbers to the processes and back: 9 bytes each in a pickle, plus frames."""
    if sys.platform != "linux":
        pytest.skip("only Linux counts them")
    monkeypatch.setattr(compare_tasks, "_state", {})
    sample = compare_tasks.once("pool-spawn", "sort", {"count": 50_000}, 2)
    compare_tasks._state["contender"].close()
    assert 0.9 <= sample["moved"] / (2 * 9 * 50_000) <= 1.3


# ---- The user's own function


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A file of functions, on a machine without other interpreters."""
    monkeypatch.setattr(interpreters, "find_free_threaded", lambda *_: [])
    monkeypatch.setenv("COLUMNS", "200")
    path = tmp_path / "readers_own_file.py"
    path.write_text(
        "print('an import that prints')\n"
        "def inputs(): return list(range(20))\n"
        "def pairs(): return [(i, i + 1) for i in range(20)]\n"
        "def nothing(): return []\n"
        "def square(n): return n * n\n"
        "def product(a, b): return a * b\n"
        "def alone(): return 42\n"
        "def broken(n): raise ValueError(f'no {n}')\n"
        "def local(n): return lambda: n\n"
        "def leave(n): raise SystemExit(3)\n"
        "def ask(n): return input()\n"
        "def words(n): return {'a', 'set', 'of', 'words'}, 'even' if n % 2 else 'odd'\n"
        "def big(): return [bytes(3_000_000)] * 6\n"
        "number = 7\n"
        "def generate(n): yield n\n"
        "async def later(n): return n * n\n"
        "def hand_on(n): return later(n)\n"
        "def noise(n):\n"
        "    import os\n"
        "    return 1.0 + (os.getpid() % 3) * 2.0**-52\n"
    )
    return path


@pytest.fixture
def few(monkeypatch):
    """The comparisons of a test that is not about strategies have a few of them."""

    known = {strategy.name: strategy for strategy in strategies.every()}

    def only(*names):
        chosen = tuple(known[name] for name in names)
        monkeypatch.setattr(strategies, "every", lambda: chosen)

    only("serial", "threads", "pool-fork" if sys.platform != "win32" else "pool-spawn")
    return only


def run(mine, function, make, *options):
    arguments = ["compare", f"{mine}:{function}", "--rounds", "2", *options]
    return cli.main(arguments + (["--inputs", f"{mine}:{make}"] if make else []))


@pytest.mark.parametrize(("function", "make"), [("square", "inputs"), ("product", "pairs"), ("alone", None)])
def test_functions_run_under_every_strategy(mine, capsys, tmp_path, function, make):
    saved = tmp_path / "run.json"
    assert run(mine, function, make, "--save", str(saved)) == 0
    (result,) = results.load(saved)
    failed = {row.strategy: row.error for row in result.rows if not row.measured}
    assert not failed
    assert {"serial", "threads", "gilkit.map", "pool-spawn"} <= {row.strategy for row in result.rows}
    assert len({sample["digest"] for row in result.rows for sample in row.samples}) == 1
    assert "Advice: " in capsys.readouterr().out  # "choose", or "not decided" on a busy machine


def test_coroutines_run_to_their_end(mine, capsys, few):
    few("serial", "asyncio", "threads", "pool-fork" if sys.platform != "win32" else "pool-spawn")
    assert run(mine, "later", "inputs", "--json") == 0
    (data,) = json.loads(capsys.readouterr().out)["results"]
    assert {row["strategy"]: row["error"] for row in data["rows"] if row["error"]} == {}
    assert len({row["samples"][0]["digest"] for row in data["rows"]}) == 1
    assert {"serial", "asyncio", "threads"} < {row["strategy"] for row in data["rows"]}
    assert "an event loop of its own" in data["verdict"]["text"]
    assert not compare.suits(strategies.get("asyncio"), None, {"async": False})
    assert not compare.suits(strategies.get("asyncio"), workloads.get("spin"), {})


def test_an_exception_names_the_input_and_shows_their_code_only(mine, capsys, few):
    assert run(mine, "broken", "inputs") == 2
    error = capsys.readouterr().err
    assert error.startswith("gilkit: error: ")
    assert error.count('  File "') == 1
    assert f'  File "{mine}", line 8, in broken\n' in error
    assert error.rstrip().endswith("ValueError: no 0")
    # One that is reached later, by every strategy.
    few("serial", "threads")
    mine.write_text(mine.read_text() + "import time\ndef slow(n): time.sleep(0.35); return 1 / (n - 3)\n")
    assert run(mine, "slow", "inputs", "--rounds", "1", "--threads", "2") == 1
    assert "it raised ZeroDivisionError: division by zero, for inputs[3], which is 3" in capsys.readouterr().out


def test_floats_that_differ_in_their_last_digits(mine, capsys, few):
    """Each process has a result of its own, as with libraries that add in another order."""
    assert run(mine, "noise", "inputs", "--json") == 0
    (data,) = json.loads(capsys.readouterr().out)["results"]
    assert len({row["samples"][0]["digest"] for row in data["rows"]}) > 1
    assert "other results" not in data["verdict"]["text"]
    assert all(
        sample["agreement"]["same"] for row in data["rows"] for sample in row["samples"] if "agreement" in sample
    )
    assert "kept" not in json.dumps(data)  # a temporary file is not part of the result


def test_seconds(mine, capsys, few):
    """Each round repeats the work for its share of the time."""
    few("serial", "threads")
    assert run(mine, "square", "inputs", "--seconds", "0.4", "--json") == 0
    (data,) = json.loads(capsys.readouterr().out)["results"]
    assert data["seconds"] == 0.4
    for row in data["rows"]:
        for sample in row["samples"]:
            assert sample["runs"] >= 1
            assert sample["runs"] * sample["wall"] >= 0.1  # at least half of 0.4 s / 2 rounds
    assert max(sample["runs"] for row in data["rows"] for sample in row["samples"]) > 1


def test_overhead_is_measured(mine, capsys, few):
    mine.write_text(mine.read_text() + "def length(data): return len(data)\n")
    assert run(mine, "length", "big", "--json") == 0
    (data,) = json.loads(capsys.readouterr().out)["results"]
    first = {row["strategy"]: row["samples"][0] for row in data["rows"] if row["samples"]}
    (pool,) = set(first) - {"serial", "threads"}
    assert first[pool]["moving"] > 0 and first[pool]["handing_out"] > 0
    assert first["threads"]["handing_out"] > 0 and "moving" not in first["threads"]
    assert "handing_out" not in first["serial"]


@pytest.fixture
def package(tmp_path, monkeypatch, few):
    monkeypatch.setattr(interpreters, "find_free_threaded", lambda *_: [])
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    few("serial", "pool-spawn")
    folder = tmp_path / "readers_package" / "inner"
    folder.mkdir(parents=True)
    for place in (folder, folder.parent):
        (place / "__init__.py").write_text("")
    (folder.parent / "numbers.py").write_text("def make(): return list(range(9))\n")
    (folder / "work.py").write_text("from ..numbers import make\nfrom . import helper\ndef f(n): return helper.g(n)\n")
    (folder / "helper.py").write_text("def g(n): return n * n\n")
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ["readers_package.inner.work:f", "--inputs", "readers_package.numbers:make"],
        ["-m", "readers_package.inner.work:f", "--inputs", "make"],
        ["readers_package/inner/work.py:f", "--inputs", "make"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_functions_in_packages(package, capsys, arguments):
    assert cli.main(["compare", *arguments, "--rounds", "1", "--json"]) == 0
    (data,) = json.loads(capsys.readouterr().out)["results"]
    assert {row["strategy"]: row["error"] for row in data["rows"] if row["error"]} == {}


def test_a_relative_import_without_a_package(package, capsys):
    (package / "__init__.py").unlink()
    assert cli.main(["compare", "readers_package/inner/work.py:f", "--inputs", "make"]) == 2
    error = capsys.readouterr().err
    assert "has relative imports but is in no package" in error and error.count("\n") == 1


def test_modules_that_start_processes_when_they_are_imported(mine, capsys):
    mine.write_text("import multiprocessing\npool = multiprocessing.Pool(2)\ndef f(): return 1\n")
    assert cli.main(["compare", f"{mine}:f"]) == 2
    error = capsys.readouterr().err
    assert "importing it starts 2 processes" in error and 'into `if __name__ == "__main__":`' in error
    mine.write_text("import no_such_module_of_theirs\n")
    assert cli.main(["compare", f"{mine}:f"]) == 2
    error = capsys.readouterr().err
    assert "ModuleNotFoundError: No module named 'no_such_module_of_theirs'" in error
    assert error.count('  File "') == 1 and error.count("lab/") == 0


def test_a_function_that_uses_several_cores_is_also_run_on_one():
    facts = {"each": 0.1, "inputs": 8, "cores": 1.31}
    cases = {case.strategy: case for case in compare.Comparison("/a.py:f", None, facts).cases(SETTING)}
    limited = {name: case for name, case in cases.items() if name.endswith("limited")}
    assert set(limited) == {f"{name} limited" for name in compare.TO_LIMIT}
    assert all(case.arguments["limited"] for case in limited.values())
    assert limited["threads limited"].arguments["strategy"] == "threads"
    assert limited["threads limited"].label == "Python threads (limits at 1)"
    names = list(cases)
    assert names.index("serial limited") == names.index("serial") + 1
    for other in (facts | {"cores": 1.29}, {"each": 0.1, "inputs": 8}):
        assert not any(
            case.strategy.endswith("limited") for case in compare.Comparison("/a.py:f", None, other).cases(SETTING)
        )
    one = Setting([GIL], 2, 1)
    assert not any(case.strategy.endswith("limited") for case in compare.Comparison("/a.py:f", None, facts).cases(one))


@pytest.mark.parametrize(
    ("facts", "tried"),
    [
        ({"numpy_part": 0.06}, True),
        ({"numpy_part": 0.04}, False),
        ({"numpy_part": None, "numpy": True}, False),  # it cannot be patched
        ({"numpy": True}, True),  # the call takes too long to find out
        ({"numpy": False}, False),
        ({}, False),
    ],
)
def test_when_numpy_is_patched(facts, tried):
    facts = {"each": 0.1, "inputs": 8, **facts} if facts else {}
    names = [case.strategy for case in compare.Comparison("/a.py:f", None, facts).cases(SETTING)]
    assert ("patched-numpy" in names) is tried
    assert "executor" in names


def test_a_function_of_numpy(mine, capsys, few):
    pytest.importorskip("numpy")
    few("serial", "patched-numpy")
    mine.write_text(
        "import numpy\n"
        "def inputs(): return [numpy.random.default_rng(n).random(500_000) for n in range(4)]\n"
        "def f(x): return numpy.sort(x)\n"
    )
    assert run(mine, "f", "inputs", "--json") == 0
    (data,) = json.loads(capsys.readouterr().out)["results"]
    (patched,) = [row for row in data["rows"] if row["strategy"] == "patched-numpy"]
    assert patched["samples"][0]["agreement"]["same"]
    assert "of a call's time is in functions of NumPy" in data["verdict"]["text"]


def test_paths_are_shown_from_the_current_folder(mine, capsys, monkeypatch, few):
    monkeypatch.chdir(mine.parent)
    few("serial", "threads")
    assert cli.main(["compare", f"{mine}:square", "--inputs", "inputs", "--rounds", "1"]) == 0
    output = capsys.readouterr()
    assert "Comparison: readers_own_file.py:square" in output.out
    assert cli.main(["compare", f"{mine}:broken", "--inputs", "inputs"]) == 2
    assert "error: readers_own_file.py:broken cannot be compared" in capsys.readouterr().err
    assert cli.main(["compare", f"{mine}:missing"]) == 2
    error = capsys.readouterr().err
    assert error == (
        "gilkit: error: readers_own_file.py:missing cannot be compared: readers_own_file.py has no attribute 'missing'\n"
    )


def test_results_that_are_equal_in_every_process(mine, capsys, few):
    """Sets differ in order between processes and constants come as copies; the results still count as equal."""
    assert run(mine, "words", "inputs", "--json") == 0
    (data,) = json.loads(capsys.readouterr().out)["results"]
    assert "other results" not in data["verdict"]["text"]
    assert "different results" not in data["verdict"]["text"]
    assert len({row["samples"][0]["digest"] for row in data["rows"]}) == 1


def test_a_slow_call_is_not_taken_for_a_hanging_one(mine, capsys, monkeypatch, few):
    """A slow call on a small scale: the notice appears, inputs are cut, and there is a single round."""
    mine.write_text(mine.read_text() + "import time\ndef slow(n): time.sleep(0.5); return n\n")
    monkeypatch.setattr(compare, "LONGEST", 0.1)
    monkeypatch.setattr(compare.Comparison, "budget", 0.1)
    monkeypatch.setattr(compare, "NOTICE_AFTER", 0.2)
    command = ["compare", f"{mine}:slow", "--inputs", "inputs", "--json", "--threads", "2"]
    assert cli.main(command) == 0  # without --rounds, which would be kept
    output = capsys.readouterr()
    assert "trying it on the first input" in output.err
    assert "A call takes " in output.err
    (data,) = json.loads(output.out)["results"]
    assert all(len(row["samples"]) == 1 for row in data["rows"])
    assert "2 calls (of 20)" in data["verdict"]["text"]


def test_a_call_that_never_ends(mine, capsys, monkeypatch):
    mine.write_text(mine.read_text() + "import time\ndef hang(n): time.sleep(600)\n")
    monkeypatch.setattr(compare, "TRIAL", 0.5)
    assert run(mine, "hang", "inputs") == 2
    assert "one call takes more than 0.5 s, or it hangs" in capsys.readouterr().err


def test_results_that_do_not_pickle_are_explained(mine, capsys, few):
    assert run(mine, "local", "inputs", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    rows = {row["strategy"]: row for row in data["results"][0]["rows"]}
    assert rows["threads"]["samples"]
    (pool,) = set(rows) - {"serial", "threads"}
    assert any(word in rows[pool]["error"] for word in ("pickle", "Can't get"))
    assert len(rows[pool]["error"]) <= 300
    assert "what can be pickled" in data["results"][0]["verdict"]["text"]


@pytest.mark.parametrize(
    ("function", "make", "message"),
    [
        ("broken", "inputs", "it raised ValueError: no 0, for inputs[0], which is 0"),
        ("generate", "inputs", "it returns a generator, which has done no work yet"),
        ("hand_on", "inputs", "it returns a coroutine that nothing waits for"),
        ("square", None, "takes 1 argument(s): use --inputs to name a function that makes them"),
        ("square", "nothing", "returned no inputs"),
        ("square", "broken", "missing 1 required positional argument"),
        ("missing", "inputs", "has no attribute 'missing'"),
        ("number", "inputs", "not a function"),
        ("leave", "inputs", "ended with status"),
        ("ask", "inputs", "EOFError"),
    ],
)
def test_functions_that_cannot_be_run(mine, capsys, function, make, message):
    assert run(mine, function, make) == 2
    assert message in capsys.readouterr().err


def test_an_error_that_quotes_all_of_its_data_is_shortened(mine, capsys):
    with mine.open("a", encoding="utf-8") as file:
        file.write("\n\ndef quotes(item):\n    raise KeyError('x' * 30_000)\n")
    assert run(mine, "quotes", "inputs") == 2
    said = capsys.readouterr().err
    assert "it raised KeyError: 'xxx" in said
    assert "raise KeyError('x' * 30_000)" in said
    assert len(said) < 1200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "there is no workload 'nonsense'"),
        (["nonsense.py:f"], "there is no file"),
        (["module.function:f"], "there is no module 'module'"),
        (["-m", "os:nothing"], "os has no attribute 'nothing'"),
        (["-m", "os.path.py:f"], "there is no module 'os.path.py'"),
        (["mine.py"], "'mine.py' does not say which function to compare; the form is mine.py:function"),
        (["no such:f"], "path/to/file.py:function or package.module:function"),
        (["-m", "spin"], "the form is package.module:function"),
        (["-m", "os:f", "spin"], "both TARGET and -m were given"),
        ([], "it needs something to compare: name a workload (gzip, jacobi, "),
        (["spin", "--inputs", "f"], "--inputs needs a function of yours"),
        (["spin", "--inputs", "a.py:f"], "--inputs needs a function of yours"),
        (["spin", "--against", "/nonexistent.json"], "cannot be read"),
    ],
)
def test_mistakes(capsys, monkeypatch, arguments, message):
    monkeypatch.setattr(interpreters, "find_free_threaded", lambda *_: [])
    assert cli.main(["compare", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_file_hidden_by_another_module(tmp_path):
    path = tmp_path / "json.py"
    path.write_text("def f(): return 1\n")
    with pytest.raises(LabError, match="is hidden by another module"):
        compare.build(f"{path}:f", None)


def test_against_an_older_run(mine, capsys, tmp_path, few):
    saved = tmp_path / "run.json"
    assert run(mine, "square", "inputs", "--save", str(saved)) == 0
    capsys.readouterr()
    assert run(mine, "square", "inputs", "--against", str(saved)) == 0
    assert "× then, " in capsys.readouterr().out
    assert run(mine, "product", "pairs", "--against", str(saved)) == 2
    assert "holds no comparison of" in capsys.readouterr().err


def test_what_is_compared_of_a_workload(monkeypatch):
    free = Interpreter("python3t", "CPython", "3.14.0", True, False)
    monkeypatch.setattr(free_threaded, "_interpreter", lambda: free)
    monkeypatch.setattr(interpreters, "lacks", lambda interpreter, names: [])
    work = workloads.get("spin")
    cases = {case.strategy: case for case in compare.Comparison("spin").cases(Setting([GIL, free], 2, 2))}
    assert (cases["serial"].threads, cases["threads"].threads) == (1, 2)
    assert {case.arguments["amount"] for case in cases.values()} == {work.amount}
    there = cases["free-threaded"]
    assert (there.task, there.interpreter) == ("compare:portable", free)
    assert all(case.interpreter is GIL for case in cases.values() if case is not there)
    without = compare.Comparison("spin").cases(SETTING)  # the setting has no free-threaded interpreter
    assert {case.strategy for case in without} == set(cases) - {"free-threaded"}


def test_the_table_without_a_plain_loop():
    measured, failed = row("threads", 0.5, 2), Row("gilkit.map", "gilkit.map", GIL, 2, {}, error="it broke")
    comparison = compare.Comparison("spin")
    columns = {column.heading: column for column in comparison.columns([measured], SETTING)}
    assert columns["speed-up"].show(measured, [measured]) == "–"
    assert columns["moved"].show(measured, [measured]) == "–"
    (chart,) = comparison.charts([row("serial", 1.0), measured, failed], SETTING)
    assert [bar.label for bar in chart.bars] == ["serial", "threads"]
    (chart,) = comparison.charts([measured], SETTING)
    assert chart.bars == []


def test_nothing_is_planned_for_what_is_not_known():
    assert compare.fit({}, 2) == {}
    assert compare.planned({}, 2) == 0.0
    assert compare.planned({"each": 1.0, "inputs": 3}, 2) == 3.0
