"""Events on their way into the database: gathered on each node and written together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol

from server.features.insight.analytics.events import Event
from storage.errors import StorageError

FLUSH_S: Final = 2.0
MOST_HELD: Final = 50_000
AT_ONCE: Final = 5_000
log = logging.getLogger("server.analytics")


class Records(Protocol):
    async def record(self, events: Sequence[Event]) -> int: ...


class Recorder:
    """``dropped``: events that there was no room for while the database was away. A node that dies loses what it has
    gathered in ``FLUSH_S``.
    """

    def __init__(self, *, events: Records, flush_s: float = FLUSH_S) -> None:
        self._events = events
        self._flush_s = flush_s
        self._held: list[Event] = []
        self._flushing: asyncio.Task[None] | None = None
        self.dropped = 0

    def note(self, event: Event) -> None:
        """Never waits. Within a running loop."""
        if len(self._held) >= MOST_HELD:
            self.dropped += 1
            return
        self._held.append(event)
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush_later(), name="analytics flush")

    async def flush(self) -> None:
        """Write all that is held. Raises ``StorageError``, and holds on to what was not written."""
        while self._held:
            batch = self._held[:AT_ONCE]
            await self._events.record(batch)
            del self._held[: len(batch)]

    async def close(self) -> None:
        """Write what is held, if the database takes it."""
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.wait([self._flushing])
        try:
            await self.flush()
        except StorageError as error:
            log.warning("%d events were lost: %s", len(self._held), error)

    async def _flush_later(self) -> None:
        while self._held:
            await asyncio.sleep(self._flush_s)
            try:
                await self.flush()
            except StorageError as error:
                log.warning("events wait for the database: %s", error)
        self._flushing = None
