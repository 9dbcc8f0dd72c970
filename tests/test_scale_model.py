"""The simulation of the pool (bench/scale): properties that hold for any costs."""

from __future__ import annotations

import json
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("simpy", reason="simpy is not installed: pip install 'gilkit[scale]'")
SCALE = Path(__file__).resolve().parent.parent / "bench" / "scale"
sys.path.append(str(SCALE))
from machine import Costs, Machine  # noqa: E402
from model import Policy, Pool, Region  # noqa: E402

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
)
@settings(max_examples=100, deadline=None)
def test_every_chunk_runs_once_and_never_faster_than_possible(work, cores, threads, callers, pause, eager, workers):
    region = Region(work, threads, eager=eager, pause=pause)
    scripts = Pool(Machine(COSTS, cores), Policy(), workers).run(*[[region] * 3] * callers)
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
    assert policy.least == 1000 and "LEAST_BATCH = GK_MICROSECOND" in source
    assert f"TELLING = {policy.telling / 1000:.0f} * GK_MICROSECOND" in source
    assert f"WAKE_COST = {policy.wake_cost / 1000:.0f} * GK_MICROSECOND" in source
