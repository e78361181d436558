"""Where the bytes of a playout's items are: a recording's segments, or ranges of a clip's file."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

import msgspec

from media.control import ItemListed, ListItem
from media.hls.cutting import Extent
from media.pull.playout_items import Chunk, Piece
from server.features.videos.clips import FILE, ClipFile, file_key
from storage.postgres import Database

PAGE: Final = 100
EMPTY: Final = ItemListed(chunks=(), last=None)


class ItemListing:
    """Only what belongs to the owner of the stream is listed."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def list(self, asked: ListItem) -> ItemListed:
        return await (self._clip(asked) if asked.item.kind == "clip" else self._recording(asked))

    async def _recording(self, asked: ListItem) -> ItemListed:
        rows = await self._db.fetch(SEGMENTS, asked.stream_id, asked.item.id, asked.from_ms, asked.after, PAGE)
        chunks = [
            Chunk(row["segment"], Piece(row["init_key"]), Piece(row["object_key"]), row["shift_ms"]) for row in rows
        ]
        is_last = len({chunk.number for chunk in chunks}) < PAGE
        return ItemListed(chunks=tuple(chunks), last=None if is_last or not chunks else chunks[-1].number)

    async def _clip(self, asked: ListItem) -> ItemListed:
        """All at once: clips are short."""
        held = await self._db.fetchval(CLIP, asked.stream_id, asked.item.id)
        file = None if held is None else msgspec.convert(held, ClipFile)
        if file is None or asked.after >= 0:
            return EMPTY
        leader = min(file.renditions, key=lambda one: one.kind != "video", default=None)
        if leader is None or not leader.extents:
            return EMPTY
        starts, key = [extent.start_s for extent in leader.extents], file_key(asked.item.id, FILE)
        first = max(0, bisect_right(starts, starts[0] + asked.from_ms / 1000) - 1)
        found = [
            _extent_chunk(key, extent, number, shift_ms=-1000 * starts[0])
            for one in file.renditions
            for extent in one.extents
            if (number := max(0, bisect_right(starts, extent.start_s + SLACK_S) - 1)) >= first
        ]
        found = [chunk for number, chunk in sorted(enumerate(found), key=lambda one: (one[1].number, one[0]))]
        return ItemListed(chunks=tuple(found), last=None)


SLACK_S: Final = 0.1
"""Sound begins a little before or after the picture."""


def _extent_chunk(key: str, extent: Extent, number: int, *, shift_ms: float) -> Chunk:
    init = Piece(key, extent.init_at, extent.init_size)
    return Chunk(number, init, Piece(key, extent.at, extent.size), shift_ms)


SEGMENTS: Final = """
with leader as (
    select g.segment, g.media_time_ms, g.duration_ms,
        sum(g.duration_ms) over (order by g.segment) - g.duration_ms as at_ms
    from stream_segments g join streams s on s.id = g.stream_id
    where g.stream_id = $2 and s.owner_id = (select owner_id from stream_sources where stream_id = $1)
        and g.rendition = (select max(t.rendition) from stream_segments t
            where t.stream_id = $2 and t.rendition in ('audio', 'video'))
), page as (
    select * from leader where segment > $4 and at_ms + duration_ms > $3 order by segment limit $5
)
select p.segment, g.init_key, coalesce(g.muted_key, g.object_key) as object_key,
    (p.at_ms - p.media_time_ms)::float8 as shift_ms
from page p join stream_segments g on g.stream_id = $2 and g.segment = p.segment and g.rendition in ('audio', 'video')
order by p.segment, g.rendition desc
"""
"""``video`` comes after ``audio`` in the alphabet: the picture leads where there is one."""
CLIP: Final = """
select c.file from clips c
where c.id = $2 and c.owner_id = (select owner_id from stream_sources where stream_id = $1)
"""
