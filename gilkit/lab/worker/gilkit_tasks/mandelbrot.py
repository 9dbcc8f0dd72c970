"""The Mandelbrot set in pure Python, some rows at a time."""

from .cut import spans
from .twin import twin

_rows = twin("mandelbrot").rows


def piece(task):
    begin, end, size = task
    return _rows(begin, end, **size)


def solve(map, parts, **size):
    """The iteration counts, a list of rows. Rows cost unequally, so there are more tasks than workers."""
    tasks = [(begin, end, size) for begin, end in spans(size["height"], 8 * parts if parts > 1 else 1)]
    return [row for rows in map(piece, tasks) for row in rows]
