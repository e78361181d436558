"""The job that trims a video: another edition of it, whose middle are the segments that are there.

Of the segment in which it begins the pictures are encoded anew from the first one on, since only a key frame can be
decoded by itself; all else is left out packet by packet.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Final

import msgspec

from media.errors import MediaError
from media.transcode.ladder import Tier, tiers_of
from media.vod.child import WorkerDiedError, carry_out
from media.vod.messages import EncodePictures, LaneMade, Refused, SegmentMade
from media.vod.trimming import trimmed
from server.features.videos.library import queries
from server.features.videos.library.encoding import CarryOut
from server.features.videos.library.facts import VideoReady
from server.features.videos.library.keys import file_key, segment_file
from server.features.videos.library.shapes import VIDEO_PROGRESS, State
from server.jobs import Attempt, GiveUp, Job, RetryLater
from server.publish import Publish
from storage.facts import publish as publish_fact
from storage.objects import NoSuchObject, ObjectStore
from storage.postgres import Database, Row

TIMEOUT_S: Final = 1_800.0
AGAIN_S: Final = 5.0
MP4: Final = "video/mp4"


class TrimVideo(msgspec.Struct, frozen=True, kw_only=True):
    """Times are media time of the segments. ``edition``: the one that is made, of the one before it."""

    video_id: str
    edition: int
    from_ms: int
    to_ms: int


class Track(msgspec.Struct, frozen=True):
    """A rendition of the former edition, and its segments of which something stays."""

    row: Row
    segments: Sequence[Row]

    @property
    def name(self) -> str:
        return str(self.row["name"])

    def ticks(self, ms: int) -> int:
        timescale: int = self.row["timescale"]
        return round(ms * timescale / 1000)


class Trimmer:
    def __init__(
        self,
        *,
        db: Database,
        objects: ObjectStore,
        publish: Publish,
        now: Callable[[], dt.datetime],
        carry_out: CarryOut = carry_out,
    ) -> None:
        self._db = db
        self._objects = objects
        self._publish = publish
        self._now = now
        self._carry_out = carry_out
        self.dead = Job(name="library.not_trimmed", body=TrimVideo, run=self._give_up)
        self.job = Job(
            name="library.trim",
            body=TrimVideo,
            run=self._run,
            timeout_s=TIMEOUT_S,
            tries=4,
            at_once_on_node=1,
            when_dead=self.dead,
        )

    async def _run(self, attempt: Attempt[TrimVideo]) -> None:
        if await self._db.fetchval(queries.EDITION, attempt.body.video_id) is None:  # deleted meanwhile
            return
        try:
            await self._trim(attempt)
        except WorkerDiedError as error:
            raise RetryLater(str(error), after_s=AGAIN_S) from error
        except (MediaError, NoSuchObject) as error:
            raise GiveUp(f"it cannot be trimmed: {error}") from error

    async def _trim(self, attempt: Attempt[TrimVideo]) -> None:
        body = attempt.body
        tracks = [track for track in await self._tracks(body) if track.segments]
        pictures = [track for track in tracks if track.row["kind"] == "video"]
        if not pictures:
            raise GiveUp("nothing of it would be left")
        heads = await self._heads(body, pictures)
        for track in tracks:
            await self._keep_track(attempt, track, heads.get(track.name))
        async with attempt.finish() as tx:
            row = await tx.fetchrow(queries.READY, body.video_id, body.edition, self._now())
            if row is None:
                return
            duration_ms = body.to_ms - body.from_ms
            await tx.execute(queries.SPAN, body.video_id, body.from_ms, duration_ms)
            await tx.execute(queries.FORGET_FORMER, body.video_id, body.edition)
            fact = VideoReady(video_id=body.video_id, owner_id=row["owner_id"], duration_ms=duration_ms)
            await publish_fact(tx, fact)
        self._send(row["owner_id"], body.video_id, "ready")

    async def _tracks(self, body: TrimVideo) -> list[Track]:
        found = []
        for row in await self._db.fetch(queries.RENDITIONS, body.video_id, body.edition - 1):
            rows = await self._db.fetch(queries.SEGMENTS, body.video_id, body.edition - 1, row["name"])
            start, stop = (round(ms * row["timescale"] / 1000) for ms in (body.from_ms, body.to_ms))
            found.append(
                Track(row, [one for one in rows if one["start"] < stop and one["start"] + one["duration"] > start])
            )
        return found

    async def _heads(self, body: TrimVideo, pictures: Sequence[Track]) -> dict[str, bytes]:
        """Rendition → its first segment, which begins with the first picture that stays."""
        best = max(pictures, key=lambda track: track.row["width"] * track.row["height"])
        first, start = best.segments[0], best.ticks(body.from_ms)
        if start <= first["start"]:
            return {}
        with tempfile.TemporaryDirectory(prefix="socialflow-trim-") as folder:
            path = Path(folder) / "head.mp4"
            path.write_bytes(await self._read(best.row["init_key"]) + await self._read(first["object_key"]))
            order = EncodePictures(
                path=str(path),
                seconds=first["duration"] / best.row["timescale"],
                tiers=tuple(_tier(track.row) for track in pictures),
                have=(first["number"],) * len(pictures),
                offset=first["start"],
                start=start,
            )
            return await self._encoded(order, pictures)

    async def _encoded(self, order: EncodePictures, pictures: Sequence[Track]) -> dict[str, bytes]:
        made: dict[str, bytes] = {}
        async with aclosing(self._carry_out(order)) as reports:
            async for report in reports:
                if isinstance(report, Refused):
                    raise GiveUp(report.detail)
                if isinstance(report, LaneMade):
                    await self._require_same(report, pictures[report.lane])
                if isinstance(report, SegmentMade):
                    made.setdefault(pictures[report.lane].name, report.data)
        return made

    async def _require_same(self, lane: LaneMade, track: Track) -> None:
        """What follows the head is decoded with the same parameters."""
        if lane.init != await self._read(track.row["init_key"]):
            raise GiveUp("its renditions were made by another version of the encoder")

    async def _keep_track(self, attempt: Attempt[TrimVideo], track: Track, head: bytes | None) -> None:
        body = attempt.body
        first, last = track.segments[0], track.segments[-1]
        ends = {row["number"]: row for row in (first, last)}
        cut = {
            number: await self._cut(track, row, body, head if row is first else None) for number, row in ends.items()
        }
        async with attempt.step() as tx:
            await tx.execute(queries.COPY_RENDITION, body.video_id, body.edition, body.edition - 1, track.name)
            await tx.execute(
                queries.COPY_SEGMENTS, body.video_id, body.edition, body.edition - 1, track.name,
                first["number"], last["number"],
            )  # fmt: skip
        for number, made in cut.items():
            if made is not None:
                await self._keep_segment(attempt, track.name, number, made)
        async with attempt.step() as tx:
            await tx.execute(queries.WHOLE, body.video_id, body.edition, track.name)

    async def _cut(self, track: Track, row: Row, body: TrimVideo, head: bytes | None) -> SegmentMade | None:
        data = head if head is not None else await self._read(row["object_key"])
        is_sound = track.row["kind"] == "audio"
        start = track.ticks(body.from_ms) if is_sound else 0
        return trimmed(data, number=row["number"], start=start, stop=track.ticks(body.to_ms))

    async def _keep_segment(self, attempt: Attempt[TrimVideo], name: str, number: int, made: SegmentMade) -> None:
        body = attempt.body
        key = file_key(body.video_id, body.edition, name, segment_file(number))
        await self._objects.put(key, made.data, content_type=MP4)
        async with attempt.step() as tx:
            if not await tx.execute(
                queries.ADD_SEGMENT, body.video_id, body.edition, name, number, key, made.start, made.duration,
                len(made.data), made.key_bytes,
            ):  # fmt: skip
                raise GiveUp("the video was deleted")

    async def _read(self, key: str) -> bytes:
        return b"".join([chunk async for chunk in self._objects.open(key)])

    async def _give_up(self, attempt: Attempt[TrimVideo]) -> None:
        video_id = attempt.body.video_id
        async with attempt.finish() as tx:
            owner_id = await tx.fetchval(queries.NOT_TRIMMED, video_id, "It could not be trimmed, and is as it was")
        if owner_id is not None:
            self._send(owner_id, video_id, "ready")

    def _send(self, owner_id: str, video_id: str, state: State) -> None:
        body = {"video_id": video_id, "state": state, "progress": 1.0}
        self._publish.to_person(owner_id, VIDEO_PROGRESS.name, body)


def _tier(row: Row) -> Tier:
    """As it was encoded."""
    tiers = tiers_of(row["width"], row["height"], row["fps"], has_own_size=True)
    return msgspec.structs.replace(tiers[0], name=row["name"], fps=row["fps"])
