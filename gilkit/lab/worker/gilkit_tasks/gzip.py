"""gzip in blocks: one valid stream of independently compressed pieces, as in pigz.

Each block uses the 32 KiB before it as its dictionary, so hardly any compression is lost at the seams. All blocks but the
last end on a byte boundary with an empty stored block (Z_SYNC_FLUSH), so they can be concatenated. The checksums of the
blocks are combined into the checksum of the whole.
"""

import zlib
from functools import lru_cache

from .text import text

BLOCK = 128 * 1024
WINDOW = 32 * 1024
HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # gzip, deflate; no flags, time or extra flags; unknown system
POLYNOMIAL = 0xEDB88320


def compress_block(task):
    """Return the compressed block and the checksum of its content."""
    block, dictionary, level, last = task
    options = {"zdict": dictionary} if dictionary else {}
    squeezer = zlib.compressobj(level, zlib.DEFLATED, -15, 8, zlib.Z_DEFAULT_STRATEGY, **options)
    squeezed = squeezer.compress(block) + squeezer.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
    return squeezed, zlib.crc32(block)


def times(a, b):
    """Return the product of two polynomials over GF(2) modulo the CRC-32 polynomial; the highest bit is the lowest power."""
    product = 0
    while a:
        if a & 0x80000000:
            product ^= b
        a = (a << 1) & 0xFFFFFFFF
        b = (b >> 1) ^ (POLYNOMIAL if b & 1 else 0)
    return product


@lru_cache(16)
def shift(length):
    """Return the factor of a checksum when ``length`` bytes follow: x to the power of 8 * length."""
    power, square = 0x80000000, 0x00800000  # 1 and x^8
    while length:
        if length & 1:
            power = times(square, power)
        square = times(square, square)
        length >>= 1
    return power


def combine(first, second, length):
    """Return the checksum of two joined pieces; ``length`` is the length of the second."""
    return times(shift(length), first) ^ second


def compress(map, data, level=6):
    """Return the gzip file of ``data``, compressed through ``map``. A memoryview is not copied, but only threads accept it."""
    starts = range(0, len(data), BLOCK) if data else [0]
    tasks = [
        (data[start : start + BLOCK], data[max(0, start - WINDOW) : start], level, start + BLOCK >= len(data))
        for start in starts
    ]
    pieces, checksum = [HEADER], 0
    for start, (squeezed, check) in zip(starts, map(compress_block, tasks)):
        pieces.append(squeezed)
        checksum = combine(checksum, check, min(BLOCK, len(data) - start))
    pieces.append(checksum.to_bytes(4, "little") + (len(data) & 0xFFFFFFFF).to_bytes(4, "little"))
    return b"".join(pieces)


def solve(map, parts, size, level):
    """Return the file in hexadecimal, which a worker on another interpreter can send as JSON."""
    return compress(map, text(size), level).hex()
