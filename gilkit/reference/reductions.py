"""Sums, products, means, variances, minima, maxima and inner products of sequences of numbers."""

import builtins
import math


def sum(xs):
    """Return the correctly rounded sum."""
    return math.fsum(xs)


def prod(xs):
    """Return the product, rounded once, and without overflows of intermediate products."""
    if not builtins.all(map(math.isfinite, xs)):
        return math.prod(xs)
    ratios = [float(x).as_integer_ratio() for x in xs]
    return math.prod(n for n, _ in ratios) / math.prod(d for _, d in ratios)


def mean(xs):
    return math.fsum(xs) / len(xs)


def var(xs, ddof=0):
    """Return the sum of squared deviations from the mean, divided by the number of items minus ddof."""
    middle = mean(xs)
    return math.fsum((x - middle) ** 2 for x in xs) / (len(xs) - ddof)


def std(xs, ddof=0):
    return math.sqrt(var(xs, ddof))


def min(xs):
    """Return the smallest number, or NaN if there is one."""
    smallest = xs[0]
    for x in xs:
        if x < smallest or x != x:
            smallest = x
        if smallest != smallest:
            break
    return smallest


def max(xs):
    """Return the largest number, or NaN if there is one."""
    return -min([-x for x in xs])


def nansum(xs):
    return sum(_without_nans(xs))


def nanmean(xs):
    """Return the mean of the numbers, or NaN if there are none."""
    return mean(_without_nans(xs) or [math.nan])


def nanprod(xs):
    return prod(_without_nans(xs))


def nanvar(xs, ddof=0):
    return var(_without_nans(xs), ddof)


def nanstd(xs, ddof=0):
    return std(_without_nans(xs), ddof)


def nanmin(xs):
    """Return the smallest of the numbers, or NaN if there are none."""
    return min(_without_nans(xs) or [math.nan])


def nanmax(xs):
    return max(_without_nans(xs) or [math.nan])


def argmin(xs):
    """Return the index of the first of the smallest numbers, or of the first NaN."""
    smallest = min(xs)
    return next(i for i, x in enumerate(xs) if x == smallest or (x != x and smallest != smallest))


def argmax(xs):
    return argmin([-x for x in xs])


def nanargmin(xs):
    return xs.index(nanmin(xs))


def nanargmax(xs):
    return xs.index(nanmax(xs))


def any(xs):
    return count_nonzero(xs) > 0


def all(xs):
    return count_nonzero(xs) == len(xs)


def count_nonzero(xs):
    return [x != 0 for x in xs].count(True)


def _without_nans(xs):
    return [x for x in xs if x == x]


def dot(xs, ys):
    return math.fsum(x * y for x, y in zip(xs, ys, strict=True))


def cumsum(xs):
    """Return the sums of the first 1, 2, 3, ... numbers, each correctly rounded."""
    return [math.fsum(xs[: i + 1]) for i in range(len(xs))]
