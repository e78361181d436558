"""What may be recommended to anybody at the moment: read once in some seconds for all who ask."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from server.features.discovery.recommendations import queries
from server.features.discovery.recommendations.ports import KINDS, Kind
from server.features.discovery.recommendations.trending import Trending
from storage.postgres import Database

FRESH_S: Final = 5.0
SIZES: Final[Mapping[Kind, int]] = {"streams": 500, "videos": 500, "people": 300, "posts": 300}


class Pooled(msgspec.Struct, frozen=True, kw_only=True):
    """``trend``: its score among what trends. ``topics``: tags, category or hashtags."""

    id: str
    owner_id: str
    at: dt.datetime | None = None
    topics: frozenset[str] = frozenset()
    trend: float = 0.0


class Pools:
    """One read a kind at a time; who asks meanwhile waits for it."""

    def __init__(self, *, db: Database, trending: Trending, monotonic: Callable[[], float]) -> None:
        self._db = db
        self._trending = trending
        self._monotonic = monotonic
        self._held: dict[Kind, tuple[float, Sequence[Pooled]]] = {}
        self._reading = {kind: asyncio.Lock() for kind in KINDS}

    async def of(self, kind: Kind) -> Sequence[Pooled]:
        async with self._reading[kind]:
            held = self._held.get(kind)
            if held is None or self._monotonic() - held[0] > FRESH_S:
                held = self._monotonic(), await self._read(kind)
                self._held[kind] = held
        return held[1]

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
