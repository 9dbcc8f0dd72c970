"""The simulation of the pool (bench/scale): properties that hold for any costs."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("simpy", reason="simpy is not installed: pip install 'gilkit[scale]'")
SCALE = Path(__file__).resolve().parent.parent / "bench" / "scale"
sys.path.append(str(SCALE))
import published  # noqa: E402
from machine import Costs, Machine  # noqa: E402
from model import Policy, Pool, Region  # noqa: E402
from predict import SHAPES  # noqa: E402
from published import READ, Prediction  # noqa: E402

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="costs.c is for Linux")

COSTS = Costs(**json.loads((SCALE / "costs.json").read_text()))
FREE = Costs(**{field.name: 1e30 if field.name in ("turn", "read_one", "read_all") else 0.0 for field in fields(Costs)})


@given(
    work=st.lists(st.floats(1, 1e6), min_size=1, max_size=200),
    cores=st.integers(1, 12),
    threads=st.integers(1, 16),
    callers=st.integers(1, 4),
    pause=st.sampled_from([0.0, 1e5, 1e7]),
    eager=st.booleans(),
    workers=st.sampled_from([None, 0, 2]),
    policy=st.sampled_from([Policy(), Policy(words=4), Policy(words=16, heralds=True, timed_alone=True)]),
)
@settings(max_examples=100, deadline=None)
def test_every_chunk_runs_once_and_never_faster_than_possible(
    work, cores, threads, callers, pause, eager, workers, policy
):
    region = Region(work, threads, eager=eager, pause=pause)
    scripts = Pool(Machine(COSTS, cores), policy, workers).run(*[[region] * 3] * callers)
    assert [len(calls) for calls in scripts] == [3] * callers
    for calls in scripts:
        for call in calls:
            assert call.runs == [1] * len(work)
            assert call.joined <= call.region.threads - 1
            assert call.time >= max(work)
            assert call.time * min(cores, call.region.threads) >= region.serial * (1 - 1e-9)


@pytest.mark.parametrize("threads", [1, 4])
def test_one_core_is_serial(threads):
    region = Region([1000.0] * 500, threads)
    for call in Pool(Machine(COSTS, 1)).run([region] * 4)[0]:
        assert region.serial <= call.time < 1.1 * region.serial


def test_without_costs_all_cores_are_used():
    region = Region([1000.0] * 1024, 8, eager=True)
    assert Pool(Machine(FREE, 8)).run([region])[0][0].time == pytest.approx(region.serial / 8, rel=0.02)


def test_memory_limits():
    def time(home, **machine):
        region = Region([0.0] * 64, 8, eager=True, bytes=1e7, home=home)
        return Pool(Machine(COSTS, 8, **machine)).run([region])[0][0].time

    least = 64 * 1e7 / COSTS.read_one
    assert time(None, node_streams=1.0) == pytest.approx(least, rel=0.02)  # one core uses the whole bandwidth
    assert time(None, node_streams=1e9) == pytest.approx(least / 8, rel=0.02)  # unlimited memory bandwidth
    assert time(lambda _: 0, node_cores=4, node_streams=2.0) == pytest.approx(
        least / 2, rel=0.05
    )  # one node supplies both
    assert time(None, node_cores=4, node_streams=2.0) == pytest.approx(least / 4, rel=0.05)


def test_constants_match_the_source():
    source = "".join(path.read_text() for path in (SCALE.parents[1] / "csrc" / "runtime").glob("*.[ch]"))
    policy = Policy()
    assert f"WAKES_EACH = {policy.fanout} " in source
    assert f"BATCH = {policy.batch / 1000:.0f} * GK_MICROSECOND" in source
    assert policy.least == 1000 and "MIN_BATCH = GK_MICROSECOND" in source
    assert f"TELLING = {policy.telling / 1000:.0f} * GK_MICROSECOND" in source
    assert f"WAKE_COST = {policy.wake_cost / 1000:.0f} * GK_MICROSECOND" in source


def test_published_predictions_are_dated_and_complete():
    date, found = published.newest()
    assert (SCALE / f"predictions-{date}.json").exists()
    regions = {(name, workers) for name in SHAPES for workers in ("spin", "sleep")} | {(READ, "spin")}
    for cores in (16, 64, 128):
        chosen = published.for_machine(found, cores)
        assert {(each.region, each.workers) for each in chosen} == regions
        assert all(0 < each.speed_up <= cores for each in chosen)
    assert {each.cores for each in published.for_machine(found, 100)} == {64}
    assert published.for_machine(found, 1) == []


def test_a_published_file_is_never_overwritten(tmp_path, monkeypatch):
    few = [Prediction("fine, 20 µs", "spin", 2, 1.25)]
    monkeypatch.setattr(published, "predictions", lambda costs: few)
    old, new = (published.publish(COSTS, date, tmp_path) for date in ("2026-01-02", "2026-11-30"))
    assert published.newest(tmp_path) == ("2026-11-30", few)
    assert old != new
    with pytest.raises(FileExistsError):
        published.publish(COSTS, "2026-11-30", tmp_path)


def test_predictions_come_from_the_model():
    (spin, sleep, read) = published.predictions(COSTS, cores=(4,), shapes=("fine, 100 µs",))
    assert 1 < sleep.speed_up < spin.speed_up < 4
    assert read.speed_up == pytest.approx(4, rel=0.05)  # a memory feeds ten cores


def test_predictions_next_to_measurements():
    few = [
        Prediction("coarse", "spin", 16, 15.0),
        Prediction("coarse", "sleep", 16, 12.0),
        Prediction("fine", "spin", 16, 4.0),
    ]
    measured = {("coarse", "spin", 16): 15.0, ("coarse", "sleep", 16): math.nan, ("fine", "spin", 16): 8.0}
    lines = published.table(few, measured).splitlines()
    assert lines[2] == "| coarse | spin | 16 | 15.00 | 15.00 | +0% |"
    assert lines[3] == "| coarse | sleep | 16 | 12.00 | machine disturbed | |"
    assert lines[4] == "| fine | spin | 16 | 4.00 | 8.00 | **-50%** |"
    assert lines[-1] == "Median error 25%; 1 of 2 are more than 25% off."
    assert published.table(few, {}).count("machine disturbed") == 3


@on_linux
@pytest.mark.parametrize(
    ("cores", "threads"),
    [
        (1, [1, 2, 4]),
        (2, [1, 2, 4, 8]),
        (6, [1, 2, 4, 6, 12, 24]),
        (512, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]),
    ],
)
def test_validation_has_cases_for_any_number_of_cores(cores, threads):
    validate = pytest.importorskip("validate")
    found = validate.cases(cores)
    assert validate.threads_of(cores) == threads
    assert {case.threads for case in found if case.callers == 1} == set(threads)
    assert all(case.callers <= validate.MOST_CALLERS and case.threads <= 1024 for case in found)
    for name in {case.name for case in found}:
        assert next(case for case in found if case.name == name).threads == 1  # comes first


class MadeUp:
    """A machine in place of measure.Bench: each region takes the time of one thread divided by the threads."""

    def __init__(self, disturbed: bool) -> None:
        self.disturbed = disturbed

    def loop(self) -> float:
        return 1.0

    def loop_of_all(self, count: int) -> float:
        return 2.0 if self.disturbed else 1.0

    def regions(self, loops, chunks, *, threads, callers, pause, regions, memory):
        import numpy as np

        serial = memory.nbytes if memory is not None else sum(loops)
        return np.full((callers, regions), serial // threads)


@on_linux
def test_speed_ups_of_a_made_up_machine():
    import numpy as np

    validate = pytest.importorskip("validate")
    free = Costs(**{**vars(COSTS), "region": 0.0, "chunk": 0.0})
    few = [Prediction("medium, 10 ms", "spin", 4, 3.0), Prediction(READ, "spin", 4, 3.0)]
    loop, memory = validate.Loop(1.0, 1.0), np.ones(1000)
    found = validate.speed_ups(MadeUp(disturbed=False), free, loop, memory, few)
    assert found == pytest.approx({each.key: 4.0 for each in few}, rel=1e-3)
    found = validate.speed_ups(MadeUp(disturbed=True), free, loop, memory, few)
    assert all(math.isnan(value) for value in found.values())
    # Cores that are half as fast together: four of them do the work of two.
    found = validate.speed_ups(MadeUp(disturbed=True), free, validate.Loop(0.5, 2.0), memory, few[:1])
    assert found[few[0].key] == pytest.approx(16.0, rel=1e-3)


@on_linux
@pytest.mark.parametrize("disturbed", [False, True])
def test_validation_of_a_made_up_machine(disturbed):
    import numpy as np

    validate = pytest.importorskip("validate")
    results = validate.validate(MadeUp(disturbed), COSTS, validate.Loop(1.0, 1.0), np.ones(1000), only="few")
    assert [result.batches for result in results] == [0 if disturbed else validate.BATCHES] * len(results)
    table = validate.table(results)
    assert ("machine disturbed" in table) == disturbed
    assert ("Median error" in table) != disturbed
