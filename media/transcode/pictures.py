"""Key frames to pictures, one after another, by one worker for everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from media.errors import MediaError
from media.transcode.child import Child
from media.transcode.wire import Answer, Picture, Pictured
from media.unit import Track, Unit

DEADLINE_S = 3.0


class PictureTaker:
    """One picture at a time; a worker that takes too long or crashes is replaced at the next picture."""

    def __init__(
        self, *, hire: Callable[[], Awaitable[Child]], release: Callable[[Child], None], max_waiting: int
    ) -> None:
        self._hire = hire
        self._release = release
        self._max_waiting = max_waiting
        self._waiting = 0
        self._turn = asyncio.Lock()
        self._child: Child | None = None
        self._number = 0

    async def take(self, track: Track, unit: Unit) -> bytes | None:
        """None at once if ``max_waiting`` others wait, and after 3 s at most, waiting included."""
        if track.kind != "video" or self._waiting > self._max_waiting:
            return None
        self._waiting += 1
        try:
            async with asyncio.timeout(DEADLINE_S):
                async with self._turn:
                    return await self._ask(track, unit)
        except (TimeoutError, MediaError):
            return None
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the worker; pictures under way are None."""
        child, self._child = self._child, None
        if child is not None:
            self._release(child)

    async def _ask(self, track: Track, unit: Unit) -> bytes | None:
        child = await self._worker()
        self._number += 1
        number = self._number
        answer: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()

        def receive(said: Answer) -> None:
            if isinstance(said, Pictured) and said.number == number and not answer.done():
                answer.set_result(said.picture)

        child.attach(receive)
        child.send(Picture(number, track, unit))
        gone = asyncio.ensure_future(child.gone.wait())
        try:
            await asyncio.wait([answer, gone], return_when=asyncio.FIRST_COMPLETED)
            return answer.result() if answer.done() else None
        finally:
            gone.cancel()
            if not answer.done():
                self.close()

    async def _worker(self) -> Child:
        if self._child is None or self._child.gone.is_set():
            self.close()
            self._child = await self._hire()
        return self._child
