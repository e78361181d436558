"""Uploads whose bytes their client sends to the bucket itself: an option beside tus, where objects lie in S3.

An upload is begun as any other, with its length. Its parts are put to signed addresses, in any order and at the same
time; when all are there they are its one segment, and it is looked at as any other. What nobody goes on with goes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Final

from server.features.videos.uploads import queries
from server.features.videos.uploads.shapes import PartShape, PartsShape
from server.features.videos.uploads.uploads import Uploads, bytes_prefix, no_upload
from server.http.errors import Problem
from storage.errors import Unavailable
from storage.objects import DirectParts, HeldPart, ObjectStore
from storage.postgres import Database, Row

MB: Final = 1_048_576
PART_BYTES: Final = 16 * MB
MAX_PARTS: Final = 1_000
MAX_URLS: Final = 100
"""Of one answer: who asks again gets those of what is missing then."""
URL_S: Final = 3_600
TYPE: Final = "application/octet-stream"


class DirectUploads:
    def __init__(self, *, db: Database, objects: ObjectStore, uploads: Uploads, is_on: bool) -> None:
        self._db = db
        self._objects = objects
        self._uploads = uploads
        self._store = objects.direct if is_on else None

    async def parts(self, owner_id: str, upload_id: str) -> PartsShape:
        """Where those that are missing are put. Raises a 404, and a 409 for an upload that does not come so."""
        store, row = self._required(), await self._uploads.of(owner_id, upload_id)
        upload = await self._begun(store, row)
        key, sizes = key_of(upload_id), sizes_of(row["size"])
        held = await store.held(key, upload)
        missing = {} if held is None else _missing(sizes, held)
        few = dict(sorted(missing.items())[:MAX_URLS])
        urls = await store.urls(key, upload, few, for_s=URL_S)
        await self._db.execute(queries.GO_ON, upload_id, self._uploads.expires_at())
        size = sizes[1]
        parts = [PartShape(number=n, offset=(n - 1) * size, size=sizes[n], url=urls[n]) for n in few]
        return PartsShape(part_bytes=size, count=len(sizes), missing=len(missing), expires_in_s=URL_S, parts=parts)

    async def done(self, owner_id: str, upload_id: str) -> Row:
        """All parts are there; may be called again. Raises a 404, and a 409 that names parts that are not."""
        store, row = self._required(), await self._uploads.of(owner_id, upload_id)
        if row["direct_id"] is None:
            raise Problem(409, "The upload does not come in direct parts: ask for them first", slug="no-direct-parts")
        if row["state"] == "receiving":
            await self._complete(store, row)
            await self._record(owner_id, row)
        return await self._uploads.of(owner_id, upload_id)

    async def end(self, owner_id: str, upload_id: str) -> None:
        """As ``Uploads.end``; what can't be deleted in the bucket now is swept there with what was never completed."""
        row = await self._uploads.of(owner_id, upload_id)
        await self._uploads.end(owner_id, upload_id)
        if row["direct_id"] is not None and row["state"] == "receiving" and self._objects.direct is not None:
            with contextlib.suppress(Unavailable):
                await self._objects.direct.abort(key_of(upload_id), row["direct_id"])

    def _required(self) -> DirectParts:
        if self._store is None:
            raise Problem(409, "Uploads come through this server here: send them by tus", slug="no-direct-parts")
        return self._store

    async def _begun(self, store: DirectParts, row: Row) -> str:
        """The store's own id. Of two that begin at once one stays."""
        if row["direct_id"] is not None and row["state"] == "receiving":
            return str(row["direct_id"])
        if row["state"] != "receiving" or not row["size"] or row["received"] or row["concat"]:
            detail = "Direct parts are for an upload whose length is known, and of which nothing has come"
            raise Problem(409, detail, slug="no-direct-parts")
        upload = await store.begin(key_of(row["id"]), content_type=TYPE)
        kept = await self._db.fetchval(queries.BEGIN_DIRECT, row["id"], upload)
        if kept != upload:
            await store.abort(key_of(row["id"]), upload)
        if kept is None:
            raise Problem(409, "The upload has begun otherwise", slug="no-direct-parts")
        return str(kept)

    async def _complete(self, store: DirectParts, row: Row) -> None:
        key, sizes = key_of(row["id"]), sizes_of(row["size"])
        held = await store.held(key, row["direct_id"])
        if held is not None:
            if missing := sorted(_missing(sizes, held)):
                named = ", ".join(str(number) for number in missing[:10])
                detail = f"{len(missing)} of {len(sizes)} parts are missing or of another size: {named}"
                raise Problem(409, detail, slug="parts-missing")
            if not await store.complete(key, row["direct_id"], {number: held[number] for number in sizes}):
                raise Problem(409, "A part was sent again meanwhile: try again", slug="parts-missing")
        if await self._objects.size(key) != row["size"]:
            raise Problem(409, "What has come is gone: begin the upload anew", slug="parts-missing")

    async def _record(self, owner_id: str, row: Row) -> None:
        async with self._db.transaction() as tx:
            now: Any = await tx.fetchrow(queries.LOCK, row["id"], owner_id)
            if now is None:
                raise no_upload()
            if now["state"] == "receiving":
                await tx.execute(queries.ADD_SEGMENT, row["id"], 0, row["size"], key_of(row["id"]))
                await tx.execute(queries.RECEIVED, row["id"], self._uploads.expires_at())
                await self._uploads.whole(tx, row["id"])


def key_of(upload_id: str) -> str:
    return f"{bytes_prefix(upload_id)}direct"


def sizes_of(size: int) -> dict[int, int]:
    """Bytes by number, from 1 on: equal ones, and the rest."""
    part = max(PART_BYTES, -(-size // (MAX_PARTS * MB)) * MB)
    return {number + 1: min(part, size - start) for number, start in enumerate(range(0, size, part))}


def _missing(sizes: Mapping[int, int], held: Mapping[int, HeldPart]) -> dict[int, int]:
    return {number: size for number, size in sizes.items() if number not in held or held[number].size != size}
