"""Pi by throwing darts, as people write it in Python: random() twice for each dart.

The generator is Python's own, because simulating gilkit's counter-based one would only slow this version down. So the
result depends on the number of parts, and is checked as an estimate with a known spread. Each part has its own Random,
because threads of a free-threaded build would otherwise contend for the one behind random.random().
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
    """Return the estimate of pi from ``samples`` darts."""
    tasks = [(count, seed * 1000 + index) for index, count in enumerate(cut(samples, parts))]
    return 4.0 * sum(map(piece, tasks)) / samples
