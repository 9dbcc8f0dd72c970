"""Dask's threaded scheduler on a gilkit.Executor."""

import zlib

import dask

import gilkit

blocks = [bytes([i]) * 100_000 for i in range(50)]
checksums = [dask.delayed(zlib.crc32)(block) for block in blocks]

with gilkit.Executor(4) as executor, dask.config.set(pool=executor):
    found = dask.compute(*checksums, scheduler="threads")
assert list(found) == [zlib.crc32(block) for block in blocks]
