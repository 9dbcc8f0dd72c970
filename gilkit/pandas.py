"""gilkit's threads as an execution engine of pandas 3 and later.

``df.apply(function, axis=1, engine=gilkit.pandas)`` and ``series.map(function, engine=gilkit.pandas)`` call the function
in several threads and give the result that pandas gives without an engine. With a GIL, functions gain that release it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from gilkit.kernels._numpy import FUNCTIONS as _of
from gilkit.mapping import map as parallel_map

__all__ = ["Engine"]

_ROWS = 1024  # rows or columns taken from a frame at a time


class Engine:
    """The execution engine ``gilkit.pandas``, with the methods that pandas calls.

    Notes
    -----
    The calling thread takes the rows or columns from the frame, and gives the results to
    pandas, which makes a frame or a series of them. ``gilkit.threads``, ``gilkit.timeout``,
    cancel tokens and Ctrl-C work as with ``gilkit.map``. As in pandas, the function must
    not change what it is given.

    Examples
    --------
    >>> import pandas
    >>> frame = pandas.DataFrame({"a": [1, 2], "b": [3, 4]})
    >>> frame.apply(lambda row: row["a"] * row["b"], axis=1, engine=gilkit.pandas).tolist()
    [3, 8]
    """

    @staticmethod
    def apply(
        data: Any, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], decorator: object, axis: int | str
    ) -> Any:
        """Call ``func`` for each column, or for each row."""
        by_row = axis not in (0, "index", "rows")
        if isinstance(data, np.ndarray):  # raw=True
            if not callable(func):
                raise TypeError(f"with raw=True, func must be a function, not {func!r}")
            results = _results(_without_strings(func), data if by_row else data.T, args, kwargs)
            return np.apply_along_axis(results, int(by_row), data)
        if not callable(func) or isinstance(func, _of["ufunc"]):
            # Names, lists, dictionaries and ufuncs are for whole columns.
            return data.apply(func, axis=axis, args=args, **kwargs)
        parts = _rows(data) if by_row else _parts(data, 0)
        return data.apply(_results(func, parts, args, kwargs), axis=axis)

    @staticmethod
    def map(
        data: Any, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], decorator: object, skip_na: bool
    ) -> Any:
        """Call ``func`` for each element."""
        na_action = "ignore" if skip_na else None
        elements: list[object] = []

        def collect(element: object) -> object:
            elements.append(element)
            return element

        # The dtype decides what the elements are: for categories, each is given once.
        data.map(collect, na_action=na_action)
        return data.map(_results(func, elements, args, kwargs), na_action=na_action)


def _parts(data: Any, axis: int) -> list[Any]:
    """Return the columns or rows as pandas gives them to a function. data.iloc would give some rows another dtype."""
    parts: list[Any] = []
    # pandas reuses one series for all rows.
    data.apply(lambda part: parts.append(part.copy(deep=False)), axis=axis)
    return parts


def _rows(data: Any) -> Iterator[Any]:
    for start in range(0, len(data), _ROWS):
        yield from _parts(data.iloc[start : start + _ROWS], 1)


def _results(
    func: Callable[..., object], items: Iterable[object], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Callable[[object], object]:
    """Call func for each item, and return a function that returns one result after another."""
    if args or kwargs:
        results = iter(parallel_map(lambda item: func(item, *args, **kwargs), items))
    else:
        results = iter(parallel_map(func, items))
    return lambda item: next(results)


def _without_strings(func: Callable[..., object]) -> Callable[..., object]:
    """numpy.apply_along_axis would cut strings to the length of the first one. pandas does the same."""

    def call(*args: object, **kwargs: object) -> object:
        result = func(*args, **kwargs)
        return np.array(result, dtype=object) if isinstance(result, str) else result

    return call


__pandas_udf__ = Engine
