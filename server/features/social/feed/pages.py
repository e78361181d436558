"""Pages of what a reader may see, out of lists of which some may not be shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Generic, TypeVar

import msgspec

Position = TypeVar("Position")
ShapeT = TypeVar("ShapeT")
Item = TypeVar("Item")

ROUNDS: Final = 4
"""How often a page looks on for what may be shown. A page that is still short is not the last: its cursor goes on."""


class Filled(msgspec.Struct, Generic[Item, ShapeT, Position], frozen=True):
    """Items with their shapes, and the position after which the next page begins; None at the end."""

    items: Sequence[tuple[Item, ShapeT]]
    next: Position | None


async def fill(
    fetch: Callable[[Position | None, int], Awaitable[Sequence[Item]]],
    shown: Callable[[Sequence[Item]], Awaitable[Mapping[str, ShapeT]]],
    *,
    key: Callable[[Item], str],
    position: Callable[[Item], Position],
    after: Position | None,
    limit: int,
) -> Filled[Item, ShapeT, Position]:
    """``fetch`` answers as many as it is asked for unless there are no more; ``shown``: those that may be seen."""
    items: list[tuple[Item, ShapeT]] = []
    at = after
    for _ in range(ROUNDS):
        batch = await fetch(at, limit + 1)
        visible = await shown(batch[:limit]) if batch else {}
        for one in batch[:limit]:
            if len(items) == limit:
                return Filled(items, at)
            at = position(one)
            if (shape := visible.get(key(one))) is not None:
                items.append((one, shape))
        if len(batch) <= limit:
            return Filled(items, None)
        if len(items) == limit:
            break
    return Filled(items, at)
