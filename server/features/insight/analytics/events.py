"""Events of views: kept in daily partitions, and rolled up into what they come to by day.

An event has an id, so that to record it twice changes nothing. A late one counts for the day on which it was; one of
the future, or older than ``LATE_DAYS``, is refused. It is rolled up in the transaction that marks it: exactly once.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal

import msgspec

from server.features.insight.analytics import queries
from storage.postgres import Database

Kind = Literal["view", "video_view"]

FUTURE_S: Final = 60
LATE_DAYS: Final = 7
KEPT_DAYS: Final = 90
BATCH: Final = 5_000
"""Events in one statement, which has seconds."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """``viewer`` counts as one: a person's id, or a guest's mark. ``country``, ``device``, ``source``: empty where they
    are not known.
    """

    id: str
    at: dt.datetime
    kind: Kind
    creator_id: str
    item_id: str
    viewer: str
    country: str = ""
    device: str = ""
    source: str = ""


class Events:
    """``refused``: how many this node has refused, for the operator's metrics."""

    def __init__(self, *, db: Database, now: Callable[[], dt.datetime]) -> None:
        self._db = db
        self._now = now
        self._partitions: set[dt.date] = set()
        self.refused = 0

    async def record(self, events: Sequence[Event]) -> int:
        """Keep those that are not there yet and whose time may be; how many were refused."""
        kept = [event for event in events if self._may_be(event.at)]
        refused = len(events) - len(kept)
        self.refused += refused
        for day in {_day(event.at) for event in kept} - self._partitions:
            await self._open(day)
        if kept:
            await self._db.execute(queries.ADD_EVENTS, *_columns(kept))
        return refused

    async def roll_up(self) -> int:
        """Roll up what has been recorded; how many events. It may run beside itself and be repeated."""
        total = 0
        while True:
            count = int(await self._db.fetchval(queries.ROLL_UP, BATCH))
            total += count
            if count < BATCH:
                return total

    async def prune(self) -> None:
        """Drop partitions, and marks of viewers, that are too old to count for anything."""
        today = _day(self._now())
        for row in await self._db.fetch(queries.PARTITIONS):
            day = _of_partition(row["name"])
            if day is not None and day < today - dt.timedelta(days=KEPT_DAYS):
                await self._db.execute(f"drop table if exists {row['name']}")
        await self._db.execute(queries.PRUNE_VIEWERS, today - dt.timedelta(days=LATE_DAYS + 1))

    def _may_be(self, at: dt.datetime) -> bool:
        now = self._now()
        return now - dt.timedelta(days=LATE_DAYS) <= at <= now + dt.timedelta(seconds=FUTURE_S)

    async def _open(self, day: dt.date) -> None:
        await self._db.execute(queries.partition(day))
        self._partitions.add(day)


def pseudonym(viewer: str, day: dt.date) -> bytes:
    """Tells viewers of one day apart. Of another day the same viewer has another one."""
    return hashlib.sha256(f"{day.isoformat()}\0{viewer}".encode()).digest()[:12]


def _day(at: dt.datetime) -> dt.date:
    return at.astimezone(dt.UTC).date()


def _of_partition(name: str) -> dt.date | None:
    try:
        return dt.datetime.strptime(name.rpartition("_")[2], "%Y%m%d").replace(tzinfo=dt.UTC).date()
    except ValueError:
        return None


def _columns(events: Sequence[Event]) -> Iterator[list[object]]:
    fields = ("id", "at", "kind", "creator_id", "item_id", "country", "device", "source")
    for name in fields:
        yield [getattr(event, name) for event in events]
    yield [pseudonym(event.viewer, _day(event.at)) for event in events]
