"""Which way a patched call goes: with the times of a machine that exists only here."""

from __future__ import annotations

import pytest

from gilkit.patching._patch import Costs

MILLISECOND = 1_000_000


def spend(costs, calls, serial, divided, items=1 << 20):
    """Make calls that take so long in one way and in the other; return how long all took, and how many were divided."""
    total = count = 0
    for _ in range(calls):
        way = costs.divide(items)
        took = divided if way else serial
        costs.learn(way, items, took)
        total += took
        count += way
    return total, count


LENGTHS = [MILLISECOND // 10, MILLISECOND, 4 * MILLISECOND, 1000 * MILLISECOND]


@pytest.mark.parametrize("items", [1 << 14, 1 << 20])
@pytest.mark.parametrize("serial", LENGTHS)
def test_two_cores_are_used(serial, items):
    total, _ = spend(Costs(), 1000, serial, serial // 2, items)
    assert total < 1000 * serial / 2 * 1.05


@pytest.mark.parametrize("items", [1 << 14, 1 << 20])
@pytest.mark.parametrize("factor", [1.0, 1.2, 3, 20])
@pytest.mark.parametrize("serial", LENGTHS)
def test_slower_parts_cost_little(serial, factor, items):
    """Also if parts are much slower, as when a worker loses its core: after the first calls, they cost a 20th."""
    costs = Costs()
    divided = int(serial * factor)
    spend(costs, 200, serial, divided, items)
    total, count = spend(costs, 10_000, serial, divided, items)
    assert total <= 10_000 * serial * 1.05
    assert count > 0  # the core may be free again


@pytest.mark.parametrize("serial", LENGTHS)
def test_another_program_comes_and_goes(serial):
    costs = Costs()
    spend(costs, 100, serial, serial // 2)
    total, _ = spend(costs, 1000, serial, 2 * serial)
    assert total < 1000 * serial * 1.1
    _, count = spend(costs, 300, serial, serial // 2)
    assert count > 100


@pytest.mark.parametrize("serial", LENGTHS)
def test_one_disturbance_changes_nothing(serial):
    costs = Costs()
    spend(costs, 100, serial, serial // 2)
    costs.learn(True, 1 << 20, 50 * serial)
    _, count = spend(costs, 60, serial, serial // 2)
    assert count >= 59


def test_short_calls_are_not_divided():
    _, count = spend(Costs(), 1000, 10_000, 5_000, 1 << 14)
    assert count == 0


def test_long_calls_are_measured_both_ways():
    """A program that makes a few dozen long calls beside another one soon makes them alone."""
    total, _ = spend(Costs(), 64, 4 * MILLISECOND, 5 * MILLISECOND)
    assert total < 64 * 4 * MILLISECOND * 1.1


@pytest.mark.parametrize("factor", [0.3, 0.6, 0.8])
@pytest.mark.parametrize("stop", [100 * MILLISECOND, 10_000 * MILLISECOND])
def test_a_stop_of_the_process_is_forgotten(factor, stop):
    """It counted as lost in parts, and then nothing was divided for up to five minutes."""
    serial, costs = MILLISECOND // 10, Costs()
    spend(costs, 1000, serial, int(factor * serial), 1 << 14)
    while not costs.divide(1 << 14):
        costs.learn(False, 1 << 14, serial)
    costs.learn(True, 1 << 14, stop)
    spend(costs, 4000, serial, int(factor * serial), 1 << 14)
    _, count = spend(costs, 1000, serial, int(factor * serial), 1 << 14)
    assert count > 900
