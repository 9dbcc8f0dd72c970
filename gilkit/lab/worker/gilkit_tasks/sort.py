"""Sorting: runs sorted apart, by sorted(), and merged."""

import heapq

from . import data
from .cut import spans


def solve(map, parts, count):
    """The numbers in order."""
    numbers = data.numbers(count)
    if parts == 1:
        return sorted(numbers)
    runs = map(sorted, [numbers[begin:end] for begin, end in spans(count, parts)])
    return list(heapq.merge(*runs))
