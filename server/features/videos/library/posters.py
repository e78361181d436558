"""The jobs that make a video's poster when that could not be done while it was encoded, as on a busy machine, and the
picture of a recording that was trimmed: that of its stream may show what was cut."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from media.errors import MediaError
from media.hls.cmaf import key_frame
from server.features.videos.clips.pictures import TakePicture, take_in_worker
from server.features.videos.library import queries
from server.features.videos.library.keys import poster_key
from server.jobs import Attempt, GiveUp, Job, Jobs, RetryLater
from storage.objects import NoSuchObject, ObjectStore
from storage.postgres import Database, Row, Transaction

TRIES: Final = 8
FIRST_S: Final = 30.0
WEBP: Final = "image/webp"


class MakePoster(msgspec.Struct, frozen=True):
    video_id: str


class PictureRecording(msgspec.Struct, frozen=True):
    stream_id: str


class Posters:
    def __init__(self, *, db: Database, objects: ObjectStore, jobs: Jobs, take: TakePicture = take_in_worker) -> None:
        """``take`` answers None when no picture came of it in its time."""
        self._db = db
        self._objects = objects
        self._jobs = jobs
        self._take = take
        self.job = Job(name="library.poster", body=MakePoster, run=self._run, tries=TRIES, at_once_on_node=1)
        self.recorded_job = Job(
            name="library.recorded_picture", body=PictureRecording, run=self._picture, tries=TRIES, at_once_on_node=1
        )

    async def ask(self, tx: Transaction, video_id: str) -> None:
        """Of one that has none."""
        if await tx.fetchrow(queries.POSTERLESS, video_id):
            await self._jobs.enqueue(tx, self.job, MakePoster(video_id), priority="low")

    async def ask_recorded(self, tx: Transaction, stream_id: str) -> None:
        """Of what is left of a recording, in the place of its stream's last picture."""
        await self._jobs.enqueue(tx, self.recorded_job, PictureRecording(stream_id))

    async def _run(self, attempt: Attempt[MakePoster]) -> None:
        video_id = attempt.body.video_id
        row = await self._db.fetchrow(queries.POSTERLESS, video_id)
        if row is None:  # deleted meanwhile, or there is one
            return
        await self._objects.put(poster_key(video_id), await self._taken(attempt, row), content_type=WEBP)
        async with attempt.finish() as tx:
            await tx.execute(queries.SET_POSTER, video_id)

    async def _picture(self, attempt: Attempt[PictureRecording]) -> None:
        stream_id = attempt.body.stream_id
        row = await self._db.fetchrow(queries.RECORDED_PICTURE, stream_id)
        if row is not None:
            key = f"streams/{stream_id}/thumbnail.webp"
            await self._objects.put(key, await self._taken(attempt, row), content_type=WEBP)

    async def _taken(self, attempt: Attempt[Any], row: Row) -> bytes:
        """The first picture of a segment."""
        try:
            picture = await self._take(
                *key_frame(await self._read(row["init_key"]), await self._read(row["object_key"]))
            )
        except (MediaError, NoSuchObject) as error:
            raise GiveUp(f"there is no picture in it: {error}") from error
        if picture is None:
            raise RetryLater("no picture came in time", after_s=FIRST_S * 2**attempt.number)
        return picture

    async def _read(self, key: str) -> bytes:
        return b"".join([chunk async for chunk in self._objects.open(key)])
