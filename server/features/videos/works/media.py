"""What there is of a video or a stream to be fingerprinted: runs of its segments, of the cheapest rendition."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, Literal, Protocol

import msgspec

from media.fingerprints.messages import Kind
from storage.ids import is_uuid
from storage.objects import NoSuchObject, ObjectStore
from storage.postgres import Database, Row

MediaKind = Literal["video", "stream"]

PIECE_MS: Final = 120_000
PIECE_BYTES: Final = 48 * 1024 * 1024
PAGE: Final = 2_000
WHOLE: Final = 0.98
"""A rendition that was made for so much of the time is there for all of it; others were made when asked for."""


class Medium(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: MediaKind
    owner_id: str


class Piece(msgspec.Struct, frozen=True):
    """An initialisation segment and the media segments after it."""

    start_ms: int
    data: bytes


class Media(Protocol):
    """The media of a video's id, or of a stream's."""

    async def find(self, media_id: str) -> Medium | None:
        """None for what is not there, or of which nothing is kept."""

    def pieces(self, medium: Medium, kind: Kind, *, from_ms: int = 0) -> AsyncIterator[Piece]:
        """In order of time; none of a kind that it has not."""


class KeptMedia:
    """Uploaded videos, and recordings of streams, also of those that are still on the air."""

    def __init__(self, *, db: Database, objects: ObjectStore) -> None:
        self._db = db
        self._objects = objects

    async def find(self, media_id: str) -> Medium | None:
        row = await self._db.fetchrow(_MEDIUM, media_id) if is_uuid(media_id) else None
        return None if row is None else Medium(id=row["id"], kind=row["kind"], owner_id=row["owner_id"])

    async def pieces(self, medium: Medium, kind: Kind, *, from_ms: int = 0) -> AsyncIterator[Piece]:
        rendition = _cheapest(await self._db.fetch(_RENDITIONS[medium.kind], medium.id, kind))
        after = -1
        held: list[Row] = []
        while rendition is not None:
            rows = await self._db.fetch(_SEGMENTS[medium.kind], medium.id, rendition, after, from_ms, PAGE)
            for row in rows:
                if held and _is_full(held, row):
                    yield await self._piece(held)
                    held = []
                held.append(row)
            if len(rows) < PAGE:
                break
            after = rows[-1]["segment"]
        if held:
            yield await self._piece(held)

    async def _piece(self, rows: Sequence[Row]) -> Piece:
        keys = [rows[0]["init_key"], *(row["object_key"] for row in rows)]
        return Piece(rows[0]["media_time_ms"], b"".join([await self._object(key) for key in keys]))

    async def _object(self, key: str) -> bytes:
        """Nothing of an object that was deleted meanwhile."""
        try:
            return b"".join([chunk async for chunk in self._objects.open(key)])
        except NoSuchObject:
            return b""


def _cheapest(rows: Sequence[Row]) -> str | None:
    """The smallest rendition of those that cover the whole time."""
    most = max((row["duration_ms"] for row in rows), default=0)
    whole = [row for row in rows if row["duration_ms"] >= WHOLE * most]
    return min(whole, key=lambda row: (row["pixels"], row["rendition"]))["rendition"] if whole else None


def _is_full(held: Sequence[Row], following: Row) -> bool:
    is_long = following["media_time_ms"] - held[0]["media_time_ms"] >= PIECE_MS
    is_large = sum(row["bytes"] for row in held) + following["bytes"] > PIECE_BYTES
    return bool(following["init_key"] != held[0]["init_key"] or is_long or is_large)


_MEDIUM: Final = """
select id::text, owner_id::text, 'stream' as kind from streams
where id = $1 and exists (select from stream_segments g where g.stream_id = streams.id)
union all
select id::text, owner_id::text, 'video' from videos where id = $1 and stream_id is null and state = 'ready'
"""
_RENDITIONS: Final[Mapping[MediaKind, str]] = {
    "stream": """
select g.rendition, sum(g.duration_ms) as duration_ms,
    max(coalesce((i.info ->> 'width')::int * (i.info ->> 'height')::int, 0)) as pixels
from stream_segments g join stream_inits i on i.stream_id = g.stream_id and i.rendition = g.rendition
    and i.name = g.init_name
where g.stream_id = $1 and i.info ->> 'kind' = $2 group by g.rendition
""",
    "video": """
select r.name as rendition, v.duration_ms::float8 as duration_ms, r.width * r.height as pixels
from videos v join video_renditions r on r.video_id = v.id and r.edition = v.edition
where v.id = $1 and r.kind = $2 and r.is_whole
""",
}
_SEGMENTS: Final[Mapping[MediaKind, str]] = {
    "stream": """
select segment, object_key, init_key, media_time_ms, bytes from stream_segments
where stream_id = $1 and rendition = $2 and segment > $3 and media_time_ms >= $4 order by segment limit $5
""",
    "video": """
select g.number as segment, g.object_key, r.init_key, g.start * 1000 / r.timescale as media_time_ms, g.bytes
from videos v join video_renditions r on r.video_id = v.id and r.edition = v.edition and r.name = $2
    join video_segments g on g.video_id = v.id and g.edition = v.edition and g.rendition = r.name
where v.id = $1 and g.number > $3 and g.start * 1000 / r.timescale >= $4 order by g.number limit $5
""",
}
