"""Goals: set, removed, and how far they are, counted when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from server.features.rooms.goals import queries
from server.features.rooms.goals.shapes import GoalBody, GoalKind
from server.http.errors import not_found
from storage.postgres import Database, Reads, Row


class Tally(Protocol):
    """What counts towards a goal of one kind, such as followers; since ``since``, or ever."""

    async def __call__(self, where: Reads, owner_id: str, /, *, since: datetime | None) -> int: ...


class Goals:
    def __init__(self, *, db: Database, tallies: Mapping[GoalKind, Tally], now: Callable[[], datetime]) -> None:
        self._db = db
        self._tallies = tallies
        self._now = now

    async def put(self, owner_id: str, kind: GoalKind, goal: GoalBody) -> dict[str, Any]:
        """Raises a 404 when the account is no more."""
        async with self._db.transaction() as tx:
            if not await tx.fetchval(queries.LOCK_OWNER, owner_id):
                raise not_found("The account is no more")
            row = await tx.fetchrow(queries.PUT, owner_id, kind, goal.title, goal.target, goal.is_from_now, self._now())
            assert row is not None
            return await self._shown(tx, owner_id, row)

    async def remove(self, owner_id: str, kind: GoalKind) -> None:
        """Idempotent."""
        await self._db.execute(queries.REMOVE, owner_id, kind)

    async def listed(self, owner_id: str) -> list[dict[str, Any]]:
        rows = await self._db.fetch(queries.LIST, owner_id)
        return [await self._shown(self._db, owner_id, row) for row in rows if row["kind"] in self._tallies]

    async def _shown(self, where: Reads, owner_id: str, row: Row) -> dict[str, Any]:
        since = row["set_at"] if row["is_from_now"] else None
        return {**dict(row), "current": await self._tallies[row["kind"]](where, owner_id, since=since)}
