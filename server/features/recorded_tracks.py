"""A person's recordings as files: a track of a broadcast is its initialisation segment and the segments after it.

Fragmented MP4 (ISO/IEC 14496-12) is played in that order as it is, so nothing is converted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from server.feature import NO_UUID, MediaFile
from storage.objects import NoSuchObject, ObjectStore
from storage.postgres import Database, Row

PAGE: Final = 500

_STREAMS: Final = """
select id, started_at from streams where owner_id = $1 and id > $2 order by id limit $3
"""
_TRACKS: Final = """
select rendition, init_name, min(init_key) as init_key, min(segment) as first, sum(bytes)::bigint as bytes
from stream_segments where stream_id = $1 and rendition in ('video', 'audio')
group by rendition, init_name order by rendition, min(segment)
"""
_SEGMENTS: Final = """
select segment, object_key from stream_segments
where stream_id = $1 and rendition = $2 and init_name = $3 and segment > $4 order by segment limit $5
"""


class RecordedTracks:
    """Of what the publisher has sent; renditions that the server made of it are left out."""

    def __init__(self, *, database: Database, objects: ObjectStore) -> None:
        self._db = database
        self._objects = objects

    async def of(self, person_id: str) -> AsyncIterator[MediaFile]:
        after = NO_UUID
        while rows := await self._db.fetch(_STREAMS, person_id, after, PAGE):
            for stream in rows:
                for number, track in enumerate(await self._db.fetch(_TRACKS, stream["id"]), 1):
                    yield self._file(stream, track, number)
            after = rows[-1]["id"]

    def _file(self, stream: Row, track: Row, number: int) -> MediaFile:
        stream_id, day = stream["id"], f"{stream['started_at']:%Y-%m-%d}-" if stream["started_at"] else ""
        return MediaFile(
            name=f"recordings/{day}{stream_id}/{number:03}-{track['rendition']}.mp4",
            size=track["bytes"],
            chunks=lambda: self._chunks(stream_id, track),
        )

    async def _chunks(self, stream_id: str, track: Row) -> AsyncIterator[bytes]:
        async for chunk in self._object(track["init_key"]):
            yield chunk
        after = track["first"] - 1
        while rows := await self._db.fetch(_SEGMENTS, stream_id, track["rendition"], track["init_name"], after, PAGE):
            for row in rows:
                async for chunk in self._object(row["object_key"]):
                    yield chunk
            after = rows[-1]["segment"]

    async def _object(self, key: str) -> AsyncIterator[bytes]:
        """Nothing of an object that was deleted meanwhile."""
        with suppress(NoSuchObject):
            async for chunk in self._objects.open(key):
                yield chunk
