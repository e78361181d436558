"""Parts of recordings that are silent, since the owner of a work that is in them asks for that.

Rows of segments name the silenced objects beside those that were recorded, which stay. An edition has addresses of its
own, as what lies under an address never changes; the file of a recording is made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server.features.videos.recordings.making import MakeFile
from server.features.videos.silencing import Silencer, SoundSegment, Spans
from server.jobs import Job, Jobs
from storage.objects import ObjectStore
from storage.postgres import Database, Row, Transaction
from storage.rights import note_change

PAGE: Final = 2_000


class RecordingMutes:
    def __init__(self, *, db: Database, objects: ObjectStore, jobs: Jobs, file: Job[MakeFile]) -> None:
        """``file`` makes the MP4 of a recording."""
        self._db = db
        self._objects = objects
        self._jobs = jobs
        self._file = file

    async def mute(self, stream_id: str, spans: Spans) -> bool:
        """Silence these times of an ended stream's recording and no others; whether that changes anything.

        Raises ``NoSuchObject``, ``BadSegment`` and ``CannotSilence``, and changes nothing then.
        """
        row = await self._db.fetchrow(_NOW, stream_id)
        if row is None or row["muted"] == [list(span) for span in spans]:
            return False
        edition = row["edition"] + 1
        made = await self._silenced(stream_id, edition, spans)
        # Only what was never trimmed has at its first addresses what lay there first.
        named = edition if spans or row["is_trimmed"] else 0
        async with self._db.transaction() as tx:
            is_first = bool(await tx.execute(_SET, stream_id, edition, [list(span) for span in spans]))
            if is_first:
                columns = [list(column) for column in zip(*made, strict=True)] or [[], [], [], []]
                await tx.execute(_MUTE, stream_id, named, *columns)
                await self._make_file(tx, stream_id)
                await note_change(tx, "recording", stream_id)
        return is_first or await self.mute(stream_id, spans)

    async def _make_file(self, tx: Transaction, stream_id: str) -> None:
        if await tx.execute(_FILE_ANEW, stream_id):
            await self._jobs.enqueue(tx, self._file, MakeFile(stream_id))

    async def _silenced(self, stream_id: str, edition: int, spans: Spans) -> list[tuple[str, int, str, int]]:
        """Rendition, number, object and bytes of each segment with silence in it."""
        silencer, made = Silencer(self._objects), []
        for row in await self._sound(stream_id, spans):
            rendition, number = row["rendition"], row["number"]
            to_key = f"streams/{stream_id}/muted/{edition}/{rendition}-{number}.m4s"
            found = {name: row[name] for name in ("number", "begin_ms", "end_ms", "init_key", "key")}
            size = await silencer.silenced(SoundSegment(**found, to_key=to_key), spans)
            if size is not None:
                made.append((rendition, number, to_key, size))
        return made

    async def _sound(self, stream_id: str, spans: Spans) -> Sequence[Row]:
        begins, ends = [begin for begin, _ in spans], [end for _, end in spans]
        return await self._db.fetch(_SOUND, stream_id, begins, ends)


_NOW: Final = """
select coalesce(m.edition, 0) as edition, coalesce(m.muted, '[]') as muted,
    exists (select from recording_trims c where c.stream_id = s.id) as is_trimmed
from streams s left join recording_mutes m on m.stream_id = s.id
where s.id = $1 and s.state = 'ended' and exists (select from stream_segments g where g.stream_id = s.id)
"""
_SET: Final = """
insert into recording_mutes as m (stream_id, edition, muted) values ($1, $2, $3)
on conflict (stream_id) do update set edition = excluded.edition, muted = excluded.muted
    where m.edition = excluded.edition - 1
"""
_SOUND: Final = """
select g.rendition, g.segment as number, g.object_key as key, g.init_key, g.media_time_ms::float8 as begin_ms,
    g.media_time_ms + g.duration_ms as end_ms
from stream_segments g join stream_inits i on i.stream_id = g.stream_id and i.rendition = g.rendition
    and i.name = g.init_name
where g.stream_id = $1 and i.info ->> 'kind' = 'audio'
    and exists (select from unnest($2::bigint[], $3::bigint[]) as t (begin_ms, end_ms)
        where g.media_time_ms < t.end_ms and g.media_time_ms + g.duration_ms > t.begin_ms)
order by g.rendition, g.segment
"""
# All segments of sound have the edition in their address, so that a manifest need not name each of them.
_MUTE: Final = """
with made as (select * from unnest($3::text[], $4::int[], $5::text[], $6::int[]) as t (rendition, segment, key, bytes))
update stream_segments g set edition = $2,
    muted_key = (select key from made m where m.rendition = g.rendition and m.segment = g.segment),
    muted_bytes = (select bytes from made m where m.rendition = g.rendition and m.segment = g.segment)
where g.stream_id = $1 and g.rendition in
    (select i.rendition from stream_inits i where i.stream_id = $1 and i.info ->> 'kind' = 'audio')
"""
_FILE_ANEW: Final = """
update recording_files set state = 'queued', progress = 0, reason = '' where stream_id = $1 and state <> 'failed'
"""
