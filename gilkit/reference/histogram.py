"""Counts by bins and by value."""

from bisect import bisect_right


def histogram(items, edges, weights=None):
    """Return the counts of the bins between ascending edges, or the sums of the weights.

    A bin includes its lower edge, and the last bin includes its upper edge too. Items outside, and NaN, are in no bin.
    """
    counts = [0] * (len(edges) - 1)
    for i, x in enumerate(items):
        if edges[0] <= x <= edges[-1]:
            counts[min(bisect_right(edges, x) - 1, len(counts) - 1)] += 1 if weights is None else weights[i]
    return counts


def bincount(items, weights=None, minlength=0):
    """Return how often each value from 0 on occurs, or the sums of the weights."""
    counts = [0] * max(minlength, max(items, default=-1) + 1)
    for i, x in enumerate(items):
        counts[x] += 1 if weights is None else weights[i]
    return counts
