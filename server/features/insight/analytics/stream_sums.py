"""The sums over the views of one stream: added up when they are asked for, or by a job where there are very many."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from server.features.insight.analytics import queries
from server.features.insight.analytics.curve import step_s
from storage.postgres import Database, Row

LARGE: Final = 20_000
"""Unique viewers of a stream from which on a job adds up its views."""
AT_ONCE: Final = 20
PART: Final = 100_000
"""Views in one statement, which has seconds."""


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """``watched``: transport and milliseconds. ``steps``: a step of ``step`` seconds, how many views began, ended."""

    stalled_ms: int
    latency_ms: int | None
    messages: int
    chatters: int
    watched: list[tuple[str, int]]
    step: int
    steps: list[tuple[int, int, int]]
    computed_at: dt.datetime


class StreamSums:
    def __init__(self, *, db: Database, now: Callable[[], dt.datetime]) -> None:
        self._db = db
        self._now = now

    async def of(self, totals: Row) -> Sums:
        """``totals``: the stream's row. Of a large stream those of the last time that the job ran."""
        if totals["unique_viewers"] < LARGE:
            return await self._added_up(totals)
        held = await self._db.fetchval(queries.SNAPSHOT, totals["id"])
        return msgspec.convert(held, Sums) if held is not None else await self._kept(totals)

    async def refresh(self) -> None:
        """Add up large streams whose views may have changed. It may be repeated."""
        for due in await self._db.fetch(queries.DUE, LARGE, AT_ONCE):
            totals = await self._db.fetchrow(queries.TOTALS, due["id"])
            if totals is not None:
                await self._kept(totals)

    async def _kept(self, totals: Row) -> Sums:
        sums = await self._added_up(totals)
        held = msgspec.to_builtins(sums)
        await self._db.execute(queries.PUT_SNAPSHOT, totals["id"], sums.computed_at, held)
        return sums

    async def _added_up(self, totals: Row) -> Sums:
        stream_id, started_at, now = totals["id"], totals["started_at"], self._now()
        chat = await self._db.fetchrow(queries.CHAT, stream_id)
        assert chat is not None
        step = step_s(0 if started_at is None else duration_s(totals, now))
        adding = _Adding()
        for part in await self._parts(stream_id, totals["unique_viewers"]):
            adding.rate(await self._db.fetchrow(queries.QUALITY, *part))
            adding.watch(await self._db.fetch(queries.BY_TRANSPORT, *part))
            if started_at is not None:
                adding.step(await self._db.fetch(queries.STEPS, *part, started_at, float(step)))
        return adding.sums(messages=chat["messages"], chatters=chat["chatters"], step=step, computed_at=now)

    async def _parts(self, stream_id: str, viewers: int) -> list[tuple[str, dt.datetime, dt.datetime]]:
        """Stretches of time in which views began, each with about ``PART`` of them or fewer."""
        row = await self._db.fetchrow(queries.FIRST_AND_LAST, stream_id)
        if row is None or row["first"] is None:
            return []
        count = viewers // PART + 1
        each = (row["last"] - row["first"]) / count + dt.timedelta(microseconds=1)
        return [(stream_id, row["first"] + each * n, row["first"] + each * (n + 1)) for n in range(count)]


class _Adding:
    """What the parts come to."""

    def __init__(self) -> None:
        self._stalled_ms = 0
        self._late = 0.0
        self._timed_ms = 0
        self._watched: Counter[str] = Counter()
        self._came: Counter[int] = Counter()
        self._went: Counter[int] = Counter()

    def rate(self, row: Row | None) -> None:
        assert row is not None
        self._stalled_ms += row["stalled_ms"]
        self._late += row["late"]
        self._timed_ms += row["timed_ms"]

    def watch(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._watched[row["transport"]] += row["ms"]

    def step(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._came[row["step"]] += row["came"]
            self._went[row["step"]] += row["went"]

    def sums(self, *, messages: int, chatters: int, step: int, computed_at: dt.datetime) -> Sums:
        steps = sorted(self._came.keys() | self._went.keys())
        return Sums(
            stalled_ms=self._stalled_ms,
            latency_ms=round(self._late / self._timed_ms) if self._timed_ms else None,
            messages=messages,
            chatters=chatters,
            watched=list(self._watched.items()),
            step=step,
            steps=[(one, self._came[one], self._went[one]) for one in steps],
            computed_at=computed_at,
        )


def duration_s(totals: Row, now: dt.datetime) -> float:
    """Of a stream that has begun, until now at most."""
    lasted: dt.timedelta = (totals["ended_at"] or now) - totals["started_at"]
    return max(0.0, lasted.total_seconds())
