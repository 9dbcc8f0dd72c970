"""Sorting in NumPy's order, with NaN last and -0.0 before 0.0."""

import math


def key(x):
    """Return the sort key of x: NaN after everything, -0.0 before 0.0."""
    if isinstance(x, float):
        return math.isnan(x), 0.0 if math.isnan(x) else x, math.copysign(1.0, x)
    return False, x, 1.0


def sort(items):
    """Return the sorted list. The order of NaNs that differ in their bits is not defined."""
    return sorted(items, key=key)


def argsort(items):
    """Return the positions that sort the list. Equal items keep their order."""
    return sorted(range(len(items)), key=lambda i: key(items[i])[:2])


def topk(items, k, largest=True):
    """Return the positions of the k largest or smallest items. NaN is the largest, and of equal items, the first wins."""
    return sorted(range(len(items)), key=lambda i: key(items[i])[:2], reverse=largest)[:k]
