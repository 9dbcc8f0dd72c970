"""The busy loop of the claim ``cpu-percent``, a fixed number of times, in pure Python."""

from itertools import repeat

from .cut import cut


def piece(iterations):
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
