"""The picture of a clip from one of its own key frames: decoded by a codec worker, in a job."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from media.errors import MediaError
from media.hls.cmaf import key_frame
from media.hls.cutting import Extent
from media.transcode.pool import CodecPool
from media.unit import Track, Unit
from server.features.videos.clips import queries
from server.features.videos.clips.keys import FILE, PICTURE, file_key
from server.features.videos.clips.shapes import ClipFile
from server.jobs import Attempt, GiveUp, Job, RetryLater
from storage.objects import NoSuchObject, ObjectStore
from storage.postgres import Database

AGAIN_S: Final = 10.0

TakePicture = Callable[[Track, Unit], Awaitable[bytes | None]]


class MakePicture(msgspec.Struct, frozen=True):
    clip_id: str


async def take_in_worker(track: Track, unit: Unit) -> bytes | None:
    """A WebP by a worker of its own, which ends with it; None when that takes too long or shows nothing."""
    pool = CodecPool(spares=0, max_workers=1)
    try:
        return await pool.picture(track, unit)
    finally:
        await pool.close()


class ClipPictures:
    """For clips of what is not on the screen at the moment: the latest picture of the stream would be another one."""

    def __init__(self, *, db: Database, objects: ObjectStore, take: TakePicture = take_in_worker) -> None:
        self._db = db
        self._objects = objects
        self._take = take
        self.job = Job(
            name="clips.picture", body=MakePicture, run=self._run, timeout_s=60.0, tries=4, at_once_on_node=1
        )

    async def _run(self, attempt: Attempt[MakePicture]) -> None:
        clip_id = attempt.body.clip_id
        held = await self._db.fetchval(queries.FILE, clip_id)
        if held is None:
            raise GiveUp("the clip was deleted")
        try:
            track, unit = await self._key_frame(clip_id, msgspec.convert(held, ClipFile))
        except (MediaError, NoSuchObject) as error:
            raise GiveUp(f"no picture can be made of it: {error}") from None
        picture = await self._take(track, unit)
        if picture is None:
            raise RetryLater("no worker had time for it", after_s=AGAIN_S)
        await self._objects.put(file_key(clip_id, PICTURE), picture, content_type="image/webp")
        async with attempt.finish() as tx:
            await tx.execute(queries.SET_PICTURE, clip_id, PICTURE)

    async def _key_frame(self, clip_id: str, file: ClipFile) -> tuple[Track, Unit]:
        """Of the middle of the clip. Raises ``BadSegment`` for one without pictures."""
        extents = next((one.extents for one in file.renditions if one.kind == "video"), None)
        if not extents:
            raise GiveUp("the clip has no pictures")
        middle: Extent = extents[len(extents) // 2]
        init = await self._read(clip_id, middle.init_at, middle.init_size)
        return key_frame(init, await self._read(clip_id, middle.at, middle.size))

    async def _read(self, clip_id: str, at: int, size: int) -> bytes:
        return b"".join([chunk async for chunk in self._objects.open(file_key(clip_id, FILE), offset=at, size=size)])
