"""When each schedule fires next: one row a schedule, moved by the node that fires it, so that it is fired once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec

from storage.jobs import sql
from storage.postgres import Database, Transaction


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule whose time has come. ``at`` is the database's now."""

    name: str
    next_at: dt.datetime
    at: dt.datetime


class ScheduleRow(msgspec.Struct, frozen=True, kw_only=True):
    """``spec``: what it follows, as text."""

    name: str
    spec: str
    next_at: dt.datetime
    fired_at: dt.datetime | None = None


class Schedules:
    """Every verb raises ``Unavailable`` while the database is away."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def arrange(self, name: str, *, spec: str, next_at: dt.datetime) -> None:
        """Make a schedule known; one whose spec is as before keeps its time."""
        await self._db.execute(sql.ARRANGE, name, spec, next_at)

    async def due(self, names: Sequence[str]) -> list[Due]:
        return [Due(**row) for row in await self._db.fetch(sql.SCHEDULES_DUE, list(names))]

    async def fire(self, tx: Transaction, name: str, *, expected: dt.datetime, next_at: dt.datetime) -> bool:
        """Move a schedule on in the transaction that enqueues its job; False when another node has done so."""
        return bool(await tx.execute(sql.FIRE, name, expected, next_at))

    async def waits(self, tx: Transaction, job_name: str) -> bool:
        """Whether a job of this name is queued."""
        return bool(await tx.fetchval(sql.WAITS, job_name))

    async def all(self) -> list[ScheduleRow]:
        return [ScheduleRow(**row) for row in await self._db.fetch(sql.SCHEDULES)]
