"""Clips: made of what a stream has, read by those who may watch it, and deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

import msgspec

from actors.events import is_open
from actors.restrictions import Restrictions
from media.errors import MediaError
from media.hls.cutting import Film, Piece, cut
from media.hls.reel import Stretch
from server.features.videos.clips import queries
from server.features.videos.clips.facts import ClipMade
from server.features.videos.clips.keys import FILE, THUMBNAIL, file_key, prefix
from server.features.videos.clips.pictures import ClipPictures, MakePicture
from server.features.videos.clips.rules import nothing_to_clip, span_of
from server.features.videos.clips.shapes import ClipFile, Rendition
from server.http.errors import Problem, not_found
from server.http.previews import Preview
from server.jobs import Jobs
from server.live.footage import Footage, FootageFinder, FootageStream, Gone
from server.live.viewings import Viewer
from storage.doomed import keep, reserve
from storage.facts import publish
from storage.ids import Ids, is_uuid
from storage.objects import ObjectStore
from storage.postgres import Database, Row, Transaction
from storage.recording import window_of
from storage.seen_streams import SeenStream, seen_stream

MAKE_S: Final = 30.0
RESERVED_S: Final = 300.0
"""Far more than ``MAKE_S``, so that nothing is swept that is still being made."""
FRESH_S: Final = 8.0
"""The stream's latest picture is one of the clip if that ends no longer ago than this."""
READERS: Final = 8
AT_ONCE: Final = 2
MP4: Final = "video/mp4"


class ClipRow(msgspec.Struct, frozen=True, kw_only=True):
    """As ``queries`` selects it."""

    id: str
    stream_id: str
    room_id: str
    title: str
    visibility: str
    restrictions: Restrictions
    from_ms: int
    to_ms: int
    file: ClipFile
    has_thumbnail: bool
    row: Row

    @property
    def is_open(self) -> bool:
        return is_open(self.visibility, self.restrictions)

    @property
    def picture(self) -> str | None:
        """The object of its picture; None while there is none."""
        return self.file.picture or (THUMBNAIL if self.has_thumbnail else None)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The ``seconds`` before ``end_s`` of the stream, or of what is left of its recording (None: before the newest).
    ``at``: the wall clock."""

    seconds: float
    end_s: float | None
    title: str | None
    at: float


class Clips:
    """Every node makes clips, at most ``AT_ONCE`` of them at a time, since each is held in memory."""

    def __init__(
        self,
        *,
        db: Database,
        objects: ObjectStore,
        footage: FootageFinder,
        ids: Ids,
        jobs: Jobs,
        pictures: ClipPictures,
        now: Callable[[], datetime],
        at_once: int = AT_ONCE,
    ) -> None:
        self._now = now
        self._jobs = jobs
        self._pictures = pictures
        self._db = db
        self._objects = objects
        self._footage = footage
        self._ids = ids
        self._turns = asyncio.Semaphore(at_once)
        self.made = 0

    async def make(self, stream_id: str, viewer: Viewer, wanted: Wanted) -> ClipRow:
        """Cut a clip and keep it. Raises a 404, 403, 409 or 422 that says why there is none, or a 503."""
        stream = await self._stream(stream_id, viewer)
        try:
            async with asyncio.timeout(MAKE_S), self._turns:
                clip_id = await self._make(stream, viewer, wanted)
        except TimeoutError:
            raise Problem(503, "Clips take too long at the moment", retry_after_s=5.0) from None
        self.made += 1
        return await self.one(clip_id, viewer)

    async def _stream(self, stream_id: str, viewer: Viewer) -> SeenStream:
        stream = await seen_stream(self._db, stream_id, viewer.id)
        if stream is None:
            raise not_found("There is no such stream")
        stream.require_for(viewer.id, viewer.country)
        if stream.owner_id != viewer.id and not await self.others_may_clip(stream.owner_id):
            raise Problem(403, "The owner of this stream does not allow clips of it", slug="clips-off")
        return stream

    async def _make(self, stream: SeenStream, viewer: Viewer, wanted: Wanted) -> str:
        source = FootageStream(id=stream.id, is_on_air=stream.is_on_air, media_node=stream.media_node)
        begin_s = (await window_of(self._db, stream.id)).begin_ms / 1000
        end_s = None if wanted.end_s is None else begin_s + wanted.end_s
        footage = await self._footage.find(source, viewer, seconds=wanted.seconds, stop_s=end_s)
        if footage is None:
            raise nothing_to_clip()
        start, stop = span_of(
            footage.reel, seconds=wanted.seconds, end_s=end_s, is_on_air=source.is_on_air, shown_s=begin_s
        )
        film = await _filmed(footage, start, stop)
        clip_id = str(self._ids.uuid7(wanted.at))
        await reserve(self._db, prefix(clip_id), for_s=RESERVED_S)
        await self._objects.put(file_key(clip_id, FILE), b"".join(film.parts), content_type=MP4)
        has_thumbnail = await self._keep_picture(clip_id, source, viewer)
        file = ClipFile(size=film.size, renditions=_renditions(footage.reel.stretches, film))
        times = round(start * 1000), round(stop * 1000)
        async with self._db.transaction() as tx:
            if not await keep(tx, prefix(clip_id)):
                raise Problem(503, "The clip took too long", retry_after_s=5.0)
            await tx.execute(
                queries.INSERT, clip_id, stream.id, stream.room_id, stream.owner_id, viewer.id,
                wanted.title or stream.title, stream.visibility, *times, msgspec.to_builtins(file), has_thumbnail,
                msgspec.to_builtins(stream.restrictions) or None,
            )  # fmt: skip
            if not (has_thumbnail and source.is_on_air and footage.reel.end_s - stop < FRESH_S):
                await self._jobs.enqueue(tx, self._pictures.job, MakePicture(clip_id))
            await tx.execute(queries.COPY_MESSAGES, clip_id, stream.room_id, *times)
            await publish(tx, ClipMade(clip_id=clip_id, stream_id=stream.id, owner_id=stream.owner_id))
        return clip_id

    async def _keep_picture(self, clip_id: str, source: FootageStream, viewer: Viewer) -> bool:
        picture = await self._footage.picture(source, viewer)
        if picture is not None:
            await self._objects.put(file_key(clip_id, THUMBNAIL), picture, content_type="image/webp")
        return picture is not None

    async def one(self, clip_id: str, viewer: Viewer) -> ClipRow:
        """Raises a 404 for what the viewer may not know of, and a 451 for what is not for their age or country."""
        row = await self._db.fetchrow(queries.CLIP, viewer.id, clip_id)
        if row is None:
            raise not_found("There is no such clip")
        clip = _clip(row)
        refusal = clip.restrictions.refusal(
            country=viewer.country, birth_date=row["birth_date"], today=self._now().date()
        )
        if refusal is not None and viewer.id != row["owner_id"]:
            raise refusal
        return clip

    async def preview(self, path: Mapping[str, str]) -> Preview | None:
        """Of the clip that ``path`` names by ``id``, if everybody may see it."""
        clip_id = path.get("id", "").lower()
        row = await self._db.fetchrow(queries.CLIP, None, clip_id) if is_uuid(clip_id) else None
        clip = None if row is None else _clip(row)
        return None if clip is None or clip.restrictions.refuses_any else _preview(clip)

    async def of_stream(self, stream_id: str, viewer: Viewer, *, before: str | None, limit: int) -> list[ClipRow]:
        """Those of one stream, the newest first; of a stream that has gone as well."""
        return [
            _clip(row)
            for row in await self._db.fetch(queries.OF_STREAM, viewer.id, stream_id, before, limit, viewer.country)
        ]

    async def of_person(self, username_key: str, viewer: Viewer, *, before: str | None, limit: int) -> list[ClipRow]:
        """Those of a person's streams that are listed, the newest first."""
        return [
            _clip(row)
            for row in await self._db.fetch(queries.OF_PERSON, viewer.id, username_key, before, limit, viewer.country)
        ]

    async def listed(self, ids: Sequence[str], viewer: Viewer) -> list[ClipRow]:
        """Those of the ids that lists show this viewer: none by or of a person whom they block, or who blocks them."""
        return [
            _clip(row) for row in await self._db.fetch(queries.LISTED, viewer.id, list(ids), None, 100, viewer.country)
        ]

    async def messages(self, clip: ClipRow) -> Sequence[Row]:
        """What was written in the clip's time and still stands."""
        return await self._db.fetch(queries.MESSAGES, clip.id)

    async def delete(self, clip_id: str, viewer: Viewer, *, is_admin: bool) -> Row:
        """By its maker, the stream's owner or an admin; its objects go too. The row that was there.

        Raises a 404, or a 403 for a clip of others."""
        row = await self._db.fetchrow(queries.DELETE, clip_id, viewer.id, is_admin)
        if row is None:
            await self.one(clip_id, viewer)
            raise Problem(403, "This clip is not yours")
        return row

    async def others_may_clip(self, person_id: str) -> bool:
        """Whether a person allows clips of their streams."""
        found = await self._db.fetchval(queries.SETTINGS, person_id)
        return found is not False

    async def allow(self, person_id: str, others_may_clip: bool) -> None:
        await self._db.execute(queries.SET, person_id, others_may_clip)


async def erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)


def _clip(row: Row) -> ClipRow:
    return ClipRow(
        id=row["id"],
        stream_id=row["stream_id"],
        room_id=row["room_id"],
        title=row["title"],
        visibility=row["visibility"],
        restrictions=msgspec.convert(row["restrictions"] or {}, Restrictions),
        from_ms=row["from_ms"],
        to_ms=row["to_ms"],
        file=msgspec.convert(row["file"], ClipFile),
        has_thumbnail=row["has_thumbnail"],
        row=row,
    )


def _preview(clip: ClipRow) -> Preview:
    base = f"/clips/{clip.id}"
    return Preview(
        title=clip.title,
        path=base,
        author=clip.row["owner_display_name"] or clip.row["owner_username"],
        author_path=f"/@{clip.row['owner_username']}",
        image=f"{base}/{clip.picture}" if clip.picture else None,
        player=f"/embed/{clip.id}",
        video=f"{base}/clip.mp4",
    )


async def _filmed(footage: Footage, start: float, stop: float) -> Film:
    """Read what is listed and cut it, beside the loop. Raises a 409 where that is no film."""
    readers = asyncio.Semaphore(READERS)
    inits: dict[str, asyncio.Task[bytes]] = {}

    async def read(name: str) -> bytes:
        async with readers:
            return await footage.read(name)

    async def piece(one: Stretch) -> Piece:
        return Piece(await inits[one.init], b"".join([await read(name) for name in one.files]))

    try:
        async with asyncio.TaskGroup() as tasks:
            for name in {one.init for one in footage.reel.stretches}:
                inits[name] = tasks.create_task(read(name))
            reading = [(one.about.rendition, tasks.create_task(piece(one))) for one in footage.reel.stretches]
        found: dict[str, list[Piece]] = {}
        for rendition, task in reading:
            found.setdefault(rendition, []).append(task.result())
        return await asyncio.to_thread(cut, found, start=Fraction(start), stop=Fraction(stop))
    except* (Gone, MediaError):
        raise nothing_to_clip() from None


def _renditions(stretches: Sequence[Stretch], film: Film) -> list[Rendition]:
    about: Mapping[str, Any] = {one.about.rendition: one.about for one in stretches}
    return [
        Rendition(
            name=name,
            kind=about[name].kind,
            codec=about[name].codec,
            extents=extents,
            width=about[name].width,
            height=about[name].height,
            frame_rate=about[name].frame_rate,
            channels=about[name].channels,
        )
        for name, extents in film.extents.items()
    ]
