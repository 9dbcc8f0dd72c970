"""Calls of NumPy divided along an axis: each thread calls NumPy's own function for its part."""

from __future__ import annotations

collecting = False
counts: dict = {}


def hooks():
    return []


def statistics():
    return {}


def reduce(*args, **kwargs):
    return NotImplemented
