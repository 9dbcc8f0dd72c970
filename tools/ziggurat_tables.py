"""Print csrc/kernels/random/ziggurat_tables.h: the layers of the ziggurat method, computed to 50 digits.

    python tools/ziggurat_tables.py > csrc/kernels/random/ziggurat_tables.h

A density is covered by 256 layers of equal area: 255 rectangles, and below them one with the tail, which begins at the
rectangle's end. That point is chosen so that the topmost rectangle ends exactly at the density's maximum.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from decimal import Decimal, getcontext
from typing import NamedTuple

getcontext().prec = 50
LAYERS = 256


class Density(NamedTuple):
    name: str
    density: Callable[[Decimal], Decimal]
    inverse: Callable[[Decimal], Decimal]
    area_beyond: Callable[[Decimal], Decimal]
    tail: Decimal  # where the tail begins, to a few digits
    bits: int  # of the integer that float64 numbers are made from


def normal_area_beyond(x: Decimal) -> Decimal:
    """Return the integral of exp(-t**2 / 2) from x on, by its continued fraction."""
    fraction = x
    for k in range(400, 0, -1):
        fraction = x + k / fraction
    return (-x * x / 2).exp() / fraction


NORMAL = Density(
    "normal", lambda x: (-x * x / 2).exp(), lambda y: (-2 * y.ln()).sqrt(), normal_area_beyond, Decimal("3.654"), 52
)
EXPONENTIAL = Density(
    "exponential", lambda x: (-x).exp(), lambda y: -y.ln(), lambda x: (-x).exp(), Decimal("7.697"), 53
)


def layers(d: Density, tail: Decimal) -> tuple[list[Decimal], list[Decimal], Decimal]:
    """Return the widths of the layers, the densities at these, and by how much the topmost one misses the maximum."""
    area = tail * d.density(tail) + d.area_beyond(tail)
    widths, heights = [Decimal(0)] * LAYERS, [Decimal(1)] * LAYERS
    widths[-1], heights[-1] = tail, d.density(tail)
    for i in range(LAYERS - 2, 0, -1):
        heights[i] = heights[i + 1] + area / widths[i + 1]
        widths[i] = d.inverse(heights[i])
    widths[0] = area / heights[-1]  # as if the bottom layer were a rectangle
    return widths, heights, heights[1] + area / widths[1] - 1


def tail_of(d: Density) -> Decimal:
    """Return where the tail begins, by the secant method."""
    before, now = d.tail, d.tail + Decimal("0.0005")
    missed_before = layers(d, before)[2]
    while True:
        missed = layers(d, now)[2]
        if missed == missed_before or abs(now - before) < Decimal("1e-40"):
            return now
        before, now, missed_before = now, now - missed * (now - before) / (missed - missed_before), missed


def float32(x: Decimal) -> float:
    """Return the nearest float32."""
    (near,) = struct.unpack("f", struct.pack("f", x))
    (bits,) = struct.unpack("i", struct.pack("f", near))
    neighbours = [struct.unpack("f", struct.pack("i", bits + step))[0] for step in (-1, 0, 1)]
    return min(neighbours, key=lambda each: abs(Decimal(each) - x))


def table(kind: str, name: str, values: list[str]) -> str:
    lines, line = [], "   "
    for value in values:
        if len(line) + len(value) + 2 > 119:
            lines.append(line)
            line = "   "
        line += f" {value},"
    return "\n".join([f"static const {kind} {name}[{LAYERS}] = {{", *lines, line, "};\n"])


def tables(d: Density, tail: Decimal) -> list[str]:
    widths, heights, _ = layers(d, tail)
    # A number below the limit lies in the layer above too, so it lies under the density.
    shares = [tail / widths[0], Decimal(0), *(widths[i - 1] / widths[i] for i in range(2, LAYERS))]
    result = []
    for suffix, uint, real, bits, rounded, end in (
        ("", "uint64_t", "double", d.bits, float, ""),
        ("_f", "uint32_t", "float", 23, float32, "f"),
    ):
        limits = [int((share * 2**bits).to_integral_value()) for share in shares]
        result += [
            table(uint, f"{d.name}_limits{suffix}", [f"{limit:#x}" for limit in limits]),
            table(real, f"{d.name}_widths{suffix}", [rounded(width / 2**bits).hex() + end for width in widths]),
            table(real, f"{d.name}_heights{suffix}", [rounded(height).hex() + end for height in heights]),
        ]
    return result


def main() -> None:
    tail, exponential_tail = tail_of(NORMAL), tail_of(EXPONENTIAL)
    print(f"""\
/* The layers of the ziggurat method, made by tools/ziggurat_tables.py. Layer i ends at limits[i] (in
 * units of the random integer), has the width widths[i] (of such a unit) and begins at the density
 * heights[i]. The suffix _f is for float32. */
#ifndef GK_ZIGGURAT_TABLES_H
#define GK_ZIGGURAT_TABLES_H

#include <stdint.h>

#define NORMAL_TAIL {float(tail).hex()}
#define NORMAL_TAIL_INVERSE {float(1 / tail).hex()}
#define EXPONENTIAL_TAIL {float(exponential_tail).hex()}
""")
    print("\n".join([*tables(NORMAL, tail), *tables(EXPONENTIAL, exponential_tail)]))
    print("#endif")


if __name__ == "__main__":
    main()
