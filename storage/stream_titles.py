"""What a person may know of streams by their ids, in one statement for many."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

import msgspec

from storage.postgres import Reads
from storage.seen_streams import ADMITTED, IN_GOOD_STANDING, LET_IN


class StreamCard(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of a stream beside other things."""

    id: str
    owner_id: str
    title: str
    state: str
    visibility: str


class StreamTitles:
    """Each stream is there for those whom its visibility admits."""

    async def titles(self, where: Reads, viewer_id: str, ids: Collection[str]) -> dict[str, str]:
        """Id → title of those streams that the viewer may know of."""
        rows = await where.fetch(_TITLES, list(ids), viewer_id) if ids else []
        return {row["id"]: row["title"] for row in rows}

    async def cards(self, where: Reads, viewer_id: str | None, ids: Collection[str]) -> dict[str, StreamCard]:
        """By id, those streams that the viewer (None: a guest) may know of. Those that are not for every country and
        age are left out, but for their owner.
        """
        rows = await where.fetch(_CARDS, viewer_id, list(ids)) if ids else []
        return {row["id"]: StreamCard(**dict(row)) for row in rows}

    async def scheduled_at(self, where: Reads, stream_id: str) -> datetime | None:
        """For when a stream is announced in lists; None for one that is not, or that has begun."""
        found: datetime | None = await where.fetchval(_SCHEDULED_AT, stream_id)
        return found

    async def admitted(self, where: Reads, stream_id: str, ids: Collection[str]) -> list[str]:
        """Those of the persons ``ids`` who may know of the stream."""
        return [row["id"] for row in await where.fetch(_ADMITTED, stream_id, list(ids))]


def _may_know(person: str) -> str:
    return ADMITTED.format(visibility="s.visibility", owner="s.owner_id", stream="s.id", person=person)


_TITLES: Final = f"select s.id, s.title from streams s where s.id = any($1::uuid[]) and {_may_know('$2')}"
_CARDS: Final = f"""
select s.id, s.owner_id, s.title, s.state, s.visibility from streams s join users o on o.id = s.owner_id
where s.id = any($2::uuid[]) and {IN_GOOD_STANDING.format("o")} and {LET_IN.format("s", "s.visibility", "s.id")}
    and (s.owner_id = $1::uuid or s.restrictions is null
        or s.restrictions - 'content_warning' = '{{}}'::jsonb)
"""
_SCHEDULED_AT: Final = """
select scheduled_at from streams where id = $1 and state = 'scheduled' and visibility in ('public', 'followers')
"""
_ADMITTED: Final = f"""
select p.id from streams s, unnest($2::uuid[]) as p (id) where s.id = $1 and {_may_know("p.id")}
"""
