"""``gilkit profile``: the figures, the predictions and the rules behind them, the report and the command.

The rules are tested with made-up samples on both sides. A few short programs test the whole.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

pytest.importorskip("psutil")
pytest.importorskip("rich")
if not sys.platform.startswith("linux"):
    pytest.skip("reads /proc", allow_module_level=True)

from moments import ADD, HERE, MAIN, OTHER, look, loop, predicted, record

from gilkit.lab import cli, interpreters
from gilkit.lab.errors import LabError
from gilkit.lab.experiment import Row
from gilkit.lab.profile import (
    command,
    loops,
    page,
    predict,
    reader,
    report,
    show,
    summary,
    verify,
)
from gilkit.lab.profile.memory import Denied
from gilkit.lab.profile.predict import Prediction, Speed
from gilkit.lab.profile.reader import Place, Reader
from gilkit.lab.profile.sampler import State
from gilkit.lab.program.comparison import Comparison, tell_failure

# ---- The figures


def test_who_holds_the_gil():
    found = record(
        [look(), look(State.WANTS, OTHER)],
        [look(), look(State.WANTS, OTHER)],
        [look(State.WANTS), look(State.HOLDS, OTHER, (Place("/home/u/other.py", "Class.serve", 9),))],
        [look(State.FREE), look(State.HOLDS, OTHER)],
        [look(State.WAITS), look(State.WAITS, OTHER)],
        [look(State.BLOCKS), look(State.WAITS, OTHER)],
        [look(State.WAITS)] * 1,
        [look(State.QUEUES)],
    )
    figures = summary.summarize(found)
    parts = figures.held, figures.blocked, figures.wanted, figures.idle, figures.alone
    assert parts == pytest.approx((0.05, 0.01, 0.03, 0.04, 0.03))
    assert figures.functions[0].name == "work"
    assert figures.functions[0].kept == pytest.approx(0.02)
    assert [each.name for each in figures.threads] == ["main", "work (program.py)"]
    assert figures.threads[0][State.WANTS] == pytest.approx(0.01)
    assert figures.unseen == pytest.approx(0.0, abs=1e-9)
    assert summary.summarize(record([look()], wall=0.05)).unseen == pytest.approx(0.04)


def test_threads_that_sleep_hold_nothing():
    """The figure of other tools for such programs is between 7 and 162 %."""
    asleep = [look(State.WAITS, OTHER + number) for number in range(8)]
    figures = summary.summarize(record(*[[look(), *asleep]] * 10))
    assert figures.share(figures.held) == pytest.approx(1.0)
    figures = summary.summarize(record(*[[look(State.WAITS), *asleep]] * 10))
    assert figures.held == 0.0


def test_names_of_threads():
    found = record([look()])
    lib = Place(f"/usr/lib{os.sep}threading.py", "Thread._bootstrap", 1)
    mine = Place("/home/u/pool.py", "make.<locals>.worker", 1)
    assert summary.name_of(look(thread=OTHER, stack=(HERE, mine, lib)), found) == "worker (pool.py)"
    assert summary.name_of(look(thread=OTHER, stack=()), found) == ""
    native = record([look(State.FREE, OTHER, ())], names={OTHER: "a native thread (blas)"})
    assert summary.summarize(native).threads[0].name == "a native thread (blas)"
    assert summary.summarize(record([look(State.FREE, OTHER, ())])).threads[0].name == f"thread {OTHER}"


def test_the_function_that_counts():
    numpys = Place("/venv/site-packages/numpy/core/_methods.py", "_mean", 5)
    assert summary.function_of((numpys, HERE)) == ("work", HERE.file)
    assert summary.function_of((numpys,)) == ("_mean", numpys.file)
    imports = Place("<frozen importlib._bootstrap>", "_load", 1)
    assert summary.function_of((HERE, imports)) == (summary.IMPORTS, "")


def test_own_files():
    assert summary.own("/home/u/program.py")
    assert not summary.own("/venv/lib/python3.11/site-packages/x/y.py")
    assert not summary.own(threading.__file__)
    assert not summary.own("<string>")


def test_timeline():
    found = record(*[[look(State.WAITS)]] * 50, *[[look()]] * 50)
    for number, sample in enumerate(found.samples):
        found.samples[number] = sample._replace(cpu=0.02 * max(0, number - 49))
    bins = summary.timeline(found.samples, 10)
    assert len(bins) == 10
    assert [round(each.held) for each in bins] == [0] * 5 + [1] * 5
    assert [round(each.cores) for each in bins] == [0] * 5 + [2] * 5
    assert bins[-1].end == pytest.approx(1.0)
    assert summary.timeline(found.samples[:1]) == []


@pytest.mark.parametrize(("samples", "stretches"), [(2, 1), (5, 1), (9, 1), (10, 2), (26, 5), (29, 5), (30, 6)])
def test_no_stretch_of_the_timeline_is_shorter_than_the_kernels_ticks(samples, stretches):
    """The last one often had a single sample, during which the kernel had counted no tick: the cores seemed idle."""
    found = record(*[[look()]] * samples)
    bins = summary.timeline(found.samples)
    assert len(bins) == stretches
    assert bins[0].start == pytest.approx(0.0) and bins[-1].end == pytest.approx(0.01 * samples)
    assert [each.cores for each in bins] == pytest.approx([1.0] * stretches)


# ---- Loops


@pytest.mark.parametrize(
    ("body", "obstacle"),
    [
        ("results.append(f(item))", ""),
        ("total += f(item)", ""),
        ("y = f(item)\n    total += y * y", ""),
        ("out[i] = f(item)", ""),
        ("for j in range(3):\n        out[i, j] = f(item)", ""),
        ("y = [y for y in item]\n    print(y)", ""),
        ("plate = step(plate)", "each iteration needs plate of the one before"),
        ("new = plate * 2\n    plate = new", "each iteration needs plate of the one before"),
        (
            "position += velocity\n    velocity -= force(position)",
            "each iteration needs position, velocity of the one before",
        ),
        ("if f(item) > best:\n        best = f(item)", "each iteration needs best of the one before"),
        ("out[i] = out[i - 1] + item", "each iteration needs out of the one before"),
        ("counts[f(item)] += 1", "each iteration needs counts of the one before"),
        ("total /= 2", "each iteration needs total of the one before"),
        ("self.state = f(self.state)", "each iteration needs self of the one before"),
        ("if item: break", "it may end early"),
        ("if item: return item", "it may end early"),
        ("while item:\n        break", ""),
        ("while item:\n        return 3", "it may end early"),
        ("try:\n        pass\n    except E:\n        break", "it may end early"),
        ("yield f(item)", "it hands values out one by one"),
    ],
)
def test_what_keeps_a_loop_from_being_divided(body, obstacle):
    loop = ast.parse(f"def g():\n  for i, item in enumerate(items):\n    {body}").body[0].body[0]
    assert loops.obstacle(loop) == obstacle


def test_comprehensions_can_be_divided():
    assert loops.obstacle(ast.parse("[f(x) for x in y]").body[0].value) == ""


def test_the_loop_with_the_time():
    text = "def main():\n    for x in items:\n        y = f(x)\n        z.append(y)\n    def inner():\n        pass\n"
    outer = Place("/home/u/p.py", "main", 3)
    before = Place("/home/u/p.py", "main", 2)  # the iterator: not repeated
    found = record(
        [look(stack=(HERE, outer))], [look(State.FREE, stack=(outer,))], [look(State.WAITS, stack=(outer,))],
        [look(stack=(before,))], [look(stack=(outer,)), look(State.QUEUES, OTHER)], [look(thread=OTHER, stack=(outer,))],
        [look(State.WAITS, stack=(before,)), look(State.WAITS, OTHER)],
        [look(stack=(Place("<frozen importlib._bootstrap>", "f", 1), outer))],
    )  # fmt: skip
    (loop,) = loops.find_loops(found, {"/home/u/p.py": text})
    assert (loop.line, loop.text, loop.where, loop.obstacle) == (2, "for x in items", "p.py:2", "")
    assert (loop.held, loop.free, loop.waits, loop.beside) == pytest.approx((0.02, 0.01, 0.01, 0.01))
    assert loops.find_loops(found, {}) == []  # the file cannot be read
    assert loops.find_loops(found, {"/home/u/p.py": "for"}) == []


def test_a_function_inside_a_loop_is_not_the_loop():
    text = "for x in y:\n    def f():\n        g()\n    h()\n"
    inside, outside = Place("/home/u/p.py", "f", 3), Place("/home/u/p.py", "<module>", 4)
    found = record([look(stack=(inside,))], [look(stack=(outside,))], [look(stack=(outside, outside))])
    (loop,) = loops.find_loops(found, {"/home/u/p.py": text})
    assert loop.seconds == pytest.approx(0.02)


# ---- The report

MACHINE = {
    "processor": "a <b>processor</b>", "cores": 2, "affinity": 2, "threads_per_core": 1, "system": "Linux",
    "python": "3.11", "num_threads": 2, "gilkit": {},
}  # fmt: skip


def made_up(found=None, verifications=(), **more):
    found = found or record(
        *[[look(State.FREE, operation=ADD), look(State.WANTS, OTHER)]] * 40,
        *[[look(stack=(Place("/home/u/<i>.py", "<script>", 1),)), look(State.WANTS, OTHER)]] * 20,
    )
    measured = {predict.kind_of(ADD): Speed(0.01, 0.005, 0.004, "gilkit.add")}
    rows, figures = predicted(found, measured, loops=[loop(held=0.1, free=0.4)], slower=1.2)
    done = report.Report(
        ["<program>", "\x1b[31m"],
        found,
        figures,
        [],
        predict.groups(found.samples),
        measured,
        list(rows.values()),
        MACHINE,
        2,
    )
    done.verifications = list(verifications)
    done.baseline = 0.61
    done.notes = report.notes(done)
    for name, value in more.items():
        setattr(done, name, value)
    return done


def shown(done, **more):
    import io

    file = io.StringIO()
    show.show(done, file)
    return file.getvalue()


def test_the_report_in_words():
    text = shown(made_up())
    assert "One thread runs 100 % of the time, several at once 0 %, and none 0 %." in text
    assert "The GIL is held 33 % of the time; other threads wait for it 100 % of the time." in text
    assert re.search(r"^cores [ ▁▂▃▄▅▆▇█]+ 0 to 600 ms; a full block is 2 cores$", text, re.M)
    assert re.search(r"^GIL   [ ▁▂▃▄▅▆▇█]+ a full block: held all the time$", text, re.M)
    assert re.search(r"^main +33 % +67 %", text, re.M)
    assert "holds the GIL and waits" not in text  # no thread was in this state
    assert re.search(r"^a \+ b +67 % +100 % +2\.00× +2\.50×$", text, re.M)
    assert re.search(r"^NumPy patched \(gilkit run\) +400 ms ± \d+ % +1\.50×", text, re.M)
    assert "Assumed: there are many iterations" in text
    assert "\x1b" not in text
    assert "Note:" not in text


@pytest.mark.parametrize("columns", [60, 100, 160])
def test_no_line_of_the_report_ends_with_blanks(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = shown(made_up(notes=["Other programs used the cores. Close them, and run it once more. " * 4])).splitlines()
    assert len(lines) > 10
    assert [line for line in lines if line != line.rstrip()] == []


def test_the_report_without_a_gil_and_of_few_samples():
    found = record([look(State.FREE)], [look(State.BLOCKS)], free_threaded=True)
    text = shown(made_up(found))
    assert "There is no GIL in this process." in text
    assert "holds the GIL and waits" in text
    assert "Note: Only 2 samples" in text
    assert not re.search("^GIL ", text, re.M)
    text = shown(made_up(record(*[[look(State.BLOCKS)]] * 60)))
    assert "held 100 % of the time (100 % while its holder itself waits); no other thread waits for it." in text


def test_notes():
    found = record(*[[look(State.FREE, operation=ADD)]] * 60, children_cpu=0.5, missed=10)
    notes = " ".join(made_up(found, speeds={}).notes)
    assert "Child processes used 500 ms" in notes
    assert "10 samples could not be read" in notes
    busy = record(*[[look()]] * 60, others_percent=90.0)
    assert "Other programs used 90 % of a core during the run" in " ".join(made_up(busy).notes)
    assert "runs Python 3.9" in " ".join(made_up(record([look()], version=(3, 9))).notes)
    assert "2.99 s were not sampled" in " ".join(made_up(record([look()], wall=3.0)).notes)
    done = made_up(record(*[[look(State.FREE, operation=ADD)]] * 60))
    done.speeds = {}
    assert "100 % of the time in NumPy's functions is in calls that could not be repeated" in " ".join(
        report.notes(done)
    )


def test_many_threads_are_cut():
    stacks = [(Place("/home/u/program.py", f"work{number}", 3),) for number in range(40)]
    found = record(*[[look(State.WAITS, MAIN + number, stack) for number, stack in enumerate(stacks)]] * 5)
    assert "and 28 more" in shown(made_up(found))


def test_threads_of_one_name_are_added_up_if_there_are_many():
    """A server with a thread for each request had a table of the first of them, without most of the work."""
    request = (Place("/usr/lib/socketserver.py", "ThreadingMixIn.process_request_thread", 3),)
    moments = [
        [look(State.WAITS), look(State.HOLDS, OTHER + number, request), look(State.FREE, OTHER + 50 + number, ())]
        for number in range(40)
    ]
    done = made_up(record(*moments, names={}))
    assert [each.name for each in report.threads(done)] == [
        "main", "40 × ThreadingMixIn.process_request_thread (socketserver.py)", "40 × unnamed",
    ]  # fmt: skip
    text = shown(done)
    assert re.search(r"^40 × process_request_thread \(socketserver\.py\) +100 %", text, re.M)
    assert "more" not in text.split("thread")[1]
    assert page.page(done).count("process_request_thread") >= 1
    assert len(report.document(done)["summary"]["threads"]) == 81
    assert show.unqualified("work (p.py)") == "work (p.py)"


def test_time_that_was_not_sampled_is_said():
    assert "and none 0 %; 99 % was not sampled." in shown(made_up(record([look()], wall=1.0)))


def test_others_are_not_judged_by_the_ticks_of_a_short_run():
    assert made_up(record([look()], others_percent=115.0)).notes == [
        "Only 1 sample: the program is too short for exact figures."
    ]


def test_margins():
    row = Prediction("it", 1.0, 0.0)
    assert [show.margin(row)] == [""]
    row.margin = 0.001
    assert show.margin(row) == " ± < 1 %"
    row.margin = 0.05
    assert show.margin(row) == " ± 5 %"


def test_blocks():
    assert [show.block(part) for part in (0.0, 0.005, 0.02, 0.5, 1.0, 7.0)] == [" ", " ", "▁", "▄", "█", "█"]
    assert [show.percent(part) for part in (0.0, 0.001, 0.5)] == ["–", "< 1 %", "50 %"]


def test_the_page_escapes_what_the_program_is_called():
    done = made_up(verifications=[report.Verification("<candidate>", 0.5, 0.55, 0.5, 0.6)])
    text = page.page(done)
    assert "&lt;program&gt;" in text
    assert "&lt;candidate&gt;" in text
    assert "&lt;script&gt;" in text
    assert not re.search(r"<(program|candidate|script|b)\b", text)
    assert "\x1b" not in text
    assert text.count("<svg") == 3
    assert "\x1b" not in json.dumps(report.document(done))
    assert report.document(done)["verifications"][0]["error"] == pytest.approx(0.5 / 0.55 - 1)
    assert json.loads(json.dumps(report.document(done)))["operations"][0]["speed"]["numpy"] == 0.01


def test_the_page_of_a_machine_with_many_cores():
    done = made_up(machine=MACHINE | {"cores": 128})
    assert page.page(done).count("<svg") == 2
    done.summary.timeline = []
    assert page.page(done).count("<svg") == 1


# ---- Predicted and measured


def rows_of(base, other, **more):
    here = interpreters.running()
    unchanged, candidate = Row("unchanged", "unchanged", here, 1), Row("candidate", "patched", here, 2)
    for walls, row in ((base, unchanged), (other, candidate)):
        row.samples = [{"wall": wall, "status": 0, **more} for wall in walls]
    return unchanged, candidate, Comparison(["p.py"], 3, unchanged, candidate)


@pytest.mark.parametrize(
    ("measured", "more", "unmeasured", "why"),
    [
        ([0.5, 0.5, 0.5], {}, 0.0, ""),
        ([0.57, 0.57, 0.57], {}, 0.0, ""),  # 14 % longer than predicted
        ([0.6, 0.6, 0.6], {}, 0.0, "it gains less"),
        ([0.4, 0.4, 0.4], {}, 0.0, "it gains more"),
        ([0.6, 0.6, 0.6], {"others_percent": 50.0}, 0.0, "not decided, since other programs used 50 % of a core"),
        ([0.4, 0.7, 0.7], {}, 0.0, "the rounds differ by more than that"),
        ([0.6, 0.6, 0.6], {}, 0.5, "50 % of the time in NumPy's functions is in calls that could not be measured"),
    ],
)
def test_why_a_prediction_is_off(measured, more, unmeasured, why, monkeypatch):
    base, row, found = rows_of([1.0, 1.0, 1.0], measured, **more)
    done = made_up(record(*[[look()]] * 100))
    monkeypatch.setattr(report.Report, "unmeasured", unmeasured)
    result = verify.judge(Prediction("candidate", 0.5), base, row, done, found)
    assert result.predicted == pytest.approx(0.5)
    assert result.why.startswith(why) and bool(result.why) == bool(why)
    if why.startswith("it gains"):
        other = Prediction("candidate", 0.5, verify="free-threaded")
        assert verify.judge(other, base, row, done, found).why.startswith("functions in C")
    assert report.judged(result).startswith(f"{100 * (0.5 / result.measured - 1):+.0f} %")


def test_what_is_not_predicted_can_be_measured():
    base, row, found = rows_of([1.0, 1.0, 1.0], [0.5, 0.5, 0.5])
    done = made_up(record(*[[look()]] * 100))
    result = verify.judge(predict.undecidable("candidate", 0.4, 0.9, "why"), base, row, done, found)
    assert (result.predicted, result.measured, result.error) == (None, 0.5, None)
    text = shown(made_up(verifications=[result]))
    assert re.search(r"^candidate +– +0\.50 +0\.50–0\.50 +not predicted$", text, re.M)


def test_rounds_with_other_programs_are_left_out():
    base, row, found = rows_of([1.0, 1.0, 1.0], [0.5, 0.5, 0.9])
    done = made_up(record(*[[look()]] * 100))
    row.samples[2]["others_percent"] = 90.0
    result = verify.judge(Prediction("candidate", 0.5), base, row, done, found)
    assert (result.measured, result.rounds, result.others) == (0.5, 2, 0.0)
    base.samples[1]["others_percent"] = 90.0  # one quiet round is too few
    result = verify.judge(Prediction("candidate", 0.5), base, row, done, found)
    assert (result.measured, result.rounds, result.others) == (0.5, 3, 90.0)


def test_candidates_that_fail_or_print_something_else():
    base, row, found = rows_of([1.0, 1.0], [0.5, 0.5])
    done = made_up(record(*[[look()]] * 100))
    found.differences.append(argparse.Namespace(way="candidate"))
    assert verify.judge(Prediction("candidate", 0.5), base, row, done, found).why == "it prints something else"
    found.differences.append(argparse.Namespace(way="unchanged"))  # it prints the time, for example
    why = verify.judge(Prediction("candidate", 0.5), base, row, done, found).why
    assert why == "the unchanged program prints something else each time, so outputs were not compared"
    row.samples[-1]["status"] = 1
    verify.failed(row, found)
    result = verify.judge(Prediction("candidate", 0.5), base, row, done, found)
    assert report.judged(result) == "not measured: it ended with exit status 1"
    assert "not measured" in shown(made_up(verifications=[result]))


def test_a_failing_program_that_wrote_no_error(tmp_path, capsys):
    (tmp_path / "errors").write_bytes(b"")
    tell_failure(3, tmp_path / "errors")
    assert capsys.readouterr().err == ("gilkit: the program ended with exit status 3; its standard error is empty\n")


# ---- The command


def profile(*words, **more):
    return subprocess.run(
        [sys.executable, "-P", "-m", "gilkit", "profile", *map(str, words)],
        capture_output=True, text=True, timeout=120, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "a program is needed"),
        (["--nosuch", "p.py"], "there is no option --nosuch"),
        (["--pid", "1", "p.py"], "omit either it or the program"),
        (["--pid", "1", "--verify"], "give the program instead"),
        (["--pid", "x"], "must be an integer"),
        (["--seconds", "3", "p.py"], "a program is watched to its end"),
        (["--rounds", "3", "p.py"], "the number of runs of --verify"),
        (["-m"], "-m needs the name of a module"),
    ],
)
def test_options_that_do_not_fit(words, said, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["profile", *words])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/nonexistent/p.py"], "cannot be run: No such file"),
        (["--save", "/nonexistent/x.json", "p.py"], "is not a writable folder"),
        (["--html", "/nonexistent/x.html", "--pid", "1"], "is not a writable folder"),
        (["--pid", "4194305"], "there is no process 4194305"),
        (["--pid", str(os.getpid())], "cannot watch itself"),
    ],
)
def test_mistakes_take_one_line(words, said, capsys):
    assert cli.main(["profile", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_process_that_is_not_python(capsys):
    other = subprocess.Popen(["sleep", "60"])
    try:
        time.sleep(0.1)
        assert cli.main(["profile", "--pid", str(other.pid)]) == 2
        assert "is not CPython 3.11 or later" in capsys.readouterr().err
    finally:
        other.kill()
        other.wait()


SLEEPS = """
import sys, threading, time

def nap():
    time.sleep(0.9)

def spin(seconds):
    end, n = time.process_time() + seconds, 0
    while time.process_time() < end:
        n += sum(range(1000))

threads = [threading.Thread(target=nap) for _ in range(4)]
for each in threads:
    each.start()
spin(0.4)
for each in threads:
    each.join()
print("output", sys.argv[1:], sys.stdin.read())
sys.exit(7)
"""


@pytest.fixture(scope="module")
def sleeps(tmp_path_factory):
    """The report of a program whose threads sleep while one computes, and what it printed."""
    place = tmp_path_factory.mktemp("profile")
    (place / "p.py").write_text(SLEEPS)
    done = profile("--save", place / "p.json", "--html", place / "p.html", place / "p.py", "--html", "x", input="in")
    return done, json.loads((place / "p.json").read_text()), (place / "p.html").read_text()


def test_the_program_runs_as_without_gilkit(sleeps):
    done, data, html = sleeps
    assert done.returncode == 7
    assert done.stdout == "output ['--html', 'x'] in\n"
    assert "gilkit profile: " in done.stderr
    assert data["format"] == report.FORMAT
    assert html.startswith("<!DOCTYPE html>")


def test_sleeping_threads_are_not_holders(sleeps):
    _, data, _ = sleeps
    figures = data["summary"]
    main = next(each for each in figures["threads"] if each["name"] == "main")
    naps = [each for each in figures["threads"] if each["name"].startswith("nap")]
    assert len(naps) == 4
    for each in naps:
        # On a busy machine, one sample stands for a quarter of a second.
        assert each["seconds"].get(State.HOLDS, 0) + each["seconds"].get(State.WANTS, 0) < 0.3
        assert each["seconds"][State.WAITS] > 0.5
    # The main thread computed for 0.4 s of CPU time, all of it with the GIL. On a busy machine the sampler gets no turn
    # for a part of it, and says for how long.
    held = main["seconds"].get(State.HOLDS, 0) + main["seconds"].get(State.BLOCKS, 0)
    computed = held + (main["seconds"][State.FREE] if figures["free_threaded"] else 0)
    assert computed > 0.1
    assert computed + figures["unseen"] > 0.3
    assert figures["held"] == pytest.approx(held, abs=0.1)
    assert figures["functions"][0]["name"] == "spin"


def test_threads_that_contend_and_a_watched_process(tmp_path):
    (tmp_path / "p.py").write_text(
        textwrap.dedent("""
        import threading
        def spin():
            while True:
                sum(range(1000))
        for _ in range(2):
            threading.Thread(target=spin, daemon=True).start()
        threading.Event().wait(600)
        """)
    )
    other = subprocess.Popen([sys.executable, tmp_path / "p.py"])
    try:
        time.sleep(0.3)
        done = profile("--pid", other.pid, "--seconds", "0.7", "--save", tmp_path / "p.json")
        assert other.poll() is None  # it runs on
    finally:
        other.kill()
        other.wait()
    assert done.returncode == 0, done.stderr
    assert "watching process" in done.stderr
    figures = json.loads((tmp_path / "p.json").read_text())["summary"]
    if not figures["free_threaded"]:
        assert figures["held"] > 0.8 * (figures["wall"] - figures["unseen"])
        assert figures["wanted"] > 0.2 * (figures["wall"] - figures["unseen"])
    assert sum(each["name"] == "spin (p.py)" for each in figures["threads"]) == 2


def test_predicted_and_measured(tmp_path):
    pytest.importorskip("numpy")
    (tmp_path / "p.py").write_text(
        "import time\nimport numpy as np\na = np.linspace(0, 1, 1_000_000)\n"
        "while time.process_time() < 0.8:\n    b = np.sqrt(a) + 1\nprint(b.sum())\n"
    )
    done = profile("--verify", "--save", tmp_path / "p.json", tmp_path / "p.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    data = json.loads((tmp_path / "p.json").read_text())
    if any("not decided: other programs" in each["why"] for each in data["predictions"]):
        pytest.skip("other programs use the cores")
    checked = {each["candidate"]: each for each in data["verifications"]}
    assert 0.2 < checked["NumPy patched (gilkit run)"]["measured"] < 5
    assert data["baseline"] > 0
    assert "round 3 of 3: unchanged" in done.stderr


def test_nothing_to_verify_is_said(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(interpreters, "find_free_threaded", lambda *_: [])
    monkeypatch.setattr(sys, "stdin", None)
    (tmp_path / "p.py").write_text("import time\ntime.sleep(0.3)\n")
    assert cli.main(["profile", "--verify", str(tmp_path / "p.py")]) == 0
    assert "Note: There is nothing to verify" in capfd.readouterr().err


def test_signals_reach_the_program(tmp_path):
    (tmp_path / "p.py").write_text("import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "gilkit", "profile", tmp_path / "p.py"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "gilkit profile: " in error


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGUSR2", "SIGQUIT"])
def test_signals_with_handlers_reach_the_program(tmp_path, name):
    """SIGUSR1 ended gilkit, and the program ran on without it."""
    (tmp_path / "p.py").write_text(
        "import signal, sys, time\n"
        f"signal.signal(signal.{name}, lambda *_: sys.exit(7))\nprint('ready', flush=True)\ntime.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "gilkit", "profile", tmp_path / "p.py"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    process.send_signal(getattr(signal, name))
    _, error = process.communicate(timeout=60)
    assert process.returncode == 7
    assert "gilkit profile: " in error


def test_a_file_that_cannot_be_written_does_not_take_the_report_with_it(tmp_path, capfd):
    (tmp_path / "p.py").write_text("import time\ntime.sleep(0.3)\n")
    assert cli.main(["profile", "--save", "/dev/full", str(tmp_path / "p.py")]) == 2
    said = capfd.readouterr().err
    assert "gilkit profile: " in said
    assert said.endswith("'/dev/full' cannot be written: No space left on device\n")


def test_a_program_that_ends_at_once_has_no_report(tmp_path, monkeypatch, capfd):
    (tmp_path / "p.py").write_text("raise SystemExit(3)\n")
    monkeypatch.setattr(command, "attach", lambda *_: None)
    assert cli.main(["profile", str(tmp_path / "p.py")]) == 3
    assert "no report: the program ended too soon" in capfd.readouterr().err


def test_an_interpreter_that_cannot_be_examined(tmp_path, monkeypatch, capfd):
    def refuse(*_):
        raise LabError("it is not allowed")

    (tmp_path / "p.py").write_text("print(1)\n")
    monkeypatch.setattr(command, "attach", refuse)
    assert cli.main(["profile", str(tmp_path / "p.py")]) == 0
    assert "no report: it is not allowed" in capfd.readouterr().err


def test_a_program_that_starts_another_one_in_its_place(tmp_path):
    (tmp_path / "p.py").write_text(
        "import os, sys, time\ntime.sleep(0.2)\n"
        "if len(sys.argv) == 1:\n    os.execv(sys.executable, [sys.executable, __file__, 'again'])\n"
        "def spin():\n    while time.process_time() < 0.5:\n        sum(range(1000))\nspin()\n"
    )
    done = profile("--save", tmp_path / "p.json", tmp_path / "p.py")
    assert done.returncode == 0, done.stderr
    names = [each["name"] for each in json.loads((tmp_path / "p.json").read_text())["summary"]["functions"]]
    assert "spin" in names


def test_an_interpreter_with_other_structures(tmp_path, monkeypatch, capfd):
    (tmp_path / "p.py").write_text("import time\ntime.sleep(60)\n")
    other = subprocess.Popen([sys.executable, tmp_path / "p.py"])
    try:
        time.sleep(0.3)
        monkeypatch.setattr(Reader, "ready", False)
        assert cli.main(["profile", "--pid", str(other.pid)]) == 2
        assert "cannot be examined: no thread of it runs Python" in capfd.readouterr().err
    finally:
        other.kill()
        other.wait()


def test_a_process_of_another_user(tmp_path, monkeypatch, capfd):
    def refuse(pid):
        raise Denied("it is not allowed")

    (tmp_path / "p.py").write_text("print(1)\n")
    monkeypatch.setattr(reader, "Memory", refuse)
    assert cli.main(["profile", str(tmp_path / "p.py")]) == 0
    assert "no report: it is not allowed" in capfd.readouterr().err
