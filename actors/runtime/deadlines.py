"""The deadlines of all open asks of a node, by coarse buckets of time.

An answered ask leaves its bucket at once, so what is held is what is open. One clock call a bucket, none an ask.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from actors.runtime.clock import Clock
from actors.runtime.errors import DeadlineExceeded
from actors.runtime.mailbox import Envelope, refuse
from actors.runtime.message import Message

GRAIN: Final = 50.0
"""Buckets a second: an ask ends at most a fiftieth of a second after its deadline, never before it."""

Bucket = set[asyncio.Future[Any]]


class Deadlines:
    __slots__ = ("_buckets", "_clock", "_loop", "_monotonic")

    def __init__(self, *, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        self._clock = clock
        self._monotonic = clock.monotonic
        self._loop = loop
        self._buckets: dict[int, Bucket] = {}

    def envelope(self, message: Message, timeout_s: float) -> tuple[Envelope, Bucket]:
        """An envelope whose future becomes DeadlineExceeded in time. Whoever waits discards it from the bucket."""
        deadline = self._monotonic() + timeout_s
        future: asyncio.Future[Any] = self._loop.create_future()
        bucket = self._buckets.get(int(deadline * GRAIN))
        if bucket is None:
            bucket = self._open(int(deadline * GRAIN))
        bucket.add(future)
        return Envelope(message, future, deadline), bucket

    def _open(self, tick: int) -> Bucket:
        bucket = self._buckets[tick] = set()
        end = (tick + 1) / GRAIN
        self._clock.call_later(max(0.0, end - self._monotonic()), lambda: self._expire(tick))
        return bucket

    def _expire(self, tick: int) -> None:
        for future in self._buckets.pop(tick, ()):
            refuse(future, DeadlineExceeded(""))
