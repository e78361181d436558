"""The job that looks at a whole upload: what it is, and for a picture what is shown of it.

By content, never by name: how it begins, what a virus scanner says where there is one, then what a child process with
limits of memory and time finds in it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, Final

from media.pictures.containers import webp_size
from media.pictures.messages import Reencoded
from media.probe.messages import Refused
from media.probe.prober import NoProcessError, probe
from server.features.people.pictures import PictureSize
from server.features.people.pictures.refusals import Refusals
from server.features.videos.uploads import queries
from server.features.videos.uploads.clamd import Scan
from server.features.videos.uploads.contents import UploadedBytes
from server.features.videos.uploads.rules import HEAD_BYTES, MAX_TEXT_BYTES, Bounds, CheckUpload, is_text, kind_of
from server.features.videos.uploads.shapes import UPLOAD_CHANGED, Contents, State
from server.features.videos.uploads.uploads import bytes_prefix, media_prefix
from server.http.errors import Problem
from server.jobs import Attempt, Job, RetryLater
from server.publish import Publish
from storage.doomed import doom
from storage.errors import Unavailable
from storage.objects import ObjectStore
from storage.postgres import Database, Transaction

SIZES: Final = (
    PictureSize(width=2_048, height=2_048, is_cropped=False),
    PictureSize(width=640, height=640, is_cropped=False),
)
NAMES: Final = ("full", "preview")
TRIES: Final = 10
STILL: Final = frozenset({"picture-too-many-frames", "picture-too-costly"})
"""An animation that is too much of one is shown as its first frame."""
UNCHECKED: Final = "The file could not be looked at"


class RefusedError(Exception):
    """The upload is not taken; ``reason`` is shown to its owner."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Checker:
    """``job`` makes an upload ``ready`` or ``refused``; ``dead`` refuses what could not be looked at."""

    def __init__(
        self,
        *,
        db: Database,
        objects: ObjectStore,
        publish: Publish,
        moving: Refusals,
        still: Refusals,
        scan: Scan | None,
        now: Callable[[], dt.datetime],
        bounds: Bounds,
    ) -> None:
        self._db = db
        self._objects = objects
        self._publish = publish
        self._moving = moving
        self._still = still
        self._scan = scan
        self._bytes = UploadedBytes(db=db, objects=objects)
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
        try:
            found = await self._looked_at(attempt, row)
        except RefusedError as error:
            await self._refuse(attempt, error.reason)
        else:
            await self._accept(attempt, found)

    async def _looked_at(self, attempt: Attempt[CheckUpload], row: Any) -> Contents:
        """By what costs least first. Raises ``RefusedError``, and ``RetryLater``."""
        kind = kind_of(await self._bytes.first(row["id"], HEAD_BYTES))
        if kind is None:
            raise RefusedError("This kind of file is not taken")
        if kind == "image" and row["size"] > self._bounds.max_picture_bytes:
            raise RefusedError(f"A picture has at most {self._bounds.max_picture_bytes} bytes")
        if kind == "text" and row["size"] > MAX_TEXT_BYTES:
            raise RefusedError(f"A text has at most {MAX_TEXT_BYTES} bytes")
        await self._scanned(attempt, row["id"])
        if kind == "image":
            return await self._picture(row)
        return await (self._text(row) if kind == "text" else self._media(row))

    async def _scanned(self, attempt: Attempt[CheckUpload], upload_id: str) -> None:
        if self._scan is None:
            return
        async with aclosing(self._bytes.pieces(upload_id, most=self._bounds.max_scanned_bytes)) as pieces:
            try:
                name = await self._scan(pieces)
            except Unavailable as error:
                raise RetryLater(str(error), after_s=min(600.0, 10.0 * 2**attempt.number)) from error
        if name is not None:
            raise RefusedError(f"The virus scanner found {name}")

    async def _picture(self, row: Any) -> Contents:
        try:
            made = await self._reencoded(await self._bytes.first(row["id"], row["size"]))
        except Problem as error:
            if error.status == 503:
                raise RetryLater("too many pictures are being worked on", after_s=2.0) from error
            raise RefusedError(error.detail or error.title) from error
        for name, picture in zip(NAMES, made.pictures, strict=True):
            key = f"{media_prefix(row['id'])}{name}.webp"
            await self._objects.put(key, picture, content_type="image/webp")
        (width, height), (preview_width, preview_height) = (webp_size(picture) for picture in made.pictures)
        return Contents(
            kind="image",
            width=width,
            height=height,
            preview_width=preview_width,
            preview_height=preview_height,
            blurhash=made.blurhash,
        )

    async def _reencoded(self, data: bytes) -> Reencoded:
        try:
            return await self._moving.described(data, SIZES)
        except Problem as error:
            if error.slug not in STILL:
                raise
            return await self._still.described(data, SIZES)

    async def _text(self, row: Any) -> Contents:
        if not is_text(await self._bytes.first(row["id"], row["size"])):
            raise RefusedError("The text is not UTF-8, or has control characters")
        return Contents(kind="text")

    async def _media(self, row: Any) -> Contents:
        try:
            found = await probe(row["size"], await self._bytes.reader(row["id"]), self._bounds.probe)
        except NoProcessError as error:
            raise RetryLater(str(error), after_s=2.0) from error
        if isinstance(found, Refused):
            raise RefusedError(found.detail)
        return Contents(
            kind=found.kind,
            width=found.width,
            height=found.height,
            duration_ms=found.duration_ms,
            container=found.container,
            tracks=found.tracks,
            video_codec=found.video_codec,
            audio_codec=found.audio_codec,
        )

    async def _accept(self, attempt: Attempt[CheckUpload], found: Contents) -> None:
        upload_id = attempt.body.upload_id
        async with attempt.finish() as tx:
            owner_id = await tx.fetchval(
                queries.READY, upload_id, self._expires_at(), found.kind, found.width, found.height,
                found.preview_width, found.preview_height, found.duration_ms, found.container, found.tracks,
                found.video_codec, found.audio_codec, found.blurhash,
            )  # fmt: skip
            if found.kind == "image" and owner_id is not None:
                await self._forget_bytes(tx, upload_id)
        self._tell(owner_id, upload_id, "ready", kind=found.kind)

    async def _refuse(self, attempt: Attempt[CheckUpload], reason: str) -> None:
        upload_id = attempt.body.upload_id
        async with attempt.finish() as tx:
            owner_id = await tx.fetchval(queries.REFUSED, upload_id, reason, self._expires_at())
            await self._forget_bytes(tx, upload_id)
        self._tell(owner_id, upload_id, "refused", reason=reason)

    async def _forget_bytes(self, tx: Transaction, upload_id: str) -> None:
        await tx.execute(queries.FORGET_SEGMENTS, upload_id)
        for part in await tx.fetch(queries.PREFIXES, upload_id):
            await doom(tx, bytes_prefix(part["id"]))

    async def _give_up(self, attempt: Attempt[CheckUpload]) -> None:
        await self._refuse(attempt, UNCHECKED)

    def _expires_at(self) -> dt.datetime:
        return self._now() + self._bounds.kept

    def _tell(self, owner_id: str | None, upload_id: str, state: State, **more: str) -> None:
        if owner_id is not None:
            self._publish.to_person(owner_id, UPLOAD_CHANGED.name, {"upload_id": upload_id, "state": state, **more})
