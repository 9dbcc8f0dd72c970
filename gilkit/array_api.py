"""The namespace of the Python array API standard for NumPy's arrays, with gilkit's functions where gilkit has them.

    import gilkit.array_api as xp

All other names are NumPy's, so the namespace is complete, and has the version of the standard that NumPy has.
"""

from __future__ import annotations

from typing import Any

import numpy

from gilkit._typing import Threads
from gilkit.kernels import scan, sorting
from gilkit.kernels._numpy import NoValue
from gilkit.kernels.choosing import where
from gilkit.kernels.indexing import take
from gilkit.kernels.masking import nonzero
from gilkit.kernels.positions import all, any, argmax, argmin, count_nonzero
from gilkit.kernels.reductions import max, mean, min, prod, std, sum, var
from gilkit.kernels.scan import cumulative_prod, cumulative_sum
from gilkit.kernels.searching import isin, searchsorted
from gilkit.kernels.sets import unique_all, unique_counts, unique_inverse, unique_values

__all__ = [
    "all", "any", "argmax", "argmin", "argsort", "count_nonzero", "cumulative_prod", "cumulative_sum", "diff", "isin",
    "max", "mean", "min", "nonzero", "prod", "searchsorted", "sort", "std", "sum", "take", "unique_all", "unique_counts",
    "unique_inverse", "unique_values", "var", "where",
]  # fmt: skip


def sort(
    x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True, threads: Threads = None
) -> numpy.ndarray[Any, Any]:
    """Return a sorted copy of an array, with the standard's arguments and defaults.

    Parameters
    ----------
    x : array_like
        As for ``gilkit.sort``.
    axis : int, default -1
        The axis to sort along.
    descending : bool, default False
        Whether the largest items come first. NaNs come last all the same.
    stable : bool, default True
        Whether equal items keep their order.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        Of x's dtype.

    Notes
    -----
    The notes of ``gilkit.sort`` apply.

    Examples
    --------
    >>> import gilkit.array_api as xp
    >>> xp.sort(xp.asarray([3, 1, 2]), descending=True)
    array([3, 2, 1])
    """
    return sorting.sort(x, axis, stable=stable, descending=descending or None, threads=threads)


def argsort(
    x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True, threads: Threads = None
) -> numpy.ndarray[Any, Any]:
    """Return the indices that would sort an array, with the standard's arguments and defaults.

    Parameters
    ----------
    x : array_like
        As for ``gilkit.argsort``.
    axis : int, default -1
        The axis to sort along.
    descending : bool, default False
        Whether the indices of the largest items come first. Those of NaNs come last all the same.
    stable : bool, default True
        Accepted and ignored, because equal items keep their order anyway.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        int64 (intp), of x's shape.

    Notes
    -----
    The notes of ``gilkit.argsort`` apply.

    Examples
    --------
    >>> import gilkit.array_api as xp
    >>> xp.argsort(xp.asarray([3, 1, 2]), descending=True)
    array([0, 2, 1])
    """
    return sorting.argsort(x, axis, stable=stable, descending=descending or None, threads=threads)


def diff(
    x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None, threads: Threads = None
) -> numpy.ndarray[Any, Any]:
    """Return the differences between neighbouring items along an axis, with the standard's arguments.

    Parameters
    ----------
    x : array_like
        As for ``gilkit.diff``.
    axis : int, default -1
        The axis along which items are neighbours.
    n : int, default 1
        How often to take differences.
    prepend, append : array_like, optional
        Items to put before and after those of *x* along the axis.
    threads : int, optional
        1 to 1024. None means ``gilkit.num_threads()``.

    Returns
    -------
    numpy.ndarray
        Of x's shape, with *n* items fewer along the axis if nothing is put before or after them.

    Notes
    -----
    The notes of ``gilkit.diff`` apply.

    Examples
    --------
    >>> import gilkit.array_api as xp
    >>> xp.diff(xp.asarray([1, 2, 4]), prepend=xp.asarray([0]))
    array([1, 1, 2])
    """
    before, after = (NoValue if each is None else each for each in (prepend, append))
    return scan.diff(x, n, axis, before, after, threads=threads)


def __getattr__(name: str) -> Any:
    # Not NumPy's __path__, for which Python would take this module for a package.
    if name.startswith("_") and not name.startswith("__array_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(numpy, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(numpy)})
