"""The segments of recordings in memory."""

from __future__ import annotations

from collections.abc import Sequence

from actors.runtime import Fence
from storage.errors import Conflict
from storage.memory.tables import Tables
from storage.recording import WHOLE, Init, Segment, Window
from storage.stream_facts import RecordingReady


class MemoryRecordings:
    """As ``Recordings``."""

    def __init__(self, *, tables: Tables) -> None:
        self._tables = tables

    async def add(
        self, stream_id: str, *, segments: Sequence[Segment], inits: Sequence[Init] = (), fence: Fence
    ) -> None:
        self._tables.hold(fence)
        if stream_id not in self._tables.streams:
            raise Conflict("stream_segments_stream_id_fkey")
        row = self._tables.streams[stream_id]
        if segments and row.state == "ended" and not self._tables.has_recording(stream_id):
            ready = RecordingReady(stream_id=stream_id, owner_id=row.owner.id, duration_ms=row.media_time_ms)
            self._tables.publish([ready])
        for segment in segments:
            self._tables.segments.setdefault((stream_id, segment.rendition, segment.segment), segment)
        for init in inits:
            self._tables.inits.setdefault((stream_id, init.rendition, init.name), init)

    async def window(self, stream_id: str) -> Window:
        """Nothing is trimmed here."""
        return WHOLE

    async def segments(
        self, stream_id: str, *, rendition: str | None = None, from_segment: int = 0, limit: int = 100_000
    ) -> list[Segment]:
        self._tables.reach()
        of_stream = (row for key, row in self._tables.segments.items() if key[0] == stream_id)
        found = sorted(of_stream, key=lambda row: (row.segment, row.rendition))
        wanted = [row for row in found if rendition in (None, row.rendition) and row.segment >= from_segment]
        return wanted[:limit]

    async def between(self, stream_id: str, *, from_ms: int, to_ms: int, limit: int = 1_000) -> list[Segment]:
        rows = await self.segments(stream_id)
        return [row for row in rows if from_ms <= row.media_time_ms < to_ms][:limit]

    async def extent_ms(self, stream_id: str) -> tuple[float, float] | None:
        rows = await self.segments(stream_id)
        if not rows:
            return None
        return min(row.media_time_ms for row in rows), max(row.media_time_ms + row.duration_ms for row in rows)

    async def inits(self, stream_id: str) -> list[Init]:
        self._tables.reach()
        return [row for key, row in sorted(self._tables.inits.items()) if key[0] == stream_id]
