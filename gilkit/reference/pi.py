"""Monte Carlo estimate of pi with the counter-based generator Philox4x32-10."""

_LOW = 0xFFFFFFFF


def philox4x32(counter, key):
    """Return one block: four 32-bit words from four counter words and two key words."""
    x0, x1, x2, x3 = counter
    k0, k1 = key
    for _ in range(10):
        p0 = x0 * 0xD2511F53
        p1 = x2 * 0xCD9E8D57
        x0, x1, x2, x3 = p1 >> 32 ^ x1 ^ k0, p1 & _LOW, p0 >> 32 ^ x3 ^ k1, p0 & _LOW
        k0 = k0 + 0x9E3779B9 & _LOW
        k1 = k1 + 0xBB67AE85 & _LOW
    return x0, x1, x2, x3


def inside(begin, end, seed=0):
    """How many of the points begin <= i < end lie in the quarter disc.

    Block b has the counter (b, 0) and the key ``seed``; it gives points 2b
    (words 0 and 1) and 2b + 1 (words 2 and 3). The ranges of several workers
    add up to the count of the whole.
    """
    key = seed & _LOW, seed >> 32
    count = 0
    for block in range(begin // 2, (end + 1) // 2):
        words = philox4x32((block & _LOW, block >> 32, 0, 0), key)
        for point in range(max(begin, 2 * block), min(end, 2 * block + 2)):
            x, y = words[point % 2 * 2 :][:2]
            count += (x >> 1) ** 2 + (y >> 1) ** 2 < 1 << 62
    return count


def pi(samples, *, seed=0):
    """Estimate pi from this many random points of the unit square."""
    return 4 * inside(0, samples, seed) / samples
