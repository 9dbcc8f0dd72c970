"""Uniform random numbers from the counter-based generator Philox4x64-10."""

_LOW = (1 << 64) - 1


def philox4x64(counter, key):
    """Return one block: four 64-bit words from four counter words and two key words."""
    x0, x1, x2, x3 = counter
    k0, k1 = key
    for _ in range(10):
        p0 = x0 * 0xD2E7470EE14C6C93
        p1 = x2 * 0xCA5A826395121157
        x0, x1, x2, x3 = p1 >> 64 ^ x1 ^ k0, p1 & _LOW, p0 >> 64 ^ x3 ^ k1, p0 & _LOW
        k0 = k0 + 0x9E3779B97F4A7C15 & _LOW
        k1 = k1 + 0xBB67AE8584CAA73B & _LOW
    return x0, x1, x2, x3


def uniform(n, key):
    """Return n float64 numbers in [0, 1).

    key is the two words of ``numpy.random.SeedSequence(seed).generate_state(2, numpy.uint64)``. Block c of four numbers
    has the counter c + 1.
    """
    words = [word for block in range((n + 3) // 4) for word in philox4x64((block + 1, 0, 0, 0), key)]
    return [(word >> 11) * 2.0**-53 for word in words[:n]]
