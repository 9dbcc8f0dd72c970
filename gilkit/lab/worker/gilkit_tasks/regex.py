"""Searching text with a regular expression, a piece at a time.

With the PyPI package regex, which lets go of the GIL if it is told to (concurrent=True), or with the standard library's
re, which never does. Which of them is part of the work: they are not equally quick.
"""

from functools import lru_cache, partial

from .text import text

PIECE = 64 * 1024
PATTERN = rb"\b(\w)(\w)\w*\2\1\b"  # words that begin and end like a palindrome: the engine has to try


@lru_cache(2)
def finder(engine):
    """The function from a piece of text to the number of matches."""
    if engine == "re":
        import re

        return lambda piece, search=re.compile(PATTERN).findall: len(search(piece))
    import regex

    search = regex.compile(PATTERN).findall
    return lambda piece: len(search(piece, concurrent=True))


@lru_cache(1)
def pieces(size):
    """The text in pieces that end at the ends of words."""
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
    """The number of matches."""
    return sum(map(partial(count, engine), pieces(size)))
