"""What playlists tell players of a stream's moments: its owner's metadata, its markers, and pauses for
advertisements."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from storage.postgres import Database

MOST: Final = 1_000
"""In one playlist: the latest."""


class TimedMark(msgspec.Struct, frozen=True, kw_only=True):
    """``at_ms``: on the media clock. ``value``: a text, an object, or a marker's label as ``{"label"}``."""

    id: str
    at_ms: int
    kind: str
    value: Any


class TimedMarks:
    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def of(self, stream_id: str) -> list[TimedMark]:
        """In order of time, those of what is left of a recording. Raises ``Unavailable``."""
        rows = await self._db.fetch(_OF, stream_id, MOST)
        return [TimedMark(**dict(row)) for row in reversed(rows)]


_OF: Final = """
select m.id, m.at_ms, m.kind, m.value from (
select id, at_ms, 'metadata' as kind, jsonb_strip_nulls(jsonb_build_object('text', text, 'data', data)) as value
from stream_metadata where stream_id = $1
union all
select id, at_ms, 'marker', jsonb_build_object('label', label) from stream_markers where stream_id = $1
union all
select id, at_ms, 'ad_break', '{}' from ads_breaks where stream_id = $1
) m where not exists (select from recording_trims c
    where c.stream_id = $1 and (m.at_ms < c.begin_ms or m.at_ms >= c.end_ms))
order by m.at_ms desc, m.id desc limit $2
"""
