"""Read JSON from untrusted files, and say in one sentence what is wrong with it.

A shape is a type (``str``, ``bool``, ``int``, ``float``), a list that holds one shape, a dict of shapes by key,
``dict`` for any object, or ``Nullable(shape)``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

LARGEST = 1e100  # sums, squares and ratios of such numbers remain finite
_NAMES = {str: "text", bool: "true or false", int: "a whole number", float: "a number", dict: "an object"}


class Damaged(ValueError):
    """The reason why a text or a value is not what it should be."""


@dataclass(frozen=True)
class Nullable:
    """A shape, or null."""

    shape: Any


def parse(text: str) -> Any:
    """Return the value of a JSON text. Infinities, NaN and numbers beyond LARGEST are rejected, because no figure has
    them."""
    if not text.strip():
        raise Damaged("is empty")
    try:
        return json.loads(text, parse_int=_whole, parse_float=_number, parse_constant=_number)
    except Damaged:
        raise
    except RecursionError:
        raise Damaged("is nested too deeply") from None
    except ValueError as error:
        raise Damaged(f"is not JSON: {error}") from None


def _whole(text: str) -> int:
    _number(text)
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if not abs(value) <= LARGEST:
        raise Damaged(f"holds a number that is not finite, or too large: {shown(text)}")
    return value if abs(value) >= 1 / LARGEST else 0.0


def shown(value: Any) -> str:
    """Return a value as a message shows it, shortened."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def check(value: Any, shape: Any, name: str) -> None:
    """Raise Damaged unless ``value`` has ``shape``. Keys that the shape does not name are ignored."""
    if isinstance(shape, Nullable):
        if value is not None:
            check(value, shape.shape, name)
        return
    if isinstance(shape, dict):
        check(value, dict, name)
        for key, inner in shape.items():
            if key not in value:
                raise Damaged(f"{name} has no {key!r}")
            check(value[key], inner, f"{name}.{key}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise Damaged(f"{name} must be a list, got {shown(value)}")
        for index, each in enumerate(value):
            check(each, shape[0], f"{name}[{index}]")
    else:
        wanted = (int, float) if shape is float else shape
        # In Python, unlike JSON, true and false are integers.
        if not isinstance(value, wanted) or (isinstance(value, bool) and shape is not bool):
            raise Damaged(f"{name} must be {_NAMES[shape]}, got {shown(value)}")
