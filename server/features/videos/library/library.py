"""Videos: made of uploads, or recordings of streams; seen by those who may, changed and deleted by their owners.

The title, description and visibility of a recording are those of its stream, and are changed there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

import msgspec

from actors.events import is_open
from actors.restrictions import Restrictions
from actors.runtime import ActorError, DomainError, Node
from actors.stream_messages import EditStream
from server.features.videos.library import queries
from server.features.videos.library.encoding import EncodeVideo
from server.features.videos.library.facts import VideoDeleted, VideoReady
from server.features.videos.library.keys import prefix
from server.features.videos.library.recorded_trimming import TrimRecording
from server.features.videos.library.shapes import NewVideoBody, State, TrimBody, VideoChange
from server.features.videos.library.trimming import TrimVideo
from server.features.videos.markers import replace_markers
from server.features.videos.recordings import remove_recording
from server.features.videos.uploads import Media, MediaKind
from server.http.errors import FieldError, Problem, invalid, invalid_field, not_found
from server.jobs import Job, Jobs
from server.live.viewings import Viewer
from storage.doomed import doom
from storage.facts import Consumer, publish
from storage.ids import Ids, is_uuid
from storage.postgres import Database, Row, Transaction
from storage.stream_facts import RecordingReady

CLAIM: Final = "video"
POSTER_CLAIM: Final = "poster"
LEAST_MS: Final = 500
"""Of a video that was trimmed."""
SLACK_MS: Final = 100
"""A player's idea of the end may be so much later."""


class Originals(Protocol):
    """The uploads that videos are made of."""

    async def claim(
        self, tx: Transaction, owner_id: str, upload_ids: Sequence[str], *, by: str, fields: Sequence[str]
    ) -> list[Media]: ...

    async def release(self, tx: Transaction, upload_ids: Sequence[str]) -> None: ...

    async def of(self, owner_id: str, upload_id: str) -> Any: ...

    def read(self, upload_id: str) -> AsyncIterator[bytes]: ...


class Files(Protocol):
    """The MP4 files of videos."""

    async def ask(self, tx: Transaction, video_id: str, edition: int) -> None: ...


class Chapter(msgspec.Struct, frozen=True, kw_only=True):
    """``at_ms``: media time of the segments."""

    at_ms: int
    label: str


class VideoRow(msgspec.Struct, frozen=True, kw_only=True):
    """As ``queries`` selects it. ``edition`` 0: nothing can be played yet."""

    id: str
    owner_id: str
    stream_id: str | None
    upload_id: str | None
    title: str
    description: str
    visibility: str
    restrictions: Restrictions
    state: State
    reason: str
    progress: float
    edition: int
    begin_ms: int
    chapters: list[Chapter]
    source: dict[str, Any] | None
    duration_ms: int
    has_poster: bool
    poster_upload_id: str | None
    has_file: bool
    file_bytes: int | None
    file_head_bytes: int | None
    views: int
    watched_ms: int
    created_at: dt.datetime
    ready_at: dt.datetime | None
    birth_date: dt.date | None
    username: str
    display_name: str
    avatar_url: str | None

    @property
    def is_open(self) -> bool:
        """Whether everybody may see it, so that any cache may keep it."""
        return is_open(self.visibility, self.restrictions)

    @property
    def has_own_poster(self) -> bool:
        """Whether its owner chose the picture that stands for it."""
        return self.poster_upload_id is not None

    @property
    def is_recording(self) -> bool:
        return self.stream_id is not None


class Library:
    def __init__(
        self,
        *,
        db: Database,
        uploads: Originals,
        jobs: Jobs,
        job: Job[EncodeVideo],
        trim_job: Job[TrimVideo],
        recording_job: Job[TrimRecording],
        node: Node,
        ids: Ids,
        now: Callable[[], dt.datetime],
        when_changed: Callable[[], Awaitable[None]],
        files: Files,
    ) -> None:
        self._db = db
        self._uploads = uploads
        self._jobs = jobs
        self._job = job
        self._trim_job = trim_job
        self._recording_job = recording_job
        self._node = node
        self._ids = ids
        self._now = now
        self._when_changed = when_changed
        self._files = files
        self.consumers = (Consumer(RecordingReady, _recorded), Consumer(VideoReady, self._made))

    async def _made(self, tx: Transaction, fact: VideoReady) -> None:
        """Every edition is made into a file as well."""
        edition = await tx.fetchval(queries.EDITION, fact.video_id)
        if edition is not None:
            await self._files.ask(tx, fact.video_id, edition)

    async def create(self, owner_id: str, body: NewVideoBody) -> str:
        """A video of an upload, which is encoded from now on; its id. Raises a 422 for an upload that can be none."""
        now = self._now()
        video_id, upload_id = str(self._ids.uuid7(now.timestamp())), str(body.upload_id)
        async with self._db.transaction() as tx:
            await self._claim(tx, owner_id, upload_id, kind="video", by=CLAIM)
            await tx.execute(
                queries.INSERT,
                video_id,
                owner_id,
                upload_id,
                body.title,
                body.description,
                body.visibility,
                body.post,
                now,
            )
            await self._jobs.enqueue(tx, self._job, EncodeVideo(video_id), key=f"{video_id}/1")
        return video_id

    async def one(self, video_id: str, viewer: Viewer) -> VideoRow:
        """Raises a 404 for what the viewer may not know of, and a 451 for what is not for their age or country, or is
        claimed by others than them: who decides about a match sees what it is of."""
        row = await self._db.fetchrow(queries.SEEN, viewer.id, video_id) if is_uuid(video_id) else None
        if row is None:
            raise not_found("There is no such video")
        video = video_of(row)
        if viewer.id == video.owner_id:
            return video
        restrictions = video.restrictions
        if restrictions.claimed and await self._db.fetchval(queries.CLAIMS_IT, viewer.id, video_id):
            restrictions = msgspec.structs.replace(restrictions, claimed=False)
        refusal = restrictions.refusal(country=viewer.country, birth_date=video.birth_date, today=self._now().date())
        if refusal is not None:
            raise refusal
        return video

    async def mine(self, owner_id: str, *, before: str | None, limit: int) -> list[VideoRow]:
        """All of a person's own, the newest first."""
        return [video_of(row) for row in await self._db.fetch(queries.MINE, owner_id, before, limit)]

    async def of_person(self, username_key: str, viewer: Viewer, *, before: str | None, limit: int) -> list[VideoRow]:
        """Those that lists show this viewer, the newest first."""
        rows = await self._db.fetch(queries.OF_PERSON, viewer.id, username_key, viewer.country, before, limit)
        return [video_of(row) for row in rows]

    async def listed(self, ids: Sequence[str], viewer: Viewer) -> list[VideoRow]:
        """Those of the ids that lists show this viewer, in no order."""
        return [video_of(row) for row in await self._db.fetch(queries.LISTED, viewer.id, list(ids), viewer.country)]

    async def renditions(self, videos: Sequence[VideoRow]) -> dict[str, list[Row]]:
        """Id → the renditions of its pictures that can be played, the best first."""
        made = [video for video in videos if video.edition]
        found: dict[str, list[Row]] = {video.id: [] for video in videos}
        if made:
            rows = await self._db.fetch(
                queries.RENDITIONS_OF, [video.id for video in made], [video.edition for video in made]
            )
            for row in rows:
                found[row["video_id"]].append(row)
        return found

    async def change(self, video_id: str, viewer: Viewer, change: VideoChange) -> VideoRow:
        """By its owner. Raises a 403 or 404, and a 422 for chapters that cannot be."""
        video = await self.owned(video_id, viewer)
        given = {name: value for name, value in change.model_dump(exclude_unset=True).items() if value is not None}
        chapters = _placed(given.pop("chapters", None), video)
        if video.stream_id is not None and given:
            await self._node.ref("stream", video.stream_id).ask(EditStream(changes=given))
            await self._when_changed()
        elif given:
            said = (given.get(name) for name in ("title", "description", "visibility"))
            await self._db.execute(queries.CHANGE, video_id, video.owner_id, *said)
        if chapters is not None:
            await self._set_chapters(video, chapters)
        return await self.one(video_id, viewer)

    async def _set_chapters(self, video: VideoRow, chapters: list[dict[str, Any]]) -> None:
        async with self._db.transaction() as tx:
            if await tx.fetchrow(queries.OWNED, video.id, video.owner_id) is None:
                raise not_found("There is no such video")
            if video.stream_id is None:
                await tx.execute(queries.SET_CHAPTERS, video.id, chapters)
                return
            moments = [(one["at_ms"], one["label"]) for one in chapters]
            at = self._now().timestamp()
            await replace_markers(tx, video.stream_id, video.owner_id, moments, ids=self._ids, at=at)

    async def owned(self, video_id: str, viewer: Viewer) -> VideoRow:
        """Raises a 404, or a 403 for a video of others."""
        video = await self.one(video_id, viewer)
        if video.owner_id != viewer.id:
            raise Problem(403, "This video is not yours")
        return video

    async def trim(self, video_id: str, viewer: Viewer, body: TrimBody) -> None:
        """Leave out what is before and after: what is played until that is done is the whole.

        Raises a 403 or 404, a 409 for one that is worked on, and a 422 for times outside of it.
        """
        video = await self.owned(video_id, viewer)
        _require_some(body.from_ms, body.to_ms)
        if video.state != "ready":
            raise _not_ready()
        if body.to_ms > video.duration_ms + SLACK_MS:
            raise invalid_field("to_ms", f"is after the end, at {video.duration_ms}")
        to_ms = min(body.to_ms, video.duration_ms)
        _require_some(body.from_ms, to_ms)
        async with self._db.transaction() as tx:
            edition = await tx.fetchval(queries.TRIM, video_id)
            if edition is None:
                raise _not_ready()
            span = {"from_ms": video.begin_ms + body.from_ms, "to_ms": video.begin_ms + to_ms}
            # Without a key: one that failed may be tried again.
            if video.stream_id is not None:
                await self._jobs.enqueue(tx, self._recording_job, TrimRecording(stream_id=video.stream_id, **span))
            else:
                await self._jobs.enqueue(tx, self._trim_job, TrimVideo(video_id=video_id, edition=edition + 1, **span))

    async def set_poster(self, video_id: str, viewer: Viewer, upload_id: str | None) -> None:
        """This picture stands for the video from now on; None for one of its own. The former one is deleted.

        Raises a 403 or 404, and a 422 for an upload that is no ready, unused picture of the owner.
        """
        video = await self.owned(video_id, viewer)
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.OWNED, video_id, video.owner_id)
            if row is None:
                raise not_found("There is no such video")
            if upload_id is not None:
                await self._claim(tx, video.owner_id, upload_id, kind="image", by=POSTER_CLAIM)
            await tx.execute(queries.OWN_POSTER, video_id, upload_id)
            if row["poster_upload_id"] is not None:
                await self._uploads.release(tx, [row["poster_upload_id"]])

    async def _claim(self, tx: Transaction, owner_id: str, upload_id: str, *, kind: MediaKind, by: str) -> None:
        (media,) = await self._uploads.claim(tx, owner_id, [upload_id], by=by, fields=["upload_id"])
        if media.kind != kind:
            raise invalid_field("upload_id", f"is of kind {media.kind}, not {kind}")

    async def delete(self, video_id: str, viewer: Viewer) -> None:
        """By its owner: with all that was made of it, and what it was made of."""
        video = await self.owned(video_id, viewer)
        async with self._db.transaction(timeout_s=60) as tx:
            row = await tx.fetchrow(queries.OWNED, video_id, video.owner_id)
            if row is None:
                raise not_found("There is no such video")
            if row["stream_id"] is not None:
                await remove_recording(tx, row["stream_id"])
            else:
                await doom(tx, prefix(video_id))
            await self._uploads.release(tx, [one for one in (row["upload_id"], row["poster_upload_id"]) if one])
            await tx.execute(queries.DELETE, video_id)
            await publish(tx, VideoDeleted(video_id=video_id, owner_id=video.owner_id))
        if video.stream_id is not None:
            await self._tell_unrecorded(video.stream_id)

    async def _tell_unrecorded(self, stream_id: str) -> None:
        """The row says it already: an actor that is away reads it there."""
        with suppress(ActorError, DomainError):
            await self._node.ref("stream", stream_id).ask(EditStream(changes={"is_recorded": False}))
        await self._when_changed()

    async def original_size(self, video: VideoRow) -> tuple[int, str]:
        """Bytes of the upload, and the name that it came with."""
        row = await self._uploads.of(video.owner_id, video.upload_id or "")
        return int(row["size"]), row["filename"] or f"{video.id}.video"

    async def original(self, video: VideoRow, offset: int, count: int) -> AsyncIterator[bytes]:
        """These bytes of the upload."""
        skip = offset
        async for chunk in self._uploads.read(video.upload_id or ""):
            part = chunk[skip : skip + count]
            skip = max(0, skip - len(chunk))
            if part:
                count -= len(part)
                yield part
            if count <= 0:
                return

    async def erase(self, tx: Transaction, owner_id: str) -> None:
        """The uploads are erased by their own room."""
        await tx.execute(queries.ERASE_WATCHER, owner_id)
        for row in await tx.fetch(queries.REMOVE_ALL, owner_id):
            await doom(tx, prefix(row["id"]))


def _require_some(from_ms: int, to_ms: int) -> None:
    if to_ms - from_ms < LEAST_MS:
        raise invalid_field("to_ms", f"must be at least {LEAST_MS} after from_ms")


def _not_ready() -> Problem:
    return Problem(409, "The video is being worked on, or has failed", slug="not-ready")


def _require_distinct(chapters: Sequence[Mapping[str, Any]], video: VideoRow) -> None:
    """Raises a 422 for chapters after the end, where it is known, and for those that begin where one before does."""
    errors, begun = [], set[int]()
    for number, at_ms in enumerate(one["at_ms"] for one in chapters):
        if video.duration_ms and at_ms >= video.duration_ms:
            errors.append(FieldError(f"chapters.{number}.at_ms", f"must be before the end, at {video.duration_ms}"))
        if at_ms in begun:
            errors.append(FieldError(f"chapters.{number}.at_ms", "is where another chapter begins"))
        begun.add(at_ms)
    if errors:
        raise invalid(*errors)


def _placed(chapters: list[dict[str, Any]] | None, video: VideoRow) -> list[dict[str, Any]] | None:
    """In order, at media time. Raises a 422 for those that cannot be."""
    if chapters is None:
        return None
    _require_distinct(chapters, video)
    moved = [{**one, "at_ms": one["at_ms"] + video.begin_ms} for one in chapters]
    return sorted(moved, key=lambda one: one["at_ms"])


async def _recorded(tx: Transaction, fact: RecordingReady) -> None:
    await tx.execute(queries.RECORDED, fact.stream_id, fact.duration_ms)


def video_of(row: Row) -> VideoRow:
    return msgspec.convert({**dict(row), "restrictions": row["restrictions"] or {}}, VideoRow)
