"""What may be recommended to anybody at the moment: read once in some seconds for all who ask."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from server.features.discovery.recommendations import queries
from server.features.discovery.recommendations.ports import Kind
from server.features.discovery.recommendations.trending import Trending
from storage.postgres import Database

FRESH_S: Final = 5.0
STALE_S: Final = 60.0
SIZES: Final[Mapping[Kind, int]] = {"streams": 500, "videos": 500, "people": 300, "posts": 300}

log = logging.getLogger("server.recommendations")


class Pooled(msgspec.Struct, frozen=True, kw_only=True):
    """``trend``: its score among what trends. ``topics``: tags, category or hashtags."""

    id: str
    owner_id: str
    at: dt.datetime | None = None
    topics: frozenset[str] = frozenset()
    trend: float = 0.0


class Pools:
    """One read a kind at a time. Who asks while an older pool is read anew gets that, up to ``STALE_S``; then it waits
    for the read, whose failure is theirs.
    """

    def __init__(self, *, db: Database, trending: Trending, monotonic: Callable[[], float]) -> None:
        self._db = db
        self._trending = trending
        self._monotonic = monotonic
        self._held: dict[Kind, tuple[float, Sequence[Pooled]]] = {}
        self._reading: dict[Kind, asyncio.Task[Sequence[Pooled]]] = {}

    async def of(self, kind: Kind) -> Sequence[Pooled]:
        held = self._held.get(kind)
        age_s = float("inf") if held is None else self._monotonic() - held[0]
        if age_s <= FRESH_S and held is not None:
            return held[1]
        reading = self._reading.get(kind)
        if reading is None:
            reading = self._begin(kind)
        return held[1] if held is not None and age_s <= STALE_S else await asyncio.shield(reading)

    async def close(self) -> None:
        """Reads of which nobody waits for the end."""
        reading = list(self._reading.values())
        for one in reading:
            one.cancel()
        await asyncio.gather(*reading, return_exceptions=True)

    def _begin(self, kind: Kind) -> asyncio.Task[Sequence[Pooled]]:
        reading = asyncio.create_task(self._renew(kind), name=f"pool of {kind}")
        self._reading[kind] = reading
        reading.add_done_callback(lambda _: self._reading.pop(kind, None))
        reading.add_done_callback(_told)
        return reading

    async def _renew(self, kind: Kind) -> Sequence[Pooled]:
        pool = await self._read(kind)
        self._held[kind] = self._monotonic(), pool
        return pool

    async def _read(self, kind: Kind) -> Sequence[Pooled]:
        hidden = await self._trending.hidden(kind)
        rows = await self._db.fetch(queries.POOLS[kind], SIZES[kind])
        return [
            Pooled(
                id=row["id"],
                owner_id=row["owner_id"],
                at=row["at"],
                topics=frozenset(one for one in row["topics"] if one),
                trend=0.0 if row["id"] in hidden else row["trend"],
            )
            for row in rows
        ]


def _told(reading: asyncio.Task[Sequence[Pooled]]) -> None:
    if not reading.cancelled() and (error := reading.exception()) is not None:
        log.warning("%s cannot be read: %s", reading.get_name(), error)
