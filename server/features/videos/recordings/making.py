"""The job that makes a recording's file."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from media.errors import MediaError
from media.hls.cmaf import read_fragments, read_init
from media.hls.movie import MovieTrack, movie_head
from server.jobs import Attempt, GiveUp, Job
from storage.objects import NoSuchObject, ObjectStore
from storage.postgres import Database
from storage.recording import Recordings, Segment

PAGE: Final = 2_000
TIMEOUT_S: Final = 4 * 3_600.0
MP4: Final = "video/mp4"


class MakeFile(msgspec.Struct, frozen=True):
    stream_id: str


class FilePart(msgspec.Struct, frozen=True, array_like=True):
    """An object of the file, and its length."""

    key: str
    size: int


def head_key(stream_id: str) -> str:
    return f"streams/{stream_id}/recording/head.mp4"


def parts_key(stream_id: str) -> str:
    return f"streams/{stream_id}/recording/parts.json"


class FileMaker:
    """Reads a recording's segments, one after the other, and writes the file's beginning and the list of its parts."""

    def __init__(self, *, recordings: Recordings, objects: ObjectStore, db: Database) -> None:
        self._recordings = recordings
        self._objects = objects
        self._db = db
        self.job = Job(name="recordings.mp4", body=MakeFile, run=self._run, timeout_s=TIMEOUT_S, tries=5, at_once=2)

    async def _run(self, attempt: Attempt[MakeFile]) -> None:
        stream_id = attempt.body.stream_id
        try:
            head, parts = await self._made(stream_id, attempt)
        except (MediaError, NoSuchObject) as error:
            await self._db.execute(_FAILED, stream_id, f"{type(error).__name__}: the recording cannot be read")
            raise GiveUp(f"the recording cannot be read: {error}") from None
        await self._objects.put(parts_key(stream_id), msgspec.json.encode(parts), content_type="application/json")
        await self._objects.put(head_key(stream_id), head, content_type=MP4)
        size = len(head) + sum(part.size for part in parts)
        async with attempt.finish() as tx:
            await tx.execute(_READY, stream_id, len(head), size)

    async def _made(self, stream_id: str, attempt: Attempt[MakeFile]) -> tuple[bytes, list[FilePart]]:
        rows = await self._rows(stream_id)
        heads = {key: read_init(await self._read(key)) for key in {row.init_key for row in rows}}
        tracks: dict[str, MovieTrack] = {}
        parts: list[FilePart] = []
        at = 0
        for done, row in enumerate(rows):
            head = heads[row.init_key]
            track = tracks.setdefault(row.rendition, MovieTrack(head))
            track.use(head)
            data = await self._read(row.object_key)
            await asyncio.to_thread(_add, track, data, at)
            parts.append(FilePart(row.object_key, len(data)))
            at += len(data)
            if done % 50 == 0:
                share = done / len(rows)
                await attempt.progress(share)
                await self._db.execute(_PROGRESS, stream_id, share)
        return await asyncio.to_thread(movie_head, list(tracks.values()), content_bytes=at), parts

    async def _rows(self, stream_id: str) -> list[Segment]:
        """In order of time, so that a player that reads on finds sound and picture side by side."""
        rows: list[Segment] = []
        while len(page := await self._recordings.segments(stream_id, from_segment=_following(rows), limit=PAGE)) > 0:
            whole = page if len(page) < PAGE else [row for row in page if row.segment < page[-1].segment]
            rows += whole
            if len(page) < PAGE:
                break
        if not rows:
            raise GiveUp("nothing is recorded")
        return sorted(rows, key=lambda row: (row.media_time_ms, row.rendition))

    async def _read(self, key: str) -> bytes:
        return b"".join([chunk async for chunk in self._objects.open(key)])


def _following(rows: Sequence[Segment]) -> int:
    return rows[-1].segment + 1 if rows else 0


def _add(track: MovieTrack, data: bytes, at: int) -> None:
    for fragment in read_fragments(data):
        track.add(fragment, at + fragment.data_at)


_PROGRESS: Final = "update recording_files set progress = $2 where stream_id = $1"
_FAILED: Final = "update recording_files set state = 'failed', reason = $2 where stream_id = $1"
_READY: Final = """
update recording_files set state = 'ready', progress = 1, head_bytes = $2, size = $3, ready_at = now(), reason = ''
where stream_id = $1
"""
