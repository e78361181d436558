"""Where the people of a stage stand in its picture. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

Layout = Literal["grid", "spotlight", "pip"]
LAYOUTS: Final[tuple[Layout, ...]] = ("grid", "spotlight", "pip")
#: The share of the picture's width that who is in the spotlight has beside others.
_SPOTLIGHT: Final = 0.75
#: Of a small picture within the large one, and the gap around it.
_SMALL: Final = 0.24
_GAP: Final = 0.02


class Box(NamedTuple):
    """In pixels, all even, as pictures with halved colour planes need it."""

    left: int
    top: int
    width: int
    height: int


def boxes(layout: Layout, count: int, *, width: int, height: int) -> Sequence[Box]:
    """One for each of ``count`` people, in their order: the first is the one in the spotlight. Later ones lie above
    earlier ones."""
    if count <= 1:
        return [Box(0, 0, width, height)][:count]
    if layout == "grid":
        return _grid(count, width, height)
    return _spotlight(count, width, height) if layout == "spotlight" else _within(count, width, height)


def _grid(count: int, width: int, height: int) -> list[Box]:
    """The last row is in the middle where it has fewer."""
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    wide, high = _even(width / columns), _even(height / rows)
    found = []
    for index in range(count):
        row, column = divmod(index, columns)
        in_row = min(columns, count - row * columns)
        left = _even((width - in_row * wide) / 2) + column * wide
        top = _even((height - rows * high) / 2) + row * high
        found.append(Box(left, top, wide, high))
    return found


def _spotlight(count: int, width: int, height: int) -> list[Box]:
    """One large, the others in a column at its side."""
    large = _even(width * _SPOTLIGHT)
    side, others = width - large, count - 1
    high = min(_even(height / others), _even(side * height / width))
    top = _even((height - others * high) / 2)
    return [Box(0, 0, large, height), *(Box(large, top + index * high, side, high) for index in range(others))]


def _within(count: int, width: int, height: int) -> list[Box]:
    """The others in a row above the lower edge of the first, from the right; narrower where they are many."""
    others, gap = count - 1, _even(width * _GAP)
    wide = min(_even(width * _SMALL), _even((width - gap) / others - gap))
    high = _even(wide * height / width)
    top = height - high - gap
    small = (Box(width - (index + 1) * (wide + gap), top, wide, high) for index in range(others))
    return [Box(0, 0, width, height), *small]


def _even(value: float) -> int:
    return int(value) & ~1
