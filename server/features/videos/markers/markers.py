"""The markers of streams, which are the chapters of their recordings: rows, and who may set them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from server.http.errors import Problem, invalid_field, not_found
from server.live.footage import FootageFinder, FootageStream
from server.live.viewings import Viewer
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction
from storage.recording import Window, window_of
from storage.seen_streams import SeenStream, seen_stream

MAX_MARKERS: Final = 200
AHEAD_MS: Final = 5_000
"""A player's clock may be this far ahead of what is packaged."""


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    stream_id: str
    at_ms: int
    label: str
    created_at: datetime


class Markers:
    """Times are those of the stream, or of what is left of its recording.

    Seen by those who may watch the stream, set by its owner and the moderators of its room."""

    def __init__(self, *, db: Database, footage: FootageFinder, ids: Ids) -> None:
        self._db = db
        self._footage = footage
        self._ids = ids

    async def listed(
        self, stream_id: str, viewer: Viewer, *, after: tuple[int, str] | None = None, limit: int = MAX_MARKERS
    ) -> list[Marker]:
        """In order of time. Raises a 404 for a stream that the viewer may not know of."""
        await self._seen(stream_id, viewer)
        window = await window_of(self._db, stream_id)
        at_ms, marker_id = (after[0] + window.begin_ms, after[1]) if after is not None else (None, None)
        rows = await self._db.fetch(_LIST, stream_id, at_ms, marker_id, limit, window.begin_ms, window.end_ms)
        return [_placed(row, window) for row in rows]

    async def add(self, stream_id: str, viewer: Viewer, *, label: str, at_ms: int | None, at: float) -> Marker:
        """At a moment of media time, or now. Raises a 403, 404, 409 or 422."""
        stream = await self._own(stream_id, viewer)
        window = await window_of(self._db, stream_id)
        end_ms = await self._end_ms(stream, viewer) - window.begin_ms
        if at_ms is None and not stream.is_on_air:
            raise invalid_field("at_ms", "is required when the stream is not on the air")
        if at_ms is not None and at_ms > end_ms + (AHEAD_MS if stream.is_on_air else 0):
            raise invalid_field("at_ms", f"lies in the future: the stream is at {end_ms} ms")
        marker_id = str(self._ids.uuid7(at))
        row = await self._db.fetchrow(
            _ADD, marker_id, stream_id, viewer.id, window.begin_ms + (end_ms if at_ms is None else at_ms), label,
            MAX_MARKERS,
        )  # fmt: skip
        if row is None:
            raise Problem(409, f"A stream has at most {MAX_MARKERS} markers", slug="too-many-markers")
        return _placed(row, window)

    async def remove(self, stream_id: str, marker_id: str, viewer: Viewer) -> None:
        """Raises a 404 or a 403."""
        await self._own(stream_id, viewer)
        if not await self._db.execute(_REMOVE, stream_id, marker_id):
            raise not_found("There is no such marker")

    async def end_ms(self, stream_id: str, viewer: Viewer) -> int:
        """How far the stream has come, or how long its recording is; 0 before it has begun."""
        stream = await self._seen(stream_id, viewer)
        found = await self._footage.find(_source(stream), viewer, seconds=0.0)
        begin_ms = (await window_of(self._db, stream_id)).begin_ms
        return 0 if found is None else round(found.reel.end_s * 1000) - begin_ms

    async def _end_ms(self, stream: SeenStream, viewer: Viewer) -> int:
        found = await self._footage.find(_source(stream), viewer, seconds=0.0)
        if found is None:
            raise Problem(409, "The stream has nothing that could be marked", slug="nothing-to-mark")
        return round(found.reel.end_s * 1000)

    async def _seen(self, stream_id: str, viewer: Viewer) -> SeenStream:
        stream = await seen_stream(self._db, stream_id, viewer.id)
        if stream is None:
            raise not_found("There is no such stream")
        stream.require_for(viewer.id, viewer.country)
        return stream

    async def _own(self, stream_id: str, viewer: Viewer) -> SeenStream:
        stream = await self._seen(stream_id, viewer)
        if stream.owner_id != viewer.id and not stream.is_moderator:
            raise Problem(403, "Its owner and moderators set the markers of a stream")
        return stream


async def replace_markers(
    tx: Transaction, stream_id: str, author_id: str, moments: Sequence[tuple[int, str]], *, ids: Ids, at: float
) -> None:
    """The stream has these markers and no others: media time and label of each. Those that stay as they are keep who
    set them. At most ``MAX_MARKERS``."""
    times, labels = [at_ms for at_ms, _ in moments], [label for _, label in moments]
    await tx.execute(_KEEP, stream_id, times, labels)
    made = [str(ids.uuid7(at)) for _ in moments]
    await tx.execute(_ADD_MISSING, stream_id, author_id, made, times, labels)


def _placed(row: Row, window: Window) -> Marker:
    return Marker(**{**dict(row), "at_ms": row["at_ms"] - window.begin_ms})


def _source(stream: SeenStream) -> FootageStream:
    return FootageStream(id=stream.id, is_on_air=stream.is_on_air, media_node=stream.media_node)


_FIELDS: Final = "id, stream_id, at_ms, label, created_at"
_LIST: Final = f"""
select {_FIELDS} from stream_markers
where stream_id = $1 and ($2::bigint is null or (at_ms, id) > ($2, $3::uuid))
    and at_ms >= $5 and ($6::bigint is null or at_ms < $6) order by at_ms, id limit $4
"""
_ADD: Final = f"""
insert into stream_markers (id, stream_id, author_id, at_ms, label)
select $1, $2, $3, $4, $5 where (select count(*) from stream_markers where stream_id = $2) < $6 returning {_FIELDS}
"""
_KEEP: Final = """
delete from stream_markers where stream_id = $1
    and (at_ms, label) not in (select * from unnest($2::bigint[], $3::text[]))
"""
_ADD_MISSING: Final = """
insert into stream_markers (id, stream_id, author_id, at_ms, label)
select g.id, $1, $2, g.at_ms, g.label from unnest($3::uuid[], $4::bigint[], $5::text[]) as g (id, at_ms, label)
where not exists (select from stream_markers m where m.stream_id = $1 and m.at_ms = g.at_ms and m.label = g.label)
"""
_REMOVE: Final = "delete from stream_markers where stream_id = $1 and id = $2"
