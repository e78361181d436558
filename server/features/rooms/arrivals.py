"""What a socket is sent when it comes into a room: the polls or predictions that are open in it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from actors.runtime import Unavailable
from server.feature import Receiver

GATHER_S: Final = 0.1
MAX_WAITING: Final = 100_000

OpenIn = Callable[[Sequence[str]], Awaitable[list[dict[str, Any]]]]
"""Rooms → the bodies of what is open in them, each with its ``room_id``."""

log = logging.getLogger("server.arrivals")


class Arrivals:
    """Reads for all sockets that came within ``GATHER_S`` at once, after they are subscribed: so nothing is missed
    between what they are sent here and what the room is sent later.
    """

    def __init__(self, *, event: str, open_in: OpenIn) -> None:
        self._event = event
        self._open_in = open_in
        self._waiting: dict[str, list[Receiver]] = {}
        self._count = 0
        self._task: asyncio.Task[None] | None = None

    def entered(self, socket: Receiver, room_id: str) -> None:
        """Never waits. Beyond ``MAX_WAITING`` sockets the list over REST has to do."""
        if self._count >= MAX_WAITING:
            return
        self._count += 1
        self._waiting.setdefault(room_id, []).append(socket)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._send(), name=f"arrivals {self._event}")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _send(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(GATHER_S)
                waiting, self._waiting, self._count = self._waiting, {}, 0
                await self._send_to(waiting)
        finally:
            self._task = None

    async def _send_to(self, waiting: dict[str, list[Receiver]]) -> None:
        try:
            bodies = await self._open_in(list(waiting))
        except Unavailable as error:
            log.info("%s is not sent to who came: %s", self._event, error)
            return
        for body in bodies:
            for socket in waiting[body["room_id"]]:
                socket.emit(self._event, body)
