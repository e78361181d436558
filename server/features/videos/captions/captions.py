"""The cues of streams: rows that their owner writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from media.hls.webvtt import Cue
from server.http.errors import Problem, not_found
from server.live.viewings import Viewer
from storage.postgres import Database
from storage.seen_streams import seen_stream

MAX_LANGUAGES: Final = 10
MAX_CUES: Final = 20_000
"""Of one stream in one language."""


class Captions:
    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def add(self, stream_id: str, owner: Viewer, language: str, cues: Sequence[Cue]) -> int:
        """All cues or none; how many there are of the language then. Raises a 403, 404 or 409."""
        await self._own(stream_id, owner)
        columns = [list(each) for each in zip(*((cue.from_ms, cue.to_ms, cue.text) for cue in cues), strict=True)]
        async with self._db.transaction() as tx:
            total: int | None = await tx.fetchval(_COUNT, stream_id, language, len(cues), MAX_LANGUAGES, MAX_CUES)
            if total is None:
                message = f"A stream has captions in {MAX_LANGUAGES} languages and {MAX_CUES} cues of each at most"
                raise Problem(409, message, slug="too-many-captions")
            await tx.execute(_ADD, stream_id, language, *columns)
        return total

    async def remove(self, stream_id: str, owner: Viewer, language: str) -> None:
        """All cues of the language. Raises a 403 or 404."""
        await self._own(stream_id, owner)
        if not await self._db.execute(_REMOVE, stream_id, language):
            raise not_found("There are no captions in this language")

    async def _own(self, stream_id: str, owner: Viewer) -> None:
        stream = await seen_stream(self._db, stream_id, owner.id)
        if stream is None:
            raise not_found("There is no such stream")
        if stream.owner_id != owner.id:
            raise Problem(403, "This stream is not yours")


_COUNT: Final = """
insert into stream_caption_languages as l (stream_id, language, cues)
select $1, $2, $3::integer where $3 <= $5 and (
    exists (select from stream_caption_languages where stream_id = $1 and language = $2)
    or (select count(*) from stream_caption_languages where stream_id = $1) < $4)
on conflict (stream_id, language) do update set cues = l.cues + $3::integer where l.cues + $3::integer <= $5
returning cues
"""
_ADD: Final = """
insert into stream_cues (stream_id, language, from_ms, to_ms, text)
select $1, $2, * from unnest($3::bigint[], $4::bigint[], $5::text[])
"""
_REMOVE: Final = "delete from stream_caption_languages where stream_id = $1 and language = $2"
