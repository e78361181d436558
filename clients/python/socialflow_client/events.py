"""What the server sends besides chat messages."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any

from socialflow_client.shapes import Event

Wanted = Callable[[str, dict[str, Any]], bool]


class Events:
    """``async with`` it, and iterate. Of a reader that is too slow the oldest events are dropped, and counted."""

    def __init__(self, *, wanted: Wanted, listeners: set[Events], limit: int) -> None:
        self._wanted = wanted
        self._listeners = listeners
        self._queue: deque[Event] = deque(maxlen=limit)
        self._arrived = asyncio.Event()
        self._failure: BaseException | None = None
        self.dropped = 0

    def receive(self, event: str, body: dict[str, Any]) -> None:
        if self._wanted(event, body):
            self.dropped += len(self._queue) == self._queue.maxlen
            self._queue.append(Event(event, body))
            self._arrived.set()

    def end(self, failure: BaseException) -> None:
        self._failure = failure
        self._arrived.set()

    async def __aenter__(self) -> Events:
        self._listeners.add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listeners.discard(self)

    def __aiter__(self) -> Events:
        return self

    async def __anext__(self) -> Event:
        """Raises what ended the client's connection for good."""
        while not self._queue:
            if self._failure is not None:
                raise self._failure
            self._arrived.clear()
            await self._arrived.wait()
        return self._queue.popleft()
