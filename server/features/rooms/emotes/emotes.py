"""Emotes: stored, listed, removed. A message keeps the name of an emote, so that it can be read when the picture is no
more.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable
from typing import Any

from actors.runtime import DomainError
from server.feature import MediaFile
from server.features.rooms.emotes import queries
from server.features.rooms.emotes.rules import NOUN
from server.features.rooms.emotes.shapes import shown
from server.features.rooms.picture_folders import PictureFolders, doom_picture
from server.http.errors import not_found
from storage.audit import AuditLog
from storage.ids import Ids
from storage.postgres import Database, Transaction


class Emotes:
    """The emotes of all owners, at most ``max_emotes`` each."""

    def __init__(
        self,
        *,
        db: Database,
        audit: AuditLog,
        folders: PictureFolders,
        ids: Ids,
        now: Callable[[], dt.datetime],
        max_emotes: int,
    ) -> None:
        self._db = db
        self._audit = audit
        self._folders = folders
        self._ids = ids
        self._now = now
        self._max_emotes = max_emotes

    async def add(self, owner_id: str, name: str, data: bytes) -> dict[str, Any]:
        """Raises what ``Reencode`` raises, ``emote_exists``, ``too_many_emotes``, a 404 when the account is no more."""
        await self._require_room(self._db, owner_id, name)
        pictures = await self._folders.reencoded(data)
        now = self._now()
        emote_id = self._ids.uuid7(now.timestamp())
        await self._folders.store(emote_id, pictures)
        async with self._db.transaction() as tx:
            if not await tx.fetchval(queries.LOCK_OWNER, owner_id):
                raise not_found("The account is no more")
            await self._require_room(tx, owner_id, name)
            await self._folders.keep(tx, emote_id)
            row = await tx.fetchrow(queries.ADD, emote_id, owner_id, name, now)
        assert row is not None
        return shown(row)

    async def remove(self, owner_id: str, emote_id: str) -> None:
        """Raises ``not_found``."""
        async with self._db.transaction() as tx:
            if await tx.fetchval(queries.REMOVE, owner_id, emote_id) is None:
                raise _no_emote()
            await doom_picture(tx, NOUN, emote_id)

    async def remove_as_admin(self, emote_id: str, *, by: str, address: str) -> None:
        """In the audit log. Raises ``not_found``."""
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.REMOVE_ANY, emote_id)
            if row is None:
                raise _no_emote()
            await doom_picture(tx, NOUN, emote_id)
            await self._audit.add(
                tx, "emote.remove", actor_id=by, subject=row["owner_id"], ip=address, detail={"name": row["name"]}
            )

    async def listed(self, owner_id: str) -> list[dict[str, Any]]:
        return [shown(row) for row in await self._db.fetch(queries.LIST, owner_id)]

    async def of(self, username: str) -> list[dict[str, Any]]:
        """Those that may be written in the rooms of a person; none for nobody."""
        return [shown(row) for row in await self._db.fetch(queries.LIST_OF, username)]

    async def is_shown(self, emote_id: str) -> bool:
        found: bool = await self._db.fetchval(queries.IS_SHOWN, emote_id)
        return found

    async def files(self, owner_id: str) -> AsyncIterator[MediaFile]:
        """The largest size of each."""
        for row in await self._db.fetch(queries.LIST, owner_id):
            file = await self._folders.largest(row["id"], name=f"emotes/{row['name']}-{row['id']}.webp")
            if file is not None:
                yield file

    async def _require_room(self, where: Database | Transaction, owner_id: str, name: str) -> None:
        if await where.fetchval(queries.EXISTS, owner_id, name):
            raise DomainError("emote_exists", "You have an emote of this name already.", field="name")
        if await where.fetchval(queries.COUNT, owner_id) >= self._max_emotes:
            raise DomainError("too_many_emotes", f"There are at most {self._max_emotes} emotes.")


def _no_emote() -> DomainError:
    return DomainError("not_found", "There is no such emote.")
