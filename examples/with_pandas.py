"""A function for each row of a DataFrame, and for each element of a Series, in several threads."""

import zlib

import pandas as pd

import gilkit

frame = pd.DataFrame({"name": ["a", "b"] * 500, "text": [f"text {i} " * 1000 for i in range(1000)]})


def checksum(row):
    return row["name"] + str(zlib.crc32(row["text"].encode()))


sums = frame.apply(checksum, axis=1, engine=gilkit.pandas)
assert sums.equals(frame.apply(checksum, axis=1))

lengths = frame["text"].map(lambda text: len(zlib.compress(text.encode())), engine=gilkit.pandas)
assert lengths.between(1, 100).all()
