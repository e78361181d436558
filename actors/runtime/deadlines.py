"""The deadlines of all open asks of a node, by coarse buckets of time.

An answered ask leaves its bucket at once, so what is held is what is open. One clock call a bucket, none an ask.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from actors.runtime.clock import Clock
from actors.runtime.envelope import Envelope, refuse
from actors.runtime.errors import DeadlineExceeded
from actors.runtime.message import Message

GRAIN_S: Final = 0.02
"""The width of a bucket: an ask ends at most so long after its deadline, never before it."""

Bucket = set[asyncio.Future[Any]]


class Deadlines:
    __slots__ = ("_buckets", "_clock", "_monotonic", "_new_future")

    def __init__(self, *, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        self._clock = clock
        self._monotonic = clock.monotonic
        self._new_future = loop.create_future
        self._buckets: dict[float, Bucket] = {}

    def envelope(self, message: Message, timeout_s: float) -> tuple[Envelope, Bucket]:
        """An envelope whose future becomes DeadlineExceeded in time. The asker discards it from the bucket."""
        deadline = self._monotonic() + timeout_s
        future: asyncio.Future[Any] = self._new_future()
        tick = deadline // GRAIN_S
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._open(tick)
        bucket.add(future)
        return Envelope(message, future, deadline), bucket

    def _open(self, tick: float) -> Bucket:
        bucket = self._buckets[tick] = set()
        end = (tick + 1) * GRAIN_S
        self._clock.call_later(max(0.0, end - self._monotonic()), lambda: self._expire(tick))
        return bucket

    def _expire(self, tick: float) -> None:
        for future in self._buckets.pop(tick, ()):
            refuse(future, DeadlineExceeded(""))
