"""Check a store of files: a SHA-256 of each file and of the whole, in a pool of threads."""

import hashlib
from concurrent.futures import ThreadPoolExecutor


def content(number, size=4_000_000):
    """A file that differs from all others, as in a store of images."""
    seed = hashlib.sha256(str(number).encode()).digest()
    return seed * (size // len(seed))


def check(number):
    return hashlib.sha256(content(number)).hexdigest()


def main():
    with ThreadPoolExecutor(2) as pool:
        digests = list(pool.map(check, range(1600)))
    whole = hashlib.sha256()
    for each in digests:
        whole.update(each.encode())
    print(len(digests), "files", whole.hexdigest())


main()
