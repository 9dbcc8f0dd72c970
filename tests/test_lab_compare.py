"""Comparing strategies: advice from figures, and users' own functions of every kind."""

from __future__ import annotations

import json
import pickle
import sys

import pytest

from gilkit.lab import cli, compare, interpreters, results, strategies, workloads
from gilkit.lab.errors import LabError
from gilkit.lab.experiment import Outcome, Row, Setting
from gilkit.lab.interpreters import Interpreter
from gilkit.lab.strategies import free_threaded
from gilkit.lab.worker.gilkit_tasks import compare as compare_tasks

GIL = Interpreter("python3", "CPython", "3.13.0", False, True, running=True)
SETTING = Setting([GIL], 2, 2)


def row(strategy, wall, threads=1, digest="x", inputs="i", startup=0.1, rounds=5, **more):
    sample = {"wall": wall, "cpu": wall, "cpu_percent": 100.0, "digest": digest, "inputs": inputs, "startup": startup}
    return Row(strategy, strategy, GIL, threads, {}, [sample | more for _ in range(rounds)])


def advise(rows, facts=None, custom=True):
    return compare.advise(rows, SETTING, facts or {}, custom)


def test_the_fastest_is_chosen():
    verdict = advise([row("serial", 1.0), row("threads", 1.0, 2), row("gilkit.map", 0.5, 2)])
    assert verdict.headline == "choose gilkit.map"
    assert verdict.outcome is Outcome.CHOICE


def test_a_simpler_one_that_is_not_shown_to_be_slower_is_chosen():
    fast = row("gilkit.map", 1.0, 2)
    for index, sample in enumerate(fast.samples):
        sample["wall"] = (0.9, 1.1, 0.97, 1.0, 1.05)[index]
    verdict = advise([row("serial", 1.0), fast])
    assert verdict.headline == "choose serial"
    assert "Nothing is shown to be faster than the plain loop." in verdict.text


def test_whether_it_holds_the_gil():
    assert "The function holds the GIL" in advise([row("serial", 1.0), row("threads", 1.05, 2)]).text
    assert "releases the GIL for about 80 %" in advise([row("serial", 1.0), row("threads", 0.6, 2)]).text
    busy = [row("serial", 1.0, others_percent=90.0), row("threads", 1.05, 2, others_percent=90.0)]
    assert "may or may not hold the GIL: other programs used the cores" in advise(busy).text
    text = advise([row("serial", 1.0), row("threads", 1.0, 2), row("gilkit.map", 0.6, 2)]).text
    assert (
        "releases the GIL for about 80 % of its time: gilkit.map is 1.67 times as fast, Python threads 1.00 times"
        in text
    )
    short = {"each": 1e-6, "inputs": 10}
    text = advise([row("serial", 1.0), row("threads", 9.0, 2)], short).text
    assert "cannot show whether the function holds the GIL" in text
    assert "A call takes 1.00 µs" in text


def test_what_the_free_threaded_build_makes_of_it():
    text = advise([row("serial", 1.0), row("threads", 1.0, 2), row("free-threaded", 0.8, 2)]).text
    assert "On the free-threaded build 2 threads are 1.25 times as fast as the plain loop." in text
    text = advise([row("serial", 1.0), row("threads", 1.0, 2), row("free-threaded", 1.25, 2)]).text
    assert "On the free-threaded build 2 threads take 1.25 times as long as the plain loop." in text


def test_wrong_results_are_out():
    verdict = advise([row("serial", 1.0), row("threads", 0.2, 2, digest="other")])
    assert verdict.headline == "choose serial"
    assert "threads gave other results" in verdict.text


def test_inputs_that_differ_cannot_be_compared():
    verdict = advise([row("serial", 1.0), row("pool-fork", 0.5, 2, digest="other", inputs="others")])
    assert verdict.headline == "choose pool-fork"
    assert "inputs differ from process to process" in verdict.text


def test_a_function_of_chance():
    base = row("serial", 1.0)
    for index, sample in enumerate(base.samples):
        sample["digest"] = str(index)
    assert "Even the plain loop gives different results" in advise([base, row("threads", 1.0, 2)]).text


def test_what_processes_spend_their_time_on():
    facts = {"each": 0.1, "inputs": 10, "tried": 10, "pickle_inputs": [10 << 20, 0.4], "pickle_results": [100, 0.0]}
    rows = [row("serial", 1.0), row("pool-fork", 1.0, 2)]
    assert "Processes must move 10.0 MiB" in advise(rows, facts).text
    facts["pickle_inputs"] = [100, 0.0]
    assert "Processes lose 500 ms to handing out work" in advise(rows, facts).text


def test_start_up_decides_for_a_single_run():
    verdict = advise([row("serial", 1.0, startup=0.0), row("pool-spawn", 0.5, 2, startup=2.0)])
    assert verdict.headline == "choose pool-spawn"
    assert "For a single run including start-up, serial is fastest" in verdict.text


def test_strategies_that_are_as_fast_are_named():
    rows = [row("serial", 1.0), row("gilkit", 0.5, 2), row("numba", 0.5, 2), row("threads", 0.9, 2)]
    verdict = advise(rows, custom=False)
    assert verdict.headline == "choose gilkit"
    assert "numba is not shown to differ from gilkit." in verdict.text
    assert "threads is not shown" not in verdict.text


def test_a_single_round_says_so():
    text = advise([row("serial", 1.0, rounds=1), row("gilkit.map", 0.5, 2, rounds=1)]).text
    assert "gilkit.map is 2.00 times as fast (a single round)" in text
    assert "2.00 times as fast (2.00 to 2.00)" in advise([row("serial", 1.0), row("gilkit.map", 0.5, 2)]).text


def test_too_few_inputs_to_share_out():
    facts = {"each": 1.0, "inputs": 1}
    assert (
        "With 1 input there is not enough to distribute"
        in advise([row("serial", 1.0), row("threads", 1.0, 2)], facts).text
    )
    facts["inputs"] = 2
    assert "nothing to share out" not in advise([row("serial", 1.0), row("threads", 1.0, 2)], facts).text


def test_what_was_left_out_is_told():
    facts = {"each": 1.0, "inputs": 100}
    text = advise([row("serial", 5.0, count=5), row("threads", 5.0, 2, count=5)], facts).text
    assert "takes 5.00 s for 5 calls (of 100)" in text


def test_getting_ready_is_told_where_it_is_long():
    rows = [row("serial", 1.0), row("numba", 0.1, 2, startup=2.0)]
    assert "Start-up takes longer than the work itself (numba 2.00 s)" in advise(rows).text
    rows = [row("serial", 1.0), row("numba", 0.1, 2, startup=0.15)]
    assert "Start-up takes longer" not in advise(rows).text


def test_what_pools_move_is_told():
    text = advise([row("serial", 1.0), row("pool-fork", 0.9, 2, moved=5 << 20)], custom=False).text
    assert "Processes lose 400 ms to handing out work and collecting results (5 MiB)" in text


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("AttributeError: Can't get local object", "what can be pickled"),
        ("ModuleNotFoundError: No module named 'numpy'", "not installed for that interpreter"),
        ("no answer within 60 s", "it hangs"),
        ("concurrent.interpreters.NotShareableError: args not shareable", "what it can import itself"),
        ("ValueError: nonsense", "nonsense"),
    ],
)
def test_failures_are_explained(error, words):
    failed = Row("pool-fork", "pool-fork", GIL, 2, error=error)
    assert words in advise([row("serial", 1.0), row("threads", 1.0, 2), failed]).text


def test_failures_for_the_same_reason_are_told_together():
    broken = [Row(name, name, GIL, 2, error="cannot pickle it") for name in ("pool-fork", "pool-spawn")]
    text = advise([row("serial", 1.0), row("threads", 1.0, 2), *broken]).text
    assert text.count("could not run") == 1
    assert "pool-fork and pool-spawn could not run: cannot pickle it (processes" in text


def test_too_little_measured():
    assert advise([]).outcome is Outcome.OPEN
    assert advise([row("serial", 1.0)]).outcome is Outcome.OPEN


@pytest.mark.parametrize(
    ("each", "inputs", "take", "repeat"),
    [
        (1e-6, 1000, None, 50),
        (0.1, 10, None, 1),
        (1.0, 100, 5, 1),
        (60.0, 3, 2, 1),
        (60.0, 1, 1, 1),
        (0.0, 1, None, 100_000),
    ],
)
def test_work_is_fitted(each, inputs, take, repeat):
    assert compare.fit({"each": each, "inputs": inputs}, 2) == {"take": take, "repeat": repeat}


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


def test_what_has_changed():
    old = [row("serial", 1.0), row("threads", 0.5, 2), row("gilkit.map", 0.5, 2)]
    new = [row("serial", 2.0), row("threads", 1.0, 2), row("gilkit.map", 0.5, 2)]
    same, faster = compare.against(new, old)
    assert same == "threads: no difference shown (2.00× then, 2.00× now)"
    assert faster == "gilkit.map: faster, speed-up 2.00× then, 4.00× now"


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
    )
    return path


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
    assert "Advice: choose" in capsys.readouterr().out


def test_results_that_are_equal_in_every_process(mine, capsys):
    """Sets differ in order between processes and constants come as copies; the results still count as equal."""
    assert run(mine, "words", "inputs", "--json") == 0
    (data,) = json.loads(capsys.readouterr().out)["results"]
    assert "other results" not in data["verdict"]["text"]
    assert "different results" not in data["verdict"]["text"]
    assert len({row["samples"][0]["digest"] for row in data["rows"]}) == 1


def test_a_slow_call_is_not_taken_for_a_hanging_one(mine, capsys, monkeypatch):
    """A slow call on a small scale: the notice appears, inputs are cut, and there is a single round."""
    mine.write_text(mine.read_text() + "import time\ndef slow(n): time.sleep(0.5); return n\n")
    monkeypatch.setattr(compare, "LONGEST", 0.1)
    monkeypatch.setattr(compare.Comparison, "budget", 0.1)
    monkeypatch.setattr(compare, "NOTICE_AFTER", 0.2)
    assert run(mine, "slow", "inputs", "--json", "--threads", "2") == 0
    output = capsys.readouterr()
    assert "trying it on the first input" in output.err
    assert "A call takes 50" in output.err
    (data,) = json.loads(output.out)["results"]
    assert all(len(row["samples"]) == 1 for row in data["rows"])
    assert "2 calls (of 20)" in data["verdict"]["text"]
    assert "a single round" in data["verdict"]["text"]


def test_a_call_that_never_ends(mine, capsys, monkeypatch):
    mine.write_text(mine.read_text() + "import time\ndef hang(n): time.sleep(600)\n")
    monkeypatch.setattr(compare, "TRIAL", 0.5)
    assert run(mine, "hang", "inputs") == 2
    assert "one call takes more than 0.5 s, or it hangs" in capsys.readouterr().err


def test_results_that_do_not_pickle_are_explained(mine, capsys):
    assert run(mine, "local", "inputs", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    rows = {row["strategy"]: row for row in data["results"][0]["rows"]}
    assert rows["threads"]["samples"]
    assert any(word in rows["pool-spawn"]["error"] for word in ("pickle", "Can't get"))
    assert len(rows["pool-spawn"]["error"]) <= 300
    assert "what can be pickled" in data["results"][0]["verdict"]["text"]


@pytest.mark.parametrize(
    ("function", "make", "message"),
    [
        ("broken", "inputs", "ValueError: no 0"),
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "there is no workload 'nonsense'"),
        (["nonsense.py:f"], "there is no file"),
        (["module.function:f"], "path/to/file.py:function"),
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


def test_against_an_older_run(mine, capsys, tmp_path):
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
