"""Badges: one of each kind an owner, stored, replaced, removed."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable
from typing import Any

from actors.runtime import DomainError
from server.feature import MediaFile
from server.features.rooms.badges import queries
from server.features.rooms.badges.rules import NOUN, BadgeKind
from server.features.rooms.badges.shapes import shown
from server.features.rooms.picture_folders import PictureFolders, doom_picture
from server.http.errors import not_found
from storage.audit import AuditLog
from storage.ids import Ids
from storage.postgres import Database, Transaction


class Badges:
    """What stands before the names of moderators, VIPs, subscribers and long followers in an owner's rooms."""

    def __init__(
        self,
        *,
        db: Database,
        audit: AuditLog,
        folders: PictureFolders,
        ids: Ids,
        now: Callable[[], dt.datetime],
    ) -> None:
        self._db = db
        self._audit = audit
        self._folders = folders
        self._ids = ids
        self._now = now

    async def put(self, owner_id: str, kind: BadgeKind, data: bytes) -> dict[str, Any]:
        """The one before it goes. Raises what ``Reencode`` raises, and a 404 when the account is no more."""
        pictures = await self._folders.reencoded(data)
        now = self._now()
        badge_id = self._ids.uuid7(now.timestamp())
        await self._folders.store(badge_id, pictures)
        async with self._db.transaction() as tx:
            if not await tx.fetchval(queries.LOCK_OWNER, owner_id):
                raise not_found("The account is no more")
            await self._folders.keep(tx, badge_id)
            await self._forget(tx, owner_id, kind)
            row = await tx.fetchrow(queries.ADD, badge_id, owner_id, kind, now)
        assert row is not None
        return shown(row)

    async def remove(self, owner_id: str, kind: BadgeKind) -> None:
        """Idempotent."""
        async with self._db.transaction() as tx:
            await self._forget(tx, owner_id, kind)

    async def remove_as_admin(self, badge_id: str, *, by: str, address: str) -> None:
        """In the audit log. Raises ``not_found``."""
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.REMOVE_ANY, badge_id)
            if row is None:
                raise DomainError("not_found", "There is no such badge.")
            await doom_picture(tx, NOUN, badge_id)
            await self._audit.add(
                tx, "badge.remove", actor_id=by, subject=row["owner_id"], ip=address, detail={"kind": row["kind"]}
            )

    async def listed(self, owner_id: str) -> list[dict[str, Any]]:
        return [shown(row) for row in await self._db.fetch(queries.LIST, owner_id)]

    async def of(self, username: str) -> list[dict[str, Any]]:
        """Those of the rooms of a person; none for nobody."""
        return [shown(row) for row in await self._db.fetch(queries.LIST_OF, username)]

    async def is_shown(self, badge_id: str) -> bool:
        found: bool = await self._db.fetchval(queries.IS_SHOWN, badge_id)
        return found

    async def files(self, owner_id: str) -> AsyncIterator[MediaFile]:
        """The largest size of each."""
        for row in await self._db.fetch(queries.LIST, owner_id):
            file = await self._folders.largest(row["id"], name=f"badges/{row['kind']}.webp")
            if file is not None:
                yield file

    async def _forget(self, tx: Transaction, owner_id: str, kind: BadgeKind) -> None:
        removed = await tx.fetchval(queries.REMOVE, owner_id, kind)
        if removed is not None:
            await doom_picture(tx, NOUN, removed)
