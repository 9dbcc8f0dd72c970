"""Pi by throwing darts, in the Python that everybody writes: random() twice for each dart.

The generator is Python's own, not gilkit's counter-based one: simulating that in Python would only slow this side down.
So the result differs between part counts, and is checked as what it is, an estimate with a known spread. Each part has
its own Random: threads of a free-threaded build would otherwise queue for the one behind random.random().
"""

from random import Random

from .cut import cut


def piece(task):
    samples, seed = task
    random = Random(seed).random
    inside = 0
    for _ in range(samples):
        x = random()
        y = random()
        if x * x + y * y < 1.0:
            inside += 1
    return inside


def solve(map, parts, samples, seed):
    """The estimate of pi from ``samples`` darts."""
    tasks = [(count, seed * 1000 + index) for index, count in enumerate(cut(samples, parts))]
    return 4.0 * sum(map(piece, tasks)) / samples
