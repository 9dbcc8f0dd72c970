"""Sorting in NumPy's order: NaN last, and -0.0 before 0.0 where both occur."""

import math


def key(x):
    """What lists are sorted by: NaN after everything, -0.0 before 0.0."""
    if isinstance(x, float):
        return math.isnan(x), 0.0 if math.isnan(x) else x, math.copysign(1.0, x)
    return False, x, 1.0


def sort(items):
    """The sorted list. NaNs differ from each other in their bits at most."""
    return sorted(items, key=key)


def argsort(items):
    """The positions that sort the list, of equal items the first one first."""
    return sorted(range(len(items)), key=lambda i: key(items[i])[:2])
