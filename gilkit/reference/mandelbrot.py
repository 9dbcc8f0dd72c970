"""The Mandelbrot set: the number of steps until each point of a grid escapes."""


def steps(c, max_iter):
    """Return how many steps z -> z*z + c, from 0, are taken while abs(z) <= 2, at most max_iter."""
    cr, ci = c
    zr = zi = 0.0
    for n in range(max_iter):
        rr, ii = zr * zr, zi * zi
        if not rr + ii <= 4.0:
            return n
        zr, zi = rr - ii + cr, (zr + zr) * zi + ci
    return max_iter


def positions(n, start, stop):
    """Return n positions, evenly spaced from start to stop."""
    step = (stop - start) / (n - 1) if n > 1 else 0.0
    return [start + i * step for i in range(n)]


def rows(begin, end, width, height, *, x=(-2.0, 1.0), y=(-1.5, 1.5), max_iter=256):
    """Return rows begin <= i < end of the image, as lists. This is the share of one of several workers."""
    columns = positions(width, *x)
    return [[steps((cr, ci), max_iter) for cr in columns] for ci in positions(height, *y)[begin:end]]


def mandelbrot(width, height, *, x=(-2.0, 1.0), y=(-1.5, 1.5), max_iter=256):
    """Return `height` lists of `width` counts."""
    return rows(0, height, width, height, x=x, y=y, max_iter=max_iter)
