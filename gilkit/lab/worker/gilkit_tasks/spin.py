"""The busy loop of the claim ``cpu-percent``, a fixed number of times, in pure Python."""

from itertools import repeat

from .cut import cut


def piece(iterations):
    """The twin of gilkit.spin, with the quickest of Python's loops: repeat() makes no integer for each turn."""
    x = 0
    for _ in repeat(None, iterations):
        x = x ^ 1
    return x


def solve(map, parts, iterations):
    """The last x after ``iterations`` flips in all."""
    x = 0
    for each in map(piece, cut(iterations, parts)):
        x ^= each
    return x
