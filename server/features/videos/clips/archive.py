"""The files of the clips that a person has made, and of those of their streams, for the archive of their data."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Final

import msgspec

from server.feature import NO_UUID, MediaFile
from server.features.videos.clips import queries
from server.features.videos.clips.keys import FILE, file_key
from server.features.videos.clips.shapes import ClipFile
from storage.objects import NoSuchObject, ObjectStore
from storage.postgres import Database

PAGE: Final = 500


class ArchivedClips:
    def __init__(self, *, db: Database, objects: ObjectStore) -> None:
        self._db = db
        self._objects = objects

    async def of(self, person_id: str) -> AsyncIterator[MediaFile]:
        after = NO_UUID
        while rows := await self._db.fetch(queries.FILES, person_id, after, PAGE):
            for row in rows:
                size = msgspec.convert(row["file"], ClipFile).size
                chunks = partial(self._chunks, file_key(row["id"], FILE))
                yield MediaFile(name=f"clips/{row['id']}.mp4", size=size, chunks=chunks)
            after = rows[-1]["id"]

    async def _chunks(self, key: str) -> AsyncIterator[bytes]:
        """Nothing of a clip that was deleted meanwhile."""
        with suppress(NoSuchObject):
            async for chunk in self._objects.open(key):
                yield chunk
