"""A picture in some thirty characters, shown while it is fetched: BlurHash (https://blurha.sh), of 4 × 3 components.

Pure, in Python: of the few pixels that it needs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

COLUMNS: Final = 4
ROWS: Final = 3
SIDE: Final = 32
"""Pixels of the longer side that are enough."""
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"

Colour = tuple[float, float, float]


def blurhash(pixels: Sequence[tuple[int, int, int]], width: int, height: int) -> str:
    """Of pixels in sRGB, row after row."""
    linear = [(_LINEAR[red], _LINEAR[green], _LINEAR[blue]) for red, green, blue in pixels]
    mean, *others = [_component(linear, width, height, column, row) for row in range(ROWS) for column in range(COLUMNS)]
    most = max(abs(value) for colour in others for value in colour)
    scale = max(0, min(82, math.floor(most * 166 - 0.5)))
    bound = (scale + 1) / 166
    average = sum(_srgb(value) << shift for value, shift in zip(mean, (16, 8, 0), strict=True))
    details = (_encoded(_quantised(colour, bound), 2) for colour in others)
    return _encoded(COLUMNS - 1 + (ROWS - 1) * 9, 1) + _encoded(scale, 1) + _encoded(average, 4) + "".join(details)


def _component(linear: Sequence[Colour], width: int, height: int, column: int, row: int) -> Colour:
    """One of the cosine transform."""
    across = [math.cos(math.pi * column * x / width) for x in range(width)]
    down = [math.cos(math.pi * row * y / height) for y in range(height)]
    weights = [one * other for other in down for one in across]
    scale = (1 if column == row == 0 else 2) / (width * height)
    red, green, blue = (
        scale * sum(weight * colour[each] for weight, colour in zip(weights, linear, strict=True)) for each in range(3)
    )
    return red, green, blue


def _quantised(colour: Colour, bound: float) -> int:
    red, green, blue = (
        max(0, min(18, math.floor(math.copysign(math.sqrt(abs(value) / bound), value) * 9 + 9.5))) for value in colour
    )
    return (red * 19 + green) * 19 + blue


def _encoded(value: int, length: int) -> str:
    return "".join(_DIGITS[value // 83**place % 83] for place in reversed(range(length)))


def _to_linear(value: int) -> float:
    share = value / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def _srgb(value: float) -> int:
    share = max(0.0, min(1.0, value))
    shown = share * 12.92 if share <= 0.0031308 else 1.055 * share ** (1 / 2.4) - 0.055
    return int(shown * 255 + 0.5)


_LINEAR: Final = [_to_linear(value) for value in range(256)]
