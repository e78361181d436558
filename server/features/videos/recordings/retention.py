"""How long recordings are kept, by their age and by the space that those of one owner take.

The stricter of the owner's rule and the server's holds. Pinned recordings are never removed; they count for the space.
The rows of a recording go in one transaction with the note that its objects are to be deleted (``storage.doomed``), so
that a kill at any step leaves objects that a later sweep deletes, never rows without objects or objects without either.
The stream, its chat, markers, clips and thumbnail stay.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

import msgspec

from server.features.videos.recordings.facts import RecordingExpiring
from server.http.errors import not_found
from server.jobs import Attempt, Job, Jobs, Schedule
from server.jobs.kinds import Nothing
from storage.doomed import doom
from storage.facts import publish
from storage.postgres import Database, Transaction
from storage.rights import note_change

EVERY_NIGHT: Final = "41 3 * * *"
BATCH: Final = 50
GB: Final = 1_000_000_000
SOON_DAYS: Final = 7
MAX_SOON: Final = 100

log = logging.getLogger("server.retention")


class Rule(msgspec.Struct, frozen=True):
    """None: without a limit."""

    keep_days: int | None
    keep_gb: int | None


class Expiring(msgspec.Struct, frozen=True):
    """A recording that its age removes soon, unless it is pinned."""

    stream_id: str
    title: str
    at: datetime


class Announce(msgspec.Struct, frozen=True):
    stream_id: str


class Retention:
    """``rule``: the server's, for all owners. ``announcing`` publishes that one recording expires."""

    def __init__(self, *, db: Database, jobs: Jobs, rule: Rule) -> None:
        self._db = db
        self._jobs = jobs
        self.rule = rule
        self.announcing = Job(name="recordings.announce", body=Announce, run=self._announce)
        job = Job(name="recordings.expire", body=Nothing, run=self._run, timeout_s=3_600.0, tries=3, at_once=1)
        self.schedule = Schedule(name="recordings.expire", job=job, cron=EVERY_NIGHT)

    async def rule_of(self, owner_id: str) -> Rule:
        row = await self._db.fetchrow(_RULE, owner_id)
        return Rule(None, None) if row is None else Rule(row["keep_days"], row["keep_gb"])

    async def set_rule(self, owner_id: str, rule: Rule) -> None:
        await self._db.execute(_SET_RULE, owner_id, rule.keep_days, rule.keep_gb)

    async def expiring(self, owner_id: str) -> list[Expiring]:
        """What the next ``SOON_DAYS`` remove by age, the soonest first."""
        rows = await self._db.fetch(_EXPIRING, SOON_DAYS, self.rule.keep_days, owner_id, MAX_SOON)
        return [Expiring(row["id"], row["title"], row["ended_at"] + timedelta(days=row["keep_days"])) for row in rows]

    async def bytes_of(self, owner_id: str) -> int:
        """What the owner's recordings take."""
        return int(await self._db.fetchval(_BYTES, owner_id))

    async def pin(self, stream_id: str, owner_id: str, *, is_pinned: bool) -> None:
        """Idempotent. Raises a 404."""
        if not await self._db.fetchval(_OWNS, stream_id, owner_id):
            raise not_found("You have no such stream")
        await self._db.execute(_PIN if is_pinned else _UNPIN, stream_id)

    async def _run(self, attempt: Attempt[Nothing]) -> None:
        await self.expire()
        await self.announce()

    async def announce(self) -> None:
        """Have the owners of what the next ``SOON_DAYS`` remove by age notified, once for each recording."""
        at, after = None, None
        while rows := await self._db.fetch(_EXPIRING_AFTER, SOON_DAYS, self.rule.keep_days, at, after, BATCH):
            async with self._db.transaction() as tx:
                bodies = [Announce(row["id"]) for row in rows]
                await self._jobs.enqueue_many(tx, self.announcing, bodies, key_of=lambda body: body.stream_id)
            at, after = rows[-1]["ended_at"], rows[-1]["id"]

    async def _announce(self, attempt: Attempt[Announce]) -> None:
        async with attempt.finish() as tx:
            row = await tx.fetchrow(_EXPIRING_ONE, SOON_DAYS, self.rule.keep_days, attempt.body.stream_id)
            if row is not None:
                at = row["ended_at"] + timedelta(days=row["keep_days"])
                await publish(tx, RecordingExpiring(stream_id=row["id"], owner_id=row["owner_id"], at=at))

    async def expire(self) -> int:
        """Remove all that is due; how many recordings. May be repeated, and run on several nodes at once."""
        removed = 0
        for due, limit in ((TOO_OLD, self.rule.keep_days), (_TOO_MUCH, self.rule.keep_gb)):
            while rows := await self._db.fetch(due, limit, BATCH):
                taken = [await self._remove(row["id"]) for row in rows]
                removed += sum(taken)
                if not any(taken):
                    break
        return removed

    async def _remove(self, stream_id: str) -> bool:
        async with self._db.transaction(timeout_s=60) as tx:
            if not await tx.fetchval(_STILL_DUE, stream_id):
                return False
            await remove_recording(tx, stream_id)
        log.info("stream %s: its recording is removed by rule", stream_id)
        return True


async def remove_recording(tx: Transaction, stream_id: str) -> None:
    """All that was recorded of a stream that has ended, and what was made of it; the stream stays, as one without a
    recording, and every node forgets what it holds of it."""
    for row in await tx.fetch(_FOLDERS, stream_id):
        await doom(tx, row["folder"])
    await doom(tx, f"streams/{stream_id}/recording/")
    await doom(tx, f"streams/{stream_id}/storyboard/")
    await doom(tx, f"streams/{stream_id}/trimmed/")
    for table in ("recording_trims", "stream_segments", "stream_inits", "recording_files", "recording_mutes"):
        await tx.execute(f"delete from {table} where stream_id = $1", stream_id)
    await tx.execute("update streams set is_recorded = false where id = $1", stream_id)
    await note_change(tx, "recording", stream_id)
    await note_change(tx, "stream", stream_id)


_RULE: Final = "select keep_days, keep_gb from recording_rules where owner_id = $1"
_SET_RULE: Final = """
insert into recording_rules (owner_id, keep_days, keep_gb) values ($1, $2, $3)
on conflict (owner_id) do update set keep_days = excluded.keep_days, keep_gb = excluded.keep_gb
"""
_OWNS: Final = "select exists (select from streams where id = $1 and owner_id = $2)"
_PIN: Final = "insert into pinned_recordings (stream_id) values ($1) on conflict do nothing"
_UNPIN: Final = "delete from pinned_recordings where stream_id = $1"
_BYTES: Final = """
select coalesce(sum(g.bytes), 0) from stream_segments g join streams s on s.id = g.stream_id where s.owner_id = $1
"""
_REMOVABLE: Final = """
s.state = 'ended' and not exists (select from pinned_recordings p where p.stream_id = s.id)
and exists (select from stream_segments g where g.stream_id = s.id)
"""
TOO_OLD: Final = f"""
select s.id from streams s left join recording_rules r on r.owner_id = s.owner_id
where s.ended_at < now() - make_interval(days => least(r.keep_days, $1::int)) and {_REMOVABLE}
order by s.ended_at limit $2
"""
_SOON: Final = f"""
select s.id::text as id, s.owner_id::text as owner_id, s.title, s.ended_at, least(r.keep_days, $2::int) as keep_days
from streams s left join recording_rules r on r.owner_id = s.owner_id
where s.ended_at < now() + make_interval(days => $1::int - least(r.keep_days, $2::int)) and {_REMOVABLE}
"""
_EXPIRING: Final = f"{_SOON} and s.owner_id = $3 order by s.ended_at limit $4"
_EXPIRING_ONE: Final = f"{_SOON} and s.id = $3"
_EXPIRING_AFTER: Final = f"""{_SOON}
and ($3::timestamptz is null or (s.ended_at, s.id) > ($3, $4::uuid)) order by s.ended_at, s.id limit $5
"""
_TOO_MUCH: Final = f"""
with held as (
    select s.id, s.owner_id, s.ended_at, sum(g.bytes) as bytes,
        s.state <> 'ended' or exists (select from pinned_recordings p where p.stream_id = s.id) as is_kept,
        least(r.keep_gb, $1::int) as keep_gb
    from streams s join stream_segments g on g.stream_id = s.id left join recording_rules r on r.owner_id = s.owner_id
    where least(r.keep_gb, $1::int) is not null group by s.id, r.keep_gb
), summed as (
    select *, sum(bytes) over (partition by owner_id order by is_kept desc, ended_at desc, id) as so_far from held
)
select id from summed where not is_kept and so_far > keep_gb::bigint * {GB} order by ended_at limit $2
"""
_STILL_DUE: Final = f"select s.id from streams s where s.id = $1 and {_REMOVABLE} for update of s"
_FOLDERS: Final = """
select distinct substring(object_key from '^streams/[^/]+/[^/]+/') as folder from
    (select object_key from stream_segments where stream_id = $1
     union all select muted_key from stream_segments where stream_id = $1
     union all select object_key from stream_inits where stream_id = $1) as keys
where object_key ~ '^streams/[^/]+/[^/]+/'
union select unnest(folders) from recording_trims where stream_id = $1
"""
