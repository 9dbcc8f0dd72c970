"""A C function, compiled by cffi, on gilkit's pool."""

from _scaling import ffi, lib

import gilkit


def scale(values, factor):
    """Multiply an array of doubles in place."""
    array = ffi.from_buffer("double[]", values, require_writable=True)
    data = ffi.new("scaling *", {"factor": factor, "values": array})
    gilkit.parallel_for(len(values), ffi.addressof(lib, "scale"), data)
