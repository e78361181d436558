"""Emotes: stored, listed, removed.

As with avatars, the row is the truth: objects without one are swept (``storage/doomed.py``). A message keeps the
name of an emote, so that it can be read when the picture is no more.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any, Final

from actors.runtime import DomainError
from server.feature import MediaFile
from server.features.people.pictures import PictureSize, Reencode
from server.features.rooms.emotes import queries
from server.features.rooms.emotes.rules import WIDTHS
from server.features.rooms.emotes.shapes import shown
from server.http.errors import Problem, not_found
from storage.audit import AuditLog
from storage.doomed import doom, keep, reserve
from storage.ids import Ids
from storage.objects import ObjectStore
from storage.postgres import Database, Transaction

WEBP: Final = "image/webp"
SIZES: Final = [PictureSize(width, width) for width in WIDTHS]
PUT_S: Final = 30.0
KEEP_WITHIN_S: Final = 900.0
"""Objects that wait longer for their row are deleted."""


def folder_of(emote_id: str) -> str:
    """The prefix of an emote's objects."""
    return f"emotes/{emote_id}/"


class Emotes:
    """The emotes of all owners, at most ``max_emotes`` each."""

    def __init__(
        self,
        *,
        db: Database,
        audit: AuditLog,
        objects: ObjectStore,
        ids: Ids,
        now: Callable[[], dt.datetime],
        reencode: Reencode,
        max_emotes: int,
    ) -> None:
        self._db = db
        self._audit = audit
        self._objects = objects
        self._ids = ids
        self._now = now
        self._reencode = reencode
        self._max_emotes = max_emotes

    async def add(self, owner_id: str, name: str, data: bytes) -> dict[str, Any]:
        """Raises what ``Reencode`` raises, ``emote_exists``, ``too_many_emotes``, a 404 when the account is no more."""
        await self._require_room(self._db, owner_id, name)
        pictures = await self._reencode(data, SIZES)
        now = self._now()
        emote_id = self._ids.uuid7(now.timestamp())
        await self._store(emote_id, pictures)
        async with self._db.transaction() as tx:
            if not await tx.fetchval(queries.LOCK_OWNER, owner_id):
                raise not_found("The account is no more")
            await self._require_room(tx, owner_id, name)
            if not await keep(tx, folder_of(emote_id)):
                raise Problem(503, "The emote could not be stored in time", retry_after_s=1.0)
            row = await tx.fetchrow(queries.ADD, emote_id, owner_id, name, now)
        assert row is not None
        return shown(row)

    async def remove(self, owner_id: str, emote_id: str) -> None:
        """Raises ``not_found``."""
        async with self._db.transaction() as tx:
            if await tx.fetchval(queries.REMOVE, owner_id, emote_id) is None:
                raise _no_emote()
            await doom(tx, folder_of(emote_id))

    async def remove_as_admin(self, emote_id: str, *, by: str, address: str) -> None:
        """In the audit log. Raises ``not_found``."""
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.REMOVE_ANY, emote_id)
            if row is None:
                raise _no_emote()
            await doom(tx, folder_of(emote_id))
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
            key = f"{folder_of(row['id'])}{WIDTHS[-1]}.webp"
            size = await self._objects.size(key)
            if size is not None:
                name = f"emotes/{row['name']}-{row['id']}.webp"
                yield MediaFile(name=name, size=size, chunks=partial(self._objects.open, key))

    async def _require_room(self, where: Database | Transaction, owner_id: str, name: str) -> None:
        if await where.fetchval(queries.EXISTS, owner_id, name):
            raise DomainError("emote_exists", "You have an emote of this name already.", field="name")
        if await where.fetchval(queries.COUNT, owner_id) >= self._max_emotes:
            raise DomainError("too_many_emotes", f"There are at most {self._max_emotes} emotes.")

    async def _store(self, emote_id: str, pictures: Sequence[bytes]) -> None:
        folder = folder_of(emote_id)
        await reserve(self._db, folder, for_s=KEEP_WITHIN_S)
        try:
            async with asyncio.timeout(PUT_S):
                for width, picture in zip(WIDTHS, pictures, strict=True):
                    await self._objects.put(f"{folder}{width}.webp", picture, content_type=WEBP)
        except TimeoutError as error:
            raise Problem(503, "The emote could not be stored in time", retry_after_s=PUT_S) from error


def _no_emote() -> DomainError:
    return DomainError("not_found", "There is no such emote.")
