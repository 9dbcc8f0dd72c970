"""The Mandelbrot set in pure Python, a row at a time.

Written with separate real and imaginary parts, in the order of operations of gilkit.mandelbrot, so that the counts are
the same to the last one; Python's complex numbers would be no faster.
"""

from .cut import spans


def row(width, cy, x, max_iter):
    x0, x1 = x
    counts = []
    for column in range(width):
        cx = x0 + (x1 - x0) * column / (width - 1 or 1)
        zx = zy = 0.0
        count = 0
        while count < max_iter:
            xx = zx * zx
            yy = zy * zy
            if xx + yy > 4.0:
                break
            zy = 2.0 * zx * zy + cy
            zx = xx - yy + cx
            count += 1
        counts.append(count)
    return counts


def piece(task):
    begin, end, width, height, x, y, max_iter = task
    y0, y1 = y
    return [row(width, y0 + (y1 - y0) * index / (height - 1 or 1), x, max_iter) for index in range(begin, end)]


def solve(map, parts, width, height, x, y, max_iter):
    """The iteration counts, a list of rows. Rows cost unequally, so there are more tasks than workers."""
    tasks = [(begin, end, width, height, x, y, max_iter) for begin, end in spans(height, 8 * parts if parts > 1 else 1)]
    return [line for lines in map(piece, tasks) for line in lines]
