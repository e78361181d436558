"""A stream has started: its owner's followers are notified, in batches of one job each.

A job notifies one batch and enqueues the next in the transaction of its end, so each follower is notified once whatever
dies. Who follows while this goes on is not notified.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

import msgspec

from server.features.delivery.notifications.kinds import STREAM_STARTED, Notice, Subject
from server.features.delivery.notifications.notifications import Notifications
from server.features.people.audience import Follower
from server.jobs import Attempt, Job, Jobs
from storage.postgres import Reads, Transaction
from storage.stream_facts import StreamStarted

BATCH: Final = 1_000


class Followers(Protocol):
    async def followers(
        self, where: Reads, person_id: str, *, before: Follower | None, limit: int
    ) -> Sequence[Follower]: ...


class NotifyFollowers(msgspec.Struct, frozen=True, kw_only=True):
    """Of a stream; ``before`` is the last follower of the batch before, None in the first."""

    stream_id: str
    owner_id: str
    started_at: datetime
    before: Follower | None = None


class StreamFanOut:
    """``job`` is one batch."""

    def __init__(self, *, notifications: Notifications, followers: Followers, jobs: Jobs, batch: int = BATCH) -> None:
        self._notifications = notifications
        self._followers = followers
        self._jobs = jobs
        self._batch = batch
        self.job = Job(name="notifications.stream_started", body=NotifyFollowers, run=self._run)

    async def begin(self, tx: Transaction, fact: StreamStarted) -> None:
        """Once for a stream, for good."""
        body = NotifyFollowers(stream_id=fact.stream_id, owner_id=fact.owner_id, started_at=fact.started_at)
        await self._jobs.enqueue(tx, self.job, body, key=fact.stream_id)

    async def _run(self, attempt: Attempt[NotifyFollowers]) -> None:
        body = attempt.body
        notice = Notice(
            kind=STREAM_STARTED,
            actor_id=body.owner_id,
            subject=Subject("stream", body.stream_id),
            happened_at=body.started_at,
        )
        async with attempt.finish(planned_once=True) as tx:
            batch = await self._followers.followers(tx, body.owner_id, before=body.before, limit=self._batch)
            await self._notifications.notify(tx, notice, [follower.id for follower in batch])
            if len(batch) == self._batch:
                await self._jobs.enqueue(tx, self.job, msgspec.structs.replace(body, before=batch[-1]))
