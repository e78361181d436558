"""Which recordings are there as files, who may ask for one, and the bytes of one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import msgspec

from server.features.videos.recordings.composed import ComposedFiles
from server.features.videos.recordings.making import MakeFile, file_prefix
from server.http.errors import Problem, not_found
from server.jobs import Job, Jobs
from server.live.viewings import Viewer
from storage.objects import ObjectStore
from storage.postgres import Database
from storage.seen_streams import SeenStream, seen_stream


class RecordingFile(msgspec.Struct, frozen=True, kw_only=True):
    """``state``: ``none`` while nobody has asked for it."""

    state: str
    progress: float
    size: int | None
    head_bytes: int | None
    reason: str
    edition: int = 0


NONE: Final = RecordingFile(state="none", progress=0.0, size=None, head_bytes=None, reason="")


class RecordingFiles:
    def __init__(self, *, db: Database, objects: ObjectStore, jobs: Jobs, job: Job[MakeFile]) -> None:
        self._db = db
        self._composed = ComposedFiles(objects=objects)
        self._jobs = jobs
        self._job = job

    async def ask(self, stream_id: str, viewer: Viewer) -> RecordingFile:
        """Have the file made, once; a failed one is tried again. Raises a 403, 404 or 409."""
        stream = await self.seen(stream_id, viewer)
        if stream.owner_id != viewer.id:
            raise Problem(403, "This stream is not yours")
        if stream.state != "ended":
            raise Problem(409, "The stream has not ended", slug="not-ended")
        async with self._db.transaction() as tx:
            if not await tx.fetchval(_HAS_ANY, stream_id):
                raise Problem(409, "Nothing is recorded of this stream", slug="not-recorded")
            if await tx.execute(_ASK, stream_id):
                await self._jobs.enqueue(tx, self._job, MakeFile(stream_id))
        return await self.one(stream_id)

    async def seen(self, stream_id: str, viewer: Viewer) -> SeenStream:
        """Raises a 404, or a 451."""
        stream = await seen_stream(self._db, stream_id, viewer.id)
        if stream is None:
            raise not_found("There is no such stream")
        stream.require_for(viewer.id, viewer.country)
        return stream

    async def one(self, stream_id: str) -> RecordingFile:
        row = await self._db.fetchrow(_ONE, stream_id)
        return NONE if row is None else RecordingFile(**dict(row))

    def read(self, stream_id: str, file: RecordingFile, offset: int, count: int) -> AsyncIterator[bytes]:
        """Bytes of a file that is ready."""
        return self._composed.read(file_prefix(stream_id, file.edition), file.head_bytes or 0, offset, count)


_HAS_ANY: Final = "select exists (select from stream_segments where stream_id = $1)"
_ASK: Final = """
insert into recording_files (stream_id) values ($1)
on conflict (stream_id) do update set state = 'queued', progress = 0, reason = '', asked_at = now()
    where recording_files.state = 'failed'
"""
_ONE: Final = """
select state, progress::float8 as progress, size, head_bytes, reason, edition from recording_files where stream_id = $1
"""
