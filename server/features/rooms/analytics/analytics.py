"""The sums over the views of one stream. The curve is bounded however long the stream is and however many watch."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Final

from actors.runtime import DomainError
from server.features.rooms.analytics.curve import by_protocol, by_rendition, curve, step_s
from server.features.rooms.analytics.shapes import AnalyticsShape, RetentionPoint
from storage.postgres import Database, Row
from storage.seen_streams import seen_stream


class Analytics:
    def __init__(self, *, db: Database, now: Callable[[], datetime]) -> None:
        self._db = db
        self._now = now

    async def of_stream(self, stream_id: str, person_id: str) -> AnalyticsShape:
        """Raises ``not_found`` for what the person may not know of, ``forbidden`` for another one's stream."""
        seen = await seen_stream(self._db, stream_id, person_id)
        if seen is None:
            raise DomainError("not_found", "There is no such stream.", field="stream_id")
        if seen.owner_id != person_id:
            raise DomainError("forbidden", "Only the owner of a stream may see who watched it.")
        totals = await self._db.fetchrow(_TOTALS, seen.id)
        assert totals is not None
        watched = [(row["transport"], row["ms"]) for row in await self._db.fetch(_BY_TRANSPORT, seen.id)]
        step, points = await self._retention(totals)
        unique = totals["unique_viewers"]
        return AnalyticsShape(
            stream_id=uuid.UUID(seen.id),
            started_at=totals["started_at"],
            ended_at=totals["ended_at"],
            peak_viewers=totals["peak_viewers"],
            unique_viewers=unique,
            watch_seconds=totals["watched_ms"] // 1000,
            average_watch_seconds=totals["watched_ms"] // 1000 // unique if unique else 0,
            stalled_seconds=totals["stalled_ms"] // 1000,
            latency_ms=totals["latency_ms"],
            chat_messages=totals["messages"],
            chatters=totals["chatters"],
            watch_seconds_by_protocol=_seconds(by_protocol(watched)),
            watch_seconds_by_rendition=_seconds(by_rendition(watched)),
            step_s=step,
            retention=points,
        )

    async def _retention(self, totals: Row) -> tuple[int, list[RetentionPoint]]:
        started_at = totals["started_at"]
        if started_at is None:
            return step_s(0), []
        duration_s = max(0.0, ((totals["ended_at"] or self._now()) - started_at).total_seconds())
        step = step_s(duration_s)
        rows = await self._db.fetch(_STEPS, totals["id"], started_at, float(step))
        came = {row["step"]: row["came"] for row in rows}
        went = {row["step"]: row["went"] for row in rows}
        steps = max(1, math.ceil(duration_s / step))
        points = curve(came, went, steps=steps, step=step, audience=totals["unique_viewers"])
        return step, [RetentionPoint.model_validate(one, from_attributes=True) for one in points]


def _seconds(ms: dict[str, int]) -> dict[str, int]:
    return {name: value // 1000 for name, value in ms.items()}


def as_csv(analytics: AnalyticsShape) -> str:
    """The curve, a line a step, after a line of names (RFC 4180)."""
    lines = ["at_s,viewers,share", *(f"{one.at_s},{one.viewers},{one.share}" for one in analytics.retention)]
    return "\r\n".join(lines) + "\r\n"


_TOTALS: Final = """
select s.id, s.started_at, s.ended_at, s.peak_viewers, s.unique_viewers, s.watched_ms, v.stalled_ms, v.latency_ms,
    m.messages, m.chatters
from streams s cross join lateral (
    select coalesce(sum(stalled_ms), 0)::bigint as stalled_ms,
        (sum(latency_ms::bigint * watched_ms) filter (where latency_ms > 0)
            / nullif(sum(watched_ms) filter (where latency_ms > 0), 0))::integer as latency_ms
    from view_sessions where stream_id = s.id
) v cross join lateral (
    select count(*) as messages, count(distinct user_id) as chatters
    from chat_messages where room_id = s.room_id and deleted_at is null
) m where s.id = $1
"""
_BY_TRANSPORT: Final = """
select w.key as transport, sum(w.value::bigint)::bigint as ms
from view_sessions v cross join lateral jsonb_each_text(v.watched_by) w where v.stream_id = $1 group by w.key
"""
# ``$2`` the start, ``$3`` seconds of a step. As many rows as steps in which anybody came or went, whoever watches.
_STEPS: Final = """
with views as (
    select floor(extract(epoch from started_at - $2) / $3)::bigint as first,
        floor(extract(epoch from last_at - $2) / $3)::bigint as last
    from view_sessions where stream_id = $1
)
select step, sum(came)::bigint as came, sum(went)::bigint as went from (
    select greatest(first, 0) as step, count(*) as came, 0 as went from views where last >= 0 group by 1
    union all select last, 0, count(*) from views where last >= 0 group by 1
) steps group by step
"""
