"""Tiers: what a creator offers to subscribers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from server.features.money.currencies import fault_in
from server.features.money.memberships import queries
from server.features.money.memberships.shapes import TierBody
from server.http.errors import FieldError, invalid, invalid_field
from storage.ids import Ids
from storage.postgres import Database, Reads


class Tiers:
    def __init__(self, *, db: Database, ids: Ids, now: Callable[[], datetime], most: int) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._most = most

    async def listed(self, where: Reads, owner_id: str) -> list[dict[str, Any]]:
        return [dict(row) for row in await where.fetch(queries.TIERS, owner_id)]

    async def of_user(self, username: str, viewer_id: str | None) -> list[dict[str, Any]]:
        """None for a person whom the viewer may not know of."""
        return [dict(row) for row in await self._db.fetch(queries.TIERS_OF, username, viewer_id)]

    async def put(self, owner_id: str, tiers: list[TierBody]) -> list[dict[str, Any]]:
        """Replace them all. Raises a 422 that names each wrong one."""
        self._check(tiers)
        async with self._db.transaction() as tx:
            await tx.execute(queries.LOCK_OWNER, owner_id)
            own = {row["id"] for row in await tx.fetch(queries.TIERS, owner_id)}
            strange = [n for n, tier in enumerate(tiers) if tier.id is not None and tier.id.lower() not in own]
            if strange:
                raise invalid(*(FieldError(f"tiers.{n}.id", "is not a tier of yours") for n in strange))
            await tx.execute(queries.ARCHIVE, owner_id)
            for place, tier in enumerate(tiers):
                tier_id = tier.id or self._ids.uuid7(self._now().timestamp())
                await tx.execute(
                    queries.PUT_TIER, tier_id, owner_id, tier.name, tier.description, tier.amount, tier.currency, place
                )
            return await self.listed(tx, owner_id)

    def _check(self, tiers: list[TierBody]) -> None:
        faults = [(n, fault_in(tier.amount, tier.currency, most=self._most)) for n, tier in enumerate(tiers)]
        errors = [FieldError(f"tiers.{n}.{fault[0]}", fault[1]) for n, fault in faults if fault is not None]
        if errors:
            raise invalid(*errors)
        for values, field in (([one.name.casefold() for one in tiers], "name"), ([one.id for one in tiers], "id")):
            given = [value for value in values if value is not None]
            if len(set(given)) < len(given):
                raise invalid_field("tiers", f"has two of the same {field}")
