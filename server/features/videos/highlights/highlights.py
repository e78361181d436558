"""What is stored of a stream that tells its highlights: how many people wrote when, and what was clipped."""

from __future__ import annotations

from typing import Final

from server.features.videos.highlights.rules import STEP_MS, Clipped, Highlight, highlights
from server.http.errors import not_found
from server.live.viewings import Viewer
from storage.postgres import Database
from storage.recording import window_of
from storage.seen_streams import seen_stream

MAX_CLIPS: Final = 1_000


class Highlights:
    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def of(self, stream_id: str, viewer: Viewer) -> list[Highlight]:
        """Raises a 404, or a 451."""
        stream = await seen_stream(self._db, stream_id, viewer.id)
        if stream is None:
            raise not_found("There is no such stream")
        stream.require_for(viewer.id, viewer.country)
        window = await window_of(self._db, stream_id)
        span = window.begin_ms, window.end_ms
        rows = await self._db.fetch(_PEOPLE, stream.room_id, STEP_MS, *span)
        clips = [Clipped(**dict(row)) for row in await self._db.fetch(_CLIPS, stream_id, MAX_CLIPS, *span)]
        length_ms = await self._db.fetchval("select media_time_ms from streams where id = $1", stream_id)
        shown_ms = (window.end_ms or length_ms or 0) - window.begin_ms
        return highlights({row["step"]: row["people"] for row in rows}, clips, length_ms=max(0, shown_ms))


_PEOPLE: Final = """
select ((media_time_ms - $3) / $2::bigint)::bigint as step, count(distinct user_id) as people from chat_messages
where room_id = $1 and media_time_ms >= $3::bigint and ($4::bigint is null or media_time_ms < $4)
    and deleted_at is null group by 1
"""
_CLIPS: Final = """
select from_ms - $3 as from_ms, to_ms - $3 as to_ms from clips
where stream_id = $1 and from_ms >= $3::bigint and ($4::bigint is null or to_ms <= $4) order by id desc limit $2
"""
