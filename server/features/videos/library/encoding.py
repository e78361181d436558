"""The job that makes a video of an upload: looked at, then one rendition after another, by child processes.

Each segment is stored and its row written before it counts, so a job whose worker was killed goes on after the last
one. Sound and the smallest rendition come first, from whose first segments on the video can be played.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Final, Protocol

import msgspec

from media.errors import MediaError
from media.hls.cmaf import key_frame
from media.transcode.ladder import Tier, tiers_of
from media.vod.child import WorkerDiedError, carry_out
from media.vod.messages import (
    SEGMENT_S,
    EncodePictures,
    EncodeSound,
    Inspect,
    Inspected,
    LaneMade,
    Order,
    Refused,
    Report,
    SegmentMade,
    Source,
    SourceBounds,
)
from server.features.videos.clips.pictures import TakePicture, take_in_worker
from server.features.videos.library import queries
from server.features.videos.library.facts import VideoReady
from server.features.videos.library.keys import INIT, SOUND, file_key, poster_key, segment_file
from server.features.videos.library.shapes import VIDEO_PROGRESS, State
from server.jobs import Attempt, GiveUp, Job, RetryLater
from server.publish import Publish
from storage.facts import publish as publish_fact
from storage.objects import NoSuchObject, ObjectStore
from storage.postgres import Database, Row, Transaction

TIMEOUT_S: Final = 24 * 3_600.0
AGAIN_S: Final = 5.0
TRIES: Final = 4
PROGRESS_EVERY_S: Final = 0.5
BEGUN_SEGMENTS: Final = 3
"""Of the smallest rendition: from then on it is played while the rest of it is made."""
SOUND_SHARE: Final = 0.03
"""Of the whole work."""
MP4: Final = "video/mp4"
GONE: Final = "the video was deleted"

CarryOut = Callable[[Order], AsyncGenerator[Report]]


class EncodeVideo(msgspec.Struct, frozen=True):
    video_id: str
    edition: int = 1


class Originals(Protocol):
    """The bytes of uploads."""

    def read(self, upload_id: str) -> AsyncIterator[bytes]: ...


class _RefusedError(Exception):
    """The file is not to be encoded, for a reason that may be shown."""


class Work(msgspec.Struct, kw_only=True):
    """One attempt. ``done``: segments of each rendition; ``whole``: the renditions that have all. ``is_first``: else
    what there was is shown until all of this is there."""

    attempt: Attempt[EncodeVideo]
    owner_id: str
    path: Path
    source: Source
    tiers: tuple[Tier, ...]
    done: dict[str, int]
    whole: set[str]
    is_first: bool
    told_at: float = 0.0

    @property
    def video_id(self) -> str:
        return self.attempt.body.video_id

    @property
    def edition(self) -> int:
        return self.attempt.body.edition

    @property
    def share(self) -> float:
        """Of the work that is done, by the number of pixels."""
        segments = max(1, math.ceil(self.source.seconds / SEGMENT_S))
        total = sum(tier.width * tier.height for tier in self.tiers)
        made = sum(
            tier.width * tier.height * (1.0 if tier.name in self.whole else self.done.get(tier.name, 0) / segments)
            for tier in self.tiers
        )
        return min(1.0, SOUND_SHARE + (1 - SOUND_SHARE) * made / total)


class VideoEncoder:
    """``job`` encodes one video; ``dead`` tells why it could not be done."""

    def __init__(
        self,
        *,
        db: Database,
        objects: ObjectStore,
        originals: Originals,
        publish: Publish,
        bounds: SourceBounds,
        ask_poster: Callable[[Transaction, str], Awaitable[None]],
        at_once: int,
        now: Callable[[], dt.datetime],
        carry_out: CarryOut = carry_out,
        take: TakePicture = take_in_worker,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._objects = objects
        self._originals = originals
        self._publish = publish
        self._bounds = bounds
        self._ask_poster = ask_poster
        self._now = now
        self._carry_out = carry_out
        self._take = take
        self._monotonic = monotonic
        self.encoded = 0
        self.dead = Job(name="library.failed", body=EncodeVideo, run=self._give_up)
        self.job = Job(
            name="library.encode",
            body=EncodeVideo,
            run=self._run,
            timeout_s=TIMEOUT_S,
            tries=TRIES,
            at_once_on_node=at_once,
            when_dead=self.dead,
        )

    async def _run(self, attempt: Attempt[EncodeVideo]) -> None:
        video_id = attempt.body.video_id
        row = await self._db.fetchrow(queries.WORK, video_id)
        if row is None:  # deleted meanwhile
            return
        with tempfile.TemporaryDirectory(prefix="socialflow-video-") as folder:
            path = Path(folder) / "original"
            await self._spool(row["upload_id"], path)
            try:
                source = await self._source(path)
                await self._encode(attempt, row, path, source)
            except _RefusedError as error:
                await self._refuse(attempt, str(error))
            except WorkerDiedError as error:
                await self._db.execute(queries.SET_REASON, video_id, f"Tried again, as its encoder ended: {error}")
                raise RetryLater(str(error), after_s=AGAIN_S) from error

    async def _spool(self, upload_id: str, path: Path) -> None:
        """The upload as one file, since most containers are read back and forth."""
        with path.open("wb") as file:
            async for chunk in self._originals.read(upload_id):
                await asyncio.to_thread(file.write, chunk)

    async def _source(self, path: Path) -> Source:
        async with aclosing(self._reports(Inspect(path=str(path), bounds=self._bounds))) as reports:
            async for report in reports:
                if isinstance(report, Inspected):
                    return report.source
        raise WorkerDiedError("it said nothing of the file")

    async def _reports(self, order: Order) -> AsyncGenerator[Report]:
        """Raises ``_RefusedError`` for the file, ``WorkerDiedError`` for the process."""
        async with aclosing(self._carry_out(order)) as reports:
            async for report in reports:
                if isinstance(report, Refused):
                    raise _RefusedError(report.detail)
                yield report

    async def _encode(self, attempt: Attempt[EncodeVideo], video: Row, path: Path, source: Source) -> None:
        tiers = tiers_of(source.width, source.height, source.fps, has_own_size=True)
        if not tiers:
            raise _RefusedError(f"Pictures of {source.width} by {source.height} pixels are not encoded")
        rows = await self._db.fetch(queries.HAVE, attempt.body.video_id, attempt.body.edition)
        work = Work(
            attempt=attempt,
            owner_id=video["owner_id"],
            path=path,
            source=source,
            tiers=tiers,
            done={row["name"]: row["segments"] for row in rows},
            whole={row["name"] for row in rows if row["is_whole"]},
            is_first=not 0 < video["edition"] < attempt.body.edition,
        )
        about = msgspec.to_builtins(source)
        await self._db.execute(queries.SET_SOURCE, work.video_id, about, round(source.seconds * 1000))
        if source.audio_codec and SOUND not in work.whole:
            order = EncodeSound(path=str(path), seconds=source.seconds, have=work.done.get(SOUND, 0))
            await self._pass(work, order, [SOUND], place=len(tiers))
        await self._pictures(work, tiers[-1:])
        if work.is_first:
            await self._db.execute(queries.PLAYABLE, work.video_id, work.edition)
        await self._poster(work, tiers[-1])
        self._tell(work, "processing", work.share)
        if tiers[:-1]:
            await self._pictures(work, tiers[:-1])
            await self._poster(work, tiers[0])
        await self._finish(work)

    async def _pictures(self, work: Work, tiers: tuple[Tier, ...]) -> None:
        missing = tuple(tier for tier in tiers if tier.name not in work.whole)
        if missing:
            have = tuple(work.done.get(tier.name, 0) for tier in missing)
            order = EncodePictures(path=str(work.path), seconds=work.source.seconds, tiers=missing, have=have)
            await self._pass(work, order, [tier.name for tier in missing], place=work.tiers.index(missing[0]))
        if not all(work.done.get(tier.name) for tier in tiers):
            raise _RefusedError("No picture of the file can be decoded")

    async def _pass(self, work: Work, order: Order, names: list[str], *, place: int) -> None:
        """Carry out an order of lanes with these names, the first of which has this place among all."""
        async with aclosing(self._reports(order)) as reports:
            async for report in reports:
                if isinstance(report, LaneMade):
                    await self._keep_init(work, names[report.lane], place + report.lane, report)
                elif isinstance(report, SegmentMade):
                    await self._keep_segment(work, names[report.lane], report)
        for name in names:
            async with work.attempt.step() as tx:
                await tx.execute(queries.WHOLE, work.video_id, work.edition, name)
            work.whole.add(name)

    async def _keep_init(self, work: Work, name: str, place: int, lane: LaneMade) -> None:
        key = file_key(work.video_id, work.edition, name, INIT)
        await self._objects.put(key, lane.init, content_type=MP4)
        kind = "audio" if name == SOUND else "video"
        async with work.attempt.step() as tx:
            if not await tx.execute(
                queries.ADD_RENDITION, work.video_id, work.edition, name, place, kind, lane.codec, lane.timescale,
                lane.width, lane.height, lane.fps, lane.channels, key,
            ):  # fmt: skip
                raise GiveUp(GONE)

    async def _keep_segment(self, work: Work, name: str, made: SegmentMade) -> None:
        key = file_key(work.video_id, work.edition, name, segment_file(made.number))
        await self._objects.put(key, made.data, content_type=MP4)
        async with work.attempt.step() as tx:
            if not await tx.execute(
                queries.ADD_SEGMENT, work.video_id, work.edition, name, made.number, key, made.start, made.duration,
                len(made.data), made.key_bytes,
            ):  # fmt: skip
                raise GiveUp(GONE)
        work.done[name] = made.number + 1
        if made.number + 1 == BEGUN_SEGMENTS and name == work.tiers[-1].name and work.is_first:
            await self._db.execute(queries.BEGUN, work.video_id, work.edition, name)
            await self._db.execute(queries.PLAYABLE, work.video_id, work.edition)
        await self._progress(work)

    async def _progress(self, work: Work) -> None:
        if (now := self._monotonic()) >= work.told_at + PROGRESS_EVERY_S:
            work.told_at = now
            await work.attempt.progress(work.share)
            await self._db.execute(queries.SET_PROGRESS, work.video_id, work.share)
            self._tell(work, "processing", work.share)

    def _tell(self, work: Work, state: State, progress: float) -> None:
        self._send(work.owner_id, work.video_id, state, progress)

    def _send(self, owner_id: str, video_id: str, state: State, progress: float) -> None:
        body = {"video_id": video_id, "state": state, "progress": round(progress, 4)}
        self._publish.to_person(owner_id, VIDEO_PROGRESS.name, body)

    async def _poster(self, work: Work, tier: Tier) -> None:
        """A picture from the first third. None is no reason to fail: it is tried again when all else is done."""
        number = (work.done[tier.name] - 1) // 3
        try:
            init, segment = [
                await self._read(file_key(work.video_id, work.edition, tier.name, file))
                for file in (INIT, segment_file(number))
            ]
            picture = await self._take(*key_frame(init, segment))
        except (MediaError, NoSuchObject):
            return
        if picture is not None:
            await self._objects.put(poster_key(work.video_id), picture, content_type="image/webp")
            await self._db.execute(queries.SET_POSTER, work.video_id)

    async def _read(self, key: str) -> bytes:
        return b"".join([chunk async for chunk in self._objects.open(key)])

    async def _finish(self, work: Work) -> None:
        async with work.attempt.finish() as tx:
            row = await tx.fetchrow(queries.READY, work.video_id, work.edition, self._now())
            if row is not None:
                await tx.execute(queries.NOT_MUTED, work.video_id)
                await tx.execute(queries.FORGET_FORMER, work.video_id, work.edition)
                await self._ask_poster(tx, work.video_id)
                await publish_fact(tx, VideoReady(video_id=work.video_id, **dict(row)))
        self.encoded += 1
        self._tell(work, "ready", 1.0)

    async def _refuse(self, attempt: Attempt[EncodeVideo], reason: str) -> None:
        video_id, edition = attempt.body.video_id, attempt.body.edition
        async with attempt.finish() as tx:
            row = await tx.fetchrow(queries.FAILED, video_id, reason, edition)
            if row is not None and row["state"] == "ready":
                await tx.execute(queries.FORGET_UNSHOWN, video_id, edition)
        if row is not None:
            self._send(row["owner_id"], video_id, row["state"], 1.0 if row["state"] == "ready" else 0.0)

    async def _give_up(self, attempt: Attempt[EncodeVideo]) -> None:
        await self._refuse(attempt, "It could not be encoded, though it was tried several times")
