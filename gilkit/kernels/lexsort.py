"""NumPy's lexsort: a stable sort by several keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gilkit.kernels import _numpy as np
from gilkit.kernels._arrays import are_short, numpys, supported
from gilkit.kernels.reductions import max as _max
from gilkit.kernels.reductions import min as _min
from gilkit.kernels.sorting import argsort

_SHORT = 10_000  # items of a key; NumPy sorts fewer in less time
_BITS = 63  # of the keys in a word
_numpys_lexsort = np.FUNCTIONS["lexsort"]
_of_arrays = np.of_arrays("lexsort")


def _words(keys: list[Any], threads: Any) -> Iterator[Any]:
    """Yield fewer keys that sort in the same way: integers that need few bits share a word."""
    group: list[tuple[Any, int, int]] = []  # keys, their minima, and their bit offsets in the word
    used = 0
    for key in keys:
        is_float = key.dtype.kind == "f"
        low = 0 if is_float else int(_min(key, threads=threads))
        bits = 64 if is_float else (int(_max(key, threads=threads)) - low).bit_length()
        if group and used + bits > _BITS:
            yield _word(group)
            group, used = [], 0
        group.append((key, low, used))
        used += bits
    yield _word(group)


def _word(group: list[tuple[Any, int, int]]) -> Any:
    if len(group) == 1:
        return group[0][0]
    word: Any = 0
    for key, low, place in group:
        part = key.astype(np.int64)
        part -= np.int64((low + 2**63) % 2**64 - 2**63)  # modulo 2**64, because an uint64 may exceed int64
        part <<= place
        word |= part
    return word


def lexsort(keys: Any, axis: Any = -1, *, threads: Any = None) -> Any:
    """Return the indices that sort by several keys.

    Parameters
    ----------
    keys : sequence of array_like, or numpy.ndarray
        The keys, all of the same shape. The last one counts most. bool, integers, float32 or float64, of any layout and
        byte order; other dtypes are left to NumPy. Of an array, the rows are the keys.
    axis : int, default -1
        The axis to sort along.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        int64 (intp), of the shape of a key.

    Raises
    ------
    TypeError
        For no keys.
    ValueError
        For keys of different shapes.
    numpy.exceptions.AxisError
        For an axis that the keys do not have.

    Notes
    -----
    The sort is stable, -0.0 equals 0.0, and NaNs equal each other and come last, so the result has NumPy's bits.
    Integers that need up to 63 bits together are sorted as one key. Each further key takes another sort, as in NumPy.
    Subclasses of ``numpy.ndarray`` and objects with ``__array_function__`` get the result of ``numpy.lexsort``.

    Releases the GIL. Ctrl-C interrupts the call. No other thread may write to the keys during the call.

    Examples
    --------
    >>> import gilkit
    >>> gilkit.lexsort(([3, 1, 2], [1, 1, 0]))  # by the second key, then by the first
    array([2, 1, 0])
    """
    if are_short(keys, _SHORT, threads):
        return _of_arrays(keys, axis)
    if type(keys) not in (tuple, list, np.ndarray) or type(axis) is not int or len(keys) == 0:
        return numpys(_numpys_lexsort, (keys, axis), {}, threads)
    own: list[Any] = [supported(key, "key", None) for key in keys]
    shapes = {None if key is None else key.shape for key in own}
    if len(shapes) > 1 or None in shapes or own[0].ndim == 0 or own[0].size < _SHORT:
        return numpys(_numpys_lexsort, (keys, axis), {}, threads)
    order = None
    for key in _words(own, threads):
        if order is None:
            order = argsort(key, axis, threads=threads)
        elif key.ndim == 1:
            order = order[argsort(key[order], axis, threads=threads)]
        else:
            inner = argsort(np.take_along_axis(key, order, axis), axis, threads=threads)
            order = np.take_along_axis(order, inner, axis)
    return order
