"""The key frames of an uploaded video's smallest rendition, for its storyboard."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

from server.features.videos.library import queries
from server.features.videos.library.keys import INIT
from server.live.storyboards import SOURCE
from storage.postgres import Database
from storage.recording import Segment

_NEVER: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def board_id(video_id: str, edition: int) -> str:
    """What its storyboard is named by: another edition has other pictures."""
    return f"{video_id}/{edition}"


class Moments:
    """``storage.recording.Recordings``, as far as storyboards ask it. Ids are ``board_id``'s."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def between(self, board: str, *, from_ms: int, to_ms: int, limit: int) -> Sequence[Segment]:
        video_id, _, edition = board.partition("/")
        begin = await self._db.fetchval(queries.BEGIN, video_id) or 0
        times = max(0, begin + from_ms), begin + to_ms
        rows = await self._db.fetch(queries.PICTURED, video_id, int(edition), *times, limit)
        return [
            Segment(
                rendition=SOURCE,
                segment=row["number"],
                publication=int(edition),
                object_key=row["object_key"],
                init_key=row["init_key"],
                init_name=INIT,
                media_time_ms=row["start"] * 1000 // row["timescale"] - begin,
                duration_ms=row["duration"] * 1000 / row["timescale"],
                bytes=row["bytes"],
                started_at=_NEVER,
                key_bytes=row["key_bytes"],
            )
            for row in rows
        ]

    async def extent_ms(self, board: str) -> tuple[float, float] | None:
        duration_ms = await self._db.fetchval(queries.DURATION, board.partition("/")[0])
        return (0.0, float(duration_ms)) if duration_ms else None
