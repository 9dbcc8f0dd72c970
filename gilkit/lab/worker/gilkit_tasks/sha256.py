"""SHA-256 of many buffers by hashlib, which releases the GIL while it computes."""

import hashlib
from functools import lru_cache


@lru_cache(1)
def buffers(count, size):
    """Return ``count`` different buffers."""
    return [index.to_bytes(8, "little") * (size // 8) + b"x" * (size % 8) for index in range(count)]


def digest(buffer):
    return hashlib.sha256(buffer).hexdigest()


def solve(map, parts, count, size):
    """Return the digests in order."""
    return list(map(digest, buffers(count, size)))
