"""What the owner of a stream learns of its audience. The curve is bounded however long the stream is."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from actors.runtime import DomainError
from server.features.insight.analytics import queries
from server.features.insight.analytics.curve import by_protocol, by_rendition, curve
from server.features.insight.analytics.periods import UNKNOWN
from server.features.insight.analytics.shapes import AmountShape, AnalyticsShape, RetentionPoint
from server.features.insight.analytics.stream_sums import StreamSums, Sums, duration_s
from storage.postgres import Database, Row
from storage.seen_streams import SeenStream, seen_stream

Mood = Callable[[Sequence[str]], Awaitable[float | None]]
"""How a chat feels, from -1 to 1; None where no model can tell."""
MOOD_MESSAGES: Final = 200
_LATEST: Final = """
select text from chat_messages where room_id = $1 and deleted_at is null and text <> '' order by "offset" desc limit $2
"""


async def no_mood(texts: Sequence[str]) -> float | None:
    """Without a model."""
    return None


class Analytics:
    def __init__(self, *, db: Database, now: Callable[[], dt.datetime], sums: StreamSums, mood: Mood = no_mood) -> None:
        self._db = db
        self._now = now
        self._sums = sums
        self._mood = mood

    async def of_stream(self, stream_id: str, person_id: str) -> AnalyticsShape:
        """Raises ``not_found`` for what the person may not know of, ``forbidden`` for another one's stream."""
        seen = await seen_stream(self._db, stream_id, person_id)
        if seen is None:
            raise DomainError("not_found", "There is no such stream.", field="stream_id")
        if seen.owner_id != person_id:
            raise DomainError("forbidden", "Only the owner of a stream may see who watched it.")
        totals = await self._db.fetchrow(queries.TOTALS, seen.id)
        assert totals is not None
        # At once: each is a statement or two, and waits for its turn on a busy server.
        sums, mood, revenue, followers, views = await asyncio.gather(
            self._sums.of(totals),
            self._mood_of(seen),
            self._revenue(seen),
            self._followers(seen, totals),
            self._views(seen),
        )
        unique = totals["unique_viewers"]
        return AnalyticsShape(
            stream_id=uuid.UUID(seen.id),
            started_at=totals["started_at"],
            ended_at=totals["ended_at"],
            peak_viewers=totals["peak_viewers"],
            unique_viewers=unique,
            watch_seconds=totals["watched_ms"] // 1000,
            average_watch_seconds=totals["watched_ms"] // 1000 // unique if unique else 0,
            stalled_seconds=sums.stalled_ms // 1000,
            latency_ms=sums.latency_ms,
            chat_messages=sums.messages,
            chatters=sums.chatters,
            mood=mood,
            watch_seconds_by_protocol=_seconds(by_protocol(sums.watched)),
            watch_seconds_by_rendition=_seconds(by_rendition(sums.watched)),
            step_s=sums.step,
            retention=self._retention(totals, sums),
            computed_at=sums.computed_at,
            revenue=revenue,
            followers_gained=followers,
            **views,
        )

    def _retention(self, totals: Row, sums: Sums) -> list[RetentionPoint]:
        if totals["started_at"] is None:
            return []
        steps = max(1, math.ceil(duration_s(totals, sums.computed_at) / sums.step))
        came = {step: count for step, count, _ in sums.steps}
        went = {step: count for step, _, count in sums.steps}
        points = curve(came, went, steps=steps, step=sums.step, audience=totals["unique_viewers"])
        return [RetentionPoint.model_validate(one, from_attributes=True) for one in points]

    async def _views(self, seen: SeenStream) -> dict[str, Any]:
        """What the events of views came to: in all, and by where they came from."""
        rows = await self._db.fetch(queries.OF_ITEM, seen.owner_id, seen.id)
        names = {"source": "sources", "device": "devices", "country": "countries"}
        told: dict[str, Any] = {"views": 0, **{name: {} for name in names.values()}}
        for row in rows:
            if row["dimension"] == "":
                told["views"] = row["value"]
            else:
                told[names[row["dimension"]]][row["key"] or UNKNOWN] = row["value"]
        return told

    async def _followers(self, seen: SeenStream, totals: Row) -> int:
        if totals["started_at"] is None:
            return 0
        until = totals["ended_at"] or self._now()
        count: int = await self._db.fetchval(queries.FOLLOWERS_SINCE, seen.owner_id, totals["started_at"], until)
        return count

    async def _revenue(self, seen: SeenStream) -> list[AmountShape]:
        rows = await self._db.fetch(queries.REVENUE_OF_STREAM, seen.id, seen.owner_id)
        return [AmountShape(**dict(row)) for row in rows]

    async def _mood_of(self, seen: SeenStream) -> float | None:
        rows = await self._db.fetch(_LATEST, seen.room_id, MOOD_MESSAGES)
        return await self._mood([row["text"] for row in rows]) if rows else None


def _seconds(ms: dict[str, int]) -> dict[str, int]:
    return {name: value // 1000 for name, value in ms.items()}


def as_csv(analytics: AnalyticsShape) -> str:
    """The curve, a line a step, after a line of names (RFC 4180)."""
    lines = ["at_s,viewers,share", *(f"{one.at_s},{one.viewers},{one.share}" for one in analytics.retention)]
    return "\r\n".join(lines) + "\r\n"
