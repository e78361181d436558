"""Which recordings are there as files, who may ask for one, and the bytes of one."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from server.features.videos.recordings.making import FilePart, MakeFile, head_key, parts_key
from server.http.errors import Problem, not_found
from server.jobs import Job, Jobs
from server.live.viewings import Viewer
from storage.objects import ObjectStore
from storage.postgres import Database
from storage.seen_streams import SeenStream, seen_stream

MAX_LAYOUTS: Final = 8
"""Kept in memory: of twelve hours, 86,400 parts, about 15 MB."""


class RecordingFile(msgspec.Struct, frozen=True, kw_only=True):
    """``state``: ``none`` while nobody has asked for it."""

    state: str
    progress: float
    size: int | None
    head_bytes: int | None
    reason: str


NONE: Final = RecordingFile(state="none", progress=0.0, size=None, head_bytes=None, reason="")


class Layout:
    """The parts of a file by their offsets."""

    def __init__(self, parts: list[FilePart]) -> None:
        self._parts = parts
        self._starts = list(itertools.accumulate((part.size for part in parts), initial=0))

    def spans(self, offset: int, count: int) -> list[tuple[str, int, int]]:
        """Which bytes of which objects: key, offset in it, how many."""
        found = []
        at = bisect_right(self._starts, offset) - 1
        while count > 0 and at < len(self._parts):
            within = offset - self._starts[at]
            size = min(count, self._parts[at].size - within)
            if size > 0:
                found.append((self._parts[at].key, within, size))
            offset, count, at = offset + size, count - size, at + 1
        return found


class RecordingFiles:
    def __init__(self, *, db: Database, objects: ObjectStore, jobs: Jobs, job: Job[MakeFile]) -> None:
        self._db = db
        self._objects = objects
        self._jobs = jobs
        self._job = job
        self._layouts: OrderedDict[str, Layout] = OrderedDict()

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

    async def read(self, stream_id: str, file: RecordingFile, offset: int, count: int) -> AsyncIterator[bytes]:
        """Bytes of a file that is ready."""
        head_bytes = file.head_bytes or 0
        if offset < head_bytes:
            size = min(count, head_bytes - offset)
            async for chunk in self._objects.open(head_key(stream_id), offset=offset, size=size):
                yield chunk
            offset, count = offset + size, count - size
        if count <= 0:
            return
        for key, within, size in (await self._layout(stream_id)).spans(offset - head_bytes, count):
            async for chunk in self._objects.open(key, offset=within, size=size):
                yield chunk

    async def _layout(self, stream_id: str) -> Layout:
        held = self._layouts.get(stream_id)
        if held is None:
            body = b"".join([chunk async for chunk in self._objects.open(parts_key(stream_id))])
            held = self._layouts[stream_id] = Layout(msgspec.json.decode(body, type=list[FilePart]))
            if len(self._layouts) > MAX_LAYOUTS:
                self._layouts.popitem(last=False)
        return held


_HAS_ANY: Final = "select exists (select from stream_segments where stream_id = $1)"
_ASK: Final = """
insert into recording_files (stream_id) values ($1)
on conflict (stream_id) do update set state = 'queued', progress = 0, reason = '', asked_at = now()
    where recording_files.state = 'failed'
"""
_ONE: Final = (
    "select state, progress::float8 as progress, size, head_bytes, reason from recording_files where stream_id = $1"
)
