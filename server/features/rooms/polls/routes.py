"""``GET /api/v1/streams/{stream_id}/polls``."""

from __future__ import annotations

from collections.abc import Sequence

from server.features.rooms.listing import AtMoment, person_of, watched_room
from server.features.rooms.polls.polls import Polls
from server.features.rooms.polls.shapes import PollsShape
from server.http.cursors import after_id, page_of
from server.http.operation import UUID, Answer, Call, Operation
from storage.postgres import Database


class PollRoutes:
    def __init__(self, *, polls: Polls, db: Database) -> None:
        self._polls = polls
        self._db = db

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/streams/{stream_id}/polls", handler=self._list,
                name="listPolls", tag="polls", paths={"stream_id": UUID},
                summary="The polls of a stream, the newest first", query=AtMoment,
                answers={200: PollsShape}, problems=frozenset({404}), auth="optional",
            ),
        ]  # fmt: skip

    async def _list(self, call: Call[None, AtMoment]) -> Answer:
        room_id, query = await watched_room(self._db, call), call.query
        rows = await self._polls.listed(
            room_id,
            person_of(call),
            before=after_id(query.cursor),
            limit=query.limit + 1,
            media_time_ms=query.media_time_ms,
        )
        items, following = page_of(rows, query.limit, lambda row: (0, row["id"]))
        return Answer(200, {"items": items, "next": following})
