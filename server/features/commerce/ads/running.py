"""The campaigns that may be shown, as this node holds them in memory, and the money that it may spend of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from server.features.commerce.ads import queries
from server.features.commerce.ads.auction import Candidate, Creative, Index
from server.features.commerce.ads.pacing import allowed, lease_of
from storage.ids import Ids
from storage.postgres import Database, Row

LOOK_S: Final = 5.0
"""Seconds after which it is looked whether a campaign has changed."""
RELOAD_S: Final = 60.0
"""As often for what changes without one: videos and accounts that go."""
USED_FOR: Final = timedelta(seconds=60)
"""A lease is decided from for so long."""
TOKENS_FOR: Final = timedelta(minutes=10)
"""What was decided can be charged for so long, and a lease is closed when nothing of it can be any more."""
DRY_S: Final = 5.0


class Running:
    """The index of this node, which is at most some seconds old while it is asked for."""

    def __init__(self, *, db: Database, now: Callable[[], datetime], floor: int) -> None:
        self._db = db
        self._now = now
        self._floor = floor
        self._index = Index((), floor=floor)
        self._version: Any = None
        self._looked_at = self._loaded_at = float("-inf")
        self._lock = asyncio.Lock()

    async def index(self) -> Index:
        """Raises ``Unavailable`` while there is none and Postgres is away."""
        if self._now().timestamp() - self._looked_at >= LOOK_S and not self._lock.locked():
            async with self._lock:
                await self._look()
        return self._index

    async def _look(self) -> None:
        now = self._now()
        version = await self._db.fetchval(queries.VERSION)
        if version != self._version or now.timestamp() - self._loaded_at >= RELOAD_S:
            rows = await self._db.fetch(queries.RUNNING, now)
            self._index = await asyncio.to_thread(_index_of, rows, self._floor)
            self._version, self._loaded_at = version, now.timestamp()
        self._looked_at = now.timestamp()


def _index_of(rows: list[Row], floor: int) -> Index:
    return Index([candidate_of(row) for row in rows], floor=floor)


def candidate_of(row: Row) -> Candidate:
    sets = {name: frozenset(words) for name, words in row["targeting"].items()}
    creatives = tuple(msgspec.convert(one, Creative) for one in row["creatives"])
    return Candidate(
        id=row["id"], owner_id=row["owner_id"], bid=row["bid"], currency=row["currency"], cap=row["cap"],
        starts=row["starts_at"].timestamp(), ends=row["ends_at"].timestamp(), creatives=creatives,
        avoids=frozenset(row["avoid"]), **sets,
    )  # fmt: skip


class Lease(msgspec.Struct, kw_only=True):
    """``left``: thousandths that were not decided on yet. ``until``: Unix seconds."""

    id: str
    left: int
    until: float


class Leases:
    """What this node may spend: given by Postgres in small amounts, never more in all than a campaign has."""

    def __init__(self, *, db: Database, ids: Ids, now: Callable[[], datetime], node_name: str) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._node_name = node_name
        self._held: dict[str, Lease] = {}
        self._dry: dict[str, float] = {}
        self._asking = asyncio.Lock()

    def dry(self) -> set[str]:
        """Campaigns that had no money for this node a moment ago."""
        now = self._now().timestamp()
        self._dry = {campaign_id: until for campaign_id, until in self._dry.items() if until > now}
        return set(self._dry)

    async def take(self, campaign_id: str, price: int) -> str | None:
        """Set ``price`` thousandths aside: the lease's id; None where there are none. Raises ``Unavailable``."""
        async with self._asking:  # one at a time: a second lease would leave the first one's rest unused
            lease = self._usable(campaign_id, price) or await self._lease(campaign_id, price)
            if lease is None:
                self._dry[campaign_id] = self._now().timestamp() + DRY_S
                return None
            lease.left -= price
            return lease.id

    def _usable(self, campaign_id: str, price: int) -> Lease | None:
        lease = self._held.get(campaign_id)
        usable = lease is not None and lease.left >= price and lease.until > self._now().timestamp()
        return lease if usable else None

    async def _lease(self, campaign_id: str, price: int) -> Lease | None:
        now = self._now()
        lease_id = self._ids.uuid7(now.timestamp())
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.LOCK_FOR_LEASE, campaign_id, now)
            amount = 0 if row is None else _amount_for(row, now)
            if amount < price:
                return None
            await tx.execute(queries.LEASE, campaign_id, amount)
            closes_at = now + USED_FOR + TOKENS_FOR
            await tx.execute(queries.ADD_LEASE, lease_id, campaign_id, self._node_name, amount, closes_at)
        lease = Lease(id=lease_id, left=amount, until=(now + USED_FOR).timestamp())
        self._held[campaign_id] = lease
        self._forget(now.timestamp())
        return lease

    def _forget(self, now: float) -> None:
        """Leases that have run out: their rest goes back when they are closed."""
        self._held = {campaign_id: lease for campaign_id, lease in self._held.items() if lease.until > now}


def _amount_for(row: Row, now: datetime) -> int:
    limit = min(row["budget"], row["paid"])
    may = allowed(limit=limit, starts_at=row["starts_at"], ends_at=row["ends_at"], now=now)
    return lease_of(room=may - row["spent"] - row["leased"], bid=row["bid"])


async def close_leases(db: Database, now: datetime) -> None:
    """Give back what leases have left of which nothing can be charged any more. It may run beside itself."""
    for due in await db.fetch(queries.LEASES_DUE, now):
        async with db.transaction() as tx:
            await tx.fetchval(queries.LOCK_CAMPAIGN, due["campaign_id"])
            closed = await tx.fetchrow(queries.CLOSE_LEASE, due["id"])
            if closed is not None:
                await tx.execute(queries.GIVE_BACK, due["campaign_id"], closed["amount"], closed["spent"])
