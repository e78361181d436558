"""The captions of streams, by language, for playlists."""

from __future__ import annotations

from typing import Final

import msgspec

from storage.postgres import Database
from storage.recording import Window, window_of

MOST: Final = 20_000
"""Cues of one language in one file."""


class StoredCue(msgspec.Struct, frozen=True, kw_only=True):
    from_ms: int
    to_ms: int
    text: str


class StreamCues:
    """Reads only. Raises ``Unavailable``."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def window(self, stream_id: str) -> Window:
        """What is left of its recording."""
        return await window_of(self._db, stream_id)

    async def languages(self, stream_id: str) -> list[str]:
        rows = await self._db.fetch(_LANGUAGES, stream_id)
        return [row["language"] for row in rows]

    async def between(
        self, stream_id: str, language: str, *, from_ms: int = 0, to_ms: int = 2**53, limit: int = MOST
    ) -> list[StoredCue]:
        """Those that are shown in this time, in order."""
        rows = await self._db.fetch(_BETWEEN, stream_id, language, from_ms, to_ms, limit)
        return [StoredCue(**dict(row)) for row in rows]


_LANGUAGES: Final = "select language from stream_caption_languages where stream_id = $1 order by language"
_BETWEEN: Final = """
select from_ms, to_ms, text from stream_cues
where stream_id = $1 and language = $2 and from_ms < $4 and to_ms > $3 order by from_ms, id limit $5
"""
