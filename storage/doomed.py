"""Objects whose rows have gone: a row says which, written with the removal, until they have been deleted."""

from __future__ import annotations

from typing import Any, Final, Protocol

from storage.objects import ObjectStore
from storage.postgres import Database, Transaction

AGAIN_S: Final = 180.0
"""An upload that was on its way when the rows went has ended by then."""
BATCH: Final = 100


class Executes(Protocol):
    """A database, or a transaction."""

    async def execute(self, sql: str, /, *args: Any) -> Any: ...


async def doom(tx: Transaction, prefix: str) -> None:
    """Have everything under ``prefix`` deleted, once now and once when late uploads have come in."""
    await tx.execute(_DOOM, prefix)


async def reserve(where: Executes, prefix: str, *, for_s: float) -> None:
    """Before anything is stored under ``prefix``: it is deleted after ``for_s``, unless ``keep`` comes first. So
    nothing is left of what breaks off, wherever it does."""
    await where.execute(_RESERVE, prefix, for_s)


async def keep(tx: Transaction, prefix: str) -> bool:
    """What was reserved stays, in the transaction that says what it is for. False: it came too late."""
    return await tx.execute(_KEEP, prefix) == 1


class DoomedObjects:
    """Any node may sweep, and several at once: deleting what has gone does nothing."""

    def __init__(self, *, db: Database, objects: ObjectStore) -> None:
        self._db = db
        self._objects = objects

    async def sweep(self) -> None:
        """Delete all that is due. Raises ``Unavailable`` when the store or the database is away."""
        while due := await self._db.fetch(_DUE, BATCH):
            for row in due:
                await self._objects.delete_prefix(row["prefix"])
                if row["is_swept_once"]:
                    await self._db.execute(_FORGET, row["prefix"])
                else:
                    await self._db.execute(_SWEPT_ONCE, row["prefix"], AGAIN_S)


_RESERVE: Final = "insert into doomed_objects (prefix, due_at) values ($1, now() + make_interval(secs => $2))"
_KEEP: Final = "delete from doomed_objects where prefix = $1 and due_at > now() and not is_swept_once"
_DOOM: Final = "insert into doomed_objects (prefix) values ($1) on conflict do nothing"
_DUE: Final = "select prefix, is_swept_once from doomed_objects where due_at <= now() order by due_at limit $1"
_SWEPT_ONCE: Final = (
    "update doomed_objects set is_swept_once = true, due_at = now() + make_interval(secs => $2) where prefix = $1"
)
_FORGET: Final = "delete from doomed_objects where prefix = $1"
