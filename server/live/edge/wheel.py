"""One timer for every deadline of the edge: things are looked at when their time has come."""

from __future__ import annotations

import math
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class HasDeadline(Protocol):
    """Something with deadlines: does what is due and says when to look again, None when never."""

    def check(self, now: float) -> float | None: ...


class Wheel(Generic[T]):
    """Buckets of one tick each. Adding costs a list append; nothing is ever taken out early.

    An item that no longer waits for anything is simply found to be so when its bucket comes up.
    """

    __slots__ = ("_buckets", "_next", "tick_s")

    def __init__(self, *, tick_s: float, now: float) -> None:
        self.tick_s = tick_s
        self._next = math.floor(now / tick_s)
        self._buckets: dict[int, list[T]] = {}

    def add(self, item: T, due: float) -> None:
        """`item` comes up at the first `expired` at or after `due` (on the same clock), at most a tick late."""
        slot = int(due / self.tick_s) + 1
        slot = max(slot, self._next)
        bucket = self._buckets.get(slot)
        if bucket is None:
            self._buckets[slot] = [item]
        else:
            bucket.append(item)

    def expired(self, now: float) -> list[T]:
        """What is due, oldest first; each is handed out once."""
        last = math.floor(now / self.tick_s)
        due: list[T] = []
        for slot in range(self._next, last + 1):
            due.extend(self._buckets.pop(slot, ()))
        self._next = max(self._next, last + 1)
        return due
