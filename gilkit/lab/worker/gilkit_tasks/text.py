"""Text to work on: words with frequencies by Zipf's law, the same on every interpreter.

It repeats after a megabyte, which compressors with a window of 32 KiB do not notice.
"""

from functools import lru_cache
from itertools import accumulate
from random import Random

PERIOD = 1_000_003
WORDS = 20_000


@lru_cache(1)
def period():
    random = Random(0)
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    likely = list(accumulate(1.0 / (rank + 1) ** 0.7 for rank in range(len(letters))))
    words = ["".join(random.choices(letters, cum_weights=likely, k=random.randint(1, 9))) for _ in range(WORDS)]
    common = list(accumulate(1.0 / (rank + 1) for rank in range(WORDS)))
    return " ".join(random.choices(words, cum_weights=common, k=PERIOD)).encode()[:PERIOD]


@lru_cache(2)
def text(size):
    """Return ``size`` bytes of the text."""
    return (period() * (size // PERIOD + 1))[:size]
