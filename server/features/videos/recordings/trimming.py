"""What a recording is to be after a trim, as objects and changes of rows.

Segments in which nothing stays are no longer rows; of the two at the ends the sound is left out packet by packet, and
the pictures are encoded anew where they cannot be cut: from another one than the key frame that they begin with, and at
the end where pictures refer to later ones. All else is as it was sent. Objects are only added, and the rows change in
one transaction.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

import msgspec

from media.errors import MediaError
from media.hls.cmaf import read_fragments, read_init, track_of
from media.hls.fmp4 import init_segment
from media.unit import Track
from media.vod.child import carry_out
from media.vod.messages import EncodeSpan, LaneMade, Order, Refused, Report, SegmentMade
from media.vod.parameter_sets import free_id, joined, profile_of
from media.vod.trimming import trimmed
from server.features.videos.recordings.making import MakeFile
from server.jobs import Job, Jobs
from storage.doomed import doom
from storage.objects import ObjectStore
from storage.postgres import Database, Row, Transaction
from storage.recording import Window
from storage.rights import note_change

CarryOut = Callable[[Order], AsyncGenerator[Report]]
Told = Callable[[float], Awaitable[None]]
MP4: Final = "video/mp4"
EXACT: Final = "avc1."
"""Pictures of other codecs are left out by whole segments."""
SLACK_MS: Final = 1.0
"""Times of rows are rounded."""


class CannotTrim(MediaError):
    """What is recorded cannot be cut there; ``str`` says why."""


class NewInit(msgspec.Struct, frozen=True, kw_only=True):
    """As a row of ``stream_inits``; ``former``: the name of that which it stands in the place of."""

    rendition: str
    former: str
    name: str
    key: str
    info: Mapping[str, Any]


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A segment of which a part stays; ``object_key`` None: nothing of it."""

    rendition: str
    number: int
    object_key: str | None = None
    muted_key: str | None = None
    bytes: int = 0
    muted_bytes: int | None = None
    key_bytes: int = 0
    media_time_ms: int = 0
    duration_ms: float = 0.0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """``first`` and ``last``: numbers of the segments that stay.

    It is void when another change was first, which has taken the edition of its window."""

    stream_id: str
    window: Window
    duration_ms: int
    first: int
    last: int
    cuts: Sequence[Cut]
    inits: Sequence[NewInit]


async def _untold(share: float) -> None:
    """Nobody asks how far it is."""


class RecordingTrims:
    """``file`` makes the MP4 of a recording."""

    def __init__(
        self,
        *,
        db: Database,
        objects: ObjectStore,
        jobs: Jobs,
        file: Job[MakeFile],
        carry_out: CarryOut = carry_out,
    ) -> None:
        self._db = db
        self._objects = objects
        self._jobs = jobs
        self._file = file
        self._carry_out = carry_out

    async def plan(self, stream_id: str, *, from_ms: int, to_ms: int, told: Told = _untold) -> Plan | None:
        """Make what an ended stream's recording needs to last from one media time to another; None where there is no
        recording. ``told`` is given the share of it that is made. Raises ``MediaError`` and ``NoSuchObject``."""
        now = await self._db.fetchrow(_NOW, stream_id)
        if now is None:
            return None
        ends = await self._db.fetchrow(_ENDS, stream_id, from_ms + SLACK_MS, to_ms - SLACK_MS)
        if ends is None or ends["first"] is None:
            raise CannotTrim("nothing of it would be left")
        first, last, edition = ends["first"], ends["last"], now["edition"] + 1
        rows = await self._db.fetch(_ROWS, stream_id, [first, last])
        if any(row["kind"] == "video" and not row["codec"].startswith(EXACT) for row in rows):
            leading = [row for row in rows if row["rendition"] == ends["rendition"]]
            from_ms, to_ms = leading[0]["media_time_ms"], round(_end_ms(leading[-1]))
        making = _Making(self._objects, self._carry_out, stream_id, edition, from_ms=from_ms, to_ms=to_ms)
        cuts = []
        for place, row in enumerate(rows):
            await told(place / len(rows))
            if (cut := await making.cut(row)) is not None:
                cuts.append(cut)
        if making.is_head_new and first < last:
            await self._require_key_frames(stream_id, first + 1)
        end_ms = now["until_ms"] if to_ms >= now["end_ms"] - SLACK_MS else to_ms
        return Plan(
            stream_id=stream_id,
            window=Window(begin_ms=from_ms, end_ms=end_ms, edition=edition),
            duration_ms=round(min(to_ms, now["end_ms"])) - from_ms,
            first=first,
            last=last,
            cuts=cuts,
            inits=[await making.init(*each) for each in making.configs.items()],
        )

    async def _require_key_frames(self, stream_id: str, number: int) -> None:
        """What follows a segment that was encoded anew is decoded by itself."""
        for row in await self._db.fetch(_ROWS, stream_id, [number]):
            if row["kind"] == "video" and not _begins_with_key(await _read(self._objects, row["object_key"])):
                raise CannotTrim("it has too few key frames there")

    async def carry_out(self, tx: Transaction, plan: Plan) -> bool:
        """Let the rows be those of the plan; False when something else has changed them since it was made."""
        stream_id, edition = plan.stream_id, plan.window.edition
        if not await tx.execute(_SET_EDITION, stream_id, edition):
            return False
        await tx.execute(_NOTE, stream_id, plan.window.begin_ms, plan.window.end_ms, edition)
        await tx.execute(_REMOVE, stream_id, plan.first, plan.last)
        await tx.execute(_RENUMBER, stream_id, edition)
        for init in plan.inits:
            await tx.execute(_ADD_INIT, stream_id, init.rendition, init.name, init.key, init.info)
            await tx.execute(_USE_INIT, stream_id, init.rendition, init.former, init.name, init.key)
        for cut in plan.cuts:
            await self._replace(tx, stream_id, cut)
        if await tx.execute(_FILE_ANEW, stream_id):
            await self._jobs.enqueue(tx, self._file, MakeFile(stream_id))
        await doom(tx, f"streams/{stream_id}/storyboard/")
        await note_change(tx, "recording", stream_id)
        return True

    async def _replace(self, tx: Transaction, stream_id: str, cut: Cut) -> None:
        if cut.object_key is None:
            await tx.execute(_DROP, stream_id, cut.rendition, cut.number)
            return
        await tx.execute(
            _REPLACE, stream_id, cut.rendition, cut.number, cut.object_key, cut.muted_key, cut.bytes, cut.muted_bytes,
            cut.key_bytes, cut.media_time_ms, cut.duration_ms,
        )  # fmt: skip


class _Making:
    """The objects of one plan. ``configs``: what the initialisations are to hold in which there are parameter sets
    more, by one of their rows' rendition and name. ``is_head_new``: the first pictures were encoded anew."""

    def __init__(
        self, objects: ObjectStore, carry_out: CarryOut, stream_id: str, edition: int, *, from_ms: int, to_ms: int
    ) -> None:
        self._objects = objects
        self._carry_out = carry_out
        self._stream_id = stream_id
        self._edition = edition
        self._from_ms = from_ms
        self._to_ms = to_ms
        self.configs: dict[tuple[str, str], tuple[Row, Track]] = {}
        self.is_head_new = False

    async def cut(self, row: Row) -> Cut | None:
        """None for a segment that stays as it is."""
        is_later = row["media_time_ms"] >= self._from_ms - SLACK_MS
        if is_later and _end_ms(row) <= self._to_ms + SLACK_MS:
            return None
        init = await _read(self._objects, row["init_key"])
        timescale = read_init(init).timescale
        data = await _read(self._objects, row["object_key"])
        start, stop = (round(ms * timescale / 1000) for ms in (self._from_ms, self._to_ms))
        if row["kind"] == "audio":
            return await self._sound(row, data, start, stop, timescale)
        if is_later and not _is_reordered(data):
            made = await asyncio.to_thread(trimmed, data, number=row["number"], start=0, stop=stop)
            return await self._kept(row, made, timescale)
        stop = min(stop, round(_end_ms(row) * timescale / 1000))
        return await self._pictures(row, init, data, start if not is_later else 0, stop)

    async def _sound(self, row: Row, data: bytes, start: int, stop: int, timescale: int) -> Cut:
        made = await asyncio.to_thread(trimmed, data, number=row["number"], start=start, stop=stop)
        cut = await self._kept(row, made, timescale)
        if row["muted_key"] is None or made is None:
            return cut
        muted = await _read(self._objects, row["muted_key"])
        quiet = await asyncio.to_thread(trimmed, muted, number=row["number"], start=start, stop=stop)
        if quiet is None:
            return cut
        key = await self._put(f"{row['rendition']}-{row['number']}-muted.m4s", quiet.data)
        return msgspec.structs.replace(cut, muted_key=key, muted_bytes=len(quiet.data))

    async def _pictures(self, row: Row, init: bytes, data: bytes, start: int, stop: int) -> Cut:
        if not _begins_with_key(data):
            raise CannotTrim("it has too few key frames there")
        name = row["rendition"], row["init_name"]
        _, track = self.configs.get(name, (row, track_of(read_init(init))))
        profile, level = profile_of(track.config)
        with tempfile.TemporaryDirectory(prefix="socialflow-trim-") as folder:
            path = Path(folder) / "segment.mp4"
            await asyncio.to_thread(path.write_bytes, init + data)
            order = EncodeSpan(
                path=str(path), seconds=row["duration_ms"] / 1000, number=row["number"], timescale=track.timescale,
                width=track.width, height=track.height, fps=row["info"].get("frame_rate") or 30.0, profile=profile,
                level=level, set_id=free_id(track.config), delay=_delay(data), start=start, stop=stop,
            )  # fmt: skip
            lane, made = await self._encoded(order)
        if lane is not None:
            config = joined(track.config, track_of(read_init(lane.init)).config)
            self.configs[name] = row, msgspec.structs.replace(track, config=config)
            self.is_head_new = self.is_head_new or start > 0
        return await self._kept(row, made, track.timescale)

    async def _encoded(self, order: EncodeSpan) -> tuple[LaneMade | None, SegmentMade | None]:
        lane, made = None, None
        async with aclosing(self._carry_out(order)) as reports:
            async for report in reports:
                if isinstance(report, Refused):
                    raise CannotTrim(report.detail)
                if isinstance(report, LaneMade):
                    lane = report
                if isinstance(report, SegmentMade):
                    made = report
        return lane, made

    async def init(self, name: tuple[str, str], held: tuple[Row, Track]) -> NewInit:
        """It is decoded by it what the former one decoded, and what was encoded anew."""
        (rendition, former), (row, track) = name, held
        number = 100_000 + self._edition * 2 + (_end_ms(row) > self._to_ms)
        data = init_segment(track)
        key = await self._put(f"{rendition}-init-{number}.mp4", data)
        made = f"{rendition}/{row['publication']}/init-{number}.mp4"
        info = {**row["info"], "name": made, "path": "", "size": len(data)}
        return NewInit(rendition=rendition, former=former, name=made, key=key, info=info)

    async def _kept(self, row: Row, made: SegmentMade | None, timescale: int) -> Cut:
        if made is None:
            return Cut(rendition=row["rendition"], number=row["number"])
        key = await self._put(f"{row['rendition']}-{row['number']}.m4s", made.data)
        return Cut(
            rendition=row["rendition"],
            number=row["number"],
            object_key=key,
            bytes=len(made.data),
            key_bytes=made.key_bytes if row["kind"] == "video" else 0,
            media_time_ms=round(made.start * 1000 / timescale),
            duration_ms=made.duration * 1000 / timescale,
        )

    async def _put(self, file: str, data: bytes) -> str:
        key = f"{trimmed_folder(self._stream_id)}{self._edition}/{file}"
        await self._objects.put(key, data, content_type=MP4)
        return key


def trimmed_folder(stream_id: str) -> str:
    return f"streams/{stream_id}/trimmed/"


def _end_ms(row: Row) -> float:
    return float(row["media_time_ms"] + row["duration_ms"])


def _begins_with_key(data: bytes) -> bool:
    fragments = read_fragments(data)
    return bool(fragments) and fragments[0].keys[0]


def _delay(data: bytes) -> int:
    return max(0, read_fragments(data)[0].offsets[0])


def _is_reordered(data: bytes) -> bool:
    return any(offset for fragment in read_fragments(data) for offset in fragment.offsets)


async def _read(objects: ObjectStore, key: str) -> bytes:
    return b"".join([chunk async for chunk in objects.open(key)])


_NOW: Final = """
select coalesce((select m.edition from recording_mutes m where m.stream_id = s.id), 0) as edition,
    (select c.end_ms from recording_trims c where c.stream_id = s.id) as until_ms,
    (select max(g.media_time_ms + g.duration_ms) from stream_segments g where g.stream_id = s.id) as end_ms
from streams s where s.id = $1 and s.state = 'ended'
    and exists (select from stream_segments g where g.stream_id = s.id)
"""
# The others are cut like the source's pictures; where it has none, like its sound.
_ENDS: Final = """
with leader as (
    select i.rendition from stream_inits i where i.stream_id = $1
        and exists (select from stream_segments g where g.stream_id = $1 and g.rendition = i.rendition)
    order by i.info ->> 'kind' = 'video' desc, i.rendition = 'video' desc, i.rendition limit 1)
select min(g.rendition) as rendition, min(g.segment) as first, max(g.segment) as last
from stream_segments g where g.stream_id = $1 and g.rendition = (select rendition from leader)
    and g.media_time_ms + g.duration_ms > $2::float8 and g.media_time_ms < $3::float8
"""
_ROWS: Final = """
select g.rendition, g.segment as number, g.publication, g.object_key, g.muted_key, g.init_key, g.init_name,
    g.media_time_ms, g.duration_ms, i.info, i.info ->> 'kind' as kind, i.info ->> 'codec' as codec
from stream_segments g join stream_inits i on i.stream_id = g.stream_id and i.rendition = g.rendition
    and i.name = g.init_name
where g.stream_id = $1 and g.segment = any($2::bigint[]) order by g.segment, g.rendition
"""
_SET_EDITION: Final = """
insert into recording_mutes as m (stream_id, edition, muted) values ($1, $2, '[]')
on conflict (stream_id) do update set edition = excluded.edition where m.edition = excluded.edition - 1
"""
_NOTE: Final = """
insert into recording_trims as c (stream_id, begin_ms, end_ms, edition, folders)
select $1, $2, $3, $4, coalesce(array_agg(distinct substring(key from '^streams/[^/]+/[^/]+/')), '{}')
from (select object_key as key from stream_segments where stream_id = $1
    union all select muted_key from stream_segments where stream_id = $1) k where key is not null
on conflict (stream_id) do update set begin_ms = excluded.begin_ms, end_ms = excluded.end_ms,
    edition = excluded.edition,
    folders = array(select distinct f from unnest(c.folders || excluded.folders) f)
"""
_REMOVE: Final = "delete from stream_segments where stream_id = $1 and (segment < $2 or segment > $3)"
_RENUMBER: Final = """
update stream_segments set edition = $2 where stream_id = $1
"""
_USE_INIT: Final = """
update stream_segments set init_name = $4, init_key = $5 where stream_id = $1 and rendition = $2 and init_name = $3
"""
_DROP: Final = "delete from stream_segments where stream_id = $1 and rendition = $2 and segment = $3"
_ADD_INIT: Final = """
insert into stream_inits (stream_id, rendition, name, object_key, info) values ($1, $2, $3, $4, $5)
on conflict (stream_id, rendition, name) do update set object_key = excluded.object_key, info = excluded.info
"""
_REPLACE: Final = """
update stream_segments set object_key = $4, muted_key = $5, bytes = $6, muted_bytes = $7, key_bytes = $8,
    started_at = started_at + ($9::bigint - media_time_ms) * interval '1 millisecond', media_time_ms = $9::bigint,
    duration_ms = $10
where stream_id = $1 and rendition = $2 and segment = $3
"""
_FILE_ANEW: Final = """
update recording_files set state = 'queued', progress = 0, reason = '' where stream_id = $1 and state <> 'failed'
"""
