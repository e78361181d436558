"""What is done now and then beside everything else, and again after a failure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from actors.runtime import ActorError, DomainError
from storage.errors import StorageError

log = logging.getLogger("server.sweep")


class Chore(msgspec.Struct, frozen=True, kw_only=True):
    """``do`` may be repeated at any time. It is done at the start and then every ``every_s``."""

    name: str
    every_s: float
    do: Callable[[], Awaitable[object]]


class Sweep:
    """One task a chore, so that none waits for another."""

    def __init__(self, *, chores: Sequence[Chore]) -> None:
        self._chores = chores
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        create_task = asyncio.get_running_loop().create_task
        self._tasks = [create_task(self._repeat(chore), name=f"sweep {chore.name}") for chore in self._chores]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, chore: Chore) -> None:
        while True:
            try:
                await chore.do()
            except (StorageError, ActorError, DomainError, TimeoutError) as error:
                log.warning("%s: to be tried again: %s", chore.name, error)
            await asyncio.sleep(chore.every_s)
