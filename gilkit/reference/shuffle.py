"""Random permutations: swaps of few items, and random buckets for many."""

from itertools import groupby, islice

from gilkit.reference.integers import units

SHORT = 1 << 15


def permutation(n, key):
    """Return the integers from 0 to n - 1 in random order.

    key is the two words of ``numpy.random.SeedSequence(seed).generate_state(2, numpy.uint64)``. Up to 32,768 items are
    swapped as NumPy does.
    """
    levels = 0
    while n >> levels > SHORT and levels < 10:
        levels += 1
    if levels == 0:
        return _swapped(list(range(n)), _numpys_choices(n, key))
    # The bucket of each item. Sorting by bucket keeps the order of items in a bucket.
    bucket = [unit >> 16 - levels for unit in islice(units(key, 16), n)]
    buckets = groupby(sorted(range(n), key=bucket.__getitem__), bucket.__getitem__)
    return [item for b, items in buckets for item in _shuffled(list(items), key, 1 + b)]


def _shuffled(items, key, stream):
    return _swapped(items, _choices(len(items), key, stream))


def _swapped(items, choices):
    """Swap the last item with the first choice, the one before it with the second choice, and so on."""
    for last, chosen in zip(range(len(items) - 1, 0, -1), choices, strict=False):
        items[last], items[chosen] = items[chosen], items[last]
    return items


def _numpys_choices(n, key):
    """Yield a number up to n - 1, one up to n - 2, and so on: units cut to as many bits as needed."""
    random = units(key, 32)
    for last in range(n - 1, 0, -1):
        mask = (1 << last.bit_length()) - 1
        yield next(unit & mask for unit in random if unit & mask <= last)


def _choices(n, key, stream):
    """Yield the same kind of numbers by Lemire's method."""
    random = units(key, 32, stream)
    for last in range(n - 1, 0, -1):
        width = last + 1
        yield next(unit * width >> 32 for unit in random if unit * width % 2**32 >= 2**32 % width)
