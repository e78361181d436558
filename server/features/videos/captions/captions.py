"""The cues of streams: rows that their owner writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from media.hls.webvtt import Cue
from server.http.errors import Problem, not_found
from server.live.viewings import Viewer
from storage.postgres import Database, Row, Transaction
from storage.recording import window_of
from storage.seen_streams import seen_stream

MAX_LANGUAGES: Final = 10
MAX_CUES: Final = 20_000
"""Of one stream in one language."""


class Captions:
    """Times are those of the stream, or of what is left of its recording; they are kept as media time."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def add(self, stream_id: str, owner: Viewer, language: str, cues: Sequence[Cue]) -> int:
        """All cues or none; how many there are of the language then. Raises a 403, 404 or 409."""
        await self._own(stream_id, owner)
        begin_ms = (await window_of(self._db, stream_id)).begin_ms
        async with self._db.transaction() as tx:
            return await _add(tx, stream_id, language, cues, begin_ms)

    async def replace(self, stream_id: str, language: str, cues: Sequence[Cue], *, begin_ms: int) -> None:
        """These and no others of the language; ``begin_ms``: the media time that they count from. Raises a 409."""
        async with self._db.transaction() as tx:
            await tx.execute(_REMOVE, stream_id, language)
            await _add(tx, stream_id, language, cues, begin_ms)

    async def forget(self, stream_id: str, language: str) -> bool:
        """All cues of the language; whether there were any."""
        return bool(await self._db.execute(_REMOVE, stream_id, language))

    async def languages(self, stream_id: str) -> Sequence[Row]:
        """Each with how many cues it has."""
        return await self._db.fetch(_LANGUAGES, stream_id)

    async def remove(self, stream_id: str, owner: Viewer, language: str) -> None:
        """All cues of the language. Raises a 403 or 404."""
        await self._own(stream_id, owner)
        if not await self.forget(stream_id, language):
            raise not_found("There are no captions in this language")

    async def _own(self, stream_id: str, owner: Viewer) -> None:
        stream = await seen_stream(self._db, stream_id, owner.id)
        if stream is None:
            raise not_found("There is no such stream")
        if stream.owner_id != owner.id:
            raise Problem(403, "This stream is not yours")


async def _add(tx: Transaction, stream_id: str, language: str, cues: Sequence[Cue], begin_ms: int) -> int:
    total: int | None = await tx.fetchval(_COUNT, stream_id, language, len(cues), MAX_LANGUAGES, MAX_CUES)
    if total is None:
        message = f"A stream has captions in {MAX_LANGUAGES} languages and {MAX_CUES} cues of each at most"
        raise Problem(409, message, slug="too-many-captions")
    rows = [(cue.from_ms + begin_ms, cue.to_ms + begin_ms, cue.text) for cue in cues]
    await tx.execute(_ADD, stream_id, language, *(list(column) for column in zip(*rows, strict=True)))
    return total


_LANGUAGES: Final = "select language, cues from stream_caption_languages where stream_id = $1 order by language"
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
