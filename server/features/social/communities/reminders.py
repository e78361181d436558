"""Reminders of events: a job when it is time, which tells of all who go or may go, in batches of one fact each."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from server.features.social.communities import event_queries as queries
from server.features.social.communities.facts import CommunityEventSoon
from server.jobs import Attempt, Job, Jobs
from storage.facts import publish
from storage.postgres import Transaction

BATCH: Final = 500


class RemindOfEvent(msgspec.Struct, frozen=True, kw_only=True):
    """``after``: the last person of the batch before."""

    event_id: str
    starts_at: datetime
    after: str | None = None


class Reminders:
    """``before_s``: how long before the start. ``job`` is one batch; it does nothing once the start is another."""

    def __init__(self, *, jobs: Jobs, before_s: float, batch: int = BATCH) -> None:
        self._jobs = jobs
        self._before = timedelta(seconds=before_s)
        self._batch = batch
        self.job: Final = Job(name="communities.remind", body=RemindOfEvent, run=self._run)

    async def plan(self, tx: Transaction, event_id: str, starts_at: datetime, now: datetime) -> None:
        """Nobody is reminded of what was announced later than that."""
        at = starts_at - self._before
        if at > now:
            await self._jobs.enqueue(tx, self.job, RemindOfEvent(event_id=event_id, starts_at=starts_at), at=at)

    async def _run(self, attempt: Attempt[RemindOfEvent]) -> None:
        body = attempt.body
        async with attempt.finish() as tx:
            event = await tx.fetchrow(queries.DUE, body.event_id, body.starts_at)
            if event is None or event["by_id"] is None:
                return
            rows = await tx.fetch(queries.REMINDED, body.event_id, body.after, self._batch)
            if rows:
                people = [row["person_id"] for row in rows]
                fact = CommunityEventSoon(
                    community_id=event["community_id"], event_id=body.event_id, by_id=event["by_id"], people=people
                )
                await publish(tx, fact)
            if len(rows) == self._batch:
                await self._jobs.enqueue(tx, self.job, msgspec.structs.replace(body, after=rows[-1]["person_id"]))
