"""Solving an equation: sweeps of the heat equation over a grid, a band of rows for each part, in step."""

from . import data
from .cut import spans
from .twin import twin

_sweep = twin("jacobi").sweep


def piece(band):
    """One sweep of a band with the rows above and below it; returns the rows in between."""
    return _sweep(band)[1:-1]


def solve(map, parts, height, width, iterations):
    """The grid after so many sweeps."""
    grid = data.grid(height, width)
    bands = spans(height - 2, parts)
    for _ in range(iterations):
        inner = map(piece, [grid[begin : end + 2] for begin, end in bands])
        grid = [grid[0]] + [row for rows in inner for row in rows] + [grid[-1]]
    return grid
