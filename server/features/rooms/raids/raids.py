"""Raids: the owner of a live stream sends its viewers on to another one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

import msgspec

from actors.runtime import ActorError, DomainError, Node
from actors.viewers_messages import CountViewers
from server.features.rooms.raids import queries, rules
from server.features.rooms.raids.facts import RaidArrived
from server.features.rooms.raids.shapes import RAID, RAID_CAME, RAID_CANCELLED, StartRaid, sent
from server.features.rooms.shapes import instant
from server.jobs import Attempt, Job, Jobs
from server.live.room_mirror import topic_of
from server.publish import Publish
from storage.audit import AuditLog
from storage.facts import publish
from storage.ids import Ids
from storage.postgres import Database, Reads, Row, Transaction
from storage.seen_streams import SeenStream, seen_stream


class Arrive(msgspec.Struct, frozen=True, kw_only=True):
    raid_id: str


class Raids:
    """The raids of all streams."""

    def __init__(
        self,
        *,
        db: Database,
        node: Node,
        jobs: Jobs,
        audit: AuditLog,
        ids: Ids,
        now: Callable[[], datetime],
        publish: Publish,
    ) -> None:
        self._db = db
        self._node = node
        self._jobs = jobs
        self._audit = audit
        self._ids = ids
        self._now = now
        self._publish = publish
        self.job: Final = Job(name="raids.arrive", body=Arrive, run=self._arrive)
        self.count_job: Final = Job(name="raids.count", body=Arrive, run=self._count)

    async def start(self, person_id: str, asked: StartRaid) -> str:
        """When the viewers move; the same again answers the same. Raises ``not_found``, ``forbidden``, ``not_live``,
        ``target_private``, ``raid_circle``, ``raids_refused``, ``raid_pending``.
        """
        viewers = await self._viewers(asked.stream_id)
        async with self._db.transaction() as tx:
            await tx.execute(queries.ALONE)
            source = await _own(tx, asked.stream_id, person_id)
            target = await _seen(tx, asked.target, person_id, "target")
            now = self._now()
            lately = {row["source_id"]: row for row in await tx.fetch(queries.LATELY, now - rules.REMEMBERED)}
            pending = lately.pop(source.id, None)
            if pending is not None and pending["at"] > now:
                return _same(pending, target.id)
            rules.judge(source, target, targets={key: row["target_id"] for key, row in lately.items()})
            await self._require_allowed(tx, source, target)
            return await self._insert(tx, source, target, person_id, viewers)

    async def cancel(self, person_id: str, stream_id: str) -> None:
        """Raises ``no_raid`` when none is on its way, ``not_found``, ``forbidden``."""
        async with self._db.transaction() as tx:
            source = await _own(tx, stream_id, person_id)
            raid_id = await tx.fetchval(queries.CANCEL, stream_id, self._now())
            if raid_id is None:
                raise DomainError("no_raid", "No raid is on its way.", field="stream_id")
            await self._audit.add(
                tx, "raid.cancelled", actor_id=person_id, subject=source.room_id, detail={"raid_id": raid_id}
            )
            self._cancelled_after_commit(tx, source.room_id, stream_id)

    async def allowed(self, person_id: str) -> rules.Allowed:
        found: rules.Allowed | None = await self._db.fetchval(queries.SETTING, person_id)
        return found or "everyone"

    async def allow(self, person_id: str, allowed: rules.Allowed) -> None:
        await self._db.execute(queries.SET, person_id, allowed)

    async def _insert(
        self, tx: Transaction, source: SeenStream, target: SeenStream, person_id: str, viewers: int
    ) -> str:
        now = self._now()
        raid_id, at = self._ids.uuid7(now.timestamp()), now + rules.WITHIN
        await tx.execute(queries.START, raid_id, source.id, target.id, person_id, viewers, at)
        detail = {"raid_id": raid_id, "target": target.id}
        await self._audit.add(tx, "raid.started", actor_id=person_id, subject=source.room_id, detail=detail)
        await self._jobs.enqueue(tx, self.job, Arrive(raid_id=raid_id), key=raid_id, at=at)
        row = await tx.fetchrow(queries.RAID, raid_id)
        assert row is not None
        tx.after_commit(partial(self._publish.to_topic, topic_of(source.room_id), RAID.name, sent(row)))
        return instant(at)

    async def _require_allowed(self, tx: Transaction, source: SeenStream, target: SeenStream) -> None:
        row = await tx.fetchrow(queries.ALLOWED, target.owner_id, source.owner_id)
        assert row is not None
        if target.owner_id != source.owner_id:
            rules.require_allowed(row["allowed"], is_followed=row["is_followed"])

    async def _viewers(self, stream_id: str) -> int:
        try:
            return (await self._node.ref("viewers", stream_id).ask(CountViewers())).viewers
        except (ActorError, DomainError):
            return 0

    async def _arrive(self, attempt: Attempt[Arrive]) -> None:
        async with attempt.finish() as tx:
            raid_id = await tx.fetchval(queries.FOR_ARRIVAL, attempt.body.raid_id)
            row = None if raid_id is None else await tx.fetchrow(queries.RAID, raid_id)
            if row is None:
                return
            if row["target_state"] != "live":
                await tx.execute(queries.CALL_OFF, raid_id, self._now())
                self._cancelled_after_commit(tx, row["source_room_id"], row["source_id"])
                return
            await tx.execute(queries.ARRIVED, raid_id, self._now())
            counted_at = self._now() + rules.TOLD_AFTER
            await self._jobs.enqueue(tx, self.count_job, Arrive(raid_id=raid_id), key=raid_id, at=counted_at)
            ids = {"source_id": row["source_id"], "target_id": row["target_id"]}
            await publish(tx, RaidArrived(raid_id=row["id"], viewers=row["viewers"], **ids))
            tx.after_commit(partial(self._publish.to_topic, topic_of(row["target_room_id"]), RAID.name, sent(row)))

    async def _count(self, attempt: Attempt[Arrive]) -> None:
        """Tell both owners how many of the raid came."""
        async with attempt.finish() as tx:
            raid_id = attempt.body.raid_id
            came: int | None = await tx.fetchval(queries.COUNT, raid_id, rules.EARLY, rules.COUNTED)
            row = None if came is None else await tx.fetchrow(queries.RAID, raid_id)
            if row is not None:
                body = {**sent(row), "came": came}
                for owner_id in {row["source_owner_id"], row["target_owner_id"]}:
                    tx.after_commit(partial(self._publish.to_person, owner_id, RAID_CAME.name, body))

    def _cancelled_after_commit(self, tx: Transaction, room_id: str, stream_id: str) -> None:
        body = {"stream_id": stream_id}
        tx.after_commit(partial(self._publish.to_topic, topic_of(room_id), RAID_CANCELLED.name, body))


def _same(pending: Row, target_id: str) -> str:
    if pending["target_id"] != target_id:
        raise DomainError("raid_pending", "A raid is on its way: cancel it first.", field="stream_id")
    return instant(pending["at"])


async def _seen(where: Reads, stream_id: str, person_id: str, field: str) -> SeenStream:
    stream = await seen_stream(where, stream_id, person_id)
    if stream is None:
        raise DomainError("not_found", "There is no such stream.", field=field)
    return stream


async def _own(where: Reads, stream_id: str, person_id: str) -> SeenStream:
    stream = await _seen(where, stream_id, person_id, "stream_id")
    if stream.owner_id != person_id:
        raise DomainError("forbidden", "Only the owner of a stream sends its viewers on.")
    return stream
