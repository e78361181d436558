"""The streams of people who go: ended at once when they may not be on the air, removed when their account is wiped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from actors.runtime import ActorError, DomainError, Fence, Node
from actors.stream_messages import DescribeStream, EndStream, StreamDeleted
from storage.stream import Streams

END_S: Final = 10.0

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

    async def resume(self) -> None:
        """Streams that were on the air when the last node ended wait for their publishers; without one they end."""
        for row in await self._streams.left_on_air():
            try:
                await self._node.ref("stream", row.id).ask(DescribeStream())
            except ActorError as error:
                log.warning("stream %s was not taken up: %s", row.id, error)

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

    async def end_streams_of(self, user_id: str) -> None:
        """End what this person has on the air. Raises what an actor or a table raises that is away.

        What is prepared stays as it is: nobody sees it, and the person may be back."""
        rows = await self._streams.open_of(user_id, now=self._now())
        stream_directory = [row.id for row in rows if row.state != "scheduled"]
        ended = EndStream(reason="its owner may not be on the air")
        await asyncio.gather(
            *(self._node.ref("stream", stream_id).ask(ended, timeout_s=END_S) for stream_id in stream_directory)
        )
