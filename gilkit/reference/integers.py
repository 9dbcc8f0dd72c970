"""Random integers of any range from a Philox stream, by Lemire's method."""

from itertools import count, islice

from gilkit.reference.uniform import philox4x64


def units(key, bits, stream=0):
    """Yield the stream's words, each cut into integers of this many bits, the low bits first."""
    for block in count(1):
        for word in philox4x64((block, stream, 0, 0), key):
            for shift in range(0, 64, bits):
                yield word >> shift & (1 << bits) - 1


def integers(n, low, last, key, size=8):
    """Return n integers from low to last. They have `size` bytes, as in NumPy's arrays.

    key is the two words of ``numpy.random.SeedSequence(seed).generate_state(2, numpy.uint64)``.
    """
    bits = 32 if size == 8 and last - low < 2**32 else 8 * size
    width = last - low + 1
    products = (unit * width for unit in units(key, bits))
    # The units of products below this are rejected, so that all results have equally many.
    threshold = 2**bits % width
    return list(islice((low + (p >> bits) for p in products if p % 2**bits >= threshold), n))
