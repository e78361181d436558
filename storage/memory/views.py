"""View sessions and their sums in memory."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from actors.runtime import Fence
from storage.memory.tables import Tables
from storage.viewers import ViewSession, ViewSums


class MemoryViews:
    """As ``Views``."""

    def __init__(self, *, tables: Tables) -> None:
        self._tables = tables

    async def flush(
        self, stream_id: str, *, sessions: Sequence[ViewSession], peak_viewers: int, fence: Fence
    ) -> ViewSums | None:
        self._tables.hold(fence)
        row = self._tables.streams.get(stream_id)
        if row is None:
            return None
        held = self._tables.views.setdefault(stream_id, {})
        for session in sessions:
            held[session.id] = _merged(held.get(session.id), session)
        totals = ViewSums(
            peak_viewers=max(row.peak_viewers, peak_viewers),
            unique_viewers=len({session.viewer for session in held.values()}),
            watched_ms=sum(session.watched_ms for session in held.values()),
        )
        self._tables.streams[stream_id] = msgspec.structs.replace(row, **msgspec.structs.asdict(totals))
        return totals

    async def totals(self, stream_id: str) -> ViewSums | None:
        self._tables.reach()
        row = self._tables.streams.get(stream_id)
        if row is None:
            return None
        return ViewSums(peak_viewers=row.peak_viewers, unique_viewers=row.unique_viewers, watched_ms=row.watched_ms)

    async def sessions(self, stream_id: str, *, limit: int = 1000) -> list[ViewSession]:
        self._tables.reach()
        held = self._tables.views.get(stream_id, {}).values()
        return sorted(held, key=lambda session: (session.started_at, session.id))[:limit]


def _merged(old: ViewSession | None, new: ViewSession) -> ViewSession:
    if old is None:
        return new
    return msgspec.structs.replace(
        old,
        last_at=max(old.last_at, new.last_at),
        watched_ms=max(old.watched_ms, new.watched_ms),
        stalled_ms=max(old.stalled_ms, new.stalled_ms),
        transport=new.transport,
        watched_by=new.watched_by if new.watched_ms >= old.watched_ms else old.watched_by,
        latency_ms=new.latency_ms or old.latency_ms,
    )
