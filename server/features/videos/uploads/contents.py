"""The bytes of an upload as they came, across the segments in which they lie."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any

from server.features.videos.uploads import queries
from storage.objects import ObjectStore
from storage.postgres import Database


class UploadedBytes:
    """Of any upload: who asks must know whose it is. Raises ``NoSuchObject`` for one that has been removed."""

    def __init__(self, *, db: Database, objects: ObjectStore) -> None:
        self._db = db
        self._objects = objects

    async def pieces(self, upload_id: str, *, offset: int = 0, most: int | None = None) -> AsyncGenerator[bytes]:
        """From ``offset`` on, ``most`` bytes at most."""
        segments = await self._db.fetch(queries.SEGMENTS, upload_id)
        async for piece in self._spanned(segments, offset, 2**62 if most is None else most):
            yield piece

    async def first(self, upload_id: str, most: int) -> bytes:
        return b"".join([piece async for piece in self.pieces(upload_id, most=most)])

    async def reader(self, upload_id: str) -> Callable[[int, int], Awaitable[bytes]]:
        """What reads a span, by offset and size, of the upload as it is now."""
        segments = await self._db.fetch(queries.SEGMENTS, upload_id)

        async def read(offset: int, size: int) -> bytes:
            return b"".join([piece async for piece in self._spanned(segments, offset, size)])

        return read

    async def _spanned(self, segments: list[Any], offset: int, most: int) -> AsyncIterator[bytes]:
        at = max(0, bisect_right(segments, offset, key=lambda segment: segment["start"]) - 1)
        for segment in segments[at:]:
            skipped = max(0, offset - segment["start"])
            wanted = min(segment["size"] - skipped, most)
            if wanted > 0:
                async for piece in self._objects.open(segment["key"], offset=skipped, size=wanted):
                    yield piece
            most -= max(0, wanted)
            if most <= 0:
                return
