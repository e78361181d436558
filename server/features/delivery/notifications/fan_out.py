"""A stream has started, is announced or begins soon: its owner's followers and who asked are notified, in batches of
one job each.

A job notifies one batch and enqueues the next in the transaction of its end, so each follower is notified once whatever
dies. Who follows while this goes on is not notified.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec

from server.features.delivery.notifications.kinds import (
    BY_NAME,
    STREAM_REMINDER,
    STREAM_SCHEDULED,
    STREAM_STARTED,
    Notice,
    Subject,
)
from server.features.delivery.notifications.notifications import Notifications
from server.features.people.audience import Follower
from server.jobs import Attempt, Job, Jobs
from storage.postgres import Reads, Transaction
from storage.stream_facts import StreamScheduled, StreamStarted

BATCH: Final = 1_000
REMINDED: Final = timedelta(minutes=15)
"""Before the time that a stream is announced for."""


class Followers(Protocol):
    async def followers(
        self, where: Reads, person_id: str, *, before: Follower | None, limit: int
    ) -> Sequence[Follower]: ...


class Asked(Protocol):
    """Who wants to know of a stream and does not follow its owner."""

    async def asked(
        self, where: Reads, stream_id: str, *, owner_id: str, after: str | None, limit: int
    ) -> list[str]: ...


class Streams(Protocol):
    async def scheduled_at(self, where: Reads, stream_id: str) -> datetime | None: ...


class NotifyFollowers(msgspec.Struct, frozen=True, kw_only=True):
    """Of a stream; ``before`` is the last follower of the batch before, None in the first. ``started_at``: when what
    they are notified of happened. ``scheduled_at``: nothing happens unless the stream is still announced for then.
    ``is_of_asked``: the followers have been notified, and now who asked is, those after ``after_asked``.
    """

    stream_id: str
    owner_id: str
    started_at: datetime
    before: Follower | None = None
    kind: str = STREAM_STARTED.name
    scheduled_at: datetime | None = None
    is_of_asked: bool = False
    after_asked: str | None = None


class StreamFanOut:
    """``job`` is one batch."""

    def __init__(
        self,
        *,
        notifications: Notifications,
        followers: Followers,
        streams: Streams,
        reminders: Asked,
        jobs: Jobs,
        batch: int = BATCH,
    ) -> None:
        self._notifications = notifications
        self._followers = followers
        self._streams = streams
        self._reminders = reminders
        self._jobs = jobs
        self._batch = batch
        self.job = Job(name="notifications.stream_started", body=NotifyFollowers, run=self._run)

    async def begin(self, tx: Transaction, fact: StreamStarted) -> None:
        """Once for a stream, for good."""
        body = NotifyFollowers(stream_id=fact.stream_id, owner_id=fact.owner_id, started_at=fact.started_at)
        await self._jobs.enqueue(tx, self.job, body, key=fact.stream_id)

    async def announce(self, tx: Transaction, fact: StreamScheduled) -> None:
        """Once for a stream and a time; and a reminder before that time. What was announced before holds no longer."""
        if fact.scheduled_at is None:
            await self._notifications.withdraw_of(
                tx, STREAM_SCHEDULED, actor_id=fact.owner_id, subject_id=fact.stream_id
            )
            return
        body = NotifyFollowers(
            stream_id=fact.stream_id,
            owner_id=fact.owner_id,
            started_at=fact.announced_at,
            kind=STREAM_SCHEDULED.name,
            scheduled_at=fact.scheduled_at,
        )
        key = f"{fact.stream_id} {fact.scheduled_at.isoformat()}"
        await self._jobs.enqueue(tx, self.job, body, key=key)
        at = fact.scheduled_at - REMINDED
        if at > fact.announced_at:
            soon = msgspec.structs.replace(body, kind=STREAM_REMINDER.name, started_at=at)
            await self._jobs.enqueue(tx, self.job, soon, key=f"{key} soon", at=at)

    async def _run(self, attempt: Attempt[NotifyFollowers]) -> None:
        body = attempt.body
        notice = Notice(
            kind=BY_NAME[body.kind],
            actor_id=body.owner_id,
            subject=Subject("stream", body.stream_id),
            happened_at=body.started_at,
        )
        async with attempt.finish(planned_once=True) as tx:
            if body.scheduled_at is not None and not await self._is_announced(tx, body):
                return
            people, following = await (self._asked(tx, body) if body.is_of_asked else self._of_followers(tx, body))
            await self._notifications.notify(tx, notice, people)
            if following is not None:
                await self._jobs.enqueue(tx, self.job, following)

    async def _of_followers(self, tx: Transaction, body: NotifyFollowers) -> tuple[list[str], NotifyFollowers | None]:
        """The next batch, and what is to be done after it. Who asked knows that the stream is announced."""
        batch = await self._followers.followers(tx, body.owner_id, before=body.before, limit=self._batch)
        following: NotifyFollowers | None = None
        if len(batch) == self._batch:
            following = msgspec.structs.replace(body, before=batch[-1])
        elif body.kind != STREAM_SCHEDULED.name:
            following = msgspec.structs.replace(body, is_of_asked=True)
        return [follower.id for follower in batch], following

    async def _asked(self, tx: Transaction, body: NotifyFollowers) -> tuple[list[str], NotifyFollowers | None]:
        people = await self._reminders.asked(
            tx, body.stream_id, owner_id=body.owner_id, after=body.after_asked, limit=self._batch
        )
        is_last = len(people) < self._batch
        return people, None if is_last else msgspec.structs.replace(body, after_asked=people[-1])

    async def _is_announced(self, tx: Transaction, body: NotifyFollowers) -> bool:
        return await self._streams.scheduled_at(tx, body.stream_id) == body.scheduled_at
