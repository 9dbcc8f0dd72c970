"""The lab's statistics: medians, intervals, and whether a difference is shown."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gilkit.lab import stats

values = st.lists(st.floats(0.001, 1000), min_size=1, max_size=20)


@given(values)
def test_the_interval_contains_the_median_and_lies_within_the_data(data):
    interval = stats.bootstrap(data)
    assert interval.middle == median(data)
    assert min(data) <= interval.low <= interval.middle <= interval.high <= max(data)


def test_the_same_values_give_the_same_interval():
    data = [1.0, 1.3, 0.9, 1.1, 1.7]
    assert stats.bootstrap(data) == stats.bootstrap(data)


def test_one_value_is_its_own_interval():
    assert stats.bootstrap([2.0]) == stats.Interval(2.0, 2.0, 2.0)


def test_nothing_measured_is_an_error():
    with pytest.raises(ValueError, match="values must hold at least one"):
        stats.bootstrap([])
    with pytest.raises(ValueError, match="at least one round in common"):
        stats.compare([], [1.0])


def test_more_scatter_makes_a_wider_interval():
    narrow = stats.bootstrap([0.99, 1.0, 1.01] * 3)
    wide = stats.bootstrap([0.5, 1.0, 2.0] * 3)
    assert wide.high - wide.low > narrow.high - narrow.low


def test_a_shared_disturbance_cancels_in_the_ratio():
    """Disturbances hit whole rounds, so the times vary by a factor of nine and their ratios do not vary."""
    disturbance = [1.0, 9.0, 3.0, 2.0, 5.0]
    ratio = stats.compare([2 * each for each in disturbance], disturbance)
    assert ratio.interval == stats.Interval(2.0, 2.0, 2.0)
    assert ratio.shown


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        ([1.0, 1.02, 0.98, 1.01], [1.0, 1.0, 1.0, 1.0], "no difference shown"),
        ([2.0, 2.0, 2.0], [1.0, 1.0, 1.0], "2.00× (2.00–2.00)"),
        ([2.0, 2.0], [1.0, 1.0], "no difference shown"),  # too few rounds to show anything
    ],
)
def test_words(ours, theirs, words):
    assert stats.compare(ours, theirs).words() == words


def test_rounds_only_one_side_completed_are_left_out():
    assert stats.compare([4.0, 9.0], [2.0]).pairs == 1
