"""Search text with a regular expression, one piece at a time.

The engine is the PyPI package regex, which releases the GIL with concurrent=True, or the standard library's re, which
never does. The choice is part of the work, because the two differ in speed.
"""

from functools import lru_cache, partial

from .text import text

PIECE = 64 * 1024
PATTERN = rb"\b(\w)(\w)\w*\2\1\b"  # words that start and end like a palindrome, which takes backtracking


@lru_cache(2)
def finder(engine):
    """Return the function from a piece of text to its number of matches."""
    if engine == "re":
        import re

        return lambda piece, search=re.compile(PATTERN).findall: len(search(piece))
    import regex

    search = regex.compile(PATTERN).findall
    return lambda piece: len(search(piece, concurrent=True))


@lru_cache(1)
def pieces(size):
    """Return the text in pieces that end between words."""
    data, found, begin = text(size), [], 0
    while begin < len(data):
        end = data.find(b" ", begin + PIECE)
        end = len(data) if end < 0 else end
        found.append(data[begin:end])
        begin = end
    return found


def count(engine, piece):
    return finder(engine)(piece)


def solve(map, parts, size, engine):
    """Return the number of matches."""
    return sum(map(partial(count, engine), pieces(size)))
