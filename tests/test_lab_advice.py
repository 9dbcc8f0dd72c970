"""The advice of a comparison follows its rule, for made-up figures on both sides of each limit."""

from __future__ import annotations

import pytest

from gilkit.lab import advice, cli
from gilkit.lab.experiment import Outcome, Row, Setting
from gilkit.lab.interpreters import Interpreter

GIL = Interpreter("python3", "CPython", "3.13.0", False, True, running=True)
SETTING = Setting([GIL], 2, 2)


def row(strategy, wall, threads=1, digest="x", inputs="i", startup=0.1, rounds=5, **more):
    sample = {"wall": wall, "cpu": wall, "cpu_percent": 100.0, "digest": digest, "inputs": inputs, "startup": startup}
    return Row(strategy, strategy, GIL, threads, {}, [sample | more for _ in range(rounds)])


def advise(rows, facts=None, custom=True):
    return advice.advise(rows, SETTING, facts or {}, custom)


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


def varying(strategy, walls, **more):
    found = row(strategy, 1.0, 2, rounds=len(walls), **more)
    for sample, wall in zip(found.samples, walls, strict=True):
        sample["wall"] = wall
    return found


def test_nothing_is_chosen_while_another_may_be_a_fifth_faster():
    """The interval of the ratio of serial to the other: from 0.91 to 1.18, and to 1.22."""
    closed = varying("gilkit.map", [1 / 0.91, 1.0, 1.02, 0.99, 1 / 1.18])
    assert advise([row("serial", 1.0), closed]).headline == "choose serial"
    open_ = varying("gilkit.map", [1 / 0.91, 1.0, 1.02, 0.99, 1 / 1.22])
    verdict = advise([row("serial", 1.0), open_])
    assert verdict.outcome is Outcome.OPEN
    assert verdict.headline == "not decided between serial and gilkit.map"
    assert (
        "serial takes between 0.91 and 1.22 times as long as gilkit.map. Run it again with --seconds 20."
        in verdict.text
    )
    assert "Nothing is shown" not in verdict.text
    # A third one is clearly slower, so it does not matter.
    assert advise([row("serial", 1.0), row("threads", 1.5, 2), open_]).headline == verdict.headline


def test_a_shown_difference_must_be_worth_it():
    assert advise([row("serial", 1.04), row("gilkit.map", 1.0, 2)]).headline == "choose serial"
    assert advise([row("serial", 1.06), row("gilkit.map", 1.0, 2)]).headline == "choose gilkit.map"


def test_start_methods_of_a_pool_do_not_compete():
    spawn = varying("pool-spawn", [0.5, 0.3, 0.6, 0.5, 0.7])
    assert advise([row("serial", 1.0), row("pool-fork", 0.5, 2), spawn]).headline == "choose pool-fork"
    other = varying("joblib", [0.5, 0.3, 0.6, 0.5, 0.7])
    verdict = advise([row("serial", 1.0), row("pool-fork", 0.5, 2), other])
    assert verdict.headline == "not decided between pool-fork and joblib"


@pytest.mark.parametrize(
    "cause", [{"others_percent": 16.0}, {"steal_percent": 16.0}, {"others_percent": 9, "steal_percent": 9}]
)
def test_a_disturbed_machine_shows_only_large_differences(cause):
    def verdict(wall, **cause):
        return advise([row("serial", 1.0, **cause), row("gilkit.map", wall, 2, **cause)])

    assert verdict(0.49, **cause).headline == "choose gilkit.map"
    open_ = verdict(0.51, **cause)
    assert open_.headline == "not decided between serial and gilkit.map"
    assert (
        "used 1" in open_.text
        and "% of a core meanwhile, so only differences by a factor of more than 2 count" in open_.text
    )
    assert "with --seconds 20 at a quieter time" in open_.text
    quiet = {key: value / 2 for key, value in cause.items()}
    assert verdict(0.51, **quiet).headline == "choose gilkit.map"
    # One that is much slower does not compete with the plain loop either.
    assert verdict(1.7, **cause).headline == "choose serial"
    assert verdict(1.6, **cause).outcome is Outcome.OPEN


@pytest.mark.parametrize("rounds", [1, 2])
def test_few_rounds_show_only_clear_differences(rounds):
    def verdict(wall):
        return advise([row("serial", 1.0, rounds=rounds), row("gilkit.map", wall, 2, rounds=rounds)])

    assert verdict(0.86).headline == "choose gilkit.map"
    assert verdict(0.88).outcome is Outcome.OPEN
    assert "only differences of more than 15 % count: run it again with --rounds 5" in verdict(0.88).text
    assert verdict(1.0).headline == "choose serial"
    assert advise([row("serial", 1.0), row("gilkit.map", 0.88, 2)]).headline == "choose gilkit.map"


def test_suggested_options_are_valid(monkeypatch):
    """The command line accepts every time that the advice suggests."""
    for spent in (0.001, 0.5, 1.0, 50.0, 1e6):
        (sample,) = (found := row("serial", spent, rounds=1)).samples
        assert advice.longer([found]) == cli.duration(str(advice.longer([found])))
        sample["runs"] = 2
        assert advice.longer([found]) >= min(6 * spent, 3600)
    assert advice.longer([row("serial", 0.05, rounds=7)]) == 2


def test_what_uses_all_cores_by_itself():
    facts = {"each": 1.0, "inputs": 8, "pools": ["openblas 0.3.30, 2 threads"]}

    def rows(cpu, alone=1.0):
        return [
            row("serial", 1.0, cpu=cpu),
            row("serial limited", 1.9, cpu=1.9 * alone),
            row("threads", 1.1, 2, cpu=2.1),
            row("threads limited", 1.0, 2, cpu=1.9),
            row("gilkit.map limited", 0.99, 2, cpu=1.9),
        ]

    text = advise(rows(1.31), facts).text
    assert "The function uses 1.3 cores by itself (it has loaded openblas 0.3.30, 2 threads)" in text
    assert (
        "With its libraries limited to one thread (OMP_NUM_THREADS=1 and the like), the plain loop takes 1.90 times"
        in text
    )
    assert "releases the GIL for about 96 % of its time: gilkit.map limited is 1.92 times as fast" in text
    assert "by itself" not in advise(rows(1.29), facts).text
    text = advise(rows(1.9, alone=1.4)).text
    assert "The function uses 1.9 cores by itself, so" in text
    assert "do not change that" in text
    assert "the GIL" not in text


def agreement(same, deviation=0.0, where=""):
    return {"same": same, "deviation": deviation, "where": where}


def test_results_that_agree_though_not_bit_for_bit():
    close = row("joblib", 0.5, 2, digest="other", agreement=agreement(True, 2.2e-16))
    verdict = advise([row("serial", 1.0), close])
    assert verdict.headline == "choose joblib"
    assert "Floats from joblib differ from those of the plain loop by up to 2e-16 of their size" in verdict.text
    wrong = row("joblib", 0.5, 2, digest="other", agreement=agreement(False, 1.0, "results[3] is 1 instead of 2"))
    verdict = advise([row("serial", 1.0), wrong])
    assert verdict.headline == "choose serial"
    assert "cannot be used: results[3] is 1 instead of 2." in verdict.text
    # Only one of the rounds was wrong.
    wrong.samples[0] |= {"agreement": agreement(True)}
    assert "cannot be used" in advise([row("serial", 1.0), wrong]).text


def test_a_plain_loop_whose_last_digits_change_is_not_random():
    base = row("serial", 1.0)
    for index, sample in enumerate(base.samples):
        sample["digest"] = str(index)
        if index:
            sample["agreement"] = agreement(True, 1e-16)
    assert "different results each time" not in advise([base, row("threads", 1.0, 2)]).text
    base.samples[2]["agreement"] = agreement(False)
    assert "different results each time" in advise([base, row("threads", 1.0, 2)]).text


def test_results_that_cannot_be_compared():
    text = advise([row("serial", 1.0, digest=None), row("threads", 1.0, 2, digest=None)]).text
    assert "The results cannot be pickled, so they were not compared." in text


def test_what_patched_numpy_gains():
    rows = [row("serial", 1.0), row("threads", 1.0, 2), row("patched-numpy", 0.5, 2)]
    text = advise(rows, {"each": 1.0, "inputs": 8, "numpy_part": 0.31}).text
    assert "About 31 % of a call's time is in functions of NumPy" in text
    assert "(the plain loop is 2.00 times as fast with it)" in text
    assert "functions of NumPy" not in advise(rows, {"each": 1.0, "inputs": 8, "numpy_part": 0.29}).text


def test_imports_that_take_long():
    rows = [row("serial", 1.0), row("threads", 1.0, 2)]
    facts = {"each": 1.0, "inputs": 8, "async": True}
    assert "Importing the module takes 1.10 s, again in every process" in advise(rows, facts | {"import": 1.1}).text
    assert "Importing" not in advise(rows, facts | {"import": 0.9}).text
    assert "Except with asyncio.gather, each call ran in an event loop of its own" in advise(rows, facts).text


def test_whether_it_holds_the_gil():
    unclear = varying("threads", [1.0, 0.7, 1.1, 0.95, 1.0])
    for used, words in (
        (1.09, "holds the GIL: 2 threads use 1.09 cores together"),
        (1.11, "may or may not hold the GIL"),
    ):
        for sample in unclear.samples:
            sample["cpu"] = used
        assert words in advise([row("serial", 1.0), unclear]).text
    # A plain loop that mostly waits says nothing about the GIL by its CPU time.
    assert "may or may not hold the GIL: the figures vary" in advise([row("serial", 1.0, cpu=0.89), unclear]).text
    assert "holds the GIL" in advise([row("serial", 1.19), row("threads", 1.0, 2)]).text
    assert "releases the GIL" in advise([row("serial", 1.21), row("threads", 1.0, 2)]).text
    pool = row("executor", 0.6, 2)
    assert "executor is 1.67 times as fast" in advise([row("serial", 1.0), row("threads", 1.0, 2), pool]).text
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


def test_the_free_threaded_build():
    text = advise([row("serial", 1.0), row("threads", 1.0, 2), row("free-threaded", 0.8, 2)]).text
    assert "On the free-threaded build 2 threads are 1.25 times as fast as the plain loop." in text
    text = advise([row("serial", 1.0), row("threads", 1.0, 2), row("free-threaded", 1.25, 2)]).text
    assert "On the free-threaded build 2 threads take 1.25 times as long as the plain loop." in text


def test_strategies_with_wrong_results_are_excluded():
    verdict = advise([row("serial", 1.0), row("threads", 0.2, 2, digest="other")])
    assert verdict.headline == "choose serial"
    assert "threads gave other results" in verdict.text


def test_inputs_that_differ_cannot_be_compared():
    verdict = advise([row("serial", 1.0), row("pool-fork", 0.5, 2, digest="other", inputs="others")])
    assert verdict.headline == "choose pool-fork"
    assert "inputs differ from process to process" in verdict.text


def test_a_function_with_random_results():
    base = row("serial", 1.0)
    for index, sample in enumerate(base.samples):
        sample["digest"] = str(index)
    assert "Even the plain loop gives different results" in advise([base, row("threads", 1.0, 2)]).text


def test_where_the_time_of_processes_goes():
    def text(wall, **costs):
        return advise([row("serial", 1.0), row("pool-fork", wall, 2, moved=10 << 20, **costs)]).text

    assert (
        "pool-fork takes 1.00 s: 500 ms for each process's share of the plain loop, 300 ms to move 10 MiB of inputs and "
        "results, 50.0 ms to hand out the calls and 150 ms for waiting and slower work."
    ) in text(1.0, handing_out=0.05, moving=0.3)
    overlap = text(0.7, handing_out=0.05, moving=0.3)
    assert "pool-fork takes 700 ms, although it needs 500 ms for each" in overlap
    assert "they overlap" in overlap
    assert "pool-fork takes" not in text(0.64, handing_out=0.05, moving=0.09)
    assert "pool-fork takes" in text(0.64, handing_out=0.05, moving=0.11)
    assert "pool-fork takes 500 ms longer than each process's share of the plain loop, and moves 10 MiB" in text(1.0)
    assert "pool-fork takes" not in text(0.64)
    assert "to move inputs" in advise([row("serial", 1.0), row("pool-fork", 1.0, 2, handing_out=0.1, moving=0.2)]).text


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


def test_what_was_left_out_is_reported():
    facts = {"each": 1.0, "inputs": 100}
    text = advise([row("serial", 5.0, count=5), row("threads", 5.0, 2, count=5)], facts).text
    assert "takes 5.00 s for 5 calls (of 100)" in text


def test_long_start_up_is_reported():
    rows = [row("serial", 1.0), row("numba", 0.1, 2, startup=2.0)]
    assert "Start-up takes longer than the work itself (numba 2.00 s)" in advise(rows).text
    rows = [row("serial", 1.0), row("numba", 0.1, 2, startup=0.15)]
    assert "Start-up takes longer" not in advise(rows).text


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("AttributeError: Can't get local object", "what can be pickled"),
        ("ModuleNotFoundError: No module named 'numpy'", "not installed for that interpreter"),
        ("no answer within 60 s", "it hangs"),
        ("AssertionError: daemonic processes are not allowed to have children", '`if __name__ == "__main__":`'),
        ("RuntimeError: an attempt was made before the end of its bootstrapping phase", '`if __name__ == "__main__":`'),
        (
            "it raised ValueError: no 3, for inputs[3], which is 3",
            "run: it raised ValueError: no 3",
        ),
        ("concurrent.interpreters.NotShareableError: args not shareable", "what it can import itself"),
        ("ValueError: nonsense", "nonsense"),
    ],
)
def test_failures_are_explained(error, words):
    failed = Row("pool-fork", "pool-fork", GIL, 2, error=error)
    assert words in advise([row("serial", 1.0), row("threads", 1.0, 2), failed]).text


def test_failures_for_the_same_reason_are_reported_together():
    broken = [Row(name, name, GIL, 2, error="cannot pickle it") for name in ("pool-fork", "pool-spawn")]
    text = advise([row("serial", 1.0), row("threads", 1.0, 2), *broken]).text
    assert text.count("could not run") == 1
    assert "pool-fork and pool-spawn could not run: cannot pickle it (processes" in text


def test_too_little_measured():
    assert advise([]).outcome is Outcome.OPEN
    assert advise([row("serial", 1.0)]).outcome is Outcome.OPEN


def test_what_has_changed():
    old = [row("serial", 1.0), row("threads", 0.5, 2), row("gilkit.map", 0.5, 2)]
    new = [row("serial", 2.0), row("threads", 1.0, 2), row("gilkit.map", 0.5, 2)]
    same, faster = advice.against(new, old)
    assert same == "threads: no difference shown (2.00× then, 2.00× now)"
    assert faster == "gilkit.map: faster, speed-up 2.00× then, 4.00× now"


def test_a_function_that_waits_gains_from_more_threads_than_cores():
    text = advise([row("serial", 1.0, cpu=0.02), row("Python threads", 0.5, 2, cpu=0.02)]).text
    assert "waits" not in text  # the row has no strategy "threads"
    threads = row("threads", 0.5, 2, cpu=0.02)
    threads.label = "Python threads"
    text = advise([row("serial", 1.0, cpu=0.02), threads]).text
    assert "The function uses 2 % of a core; the rest of its time it waits, which needs no core" in text
    assert "more threads than cores gain more than the 2 here" in text
    assert "releases the GIL for about" not in text
    assert "Python threads are 2.00 times as fast" in text
    assert "waits" not in advise([row("serial", 1.0), row("threads", 0.5, 2)]).text


def test_verbs_of_strategies():
    for label, verb in (("Python threads", "are"), ("free-threaded threads (3.14t)", "are"), ("Pool (fork)", "is")):
        assert advice.verb(row(label, 1.0)) == verb
