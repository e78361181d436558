"""Uploads: begun, joined, looked at, ended. ``receiving`` writes their bytes, ``checking`` finds out what they are.

The row is the truth. The bytes lie in the object store in segments, under the upload's own prefix; what is stored there
without a row is swept with the prefix (``storage/doomed.py``), wherever a process dies.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any, Final

from server.feature import MediaFile
from server.features.videos.uploads import queries
from server.features.videos.uploads.contents import UploadedBytes
from server.features.videos.uploads.rules import Bounds, CheckUpload, Held, require_room, require_size
from server.features.videos.uploads.shapes import Media, media_of
from server.features.videos.uploads.tus import Metadata
from server.http.errors import Problem, invalid_field, not_found
from server.jobs import Job, Jobs
from storage.doomed import doom
from storage.ids import Ids
from storage.objects import ObjectStore
from storage.postgres import Database, Row, Transaction

SWEEP_BATCHES: Final = 100


def bytes_prefix(upload_id: str) -> str:
    """Where the bytes lie as they came."""
    return f"uploads/{upload_id}/"


def media_prefix(upload_id: str) -> str:
    """Where lies what was made of them."""
    return f"media/{upload_id}/"


class Uploads:
    """Every call names the owner: to all others an upload does not exist."""

    def __init__(
        self,
        *,
        db: Database,
        objects: ObjectStore,
        jobs: Jobs,
        check: Job[CheckUpload],
        ids: Ids,
        now: Callable[[], dt.datetime],
        bounds: Bounds,
    ) -> None:
        self._db = db
        self._objects = objects
        self._bytes = UploadedBytes(db=db, objects=objects)
        self._jobs = jobs
        self._check = check
        self._ids = ids
        self._now = now
        self._bounds = bounds

    def expires_at(self) -> dt.datetime:
        return self._now() + self._bounds.kept

    async def create(self, owner_id: str, *, size: int | None, metadata: Metadata, is_part: bool) -> Row:
        """Raises a 413 for one that is too large, and where the account has no room for it."""
        async with self._db.transaction() as tx:
            require_size(self._bounds, size or 0)
            await self.require_room(tx, owner_id, uploads=1, more=size or 0)
            row = await self._insert(tx, owner_id, size=size, metadata=metadata, concat="partial" if is_part else None)
            if size == 0 and not is_part:
                await self._complete(tx, row["id"])
        return row

    async def join(self, owner_id: str, parts: Sequence[str], *, concat: str, metadata: Metadata) -> Row:
        """One upload of several, in this order; they are parts of it from now on.

        Raises a 404 for a part that is not there, a 409 for one that is not whole, or that is in another upload.
        """
        async with self._db.transaction() as tx:
            await self.lock_owner(tx, owner_id)
            rows = {row["id"]: row for row in await tx.fetch(queries.PARTS, list(parts), owner_id)}
            for part in parts:
                _require_whole(rows.get(part))
            size = sum(rows[part]["size"] for part in parts)
            require_size(self._bounds, size)
            row = await self._insert(tx, owner_id, size=size, metadata=metadata, concat=concat, received=size)
            start = 0
            for part in parts:
                await tx.execute(queries.MOVE_SEGMENTS, part, row["id"], start)
                start += rows[part]["size"]
            await tx.execute(queries.JOIN, list(parts), row["id"])
            await self._complete(tx, row["id"])
        return row

    async def of(self, owner_id: str, upload_id: str) -> Row:
        """Raises ``not_found``."""
        row = await self._db.fetchrow(queries.OF, upload_id, owner_id)
        if row is None:
            raise no_upload()
        return row

    async def end(self, owner_id: str, upload_id: str) -> None:
        """Raises ``not_found``, and a 409 for one that is shown somewhere, or in another upload."""
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.LOCK, upload_id, owner_id)
            if row is None:
                raise no_upload()
            if row["claimed_by"] or row["joined_into"]:
                raise Problem(409, "The upload is in use")
            await self._remove(tx, upload_id)

    async def whole(self, tx: Transaction, upload_id: str) -> None:
        """All bytes have come: have them looked at."""
        await self._complete(tx, upload_id)

    async def is_shown(self, upload_id: str) -> bool:
        return bool(await self._db.fetchval(queries.SHOWN, upload_id))

    async def claim(
        self, tx: Transaction, owner_id: str, upload_ids: Sequence[str], *, by: str, fields: Sequence[str]
    ) -> list[Media]:
        """Use ready uploads of a person for one thing, which ``by`` names: they stay as long as that does.

        Raises a 422 when one is not there, not ready, or used already; ``fields`` are those of the body that hold them.
        """
        rows = {row["id"]: row for row in await tx.fetch(queries.CLAIM, list(upload_ids), owner_id, by)}
        for field, one in zip(fields, upload_ids, strict=True):
            if one not in rows:
                raise invalid_field(field, "is no ready, unused upload of yours")
        return [media_of(rows[one]) for one in upload_ids]

    async def release(self, tx: Transaction, upload_ids: Sequence[str]) -> None:
        """What was shown with them has gone, so they go, too."""
        for upload_id in upload_ids:
            await self._remove(tx, upload_id)

    async def sweep(self) -> None:
        """Remove what nobody has gone on with, and what nobody has used."""
        for _ in range(SWEEP_BATCHES):
            async with self._db.transaction() as tx:
                due = await tx.fetch(queries.EXPIRED, self._now())
                for row in due:
                    await self._remove(tx, row["id"])
            if not due:
                return

    async def erase(self, tx: Transaction, owner_id: str) -> None:
        for row in await tx.fetch(queries.REMOVE_ALL, owner_id):
            await _doom(tx, row["id"])

    async def files(self, owner_id: str) -> AsyncIterator[MediaFile]:
        """What a person has sent: pictures as they are shown, all else as it came."""
        for row in await self._db.fetch(queries.ALL_OF, owner_id):
            name = f"uploads/{row['id']}"
            if row["state"] == "ready" and row["kind"] == "image":
                key = f"{media_prefix(row['id'])}full.webp"
                size = await self._objects.size(key) or 0
                yield MediaFile(name=f"{name}.webp", size=size, chunks=partial(self._objects.open, key))
            elif row["state"] == "ready":
                whole = f"{name}-{row['filename']}" if row["filename"] else name
                yield MediaFile(name=whole, size=row["size"], chunks=partial(self.read, row["id"]))

    def read(self, upload_id: str, *, offset: int = 0, most: int | None = None) -> AsyncIterator[bytes]:
        """The bytes as they came, ``most`` from ``offset`` on, in pieces."""
        return self._bytes.pieces(upload_id, offset=offset, most=most)

    async def _complete(self, tx: Transaction, upload_id: str) -> None:
        await tx.execute(queries.TO_CHECKING, upload_id)
        await self._jobs.enqueue(tx, self._check, CheckUpload(upload_id=upload_id), key=upload_id)

    async def _insert(
        self,
        tx: Transaction,
        owner_id: str,
        *,
        size: int | None,
        metadata: Metadata,
        concat: str | None,
        received: int = 0,
    ) -> Row:
        upload_id = self._ids.uuid7(self._now().timestamp())
        row = await tx.fetchrow(
            queries.CREATE, upload_id, owner_id, size, metadata.filename, metadata.filetype, metadata.raw, concat,
            self.expires_at(), received, "receiving",
        )  # fmt: skip
        assert row is not None
        return row

    async def require_room(self, tx: Transaction, owner_id: str, *, uploads: int = 0, more: int = 0) -> None:
        """Raises a 413 where the account has no room for so many uploads, and bytes, more than it has."""
        await self._require(tx, owner_id, await self.lock_owner(tx, owner_id), uploads=uploads, more=more)

    async def require_still_room(self, tx: Transaction, owner_id: str) -> None:
        """As ``require_room``, for what has been added. Others may add to theirs at the same time."""
        await self._require(tx, owner_id, await tx.fetchval(queries.ROLES, owner_id) or (), uploads=0, more=0)

    async def _require(self, tx: Transaction, owner_id: str, roles: Sequence[str], *, uploads: int, more: int) -> None:
        quota = self._bounds.quotas.of(roles)
        row: Any = await tx.fetchrow(queries.HELD, owner_id)
        held = Held(uploads=row["uploads"] + uploads, unused=row["bytes"], stored=row["stored"], quota=quota)
        require_room(self._bounds, held, more=more)

    async def lock_owner(self, tx: Transaction, owner_id: str) -> Sequence[str]:
        """Their roles. What takes room of a person is done one after another; before the locks of any upload."""
        roles: Sequence[str] | None = await tx.fetchval(queries.LOCK_OWNER, owner_id)
        if roles is None:
            raise not_found("The account is no more")
        return roles

    async def _remove(self, tx: Transaction, upload_id: str) -> None:
        for row in await tx.fetch(queries.PREFIXES, upload_id):
            await _doom(tx, row["id"])
        await tx.execute(queries.REMOVE_ANY, upload_id)


async def _doom(tx: Transaction, upload_id: str) -> None:
    await doom(tx, bytes_prefix(upload_id))
    await doom(tx, media_prefix(upload_id))


def no_upload() -> Problem:
    return not_found("There is no such upload")


def _require_whole(row: Any) -> None:
    if row is None or row["concat"] != "partial":
        raise not_found("There is no such part")
    if row["joined_into"] is not None:
        raise Problem(409, "A part is in another upload already")
    if row["size"] is None or row["received"] < row["size"]:
        raise Problem(409, "A part is not whole yet")
