"""Recordings: which segments a stream has kept, and what a player must know of their initialisation segments."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from actors.runtime import Fence
from storage.facts import publish
from storage.ids import is_uuid
from storage.leases import hold
from storage.postgres import Database, Reads
from storage.stream_facts import RecordingReady


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A media segment of one rendition. ``init_name`` names its ``Init``; numbers grow by one in each rendition. The
    first ``key_bytes`` bytes hold the key frame that it begins with; 0: unknown, or none. ``edition``: how often its
    rendition was silenced in parts; ``object_key`` and ``bytes`` are of what is played then."""

    rendition: str
    segment: int
    publication: int
    object_key: str
    init_key: str
    init_name: str
    media_time_ms: int
    duration_ms: float
    bytes: int
    started_at: dt.datetime
    is_discontinuity: bool = False
    key_bytes: int = 0
    edition: int = 0


class Init(msgspec.Struct, frozen=True, kw_only=True):
    """An initialisation segment. ``info`` is what playlists say of it: codecs, size, rates."""

    rendition: str
    name: str
    object_key: str
    info: dict[str, Any]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a recording, in media time; ``end_ms`` None: to the end. Players begin to count at ``begin_ms``.
    ``edition`` 0: the whole; it grows with each trim."""

    begin_ms: int = 0
    end_ms: int | None = None
    edition: int = 0

    def holds(self, media_time_ms: int) -> bool:
        return self.begin_ms <= media_time_ms and (self.end_ms is None or media_time_ms < self.end_ms)


WHOLE: Final = Window()


async def window_of(db: Reads, stream_id: str) -> Window:
    row = await db.fetchrow(_WINDOW, stream_id)
    return WHOLE if row is None else Window(**dict(row))


class Recordings:
    """The rows of segments."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def add(
        self, stream_id: str, *, segments: Sequence[Segment], inits: Sequence[Init] = (), fence: Fence
    ) -> None:
        """Add rows, all or none; those already there stay as they are, so a batch may be repeated.

        Nothing is added to a recording that was trimmed. The first rows of a stream that has ended already publish
        ``RecordingReady``. Raises ``Fenced``, and
        ``Conflict`` when the stream was deleted.
        """
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            late = await tx.fetchrow(_ENDED_WITHOUT, stream_id) if segments else None
            for init in inits:
                await tx.execute(_ADD_INIT, stream_id, init.rendition, init.name, init.object_key, init.info)
            await tx.execute(_ADD_SEGMENTS, stream_id, fence.epoch, *_columns(segments))
            if late is not None:
                await publish(tx, RecordingReady(**dict(late)))

    async def window(self, stream_id: str) -> Window:
        return await window_of(self._db, stream_id)

    async def segments(
        self, stream_id: str, *, rendition: str | None = None, from_segment: int = 0, limit: int = 100_000
    ) -> list[Segment]:
        """Segments in order of number and rendition."""
        if not is_uuid(stream_id):
            return []
        rows = await self._db.fetch(_SEGMENTS, stream_id, rendition, from_segment, limit)
        return [Segment(**dict(row)) for row in rows]

    async def between(self, stream_id: str, *, from_ms: int, to_ms: int, limit: int = 1_000) -> list[Segment]:
        """Segments that begin in this time, in order of number and rendition."""
        rows = await self._db.fetch(_BETWEEN, stream_id, from_ms, to_ms, limit)
        return [Segment(**dict(row)) for row in rows]

    async def extent_ms(self, stream_id: str) -> tuple[float, float] | None:
        """From when to when anything is recorded; None when nothing is."""
        row = await self._db.fetchrow(_EXTENT, stream_id)
        return None if row is None or row["begin_ms"] is None else (row["begin_ms"], row["end_ms"])

    async def has_file(self, stream_id: str) -> bool:
        """Whether it was made into one file."""
        return bool(await self._db.fetchval(_HAS_FILE, stream_id))

    async def inits(self, stream_id: str) -> list[Init]:
        """Initialisation segments in order of rendition and name."""
        if not is_uuid(stream_id):
            return []
        rows = await self._db.fetch(_INITS, stream_id)
        return [Init(**dict(row)) for row in rows]


def _columns(segments: Sequence[Segment]) -> list[list[object]]:
    return [[getattr(segment, name) for segment in segments] for name in _WRITTEN]


_WRITTEN: Final = tuple(name for name in Segment.__struct_fields__ if name != "edition")
_READ: Final = ", ".join(
    {
        "object_key": "coalesce(muted_key, object_key) as object_key",
        "bytes": "coalesce(muted_bytes, bytes) as bytes",
    }.get(name, name)
    for name in Segment.__struct_fields__
)
_ENDED_WITHOUT: Final = """
select id as stream_id, owner_id, media_time_ms as duration_ms from streams
where id = $1 and state = 'ended' and not exists (select from stream_segments g where g.stream_id = streams.id)
"""
_ADD_INIT: Final = """
insert into stream_inits (stream_id, rendition, name, object_key, info) values ($1, $2, $3, $4, $5)
on conflict do nothing
"""
_ADD_SEGMENTS: Final = f"""
insert into stream_segments (stream_id, epoch, {", ".join(_WRITTEN)})
select $1, $2, t.* from unnest($3::text[], $4::bigint[], $5::int[], $6::text[], $7::text[], $8::text[], $9::bigint[],
    $10::float8[], $11::int[], $12::timestamptz[], $13::bool[], $14::int[]) as t
where not exists (select from recording_trims c where c.stream_id = $1)
on conflict do nothing
"""
_WINDOW: Final = "select begin_ms, end_ms, edition from recording_trims where stream_id = $1"
_SEGMENTS: Final = f"""
select {_READ} from stream_segments
where stream_id = $1 and ($2::text is null or rendition = $2) and segment >= $3
order by segment, rendition limit $4
"""
_BETWEEN: Final = f"""
select {_READ} from stream_segments
where stream_id = $1 and media_time_ms >= $2 and media_time_ms < $3 order by segment, rendition limit $4
"""
_HAS_FILE: Final = "select exists (select from recording_files where stream_id = $1 and state = 'ready')"
_EXTENT: Final = """
select min(media_time_ms)::float8 as begin_ms, max(media_time_ms + duration_ms) as end_ms
from stream_segments where stream_id = $1
"""
_INITS: Final = """
select rendition, name, object_key, info from stream_inits where stream_id = $1 order by rendition, name
"""
