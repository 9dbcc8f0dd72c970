"""Formatting figures for people."""

from __future__ import annotations

import pytest

from gilkit.lab import text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 s"),
        (9e-12, "< 0.01 ns"),
        (1e-11, "0.01 ns"),
        (3.2e-9, "3.20 ns"),
        (1.234e-5, "12.3 µs"),
        (0.1, "100 ms"),
        (1.5, "1.50 s"),
        (4321, "4,321 s"),
    ],
)
def test_duration(seconds, words):
    assert text.duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(16, "16 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (1 << 20, "1 MiB"), (5 << 30, "5.0 GiB")],
)
def test_size(count, words):
    assert text.size(count) == words


def test_lists_and_numbers_of_things():
    assert [text.listed(each) for each in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "none",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert [text.plural(1, "core"), text.plural(2, "core"), text.plural(2, "process", "processes")] == [
        "1 core",
        "2 cores",
        "2 processes",
    ]
    assert text.shorten("abcdef", 4) == "abc…"
    assert text.shorten("abc", 4) == "abc"
    assert text.shorten_middle("abcdefghij", 7) == "ab … ij"
    assert text.shorten_middle("abcdefg", 7) == "abcdefg"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (861.25, "861×"),
        (24.58, "24.6×"),
        (1, "1.00×"),
        (0.57, "0.57×"),
        (0.0702, "0.070×"),
        (0.0041, "0.0041×"),
        (0, "0.00×"),
    ],
)
def test_factor(value, words):
    assert text.factor(value) == words


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (15.7e-6, 28.3e-6, "15.7–28.3 µs"),
        (9e-4, 1.1e-3, "0.90–1.10 ms"),
        (0, 2e-9, "0.00–2.00 ns"),
        (1, 1, "1.00–1.00 s"),
    ],
)
def test_durations(low, high, words):
    assert text.durations(low, high) == words


@pytest.mark.parametrize(("count", "words"), [(12.3e6, "12.3 M"), (999, "999"), (1000, "1.00 k"), (4.2e9, "4.20 G")])
def test_amount(count, words):
    assert text.amount(count) == words
