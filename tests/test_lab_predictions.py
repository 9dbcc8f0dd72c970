"""The predictions of ``gilkit profile`` and the speeds that they need, with made-up samples on both sides of each rule."""

from __future__ import annotations

import json
import math
import os
import sys
import time

import pytest

pytest.importorskip("psutil")
pytest.importorskip("rich")
if not sys.platform.startswith("linux"):
    pytest.skip("reads /proc", allow_module_level=True)

from moments import ADD, HERE, OTHER, SUM, look, loop, predicted, record

from gilkit.lab import interpreters
from gilkit.lab.profile import others, predict, pythons, repeat, speeds, summary
from gilkit.lab.profile.operations import Array, Items, Operation, Other, Scalar, Type, Work
from gilkit.lab.profile.predict import Group, Speed
from gilkit.lab.profile.reader import Place
from gilkit.lab.profile.sampler import State


def test_amdahls_law_for_patched_numpy():
    found = record(*[[look(State.FREE, operation=ADD)]] * 60, *[[look()]] * 40)
    speeds = {predict.kind_of(ADD): Speed(0.01, 0.005)}
    rows, _ = predicted(found, speeds, patch_start=0.1)
    row = rows["NumPy patched (gilkit run)"]
    assert row.wall == pytest.approx(0.4 + 0.3 + 0.1)
    assert row.verify == "patched"
    assert "60 % of the time" in row.why
    assert "2.00 times as fast" in row.why
    assert row.why.endswith("; patching NumPy takes 100 ms")
    # From 100 samples, 60 % is known to ±9.4 %; half of it is saved.
    assert row.margin == pytest.approx(1.96 * math.sqrt(62 / 104 * 42 / 104 / 104) * 0.5)


def test_the_margin_of_few_samples_is_not_zero():
    found = record(*[[look(State.FREE, operation=ADD)]] * 3)
    rows, _ = predicted(found, {predict.kind_of(ADD): Speed(0.01, 0.005)})
    row = rows["NumPy patched (gilkit run)"]
    assert row.margin > 0.2 * row.wall


def test_calls_of_numpy_that_gain_nothing_get_no_factor():
    found = record(*[[look(State.FREE, operation=ADD)]] * 60)
    rows, _ = predicted(found, {predict.kind_of(ADD): Speed(0.01, 0.01)})
    assert rows["NumPy patched (gilkit run)"].why == "the calls of NumPy that were seen gain nothing"
    rows, _ = predicted(found)
    assert rows["NumPy patched (gilkit run)"].why == "the calls of NumPy that were seen gain nothing"
    imports = Place("/usr/lib/python3/site-packages/numpy/__init__.py", "<module>", 3)
    rows, _ = predicted(record(*[[look(stack=(imports,))]] * 60))
    assert rows["NumPy patched (gilkit run)"].why.startswith("no call of NumPy that can be measured")


def test_calls_that_gain_nothing_because_other_threads_use_the_cores():
    found = record(
        *[[look(State.FREE, operation=ADD), look(State.FREE, OTHER, ())]] * 30,
        *[[look(State.FREE, operation=ADD)]] * 40,
        *[[look(), look(State.FREE, OTHER, ())]] * 30,
    )
    rows, _ = predicted(found, {predict.kind_of(ADD): Speed(0.01, 0.005)})
    why = rows["NumPy patched (gilkit run)"].why
    assert why.startswith("40 % of the time is in calls of NumPy that become 2.00 times as fast")
    assert why.endswith("; 30 % is in others, while other threads use the cores")


def test_a_loop_that_waits_is_not_limited_by_the_cores():
    for each, said in ((loop(waits=0.9, sleeps=0.8), True), (loop(held=0.9), False), (loop(waits=0.9), False)):
        rows, _ = predicted(record(*[[look()]] * 100), loops=[each])
        for name in ("gilkit.map over p.py:3", "a process pool over p.py:3"):
            assert (
                "89 % of it is waiting, which needs no core, so more than 2 at once gain more" in rows[name].why
            ) == said


def in_the_kernel(found, system, pages=lambda number: 100):
    """The recording with a part of the time in the kernel, and a number of pages at each moment."""
    found.samples[:] = [
        each._replace(system=system * 0.01 * number, pages=pages(number)) for number, each in enumerate(found.samples)
    ]
    return found


def test_memory_that_gilkit_run_keeps_is_not_cleared_again():
    adding = record(*[[look(State.FREE, operation=ADD)]] * 101, wall=1.01)
    speeds = {predict.kind_of(ADD): Speed(0.01, 0.005)}

    def wall(found, page):
        return predicted(found, speeds, page=page)[0]["NumPy patched (gilkit run)"]

    found = in_the_kernel(adding, 0.2)
    assert wall(found, 1e-6).wall == pytest.approx(1.01 * 0.8 / 2)
    assert "20 % is the kernel's, for memory that gilkit run keeps" in wall(found, 1e-6).why
    assert wall(found, None).wall == pytest.approx(1.01 / 2)  # another C library
    assert "kernel" not in wall(found, None).why
    # Memory that the program takes once must be cleared once.
    grows = in_the_kernel(adding, 0.2, lambda number: 1000 * number)
    assert wall(grows, 1e-6).wall == pytest.approx(1.01 * 0.9 / 2)
    assert wall(grows, 1e-5).wall == pytest.approx(1.01 / 2)


def test_memory_of_large_arrays_is_not_kept():
    large = Operation("numpy.add", (Array((4000, 2000), (16000, 8), "d"),) * 2)
    found = in_the_kernel(record(*[[look(State.FREE, operation=large)]] * 101), 0.2)
    assert predict.memory_share(found, 1e-9) == 0.0
    other = in_the_kernel(record(*[[look()]] * 101), 0.2)
    assert predict.memory_share(other, 1e-9) == 0.0


def test_predictions_from_a_busy_machine_are_not_decided():
    found = record(*[[look(State.FREE, operation=ADD)]] * 60, *[[look()]] * 40)
    rows, _ = predicted(found, {predict.kind_of(ADD): Speed(0.01, 0.05, 0.001, "gilkit.add")}, slower=1.0)
    assert rows["NumPy patched (gilkit run)"].wall > 1.0
    predict.undecided(list(rows.values()), 97.0)
    for name, row in rows.items():
        undecided = "patched" in name or "in place of" in name
        assert ("not decided: other programs used 97 % of a core" in row.why) == undecided
    assert rows["NumPy patched (gilkit run)"].wall is None
    assert rows["NumPy patched (gilkit run)"].verify == "patched"  # --verify runs it, predicted or not
    assert rows["a free-threaded build"].wall is not None


@pytest.mark.parametrize(("cores", "limit"), [(1, 15.0), (2, 15.0), (64, 320.0)])
def test_the_use_by_others_that_disturbs(cores, limit):
    assert others.limit(cores) == limit


def test_own_work_does_not_count_as_that_of_others():
    found = others.Others()
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert found.percent(1e6) == 0.0
    assert found.percent() >= 0.0


def test_a_patch_that_loses_is_predicted_to_lose():
    found = record(*[[look(operation=SUM)]] * 100)
    rows, _ = predicted(found, {predict.kind_of(SUM): Speed(1e-6, 2e-6)})
    assert rows["NumPy patched (gilkit run)"].wall == pytest.approx(2.0)


def test_a_program_that_uses_all_cores_does_not_gain_from_the_patch():
    busy = [look(State.FREE, operation=ADD), look(State.FREE, OTHER, operation=ADD)]
    speeds = {predict.kind_of(ADD): Speed(0.01, 0.005)}
    rows, _ = predicted(record(*[busy] * 100), speeds)
    assert rows["NumPy patched (gilkit run)"].wall == pytest.approx(1.0)
    rows, _ = predicted(record(*[busy] * 100), speeds, cores=4)  # two cores are idle
    assert 0.5 < rows["NumPy patched (gilkit run)"].wall < 1.0


def test_a_kernel_gains_nothing_from_cores_that_are_used():
    speeds = {predict.kind_of(SUM): Speed(0.008, 0.008, 0.001, "gilkit.sum")}
    alone, crowded = [look(operation=SUM)], [look(State.FREE, operation=SUM), look(State.FREE, OTHER)]
    name = "gilkit.sum in place of a.sum()"
    assert predicted(record(*[alone] * 100), speeds)[0][name].wall == pytest.approx(1 / 8)
    assert predicted(record(*[crowded] * 100), speeds)[0][name].wall == pytest.approx(1 / 4)
    assert predicted(record(*[crowded] * 100), speeds, cores=4)[0][name].wall == pytest.approx(1 / 6)


def test_one_core_gains_nothing():
    found = record(*[[look(State.FREE, operation=ADD)]] * 100)
    rows, _ = predicted(found, {predict.kind_of(ADD): Speed(0.01, 0.005)}, cores=1)
    assert rows["NumPy patched (gilkit run)"].wall == pytest.approx(1.0)


def test_without_numpy_there_is_nothing_to_patch():
    rows, _ = predicted(record(*[[look()]] * 10))
    row = rows["NumPy patched (gilkit run)"]
    assert row.wall is None
    assert "no call of NumPy" in row.why


def test_a_program_whose_calls_of_numpy_are_short_stays_as_it_is():
    numpys = Place(f"/venv{os.sep}numpy{os.sep}_core{os.sep}fromnumeric.py", "sum", 9)
    rows, _ = predicted(record(*[[look(stack=(numpys, HERE))]] * 10), patch_start=0.01)
    assert rows["NumPy patched (gilkit run)"].wall == pytest.approx(0.11)


@pytest.mark.parametrize(("kernel", "count"), [(0.005, 1), (0.0099, 0), (0.02, 0), (None, 0)])
def test_kernels_are_named_where_they_gain(kernel, count):
    found = record(*[[look(operation=SUM)]] * 100)
    rows, _ = predicted(found, {predict.kind_of(SUM): Speed(0.01, 0.01, kernel, "gilkit.sum")})
    named = [row for name, row in rows.items() if name.startswith("gilkit.sum in place of a.sum()")]
    assert len(named) == count
    if named:
        assert named[0].wall == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("figures", "threads", "pool"),
    [
        (loop(free=0.8), 0.2 + 0.4, 0.2 + 0.4 + 0.05),
        (loop(held=0.8), 1.0, 0.2 + 0.4 + 0.05),  # the GIL: threads take turns
        (loop(held=0.2, free=0.6), 0.2 + 0.4, 0.2 + 0.4 + 0.05),
        (loop(held=0.6, free=0.2), 0.2 + 0.6, 0.2 + 0.4 + 0.05),
        (loop(waits=0.8), 0.2 + 0.4, 0.2 + 0.4 + 0.05),
    ],
)
def test_amdahls_law_for_a_loop(figures, threads, pool):
    rows, _ = predicted(record(*[[look()]] * 100), loops=[figures])
    assert rows["gilkit.map over p.py:3"].wall == pytest.approx(threads)
    assert rows["a process pool over p.py:3"].wall == pytest.approx(pool)
    assert any("do not depend on one another" in text for text in rows["gilkit.map over p.py:3"].assumes)


@pytest.mark.parametrize(
    ("figures", "why"),
    [
        ([], "no `for` loop of the program was seen to take a tenth of its time"),
        ([loop(held=0.05)], "no `for` loop of the program was seen to take a tenth of its time"),
        ([loop(held=0.9, obstacle="it may end early")], "the loop at p.py:3 cannot be divided: it may end early"),
        ([loop(held=0.9, beside=0.5)], "other threads run already while the main thread is in the program's loops"),
    ],
)
def test_loops_that_are_not_candidates(figures, why):
    rows, _ = predicted(record(*[[look()]] * 100), loops=figures)
    assert rows["gilkit.map over a loop"].why == rows["a process pool over a loop"].why == why
    assert rows["gilkit.map over a loop"].wall is None


def test_an_inner_loop_where_the_outer_one_cannot_be_divided():
    outer, inner = loop(held=0.9, obstacle="it may end early"), loop(held=0.5)
    inner.line = 7
    rows, _ = predicted(record(*[[look()]] * 100), loops=[outer, inner])
    assert "gilkit.map over p.py:7" in rows


def test_without_a_gil():
    waiting = [look(), look(State.WANTS, OTHER)]
    rows, _ = predicted(record(*[waiting] * 100), slower=1.2)
    assert rows["a free-threaded build"].wall == pytest.approx(1.2 / 2)
    rows, _ = predicted(record(*[[look(), look(State.WAITS, OTHER)]] * 100), slower=1.2)
    assert rows["a free-threaded build"].wall == pytest.approx(1.2)  # no thread waits for the GIL, so nothing is gained
    rows, _ = predicted(record(*[[look(State.WAITS)]] * 100), slower=1.2)
    assert rows["a free-threaded build"].wall == pytest.approx(1.0)  # asleep
    rows, _ = predicted(record(*[[look(State.FREE)]] * 100), slower=1.2)
    assert rows["a free-threaded build"].wall == pytest.approx(1.0)  # in C
    rows, _ = predicted(record(*[[*waiting, look(State.WANTS, 102), look(State.WANTS, 103)]] * 100), slower=1.2)
    assert rows["a free-threaded build"].wall == pytest.approx(1.2 / 2)  # four threads on two cores
    rows, _ = predicted(record(*[waiting] * 10))
    assert "no free-threaded interpreter" in rows["a free-threaded build"].why
    rows, _ = predicted(record(*[waiting] * 10, free_threaded=True), slower=1.2)
    assert "without a GIL already" in rows["a free-threaded build"].why


IMPORTING = (Place("<frozen importlib._bootstrap>", "f", 1),)
HASH = Operation("_hashlib.HASH.update", text="whole.update(x)")


def test_each_kind_of_work_has_its_own_speed_without_a_gil():
    other = predict.OtherPython(dict.fromkeys(Work, 1.0) | {Work.CALLS: 3.0, Work.C: 9.0}, {"hashlib": 5.0})
    calls, steps = look()._replace(work=Work.CALLS), look()._replace(work=Work.STEPS)
    imports = look(stack=IMPORTING)._replace(work=Work.C)
    assert predict.mean_slower(record([calls], [calls], [calls], [steps], [imports]), other) == pytest.approx(2.5)
    assert predict.mean_slower(record([calls], [look(operation=HASH)]), other) == pytest.approx(4.0)
    assert predict.mean_slower(record([look()]), other) == pytest.approx(18 / len(Work))  # not known


@pytest.mark.parametrize(
    ("moment", "factor"),
    [
        (look()._replace(work=Work.TEXT), 2.0),
        (look(), 7.0),
        (look(operation=HASH)._replace(work=Work.C), 5.0),
        (look(State.FREE, operation=HASH), 5.0),
        (look(operation=Operation("rows[0].append(x)"))._replace(work=Work.C), 4.0),
        (look(operation=Operation("row.append"))._replace(work=Work.C), 4.0),
        (look(operation=Operation("row.pop"))._replace(work=Work.C), 2.0),
        (look(operation=Operation("min"))._replace(work=Work.C), 0.6),
        (look(State.FREE, operation=Operation("lzma.compress")), 1.0),
        (look(State.FREE), 1.0),
        (look(State.FREE, operation=ADD), 0.5),
        (look(operation=ADD)._replace(work=Work.ARITHMETIC), 0.5),  # it allocates before it gives the GIL up
        (look(operation=SUM)._replace(work=Work.C), 1.0),  # not measured
        (look(stack=IMPORTING, operation=ADD), 3.0),
    ],
)
def test_how_many_times_as_long_a_moment_takes_elsewhere(moment, factor):
    functions = {"hashlib": 5.0, "min": 0.6, ".append": 4.0}
    other = predict.OtherPython(dict.fromkeys(Work, 2.0), functions, {predict.kind_of(ADD): 0.5}, 3.0)
    assert other.times(moment, 7.0) == factor


def test_start_and_functions_count_without_a_gil():
    other = predict.OtherPython(dict.fromkeys(Work, 1.0), {"hashlib": 3.0}, start=0.25)
    both = [look(State.FREE, operation=HASH), look(State.FREE, OTHER, operation=HASH)]
    rows, _ = predicted(record(*[both] * 50, *[[look(State.WAITS)]] * 50), other=other)
    assert rows["a free-threaded build"].wall == pytest.approx(0.25 + 0.5 * 3.0 + 0.5)
    assert not rows["a free-threaded build"].measured


def test_no_figure_where_the_other_interpreter_lacks_a_package():
    rows, _ = predicted(record(*[[look()]] * 10), slower=1.0, lacking=["numpy", "scipy"], loops=[loop(held=0.09)])
    row = rows["a free-threaded build"]
    assert (row.wall, row.verify) == (None, "")
    assert "lacks numpy and scipy, which the program uses" in row.why
    assert not any(name.endswith(", free-threaded") for name in rows)


def test_no_figure_that_few_samples_decide():
    """A block of 4 MB takes a tenth of a millisecond, and twelve times as long where its memory is fresh each time."""
    block = Operation("bytes", text="seed * n")
    other = predict.OtherPython(dict.fromkeys(Work, 1.0), {"bytes": 12.0})
    for count, decided in ((4, False), (0, True)):
        moments = [[look(operation=block)]] * count + [[look(State.FREE)]] * (100 - count)
        row = predicted(record(*moments), other=other)[0]["a free-threaded build"]
        assert (row.wall is not None) == decided
    assert row.margin == pytest.approx(0.0)
    row = predicted(record(*[[look(operation=block)]] * 4, *[[look(State.FREE)]] * 96), other=other)[0][row.candidate]
    assert row.why == (
        "not decided, between 1.02 s and 1.86 s: parts of the program take up to 12.0 times as long there, and few samples "
        "show how large they are"
    )


@pytest.mark.parametrize(
    ("size", "longer", "share", "decided"),
    [(4 << 20, 12.0, 50, False), (1 << 19, 12.0, 50, True), (4 << 20, 1.4, 50, True), (4 << 20, 12.0, 9, True)],
)
def test_no_figure_that_depends_on_how_often_large_blocks_are_made(size, longer, share, decided):
    operation = Operation("hashlib.sha256", (Other("bytes", size),), text="hashlib.sha256(content(n))")
    other = predict.OtherPython(dict.fromkeys(Work, 1.0), {"bytes": longer, "hashlib": 1.0})
    moments = [[look(State.FREE, operation=operation)]] * share + [[look(State.FREE)]] * (100 - share)
    row = predicted(record(*moments), other=other)[0]["a free-threaded build"]
    assert (row.wall is not None) == decided
    if not decided:
        assert row.why.startswith(
            "not decided: functions work on large blocks of bytes 50 % of the time. To make such a block"
        )


@pytest.mark.parametrize(("faults", "decided"), [(70_000, True), (80_000, False)])
def test_no_figure_that_depends_on_where_blocks_of_memory_lie(faults, decided):
    found = record(*[[look(stack=IMPORTING)]] * 2, *[[look(State.FREE)]] * 98)
    for number, sample in enumerate(found.samples):
        found.samples[number] = sample._replace(faults=1 + (5_000_000 if number > 0 else 0) + faults * (number == 99))
    other = predict.OtherPython(dict.fromkeys(Work, 1.0), page=1e-6)
    rows, figures = predicted(found, other=other)
    row = rows["a free-threaded build"]
    assert figures.faults == faults
    assert (row.wall is not None) == decided
    if not decided:
        assert row.why.startswith(
            "not decided, between 920 ms and 1.08 s: the kernel provides memory page by page for 8 %"
        )


def test_packages_of_the_program():
    files = ["/v/site-packages/numpy/a.py", "/usr/dist-packages/six.py", "/v/site-packages/_x.py", "/home/u/p.py"]
    found = record([look(stack=tuple(Place(file, "f", 1) for file in files))])
    assert summary.packages(found) == ["numpy", "six"]


def test_a_loop_without_a_gil():
    rows, _ = predicted(record(*[[look()]] * 100), loops=[loop(held=0.8)], slower=1.5)
    assert rows["gilkit.map over p.py:3, free-threaded"].wall == pytest.approx(0.2 * 1.5 + 0.8 * 1.5 / 2)


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        (ADD, ADD._replace(text="c + d"), True),
        (ADD, ADD._replace(in_place=True), False),
        (ADD, ADD._replace(operands=(Array((1000, 1000), (8000, 8), "f"),) * 2), False),
        (ADD, ADD._replace(operands=(Array((1010, 1000), (8000, 8), "d"),) * 2), True),
        (ADD, ADD._replace(operands=(Array((2000, 1000), (8000, 8), "d"),) * 2), False),
        (ADD, ADD._replace(operands=(Array((1000, 1000), (16000, 8), "d"),) * 2), False),  # with gaps
        (SUM, SUM._replace(keywords=(("axis", Scalar(0)),)), False),
        (
            SUM._replace(operands=(*SUM.operands, Scalar(1.5))),
            SUM._replace(operands=(*SUM.operands, Scalar(2.5))),
            True,
        ),
        (SUM._replace(operands=(*SUM.operands, Scalar(2))), SUM._replace(operands=(*SUM.operands, Scalar(3))), False),
    ],
)
def test_kinds_of_operations(one, two, same):
    assert (predict.kind_of(one) == predict.kind_of(two)) is same


def test_groups_are_of_numpy_and_in_order():
    other = Operation("hashlib.sha256", text="hashlib.sha256(x)")
    found = record(
        [look(operation=SUM)],
        [look(State.FREE, operation=ADD)],
        [look(operation=ADD)],
        [look(operation=other)],
        [look()],
    )
    first, second = predict.groups(found.samples).values()
    assert (first.operation, first.seconds, first.free) == (ADD, pytest.approx(0.02), pytest.approx(0.01))
    assert second.operation == SUM


# ---- Speeds


def test_nearly_all_of_the_time_is_measured():
    kinds = {(number,): Group(ADD, seconds) for number, seconds in enumerate([10.0, 5.0, 0.2, 0.1])}
    assert [key for key, _ in speeds.chosen(kinds)] == [(0,), (1,)]
    assert speeds.chosen({}) == []
    assert speeds.measure({}) == speeds.Measured()
    many = {(number,): Group(ADD, 1.0) for number in range(500)}
    assert len(speeds.chosen(many)) == speeds.MOST_KINDS


CALLS = [
    ADD,
    ADD._replace(in_place=True),
    Operation("numpy.add", (Array((50, 100), (-1600, 16), "d"), Scalar(2.0))),
    Operation(".sum", (Array((1000, 10), (80, 8), "d"),), (("axis", Scalar(0)),)),
    Operation(".sort", (Array((1000,), (8,), "d"),)),
    Operation("[]", (Array((1000,), (8,), "d"), Array((500,), (8,), "l"))),
    Operation("[]", (Array((1000,), (8,), "d"), Array((1000,), (1,), "?"))),
    Operation("numpy.concatenate", (Items("list", (Array((9,), (8,), "d"), Array((9,), (8,), "d"))),)),
    Operation("numpy.linalg.norm", (Array((9, 9), (72, 8), "D"),), (("axis", Items("tuple", (Scalar(0), Scalar(1)))),)),
    Operation("numpy.median", (Array((1000,), (8,), "f"),)),
    Operation("numpy.invert", (Array((1000,), (1,), "?"),)),
    Operation(".astype", (Array((1000,), (8,), "d"), Type("numpy.float32"))),
    Operation(".astype", (Array((1000,), (8,), "d"), Type("int"))),
    Operation("numpy.argsort", (Array((1000,), (8,), "d"),), (("kind", Scalar("stable")),)),
    Operation("numpy.random.Generator.normal", (Scalar(1.0),), (("size", Scalar(1000)),)),
    Operation("numpy.random.RandomState.rand", (Scalar(10), Scalar(20))),
    Operation("numpy.random.randn", (Scalar(1000),)),
    Operation(
        "[]",
        (
            Array((100, 10), (80, 8), "d"),
            Items("tuple", (Array((50,), (8,), "l"), Items("slice", (Scalar(None), Scalar(5), Scalar(None))))),
        ),
    ),
]


@pytest.mark.parametrize("operation", CALLS, ids=lambda each: each.name)
def test_operations_can_be_made_again(operation):
    numpy = pytest.importorskip("numpy")
    import gilkit

    spec = json.loads(json.dumps(speeds.to_json(operation)))
    call, kernel, name = repeat.prepare(spec, numpy, gilkit)
    before = call()
    if kernel is not None:
        assert repeat.same(kernel(), before, numpy)
        assert name == f"gilkit.{operation.name.rpartition('.')[2]}"
    assert (kernel is not None) == (operation.name in (".sum", "numpy.median", "numpy.argsort"))


def test_arguments_that_only_the_program_knows():
    numpy = pytest.importorskip("numpy")
    import gilkit

    for value in (Other("module"), Type("decimal.Decimal"), Array((9,), (8,), "O"), Array((1 << 40,), (8,), "d")):
        spec = json.loads(json.dumps(speeds.to_json(Operation("numpy.add", (value, value)))))
        with pytest.raises(repeat.Unmeasurable):
            repeat.prepare(spec, numpy, gilkit)


def test_results_are_compared():
    numpy = pytest.importorskip("numpy")
    a = numpy.array([1.0, numpy.nan])
    assert repeat.same(a + 1e-12, a, numpy)
    assert not repeat.same(a + 1, a, numpy)
    assert not repeat.same(a[:1], a, numpy)
    assert repeat.same((a, a), [a, a], numpy)
    assert not repeat.same(a, (a, a), numpy)
    assert repeat.same(None, None, numpy)


def test_speeds_of_this_machine():
    pytest.importorskip("numpy")
    broken = Operation("numpy.no_such_function", (Array((9,), (8,), "d"),))
    kinds = {predict.kind_of(each): Group(each, 1.0) for each in (SUM, broken)}
    here = interpreters.running()
    measured = speeds.measure(kinds, 2, other=here)
    found = measured.speeds
    assert list(found) == list(measured.there) == [predict.kind_of(SUM)]
    speed = found[predict.kind_of(SUM)]
    assert min(speed.numpy, speed.patched, speed.kernel, measured.start) > 0
    assert 0.2 < measured.there[predict.kind_of(SUM)] < 5
    assert speed.kernel_name == "gilkit.sum"
    assert speed.gain == pytest.approx(speed.numpy / speed.patched)


def test_an_interpreter_that_cannot_repeat_operations():
    with speeds.Repeater("/bin/false", None, 5.0, plain=True) as process:
        assert (process.start, process.ask(SUM, 1.0)) == (0.0, {})


def test_the_speed_of_another_interpreter(monkeypatch):
    here = interpreters.running()
    monkeypatch.setattr(pythons, "ROUNDS", 1)
    found = pythons.compare(here)
    assert found.work.keys() == set(Work)
    assert {"bytes", "hashlib", "zlib"} <= found.functions.keys()
    assert all(0.2 < each < 5 for each in [*found.work.values(), *found.functions.values(), found.imports])
    assert abs(found.start) < 1
    assert 1e-8 < found.page < 1e-3
    assert pythons.compare(interpreters.Interpreter("/nonexistent/python", "CPython", "3.13", True, False)) is None
    assert pythons.ask(["/nonexistent/python"]) is None
    assert pythons.ask([sys.executable, "-c", "print('x')"]) is None
    assert pythons.start() > 0
