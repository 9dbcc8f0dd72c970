"""The busy loop of the experiment ``cpu-percent`` in pure Python, a fixed number of times."""

from itertools import repeat

from .cut import cut


def piece(iterations):
    """Do what gilkit.spin does in the fastest Python loop; repeat() creates no integer per iteration."""
    x = 0
    for _ in repeat(None, iterations):
        x = x ^ 1
    return x


def solve(map, parts, iterations):
    """Return the last x after ``iterations`` flips in total."""
    x = 0
    for each in map(piece, cut(iterations, parts)):
        x ^= each
    return x
