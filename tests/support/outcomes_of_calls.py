"""All observable effects of a call of NumPy, to compare patched calls with unpatched ones: results to the last bit of
NaN payloads, layouts of results, warnings, exceptions."""

from __future__ import annotations

import warnings

import numpy as np


def bits(array):
    """Return the bytes of an array or scalar, without the padding of long doubles."""
    array = np.asarray(array)
    if array.dtype.hasobject:
        return repr(array.tolist())
    if array.dtype.char in "gG" and np.finfo(np.longdouble).nmant == 63:
        own = np.ascontiguousarray(array).reshape(-1).view(np.uint8).reshape(-1, np.dtype("g").itemsize)
        return (own[:, :10] if array.dtype.isnative else own[:, -10:]).tobytes()
    return array.tobytes()


def described(value):
    """Return the comparable properties of a result."""
    if isinstance(value, tuple):
        return tuple(map(described, value))
    if isinstance(value, np.ndarray):
        flags = value.flags
        return (
            type(value), value.dtype, value.dtype.num, dict(value.dtype.metadata or {}), value.shape, value.strides if value.size else None, bits(value),
            flags.c_contiguous, flags.f_contiguous, flags.writeable, flags.aligned, flags.owndata,
        )  # fmt: skip
    if isinstance(value, np.generic):
        return type(value), value.dtype, value.dtype.num, bits(value)
    return type(value), repr(value)


def outcome(call):
    """Return the description of what the call returns or raises, and of the warnings that it gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = described(call())
        except Exception as error:
            found = type(error), str(error)
    return found, [(each.category, str(each.message), each.filename, each.lineno) for each in caught]
