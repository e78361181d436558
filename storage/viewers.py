"""Views: which viewers watched a stream, when and how long, flushed in batches by the stream's viewer counter."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import msgspec

from actors.runtime import Fence
from storage.ids import is_uuid
from storage.leases import hold
from storage.postgres import Database


class ViewSession(msgspec.Struct, frozen=True, kw_only=True):
    """One time that a viewer watched. ``watched_ms`` and ``stalled_ms`` are totals so far, so a repeat adds nothing;
    ``watched_by`` is ``watched_ms`` by transport.

    ``viewer`` counts as one: a person's id, or a guest's mark.
    """

    id: str
    viewer: str
    user_id: str | None
    started_at: dt.datetime
    last_at: dt.datetime
    watched_ms: int
    stalled_ms: int = 0
    transport: str = ""
    watched_by: dict[str, int] = {}
    latency_ms: int = 0


class ViewSums(msgspec.Struct, frozen=True, kw_only=True):
    """Of a stream since its creation; ``unique_viewers`` is exact."""

    peak_viewers: int
    unique_viewers: int
    watched_ms: int


class Views:
    """The rows of views."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def flush(
        self, stream_id: str, *, sessions: Sequence[ViewSession], peak_viewers: int, fence: Fence
    ) -> ViewSums | None:
        """Add or update sessions and the stream's totals, all or none, and return the totals; None if the stream was
        deleted. Flushing the same again changes nothing. Ids in one batch are distinct. Raises ``Fenced``.
        """
        if not is_uuid(stream_id):
            return None
        async with self._db.transaction() as tx:
            await hold(tx, fence)
            if not await tx.fetchval("select true from streams where id = $1 for no key update", stream_id):
                return None
            grown = await tx.fetchrow(_FLUSH, stream_id, *_columns(sessions))
            assert grown is not None
            row = await tx.fetchrow(_ADD_UP, stream_id, peak_viewers, grown["viewers"], grown["watched_ms"])
        return None if row is None else ViewSums(**dict(row))

    async def totals(self, stream_id: str) -> ViewSums | None:
        """What was flushed so far."""
        if not is_uuid(stream_id):
            return None
        row = await self._db.fetchrow(_TOTALS, stream_id)
        return None if row is None else ViewSums(**dict(row))

    async def sessions(self, stream_id: str, *, limit: int = 1000) -> list[ViewSession]:
        """Sessions in order of their start."""
        if not is_uuid(stream_id):
            return []
        return [ViewSession(**dict(row)) for row in await self._db.fetch(_SESSIONS, stream_id, limit)]


def _columns(sessions: Sequence[ViewSession]) -> list[list[object]]:
    return [[getattr(session, name) for session in sessions] for name in ViewSession.__struct_fields__]


_FIELDS: Final = ", ".join(ViewSession.__struct_fields__)
# All parts see the rows as they were before the statement: what is new among them is what the totals grow by. The
# stream's row is locked before, so nobody else adds to the same stream meanwhile.
_FLUSH: Final = f"""
with input as materialized (
    select * from unnest($2::uuid[], $3::text[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::bigint[],
                         $8::bigint[], $9::text[], $10::jsonb[], $11::integer[]) as t({_FIELDS})
), grown as (
    select i.viewer, greatest(i.watched_ms - coalesce(v.watched_ms, 0), 0) as watched_ms,
        not exists (select from view_sessions w where w.stream_id = $1 and w.viewer = i.viewer) as is_new
    from input i left join view_sessions v on v.id = i.id
), written as (
    insert into view_sessions (stream_id, {_FIELDS})
    select $1, i.id, viewer, u.id, started_at, last_at, watched_ms, stalled_ms, transport, watched_by, latency_ms
    from input i left join users u on u.id = i.user_id
    on conflict (id) do update set last_at = greatest(view_sessions.last_at, excluded.last_at),
        watched_ms = greatest(view_sessions.watched_ms, excluded.watched_ms),
        stalled_ms = greatest(view_sessions.stalled_ms, excluded.stalled_ms), transport = excluded.transport,
        watched_by = case when excluded.watched_ms >= view_sessions.watched_ms then excluded.watched_by
            else view_sessions.watched_by end,
        latency_ms = case when excluded.latency_ms > 0 then excluded.latency_ms else view_sessions.latency_ms end
)
select count(distinct viewer) filter (where is_new) as viewers, coalesce(sum(watched_ms), 0)::bigint as watched_ms
from grown
"""
_ADD_UP: Final = """
update streams set peak_viewers = greatest(peak_viewers, $2), unique_viewers = unique_viewers + $3,
    watched_ms = watched_ms + $4
where id = $1 returning peak_viewers, unique_viewers, watched_ms
"""
_TOTALS: Final = "select peak_viewers, unique_viewers, watched_ms from streams where id = $1"
_SESSIONS: Final = f"select {_FIELDS} from view_sessions where stream_id = $1 order by started_at, id limit $2"
