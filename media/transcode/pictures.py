"""Key frames to pictures, one after another, by one worker for everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from media.errors import MediaError
from media.transcode.child import Child
from media.transcode.wire import Answer, Picture, Pictured
from media.unit import Track, Unit

DEADLINE_S = 3.0
MAX_UNIT_BYTES = 8 * 1024 * 1024


class PictureTaker:
    """One picture at a time; a worker that takes too long or crashes is replaced at the next picture."""

    def __init__(
        self, *, hire: Callable[[], Awaitable[Child]], release: Callable[[Child], None], max_waiting: int
    ) -> None:
        self._hire = hire
        self._release = release
        self._max_waiting = max_waiting
        self._inside = 0
        self._turn = asyncio.Lock()
        self._child: Child | None = None
        self._number = 0
        self._is_closed = False

    async def take(self, track: Track, unit: Unit) -> bytes | None:
        """None at once if ``max_waiting`` others wait, and after 3 s at most, waiting included."""
        if self._is_closed or track.kind != "video" or len(unit.data) > MAX_UNIT_BYTES:
            return None
        if self._inside > self._max_waiting:
            return None
        self._inside += 1
        try:
            async with asyncio.timeout(DEADLINE_S) as deadline, self._turn:
                return await self._ask(track, unit, deadline)
        except (TimeoutError, MediaError):
            return None
        finally:
            self._inside -= 1

    def close(self) -> None:
        """End the worker; pictures under way are None, and so are all others from now on."""
        self._is_closed = True
        self._dismiss()

    async def _ask(self, track: Track, unit: Unit, deadline: asyncio.Timeout) -> bytes | None:
        child = await self._worker()
        self._number += 1
        number = self._number
        answered = asyncio.Event()
        pictures: list[bytes | None] = []

        def receive(answer: Answer) -> None:
            if isinstance(answer, Pictured) and answer.number == number:
                pictures.append(answer.picture)
                answered.set()

        child.attach(receive, on_gone=answered.set)
        child.send(Picture(number, track, unit))
        try:
            await answered.wait()
        except asyncio.CancelledError:
            # Whoever asked may lose interest; only a worker that is too slow has to go.
            if deadline.expired():
                self._dismiss()
            raise
        return pictures[0] if pictures else None

    async def _worker(self) -> Child:
        if self._child is None or self._child.gone.is_set():
            self._dismiss()
            self._child = await self._hire()
        return self._child

    def _dismiss(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            self._release(child)
