"""Sums, means, variances, extremes and inner products of sequences of numbers."""

import math


def sum(xs):
    """The correctly rounded sum."""
    return math.fsum(xs)


def mean(xs):
    return math.fsum(xs) / len(xs)


def var(xs, ddof=0):
    """The mean squared deviation from the mean; of the sum of squares, ddof less than all share."""
    middle = mean(xs)
    return math.fsum((x - middle) ** 2 for x in xs) / (len(xs) - ddof)


def std(xs, ddof=0):
    return math.sqrt(var(xs, ddof))


def min(xs):
    """The least; NaN if there is one."""
    least = xs[0]
    for x in xs:
        if x < least or x != x:
            least = x
        if least != least:
            break
    return least


def max(xs):
    """The greatest; NaN if there is one."""
    return -min([-x for x in xs])


def dot(xs, ys):
    return math.fsum(x * y for x, y in zip(xs, ys, strict=True))


def cumsum(xs):
    """The sums of the first 1, 2, 3, ... numbers, each correctly rounded."""
    return [math.fsum(xs[: i + 1]) for i in range(len(xs))]
