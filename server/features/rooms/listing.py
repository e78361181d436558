"""The list of a stream's polls, or predictions, as they stand now or stood at a moment of its video."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Protocol

from pydantic import Field

from server.http.cursors import after_id, page_of
from server.http.errors import not_found
from server.http.operation import UUID, Answer, Call, Operation
from server.http.shapes import Page, PageQuery
from storage.postgres import Database
from storage.recording import window_of
from storage.seen_streams import seen_stream


class AtMoment(PageQuery):
    media_time: Annotated[
        float | None, Field(ge=0, le=2**32, description="Seconds of the video: as it stood at that moment")
    ] = None

    @property
    def media_time_ms(self) -> int | None:
        return None if self.media_time is None else round(self.media_time * 1000)


class Listed(Protocol):
    """Those of a room, the newest first, from the id ``before`` on; each as its body is, with its ``id``."""

    def __call__(
        self, room_id: str, person_id: str | None, *, before: str | None, limit: int, media_time_ms: int | None
    ) -> Awaitable[list[dict[str, Any]]]: ...


def list_operation(*, noun: str, listed: Listed, shape: type[Page[Any]], db: Database) -> Operation:
    """``GET /api/v1/streams/{stream_id}/<noun>``, 404 for a stream that the caller may not know of."""
    return Operation(
        method="GET", path=f"/api/v1/streams/{{stream_id}}/{noun}", handler=_handler(listed, db),
        name=f"list{noun.capitalize()}", tag=noun, paths={"stream_id": UUID},
        summary=f"The {noun} of a stream, the newest first", query=AtMoment,
        answers={200: shape}, problems=frozenset({404}), auth="optional",
    )  # fmt: skip


def _handler(listed: Listed, db: Database) -> Callable[[Call[None, AtMoment]], Awaitable[Answer]]:
    async def list_them(call: Call[None, AtMoment]) -> Answer:
        room_id, query = await watched_room(db, call), call.query
        begin_ms = (await window_of(db, call.path["stream_id"])).begin_ms
        at_ms = query.media_time_ms
        rows = await listed(
            room_id,
            _person_of(call),
            before=after_id(query.cursor),
            limit=query.limit + 1,
            media_time_ms=None if at_ms is None else at_ms + begin_ms,
        )
        rows = [_placed(row, begin_ms) for row in rows] if begin_ms else rows
        items, following = page_of(rows, query.limit, lambda row: (0, row["id"]))
        return Answer(200, {"items": items, "next": following})

    return list_them


def _placed(row: dict[str, Any], begin_ms: int) -> dict[str, Any]:
    """By the clock of a recording that was trimmed; what was opened before it begins is there from the beginning."""
    at_ms = row["media_time_ms"]
    return {**row, "media_time_ms": None if at_ms is None else max(0, at_ms - begin_ms)}


async def watched_room(db: Database, call: Call[Any, Any]) -> str:
    """The room of the stream in the path. Raises a 404 for a stream that the caller may not know of."""
    stream = await seen_stream(db, call.path["stream_id"], _person_of(call))
    if stream is None:
        raise not_found("There is no such stream")
    return stream.room_id


def _person_of(call: Call[Any, Any]) -> str | None:
    return None if call.person is None else call.person.id
