"""The metadata of streams: rows, and an event to who watches."""

from __future__ import annotations

import contextlib
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec

from actors.events import NODE
from actors.runtime import ActorError, Node
from media.hls.marks import Mark
from server.http.errors import Problem, invalid_field, not_found
from server.live.footage import FootageFinder, FootageStream
from server.live.node_actor import AnnounceHere
from server.live.viewings import Viewer
from server.publish import Publish
from storage.ids import Ids
from storage.postgres import Database
from storage.seen_streams import SeenStream, seen_stream

EVENT: Final = "stream:metadata"
KIND: Final = "metadata"
"""Of its marks, as ``storage.timed_marks`` has it."""
MAX_ENTRIES: Final = 5_000
"""Of one stream; a playlist lists the latest thousand."""
MAX_TEXT: Final = 1_000
MAX_BYTES: Final = 4_096
AHEAD_MS: Final = 60_000


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """``text`` or ``data``: the other one is None."""

    id: str
    stream_id: str
    at_ms: int
    text: str | None
    data: dict[str, Any] | None
    created_at: datetime


class Metadata:
    """Seen by those who may watch the stream, written by its owner."""

    def __init__(self, *, db: Database, footage: FootageFinder, ids: Ids, publish: Publish, node: Node) -> None:
        self._db = db
        self._footage = footage
        self._ids = ids
        self._publish = publish
        self._node = node

    async def add(
        self,
        stream_id: str,
        owner: Viewer,
        *,
        text: str | None,
        data: dict[str, Any] | None,
        at_ms: int | None,
        at: float,
    ) -> Entry:
        """At a moment of media time, or now; who watches is sent it at once. Raises a 403, 404, 409 or 422.

        ``at``: the wall clock."""
        stream = await self._seen(stream_id, owner)
        if stream.owner_id != owner.id:
            raise Problem(403, "This stream is not yours")
        end_ms = await self._end_ms(stream, owner)
        if at_ms is not None and at_ms > end_ms + (AHEAD_MS if stream.is_on_air else 0):
            raise invalid_field("at_ms", f"lies too far in the future: the stream is at {end_ms} ms")
        moment = end_ms if at_ms is None else at_ms
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(
                _ADD, str(self._ids.uuid7(at)), stream_id, owner.id, moment, text, data, MAX_ENTRIES
            )
            if row is None:
                raise Problem(409, f"A stream has at most {MAX_ENTRIES} entries", slug="too-much-metadata")
            entry = Entry(**dict(row))
            tx.after_commit(partial(self._publish.to_topic, f"stream:{stream_id}", EVENT, sent(entry)))
        if stream.is_on_air:
            self._announce(stream, entry)
        return entry

    def _announce(self, stream: SeenStream, entry: Entry) -> None:
        """Within the segments, as far as they are still to come; playlists and manifests list it in any case."""
        said = msgspec.json.encode({"text": entry.text} if entry.data is None else {"data": entry.data}).decode()
        mark = Mark(id=str(entry.id), at_ms=entry.at_ms, kind=KIND, value=said)
        node = stream.media_node or self._node.name
        with contextlib.suppress(ActorError):
            self._node.ref(NODE, node).tell(AnnounceHere(stream_id=stream.id, mark=mark))

    async def listed(self, stream_id: str, viewer: Viewer, *, after: tuple[int, str] | None, limit: int) -> list[Entry]:
        """In order of time. Raises a 404, or a 451."""
        await self._seen(stream_id, viewer)
        at_ms, entry_id = after or (None, None)
        return [Entry(**dict(row)) for row in await self._db.fetch(_LIST, stream_id, at_ms, entry_id, limit)]

    async def _seen(self, stream_id: str, viewer: Viewer) -> SeenStream:
        stream = await seen_stream(self._db, stream_id, viewer.id)
        if stream is None:
            raise not_found("There is no such stream")
        stream.require_for(viewer.id, viewer.country)
        return stream

    async def _end_ms(self, stream: SeenStream, viewer: Viewer) -> int:
        source = FootageStream(id=stream.id, is_on_air=stream.is_on_air, media_node=stream.media_node)
        found = await self._footage.find(source, viewer, seconds=0.0)
        if found is None:
            raise Problem(409, "The stream has nothing yet that metadata could be of", slug="nothing-to-mark")
        return round(found.reel.end_s * 1000)


def sent(entry: Entry) -> dict[str, Any]:
    return {
        "stream_id": entry.stream_id,
        "id": entry.id,
        "at_ms": entry.at_ms,
        "text": entry.text,
        "data": entry.data,
    }


_FIELDS: Final = "id, stream_id, at_ms, text, data, created_at"
_ADD: Final = f"""
insert into stream_metadata (id, stream_id, author_id, at_ms, text, data)
select $1, $2, $3, $4, $5, $6 where (select count(*) from stream_metadata where stream_id = $2) < $7
returning {_FIELDS}
"""
_LIST: Final = f"""
select {_FIELDS} from stream_metadata
where stream_id = $1 and ($2::bigint is null or (at_ms, id) > ($2, $3::uuid)) order by at_ms, id limit $4
"""
