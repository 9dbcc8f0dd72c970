"""numpy.einsum divided: each part computes some of the output's rows by NumPy's own loop."""

from __future__ import annotations

import itertools
import re
from collections.abc import Hashable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from gilkit.patching import _patch
from gilkit.patching._parts import ALIGNED_ITEMS, LAST_NUMBER, PARTS_PER_THREAD, Leave, along, run

MIN_PRODUCTS = 1 << 18
PART_PRODUCTS = 1 << 16
MOST_PARSED = 256  # subscripts that are remembered

_SUBSCRIPTS = re.compile(r"([A-Za-z]+(?:,[A-Za-z]+)*)(?:->([A-Za-z]*))?")
# The flags of einsum()'s own iterator, without its buffer: operands that need one are left to NumPy.
_ITERATOR = ["external_loop", "reduce_ok", "zerosize_ok"]
_INPUT, _OUTPUT = ["readonly", "nbo", "aligned"], ["readwrite", "nbo", "aligned", "allocate", "no_broadcast"]


class _Subscripts(NamedTuple):
    inputs: list[str]  # the letters of each operand
    output: str
    pattern: tuple[int, ...]  # the same for all subscripts that differ in their letters only


_parsed: dict[str, _Subscripts | None] = {}


def _parse(subscripts: str) -> _Subscripts | None:
    """Return None for what is left to NumPy: dots, and letters that occur twice in one operand, such as those of a
    diagonal."""
    found = _SUBSCRIPTS.fullmatch(subscripts.replace(" ", ""))
    if found is None:
        return None
    inputs, output = found[1].split(","), found[2]
    if output is None:  # the letters that occur once
        letters = "".join(inputs)
        output = "".join(sorted(each for each in letters if letters.count(each) == 1))
    if any(len(set(each)) < len(each) for each in [*inputs, output]) or not set(output) <= set("".join(inputs)):
        return None
    written = ",".join([*inputs, output])
    return _Subscripts(inputs, output, tuple(map(written.index, written)))


def _subscripts(text: Any) -> _Subscripts:
    """Return what the subscripts say, which takes longer to find out than a short call."""
    if type(text) is not str:
        raise Leave("arguments")
    try:
        found = _parsed[text]
    except KeyError:
        found = _parse(text)
        if len(_parsed) >= MOST_PARSED:
            _parsed.clear()
        _parsed[text] = found
    if found is None:
        raise Leave("arguments")
    return found


def _lengths(subscripts: _Subscripts, operands: tuple[Any, ...]) -> dict[str, int]:
    """Return the length of each letter's axis."""
    if len(subscripts.inputs) != len(operands):
        raise Leave("arguments")
    lengths: dict[str, int] = {}
    for letters, array in zip(subscripts.inputs, operands, strict=True):
        if type(array) is not np.ndarray or array.ndim != len(letters):
            raise Leave("arguments")
        for letter, length in zip(letters, array.shape, strict=True):
            if lengths.setdefault(letter, length) != length:
                raise Leave("arguments")  # broadcast, or an error
    return lengths


def products(module: Any, subscripts: Any, *operands: Any, **keywords: Any) -> int:
    """Return the number of products of a call, or 0 if NumPy computes it."""
    try:
        return prod(_lengths(_subscripts(subscripts), operands).values())
    except Leave:
        return 0


def kind(module: Any, subscripts: Any, *operands: Any, **keywords: Any) -> Hashable:
    """Return what calls have in common whose products take about the same time."""
    try:
        return _subscripts(subscripts).pattern
    except Leave:
        return None


def einsum(module: Any, subscripts: Any, *operands: Any) -> tuple[int, Any]:
    inputs, output, _ = parsed = _subscripts(subscripts)
    lengths = _lengths(parsed, operands)
    if len(operands) > 2:
        raise Leave("arguments")  # their last bits depend on the lengths of the axes
    number = prod(lengths.values())
    first = operands[0].dtype
    for each in operands:
        if each.dtype.num != first.num or not each.dtype.isnative or not each.flags.aligned:
            raise Leave("dtype")  # NumPy casts blocks of a fixed length
        if each.dtype.num > LAST_NUMBER or each.dtype.kind not in "biufc" or each.dtype.metadata is not None:
            raise Leave("dtype")
        if min(each.strides) < 0:
            raise Leave("arguments")  # with an output to write to, NumPy visits its items in another order
    if number < (_patch.min_items() or MIN_PRODUCTS):
        raise Leave("too small")
    if _patch.threads() < 2 and not _patch.min_items():
        raise Leave("one thread")
    if (len(operands) == 1 and len(output) == len(lengths)) or not output:
        raise Leave("arguments")  # a view, or a sum in one order
    result, innermost = _new_result(inputs, output, lengths, operands)
    axis, cuts = _divide(result, innermost, number)
    letter = output[axis]
    places = [letters.find(letter) for letters in inputs]
    tasks = []
    for part in cuts:
        mine = [each if place < 0 else each[along(place, part)] for each, place in zip(operands, places, strict=True)]
        tasks.append((mine, result[along(axis, part)]))
    original = module.c_einsum

    def compute(mine: list[np.ndarray], to: np.ndarray) -> None:
        original(subscripts, *mine, out=to)

    run("einsum", compute, tasks)
    return number, result


def _new_result(
    inputs: list[str], output: str, lengths: dict[str, int], operands: tuple[Any, ...]
) -> tuple[np.ndarray, range]:
    """Return a new array in the order in memory that einsum() chooses, and the strides of axes that are in its innermost loop.

    Both come from an iterator like the one that einsum() makes.
    """
    every = output + "".join(sorted(set(lengths) - set(output)))
    axes = [[letters.find(letter) for letter in every] for letters in [*inputs, output]]
    flags = [_INPUT] * len(operands) + [_OUTPUT]
    try:
        iterator = np.nditer([*operands, None], _ITERATOR, flags, op_axes=axes, order="K", casting="safe")  # type: ignore[call-overload]
    except (ValueError, MemoryError):
        raise Leave("arguments") from None
    order = iterator.itviews[-1]
    stride = order.strides[-1]
    return iterator.operands[-1], range(stride, stride * order.shape[-1])


def _divide(result: np.ndarray, innermost: range, number_of_products: int) -> tuple[int, list[slice]]:
    """Return the output's outermost axis in memory, and its parts.

    All other axes stay whole, so NumPy visits the items of a part in the same order. If the axis is part of the innermost
    loop, each part consists of whole vectors.
    """
    if result.size == 0 or min(result.shape) < 2:
        raise Leave("short rows")
    axis = max(range(result.ndim), key=lambda k: abs(result.strides[k]))
    length = result.shape[axis]
    step = ALIGNED_ITEMS if result.strides[axis] in innermost else 2
    number = length // step
    if not _patch.min_items():
        number = min(number, max(_patch.threads(), number_of_products // PART_PRODUCTS))
    number = min(number, PARTS_PER_THREAD * max(2, _patch.threads()))
    if number < 2:
        raise Leave("short rows")
    cuts = [length * k // number // step * step for k in range(number)] + [length]
    return axis, [slice(begin, end) for begin, end in itertools.pairwise(cuts)]
