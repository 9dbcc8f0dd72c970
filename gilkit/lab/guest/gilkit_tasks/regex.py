"""Searching text with a regular expression, a piece at a time.

With the PyPI package regex, which lets go of the GIL if it is told to (concurrent=True), where it is installed; else
with the standard library's re, which never does.
"""

from functools import lru_cache

from .text import text

PIECE = 64 * 1024
PATTERN = rb"\b(\w)(\w)\w*\2\1\b"  # words that begin and end like a palindrome: the engine has to try


@lru_cache(1)
def finder():
    """The function from a piece of text to the number of matches."""
    try:
        import regex
    except ImportError:
        import re

        return lambda piece, search=re.compile(PATTERN).findall: len(search(piece))
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


def count(piece):
    return finder()(piece)


def solve(map, parts, size):
    """The number of matches."""
    return sum(map(count, pieces(size)))
