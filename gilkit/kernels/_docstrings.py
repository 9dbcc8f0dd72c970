"""The sections that docstrings share: those of all reductions, of all scans, and lists of parameters."""

from __future__ import annotations

from inspect import cleandoc, signature
from typing import Any

_PARAMETERS: dict[str, str] = {
    "a": """array_like
    bool, integers, float32 or float64, of any shape and layout. Arrays of other dtypes are reduced by NumPy.""",
    "axis": """int, tuple of int or None, default None
    The axes to reduce. None reduces all of them.""",
    "dtype": """data-type, optional
    The type to compute in and of the result. Any but the usual one is left to NumPy.""",
    "out": """numpy.ndarray, optional
    A writable array of the result's shape, which is filled and returned. It may overlap *a*. An array of another dtype
    than the result's is left to NumPy.""",
    "ddof": """int or float, default 0
    The divisor is the number of reduced elements minus *ddof*.""",
    "keepdims": """bool, default False
    Keep the reduced axes in the result with length 1.""",
    "initial": """scalar, optional
    The value to start with; left to NumPy.""",
    "where": """array_like of bool, default True
    The elements to include; left to NumPy unless True.""",
    "mean": """array_like, optional
    The mean, with ``keepdims=True``; left to NumPy.""",
    "correction": """int or float, optional
    Another name of *ddof*. Give only one of them.""",
    "threads": """int, optional
    1 to 1024. None means ``gilkit.num_threads()``.""",
}

_RAISES = """Raises
------
TypeError
    For dtypes that NumPy does not reduce, and for an axis that is not an integer.
ValueError
    For another shape of *out*, a read-only *out*{empty} and duplicate axes.
numpy.exceptions.AxisError
    For an axis that *a* does not have."""

_WARNINGS = "Overflows and invalid operations are reported as ``numpy.errstate`` says. "

_NOTES = """{warnings}The result has the same bits for any number of threads and on every instruction set. Subclasses of
``numpy.ndarray``, objects with ``__array_function__`` and objects with a method ``{name}`` get the result of
``numpy.{name}``.

Releases the GIL. Ctrl-C interrupts the call. No other thread may write to *a* or use *out* during the call."""


def parameter_section(function: Any, texts: dict[str, str]) -> str:
    """Return the section with the parameters of a function, in its order, from the text of each."""
    return "Parameters\n----------\n" + "\n".join(f"{name} : {texts[name]}" for name in signature(function).parameters)


def complete(function: Any, *, can_warn: bool, can_be_empty: bool) -> None:
    """Fill the shared sections into the docstring of a reduction."""
    function.__doc__ = cleandoc(function.__doc__).format(
        parameters=parameter_section(function, _PARAMETERS),
        raises=_RAISES.format(empty="" if can_be_empty else ", no elements to reduce"),
        notes=_NOTES.format(name=function.__name__, warnings=_WARNINGS if can_warn else ""),
    )


_SCAN = """Parameters
----------
a : array_like
    bool, integers, float32 or float64, of any shape and layout. Arrays of other dtypes are left to NumPy.
axis : int or None, default None
    The axis to scan along. None scans the flattened array, in C order.
dtype : data-type, optional
    The type to compute in and of the result. Any but the usual one is left to NumPy.
out : numpy.ndarray, optional
    A writable array of the result's shape, which is filled and returned. It may be *a* itself or overlap it. An
    array of another dtype than the result's is left to NumPy.
threads : int, optional
    1 to 1024. None means ``gilkit.num_threads()``.

Returns
-------
numpy.ndarray
    Of a's shape, or one-dimensional if *axis* is None. {types}

Raises
------
TypeError
    For dtypes that NumPy does not scan, and for an axis that is not an integer.
ValueError
    For another shape of *out* and a read-only *out*.
numpy.exceptions.AxisError
    For an axis that *a* does not have."""

_CUMULATIVE = """Parameters
----------
x : array_like
    bool, integers, float32 or float64, of any shape and layout. Arrays of other dtypes are left to NumPy.
axis : int, optional
    The axis to scan along. It may be left out for an array of one dimension.
dtype : data-type, optional
    The type to compute in and of the result. Any but the usual one is left to NumPy.
out : numpy.ndarray, optional
    A writable array of the result's shape, which is filled and returned. It may overlap *x*. An array of another dtype
    than the result's is left to NumPy.
include_initial : bool, default False
    Whether the result begins with {initial}, so that it has one item more along the axis.
threads : int, optional
    1 to 1024. None means ``gilkit.num_threads()``.

Returns
-------
numpy.ndarray
    {types}

Raises
------
TypeError
    For dtypes that NumPy does not scan, and for an axis that is not an integer.
ValueError
    For no *axis* where there are several, for another shape of *out* and a read-only *out*.
numpy.exceptions.AxisError
    For an axis that *x* does not have."""

_SUMS = """int64 for bool and signed integers, uint64 for unsigned
    integers, both modulo ``2**64``. Floats, ``numpy.longlong`` and ``numpy.ulonglong`` keep their dtype."""


def scan_sections(name: str) -> dict[str, str]:
    """Return the text for the placeholders in a scan's docstring."""
    is_cumulative = name.startswith("cumulative")
    method = "" if is_cumulative or name.startswith("nan") else f" and objects with a method ``{name}``"
    function = "objects with ``__array_function__``"
    types = "It has a's dtype." if name in ("cummax", "cummin") else _SUMS
    array, sections = ("x", _CUMULATIVE) if is_cumulative else ("a", _SCAN)
    return {
        "parameters": sections.format(types=types, initial=0 if name == "cumulative_sum" else 1),
        "notes": f"Subclasses of ``numpy.ndarray``{',' if method else ' and'} {function}{method} get the\n"
        f"result of ``numpy.{name}``.",
        "last": f"Releases the GIL. Ctrl-C interrupts the call. No other thread may write to *{array}* or use *out* during the "
        "call.",
    }
