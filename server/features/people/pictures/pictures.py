"""Avatars, banners and slates: stored, replaced, removed.

Each picture gets an id of its own, never used again, and its objects lie under it. The row is the truth: objects
without one are swept (``storage/doomed.py``), wherever a process dies.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from media.pictures.messages import PictureSize
from server.feature import MediaFile
from server.features.people.pictures import queries
from server.features.people.pictures.queries import Kind
from server.http.errors import Problem, not_found
from storage.doomed import doom, keep, reserve
from storage.ids import Ids
from storage.objects import ObjectStore
from storage.postgres import Database, Transaction
from storage.rights import note_change

WEBP: Final = "image/webp"
PUT_S: Final = 60.0
KEEP_WITHIN_S: Final = 900.0
"""Objects that wait longer for their row are deleted."""
WIDTHS: Final[dict[Kind, Sequence[int]]] = {"avatar": (64, 128, 256, 512), "banner": (600, 1500), "slate": (1280,)}
SHOWN_WIDTH: Final[dict[Kind, int]] = {"avatar": 256, "banner": 1500, "slate": 1280}
"""The size that profiles link to; the others are its siblings."""
PROPORTIONS: Final[dict[Kind, tuple[int, int]]] = {"avatar": (1, 1), "banner": (3, 1), "slate": (16, 9)}
"""Width by height."""


def folder_of(picture_id: str) -> str:
    """The prefix of a picture's objects."""
    return f"pictures/{picture_id}/"


def sizes_of(kind: Kind) -> list[PictureSize]:
    wide, high = PROPORTIONS[kind]
    return [PictureSize(width, width * high // wide) for width in WIDTHS[kind]]


class Pictures:
    """One avatar, one banner and one slate of each person. Every call may be repeated without another effect."""

    def __init__(
        self,
        *,
        db: Database,
        objects: ObjectStore,
        ids: Ids,
        now: Callable[[], dt.datetime],
        reencode: Callable[[bytes, Sequence[PictureSize]], Awaitable[Sequence[bytes]]],
    ) -> None:
        self._db = db
        self._objects = objects
        self._ids = ids
        self._now = now
        self._reencode = reencode

    async def put(self, owner_id: str, kind: Kind, data: bytes) -> None:
        """Show this picture; the one before it goes. The same file again changes nothing.

        Raises what ``reencode`` raises, a 404 when the account is no more, and ``Unavailable``.
        """
        digest = hashlib.sha256(data).digest()
        shown = await self._db.fetchrow(queries.OWN, owner_id, kind)
        if shown is not None and shown["digest"] == digest:
            return
        pictures = await self._reencode(data, sizes_of(kind))
        picture_id = self._ids.uuid7(self._now().timestamp())
        await self._store(picture_id, kind, pictures)
        await self._show(owner_id, kind, picture_id, digest)

    async def remove(self, owner_id: str, kind: Kind) -> None:
        async with self._db.transaction() as tx:
            await self._require_owner(tx, owner_id)
            if await self._forget(tx, owner_id, kind):
                await self._link(tx, owner_id, kind, None)

    async def is_shown(self, picture_id: str) -> bool:
        """Whether it is some person's picture now, and the person is neither suspended nor leaving."""
        found: bool = await self._db.fetchval(queries.IS_SHOWN, picture_id)
        return found

    async def files(self, owner_id: str) -> AsyncIterator[MediaFile]:
        """The largest size of each."""
        for row in await self._db.fetch(queries.ALL, owner_id):
            kind: Kind = row["kind"]
            key = f"{folder_of(row['id'])}{WIDTHS[kind][-1]}.webp"
            size = await self._objects.size(key)
            if size is not None:
                yield MediaFile(name=f"pictures/{kind}.webp", size=size, chunks=partial(self._objects.open, key))

    async def _store(self, picture_id: str, kind: Kind, pictures: Sequence[bytes]) -> None:
        folder = folder_of(picture_id)
        await reserve(self._db, folder, for_s=KEEP_WITHIN_S)
        try:
            async with asyncio.timeout(PUT_S):
                for width, picture in zip(WIDTHS[kind], pictures, strict=True):
                    await self._objects.put(f"{folder}{width}.webp", picture, content_type=WEBP)
        except TimeoutError as error:
            raise Problem(503, "The picture could not be stored in time", retry_after_s=PUT_S) from error

    async def _show(self, owner_id: str, kind: Kind, picture_id: str, digest: bytes) -> None:
        folder = folder_of(picture_id)
        async with self._db.transaction() as tx:
            await self._require_owner(tx, owner_id)
            if not await keep(tx, folder):
                raise Problem(503, "The picture could not be stored in time", retry_after_s=1.0)
            await self._forget(tx, owner_id, kind)
            await tx.execute(queries.SET, picture_id, owner_id, kind, digest)
            await self._link(tx, owner_id, kind, f"/{folder}{SHOWN_WIDTH[kind]}.webp")

    async def _link(self, tx: Transaction, owner_id: str, kind: Kind, url: str | None) -> None:
        """The person's profile shows it from now on; a slate is shown in streams alone."""
        if kind in queries.SHOW:
            await tx.execute(queries.SHOW[kind], owner_id, url)
            await note_change(tx, "name", owner_id)

    async def url_of(self, owner_id: str, kind: Kind) -> str | None:
        row = await self._db.fetchrow(queries.OWN, owner_id, kind)
        return None if row is None else f"/{folder_of(row['id'])}{SHOWN_WIDTH[kind]}.webp"

    async def _forget(self, tx: Transaction, owner_id: str, kind: Kind) -> bool:
        """Whether there was one."""
        removed = await tx.fetchval(queries.REMOVE, owner_id, kind)
        if removed is not None:
            await doom(tx, folder_of(removed))
        return removed is not None

    async def _require_owner(self, tx: Transaction, owner_id: str) -> None:
        """One change of a person's pictures after another."""
        if not await tx.fetchval(queries.LOCK_OWNER, owner_id):
            raise not_found("The account is no more")
