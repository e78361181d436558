"""The chat of a stream over REST, in the order of its messages: what was written while the broadcast ran."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from pydantic import Field

from actors.events import DeletedMessage, LoggedMessage
from server.http.cursors import decode_cursor, encode_cursor
from server.http.errors import not_found
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Cursor, Limit, Query, Shape
from server.live.stream_access import StreamAccess
from server.live.stream_shapes import TAG
from storage.chat import PostgresChatLog
from storage.recording import Window
from storage.rooms import Rooms


class ReplayQuery(Query):
    since_offset: Annotated[int, Field(ge=0, le=2**53, description="Messages after this offset")] | None = None
    media_time: (
        Annotated[
            float, Field(ge=0, le=1e9, allow_inf_nan=False, description="Messages from this second of the broadcast on")
        ]
        | None
    ) = None
    limit: Limit = 100
    cursor: Cursor | None = None


class ReplayShape(Shape):
    room_id: UUID
    epoch: str
    items: list[dict[str, Any]]
    next: str | None


class ReplayRoutes:
    """``/api/v1/streams/{stream_id}/chat``."""

    def __init__(
        self, *, log: PostgresChatLog, rooms: Rooms, access: StreamAccess, window: Callable[[str], Awaitable[Window]]
    ) -> None:
        self._log = log
        self._rooms = rooms
        self._access = access
        self._window = window

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/streams/{stream_id}/chat", handler=self._replay, name="replayChat", tag=TAG,
                summary="The stream's chat, in order", query=ReplayQuery, answers={200: ReplayShape},
                problems=frozenset({404}), auth="optional",
            ),
        ]  # fmt: skip

    async def _replay(self, call: Call[None, ReplayQuery]) -> Answer:
        view = await self._access.visible(call)
        room = await self._rooms.load(view.room_id)
        if room is None:
            raise not_found()
        query = call.query
        after = decode_cursor(query.cursor, tuple[int, UUID])[0] if query.cursor is not None else query.since_offset
        window = await self._window(view.id)
        if after is None and query.media_time is not None:
            from_ms, to_ms = window.begin_ms + round(query.media_time * 1000), window.end_ms or 2**53
            messages = await self._log.between(view.room_id, from_ms=from_ms, to_ms=to_ms, limit=query.limit)
        else:
            messages = await self._log.since(view.room_id, after or 0, limit=query.limit)
        following = encode_cursor((messages[-1].offset, view.room_id)) if len(messages) == query.limit else None
        items = [msgspec.to_builtins(placed) for each in messages if (placed := _placed(each, window)) is not None]
        return Answer(200, {"room_id": view.room_id, "epoch": room.log_epoch, "items": items, "next": following})


def _placed(message: LoggedMessage, window: Window) -> LoggedMessage | None:
    """At its time in what is left of the recording; None for one of a part that was cut."""
    if isinstance(message, DeletedMessage) or message.media_time_ms is None:
        return message
    if not window.holds(message.media_time_ms):
        return None
    return msgspec.structs.replace(message, media_time_ms=message.media_time_ms - window.begin_ms)
