"""The job that makes a recording's file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from media.errors import MediaError
from server.features.videos.recordings.composed import Composition
from server.jobs import Attempt, GiveUp, Job
from storage.objects import NoSuchObject, ObjectStore
from storage.postgres import Database
from storage.recording import Recordings, Segment

PAGE: Final = 2_000
TIMEOUT_S: Final = 4 * 3_600.0


class MakeFile(msgspec.Struct, frozen=True):
    stream_id: str


def file_prefix(stream_id: str, edition: int) -> str:
    """``edition``: of the parts that are silent or were cut."""
    return f"streams/{stream_id}/recording" + (f"/{edition}" if edition else "")


class FileMaker:
    """Reads a recording's segments, one after the other, and writes the file's beginning and the list of its parts."""

    def __init__(self, *, recordings: Recordings, objects: ObjectStore, db: Database) -> None:
        self._recordings = recordings
        self._objects = objects
        self._db = db
        self.job = Job(name="recordings.mp4", body=MakeFile, run=self._run, timeout_s=TIMEOUT_S, tries=5, at_once=2)

    async def _run(self, attempt: Attempt[MakeFile]) -> None:
        stream_id = attempt.body.stream_id
        edition = await self._db.fetchval(_EDITION, stream_id)
        try:
            head_bytes, size = await self._composed(stream_id, edition, attempt)
        except (MediaError, NoSuchObject) as error:
            reason = f"{type(error).__name__}: the recording cannot be read"
            await self._db.execute(_FAILED, stream_id, reason, edition)
            raise GiveUp(f"the recording cannot be read: {error}") from None
        async with attempt.finish() as tx:
            await tx.execute(_READY, stream_id, head_bytes, size, edition)

    async def _composed(self, stream_id: str, edition: int, attempt: Attempt[MakeFile]) -> tuple[int, int]:
        rows, composition = await self._rows(stream_id), Composition(self._objects)
        for done, row in enumerate(rows):
            await composition.add(row.rendition, row.init_key, row.object_key)
            if done % 50 == 0:
                share = done / len(rows)
                await attempt.progress(share)
                await self._db.execute(_PROGRESS, stream_id, share)
        return await composition.store(file_prefix(stream_id, edition))

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


def _following(rows: Sequence[Segment]) -> int:
    return rows[-1].segment + 1 if rows else 0


_EDITION: Final = "select coalesce((select edition from recording_mutes where stream_id = $1), 0)"
_PROGRESS: Final = "update recording_files set progress = $2 where stream_id = $1"
_CURRENT: Final = "coalesce((select m.edition from recording_mutes m where m.stream_id = $1), 0)"
_FAILED: Final = f"""
update recording_files set state = 'failed', reason = $2 where stream_id = $1 and $3 = {_CURRENT}
"""
_READY: Final = f"""
update recording_files set state = 'ready', progress = 1, head_bytes = $2, size = $3, edition = $4, ready_at = now(),
    reason = ''
where stream_id = $1 and $4 = {_CURRENT}
"""
