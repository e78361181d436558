"""News for many members of a community: facts in batches, each of one job.

A job writes one batch and enqueues the next in the transaction of its end, so each member is in one batch, whatever
dies.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from server.features.social.communities import event_queries
from server.features.social.communities.facts import About, CommunityNews
from server.jobs import Attempt, Job, Jobs
from storage.facts import publish
from storage.postgres import Transaction

BATCH: Final = 500

_MEMBERS: Final = """
select person_id from community_members
where community_id = $1 and state = 'member' and ($2::uuid is null or person_id > $2) order by person_id limit $3
"""


class TellMembers(msgspec.Struct, frozen=True, kw_only=True):
    """``after``: the last person of the batch before."""

    community_id: str
    about: About
    subject_id: str
    by_id: str
    after: str | None = None


class RemindOfEvent(msgspec.Struct, frozen=True, kw_only=True):
    """As ``TellMembers``, of who goes to an event, or may."""

    event_id: str
    starts_at: datetime
    after: str | None = None


class News:
    """``remind_s``: how long before the start of an event. A reminder does nothing once the start is another."""

    def __init__(self, *, jobs: Jobs, remind_s: float, batch: int = BATCH) -> None:
        self._jobs = jobs
        self._before = timedelta(seconds=remind_s)
        self._batch = batch
        self.telling: Final = Job(name="communities.tell", body=TellMembers, run=self._tell)
        self.reminding: Final = Job(name="communities.remind", body=RemindOfEvent, run=self._remind)

    async def tell_members(
        self, tx: Transaction, community_id: str, about: About, subject_id: str, *, by_id: str
    ) -> None:
        body = TellMembers(community_id=community_id, about=about, subject_id=subject_id, by_id=by_id)
        await self._jobs.enqueue(tx, self.telling, body)

    async def remind(self, tx: Transaction, event_id: str, starts_at: datetime, now: datetime) -> None:
        """When it is time. Nobody is reminded of what was announced later than that."""
        at = starts_at - self._before
        if at > now:
            await self._jobs.enqueue(tx, self.reminding, RemindOfEvent(event_id=event_id, starts_at=starts_at), at=at)

    async def _tell(self, attempt: Attempt[TellMembers]) -> None:
        body = attempt.body
        async with attempt.finish() as tx:
            rows = await tx.fetch(_MEMBERS, body.community_id, body.after, self._batch)
            people = [row["person_id"] for row in rows]
            if people:
                await publish(tx, _news(body, people))
            if len(people) == self._batch:
                await self._jobs.enqueue(tx, self.telling, msgspec.structs.replace(body, after=people[-1]))

    async def _remind(self, attempt: Attempt[RemindOfEvent]) -> None:
        body = attempt.body
        async with attempt.finish() as tx:
            event = await tx.fetchrow(event_queries.DUE, body.event_id, body.starts_at)
            if event is None or event["by_id"] is None:
                return
            rows = await tx.fetch(event_queries.REMINDED, body.event_id, body.after, self._batch)
            people = [row["person_id"] for row in rows]
            if people:
                of = TellMembers(
                    community_id=event["community_id"], about="event_soon", subject_id=body.event_id,
                    by_id=event["by_id"],
                )  # fmt: skip
                await publish(tx, _news(of, people))
            if len(people) == self._batch:
                await self._jobs.enqueue(tx, self.reminding, msgspec.structs.replace(body, after=people[-1]))


def _news(of: TellMembers, people: list[str]) -> CommunityNews:
    return CommunityNews(
        community_id=of.community_id, about=of.about, subject_id=of.subject_id, by_id=of.by_id, people=people
    )
