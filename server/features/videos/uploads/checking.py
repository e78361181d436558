"""The job that looks at a whole upload: what it is, and for a picture what is shown of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Final

from media.pictures.containers import webp_size
from server.features.people.pictures import PictureSize, Reencode
from server.features.videos.uploads import queries
from server.features.videos.uploads.rules import HEAD_BYTES, Bounds, CheckUpload, kind_of
from server.features.videos.uploads.shapes import UPLOAD_CHANGED, State
from server.features.videos.uploads.uploads import bytes_prefix, media_prefix
from server.http.errors import Problem
from server.jobs import Attempt, Job, RetryLater
from server.publish import Publish
from storage.doomed import doom
from storage.objects import ObjectStore
from storage.postgres import Database

SIZES: Final = (
    PictureSize(width=2_048, height=2_048, is_cropped=False),
    PictureSize(width=640, height=640, is_cropped=False),
)
NAMES: Final = ("full", "preview")
TRIES: Final = 6
STILL: Final = frozenset({"picture-too-many-frames", "picture-too-costly"})
"""An animation that is too much of one is shown as its first frame."""
UNCHECKED: Final = "The file could not be looked at"


class Checker:
    """``job`` makes an upload ``ready`` or ``refused``; ``dead`` refuses what could not be looked at."""

    def __init__(
        self,
        *,
        db: Database,
        objects: ObjectStore,
        publish: Publish,
        moving: Reencode,
        still: Reencode,
        now: Callable[[], dt.datetime],
        bounds: Bounds,
    ) -> None:
        self._db = db
        self._objects = objects
        self._publish = publish
        self._moving = moving
        self._still = still
        self._now = now
        self._bounds = bounds
        self.dead = Job(name="uploads.unchecked", body=CheckUpload, run=self._give_up)
        self.job = Job(
            name="uploads.check",
            body=CheckUpload,
            run=self._run,
            timeout_s=300.0,
            tries=TRIES,
            at_once_on_node=2,
            when_dead=self.dead,
        )

    async def _run(self, attempt: Attempt[CheckUpload]) -> None:
        row = await self._db.fetchrow(queries.ANY, attempt.body.upload_id)
        if row is None or row["state"] != "checking":
            return
        kind = kind_of(await self._read(row["id"], HEAD_BYTES))
        if kind is None:
            await self._refuse(attempt, "This kind of file is not taken")
        elif kind != "image":
            await self._accept(attempt, kind, (None, None), (None, None))
        elif row["size"] > self._bounds.max_picture_bytes:
            await self._refuse(attempt, f"A picture has at most {self._bounds.max_picture_bytes} bytes")
        else:
            await self._picture(attempt, row)

    async def _picture(self, attempt: Attempt[CheckUpload], row: Any) -> None:
        try:
            made = await self._reencoded(await self._read(row["id"], row["size"]))
        except Problem as error:
            if error.status == 503:
                raise RetryLater("too many pictures are being worked on", after_s=2.0) from error
            await self._refuse(attempt, error.detail or error.title)
            return
        for name, picture in zip(NAMES, made, strict=True):
            key = f"{media_prefix(row['id'])}{name}.webp"
            await self._objects.put(key, picture, content_type="image/webp")
        full, preview = (webp_size(picture) for picture in made)
        await self._accept(attempt, "image", full, preview)

    async def _reencoded(self, data: bytes) -> Sequence[bytes]:
        try:
            return await self._moving(data, SIZES)
        except Problem as error:
            if error.slug not in STILL:
                raise
            return await self._still(data, SIZES)

    async def _read(self, upload_id: str, most: int) -> bytes:
        """The first ``most`` bytes."""
        found = bytearray()
        for segment in await self._db.fetch(queries.SEGMENTS, upload_id):
            async for chunk in self._objects.open(segment["key"], size=min(segment["size"], most - len(found))):
                found += chunk
            if len(found) >= most:
                break
        return bytes(found)

    async def _accept(
        self,
        attempt: Attempt[CheckUpload],
        kind: str,
        full: tuple[int | None, int | None],
        preview: tuple[int | None, int | None],
    ) -> None:
        upload_id = attempt.body.upload_id
        async with attempt.finish() as tx:
            owner_id = await tx.fetchval(queries.READY, upload_id, kind, *full, *preview, self._expires_at())
            if kind == "image" and owner_id is not None:
                await tx.execute(queries.FORGET_SEGMENTS, upload_id)
                for part in await tx.fetch(queries.PREFIXES, upload_id):
                    await doom(tx, bytes_prefix(part["id"]))
        self._tell(owner_id, upload_id, "ready", kind=kind)

    async def _refuse(self, attempt: Attempt[CheckUpload], reason: str) -> None:
        upload_id = attempt.body.upload_id
        async with attempt.finish() as tx:
            owner_id = await tx.fetchval(queries.REFUSED, upload_id, reason, self._expires_at())
            await tx.execute(queries.FORGET_SEGMENTS, upload_id)
            for part in await tx.fetch(queries.PREFIXES, upload_id):
                await doom(tx, bytes_prefix(part["id"]))
        self._tell(owner_id, upload_id, "refused", reason=reason)

    async def _give_up(self, attempt: Attempt[CheckUpload]) -> None:
        await self._refuse(attempt, UNCHECKED)

    def _expires_at(self) -> dt.datetime:
        return self._now() + self._bounds.kept

    def _tell(self, owner_id: str | None, upload_id: str, state: State, **more: str) -> None:
        if owner_id is not None:
            self._publish.to_person(owner_id, UPLOAD_CHANGED.name, {"upload_id": upload_id, "state": state, **more})
