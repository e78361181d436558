"""What the lists of a stream's polls and predictions share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from server.http.errors import not_found
from server.http.operation import Call
from server.http.shapes import PageQuery
from storage.postgres import Database
from storage.seen_streams import seen_stream


class AtMoment(PageQuery):
    media_time: Annotated[
        float | None, Field(ge=0, le=2**32, description="Seconds of the video: as it stood at that moment")
    ] = None

    @property
    def media_time_ms(self) -> int | None:
        return None if self.media_time is None else round(self.media_time * 1000)


def person_of(call: Call[Any, Any]) -> str | None:
    return None if call.person is None else call.person.id


async def watched_room(db: Database, call: Call[Any, Any]) -> str:
    """The room of the stream in the path. Raises a 404 for a stream that the caller may not know of."""
    stream = await seen_stream(db, call.path["stream_id"], person_of(call))
    if stream is None:
        raise not_found("There is no such stream")
    return stream.room_id
