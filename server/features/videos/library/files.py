"""An uploaded video as one MP4 for its owner: the segments of its best rendition and its sound, left as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import msgspec

from media.errors import MediaError
from server.features.videos.library import queries
from server.features.videos.library.keys import prefix
from server.features.videos.library.library import VideoRow
from server.features.videos.recordings import ComposedFiles, Composition
from server.jobs import Attempt, GiveUp, Job, Jobs
from storage.objects import NoSuchObject, ObjectStore
from storage.postgres import Database, Transaction

TIMEOUT_S: Final = 4 * 3_600.0
PROGRESS_EVERY: Final = 50


class MakeVideoFile(msgspec.Struct, frozen=True):
    video_id: str
    edition: int


def file_prefix(video_id: str, edition: int) -> str:
    return f"{prefix(video_id)}{edition}/file"


class VideoFiles:
    """Each edition has a file of its own: that of a former one is no longer given out."""

    def __init__(self, *, db: Database, objects: ObjectStore, jobs: Jobs) -> None:
        self._db = db
        self._objects = objects
        self._jobs = jobs
        self._composed = ComposedFiles(objects=objects)
        self.job = Job(name="library.mp4", body=MakeVideoFile, run=self._run, timeout_s=TIMEOUT_S, tries=5, at_once=2)

    async def ask(self, tx: Transaction, video_id: str, edition: int) -> None:
        """Have the file of this edition made."""
        await self._jobs.enqueue(tx, self.job, MakeVideoFile(video_id, edition), key=f"mp4/{video_id}/{edition}")

    def read(self, video: VideoRow, offset: int, count: int) -> AsyncIterator[bytes]:
        """Bytes of a file that is there."""
        return self._composed.read(file_prefix(video.id, video.edition), video.file_head_bytes or 0, offset, count)

    async def _run(self, attempt: Attempt[MakeVideoFile]) -> None:
        body = attempt.body
        rows = await self._db.fetch(queries.FILE_SEGMENTS, body.video_id, body.edition)
        if not rows:  # deleted, or made anew, meanwhile
            return
        composition = Composition(self._objects)
        try:
            for done, row in enumerate(rows):
                await composition.add(row["name"], row["init_key"], row["key"])
                if done % PROGRESS_EVERY == 0:
                    await attempt.progress(done / len(rows))
            head_bytes, size = await composition.store(file_prefix(body.video_id, body.edition))
        except (MediaError, NoSuchObject) as error:
            raise GiveUp(f"it cannot be made into one file: {error}") from error
        async with attempt.finish() as tx:
            await tx.execute(queries.SET_FILE, body.video_id, body.edition, head_bytes, size)
