"""The key of a person's overlays: an API token of the scope ``overlay``, of which a person has one at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from server.features.integrations.api_tokens import TokenTable, Wanted
from server.features.integrations.overlays import queries
from server.http.encryption import Encryption
from server.http.identity import Identity
from server.scopes import OVERLAY
from storage.postgres import Database, Row, Transaction


class OverlayKey(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    created_at: datetime


class OverlayKeys:
    def __init__(self, *, db: Database, table: TokenTable, encryption: Encryption, identity: Identity) -> None:
        self._db = db
        self._table = table
        self._encryption = encryption
        self._identity = identity

    async def get(self, owner_id: str) -> OverlayKey:
        """The key that the person has; their first one is made."""
        row = await self._db.fetchrow(queries.KEY, owner_id)
        return await self._make(owner_id, is_first=True) if row is None else await self._opened(owner_id, row)

    async def rotate(self, owner_id: str) -> OverlayKey:
        """Another key. Overlays with the one until now are closed, on the other nodes within a second."""
        return await self._make(owner_id, is_first=False)

    async def shown(self, owner_id: str) -> dict[str, Any]:
        """The stream that overlays are about now, and whose it is."""
        row = await self._db.fetchrow(queries.SHOWN, owner_id)
        return {} if row is None else dict(row)

    async def _make(self, owner_id: str, *, is_first: bool) -> OverlayKey:
        async with self._db.transaction() as tx:
            await tx.execute(queries.LOCK_OWNER, owner_id)
            before = await tx.fetchrow(queries.KEY, owner_id)
            if before is not None and is_first:
                return await self._opened(owner_id, before)
            made = await self._table.add(tx, owner_id, (), Wanted(name="overlays", scopes=[OVERLAY]))
            sealed = await self._encryption.seal(made.token, context=_context(owner_id))
            created_at = await tx.fetchval(queries.PUT, owner_id, made.row["id"], sealed)
            if before is not None:
                await self._table.end(tx, before["token_id"])
        if before is not None:
            self._identity.revoke(before["token_id"], "overlay_key_rotated")
        await self._identity.refresh()
        return OverlayKey(key=made.token, created_at=created_at)

    async def _opened(self, owner_id: str, row: Row) -> OverlayKey:
        key = await self._encryption.open(bytes(row["sealed_key"]), context=_context(owner_id))
        return OverlayKey(key=key, created_at=row["created_at"])


def _context(owner_id: str) -> str:
    return f"overlay key {owner_id}"


async def erase(tx: Transaction, person_id: str) -> None:
    await tx.execute(queries.ERASE, person_id)
