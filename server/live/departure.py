"""The streams of people who go: ended at once when they may not be on the air, removed when their account is wiped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from actors.runtime import ActorError, DomainError, Fence, Node
from actors.stream_messages import DescribeStream, EndStream, StreamDeleted
from storage.errors import StorageError
from storage.stream import Streams

END_S: Final = 10.0
TRIES: Final = 10
PAUSE_S: Final = 1.0

log = logging.getLogger("server.departure")


class Departure:
    """Every step may be repeated, and on several nodes at once."""

    def __init__(
        self,
        *,
        streams: Streams,
        node: Node,
        fence: Callable[[str, str], Awaitable[Fence]],
        now: Callable[[], datetime],
    ) -> None:
        self._streams = streams
        self._node = node
        self._fence = fence
        self._now = now
        self._ending: dict[str, asyncio.Task[None]] = {}

    async def resume(self) -> None:
        """Streams that were on the air when the last node ended wait for their publishers; without one they end."""
        for row in await self._streams.left_on_air():
            try:
                await self._node.ref("stream", row.id).ask(DescribeStream())
            except ActorError as error:
                log.warning("stream %s was not taken up: %s", row.id, error)

    def end_streams_of(self, user_id: str) -> None:
        """Begin to end what this person has on the air, and try again for a while where it fails."""
        if user_id not in self._ending:
            task = asyncio.get_running_loop().create_task(
                self._end_until_done(user_id), name=f"end streams of {user_id}"
            )
            self._ending[user_id] = task
            task.add_done_callback(lambda _: self._ending.pop(user_id, None))

    async def close(self) -> None:
        tasks = list(self._ending.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def remove_streams_of(self, user_id: str) -> None:
        """All of them, with recordings, rooms and views; their objects are swept later. Raises what is away."""
        while stream_ids := await self._streams.ids_of(user_id):
            for stream_id in stream_ids:
                await self.remove(stream_id, reason="the account was deleted")

    async def remove(self, stream_id: str, *, reason: str) -> None:
        """End a stream and remove it; idempotent."""
        ref = self._node.ref("stream", stream_id)
        try:
            await ref.ask(EndStream(reason=reason), timeout_s=END_S)
        except DomainError as error:
            if error.code != "not_found":
                raise
        await self._streams.delete(stream_id, fence=await self._fence("stream", stream_id))
        ref.tell(StreamDeleted())

    async def _end_until_done(self, user_id: str) -> None:
        for _ in range(TRIES):
            try:
                await self._end(user_id)
            except (ActorError, DomainError, StorageError) as error:
                log.warning("streams of %s are not ended yet: %s", user_id, error)
                await asyncio.sleep(PAUSE_S)
            else:
                return

    async def _end(self, user_id: str) -> None:
        """What is prepared stays as it is: nobody sees it, and the person may be back."""
        rows = await self._streams.open_of(user_id, now=self._now())
        stream_directory = [row.id for row in rows if row.state != "scheduled"]
        ended = EndStream(reason="its owner may not be on the air")
        await asyncio.gather(
            *(self._node.ref("stream", stream_id).ask(ended, timeout_s=END_S) for stream_id in stream_directory)
        )
