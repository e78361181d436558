"""The job that makes a video's poster when that could not be done while it was encoded, as on a busy machine."""

from __future__ import annotations

from typing import Final

import msgspec

from media.errors import MediaError
from media.hls.cmaf import key_frame
from server.features.videos.clips.pictures import TakePicture, take_in_worker
from server.features.videos.library import queries
from server.features.videos.library.keys import poster_key
from server.jobs import Attempt, GiveUp, Job, Jobs, RetryLater
from storage.objects import NoSuchObject, ObjectStore
from storage.postgres import Database, Transaction

TRIES: Final = 8
FIRST_S: Final = 30.0


class MakePoster(msgspec.Struct, frozen=True):
    video_id: str


class Posters:
    def __init__(self, *, db: Database, objects: ObjectStore, jobs: Jobs, take: TakePicture = take_in_worker) -> None:
        """``take`` answers None when no picture came of it in its time."""
        self._db = db
        self._objects = objects
        self._jobs = jobs
        self._take = take
        self.job = Job(name="library.poster", body=MakePoster, run=self._run, tries=TRIES, at_once_on_node=1)

    async def ask(self, tx: Transaction, video_id: str) -> None:
        """Of one that has none."""
        if await tx.fetchrow(queries.POSTERLESS, video_id):
            await self._jobs.enqueue(tx, self.job, MakePoster(video_id), priority="low")

    async def _run(self, attempt: Attempt[MakePoster]) -> None:
        video_id = attempt.body.video_id
        row = await self._db.fetchrow(queries.POSTERLESS, video_id)
        if row is None:  # deleted meanwhile, or there is one
            return
        try:
            picture = await self._take(
                *key_frame(await self._read(row["init_key"]), await self._read(row["object_key"]))
            )
        except (MediaError, NoSuchObject) as error:
            raise GiveUp(f"there is no picture in it: {error}") from error
        if picture is None:
            raise RetryLater("no picture came in time", after_s=FIRST_S * 2**attempt.number)
        await self._objects.put(poster_key(video_id), picture, content_type="image/webp")
        async with attempt.finish() as tx:
            await tx.execute(queries.SET_POSTER, video_id)

    async def _read(self, key: str) -> bytes:
        return b"".join([chunk async for chunk in self._objects.open(key)])
