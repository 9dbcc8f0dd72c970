"""The Mandelbrot set in pure Python, a few rows at a time."""

from .cut import spans
from .reference import reference

_rows = reference("mandelbrot").rows


def piece(task):
    begin, end, size = task
    return _rows(begin, end, **size)


def solve(map, parts, **size):
    """Return the iteration counts as a list of rows. Rows differ in cost, so there are more tasks than workers."""
    tasks = [(begin, end, size) for begin, end in spans(size["height"], 8 * parts if parts > 1 else 1)]
    return [row for rows in map(piece, tasks) for row in rows]
