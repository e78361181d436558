"""Postgres NOTIFY as a wake-up: quick, and never relied on, since what is sent while no one listens is lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from storage.errors import StorageError
from storage.postgres import Database

AGAIN_S: Final = 0.5
PROBE_S: Final = 30.0

log = logging.getLogger("storage.notify")


class NotifyListener:
    """Holds a connection that listens on a channel, and makes another one after it was lost.

    ``on_notify`` gets each payload on the loop, and an empty one whenever a connection is new, since some may have been
    missed before. It must not raise.
    """

    def __init__(self, *, db: Database, channel: str, on_notify: Callable[[str], None]) -> None:
        self._db = db
        self._channel = channel
        self._on_notify = on_notify
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"listen {self._channel}")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except StorageError as error:
                log.debug("nothing is heard on the channel %s: %s", self._channel, error)
            await asyncio.sleep(AGAIN_S)

    async def _listen(self) -> None:
        async with self._db.listening(self._channel, self._on_notify) as listening:
            self._on_notify("")
            await listening.until_lost(probe_s=PROBE_S)
