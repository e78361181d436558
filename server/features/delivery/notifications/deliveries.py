"""What is to be pushed and mailed of notifications: rows that are written with them, and jobs that deliver some each.

A delivery is due a while after its notification, so that what is read meanwhile is not delivered.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Final, Literal
from uuid import UUID

import msgspec

from server.feature import NO_UUID
from server.features.delivery.notifications import delivery_queries as queries
from server.features.delivery.notifications.kinds import Notice
from server.jobs import Job, Jobs
from storage.ids import Ids
from storage.postgres import Transaction

BATCH: Final = 25
"""Deliveries of one job, which are made at once: four jobs of a node take no more connections than there may be."""

Out = Literal["push", "email"]


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A person's notification. ``is_joined``: it was there, unread, and has another person now. ``is_listed``: the
    person sees it in the application. ``push``, ``email``: whether they want it so.
    """

    person_id: str
    is_joined: bool
    is_listed: bool
    push: bool
    email: bool

    def wants(self, channel: Out) -> bool:
        return self.push if channel == "push" else self.email


class Deliver(msgspec.Struct, frozen=True):
    """At most ``BATCH`` deliveries."""

    ids: list[str]


class Deliveries:
    """``job`` delivers; it is made later than this."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        job: Callable[[], Job[Deliver]],
        ids: Ids,
        now: Callable[[], dt.datetime],
        push_delay_s: float,
        email_delay_s: float,
    ) -> None:
        self._jobs = jobs
        self._job = job
        self._ids = ids
        self._now = now
        self._delays: dict[Out, float] = {"push": push_delay_s, "email": email_delay_s}

    async def plan(self, tx: Transaction, notice: Notice, notification_id: str, made: Sequence[Made]) -> None:
        """Deliver these notifications, which have one id, by the channels that each person wants."""
        waiting = await self._joined(tx, notice, notification_id, made)
        for channel in ("push", "email"):
            new = [
                one.person_id
                for one in made
                if one.wants(channel) and _is_told(one, notice) and (one.person_id, channel) not in waiting
            ]
            if new:
                await self._plan(tx, notice, notification_id, channel, await self._targets(tx, channel, new))

    async def enqueue(self, tx: Transaction, ids: Sequence[str], at: dt.datetime) -> None:
        """Jobs that deliver these from then on."""
        bodies = [Deliver(list(ids[start : start + BATCH])) for start in range(0, len(ids), BATCH)]
        await self._jobs.enqueue_many(tx, self._job(), bodies, at=at)

    async def _joined(
        self, tx: Transaction, notice: Notice, notification_id: str, made: Sequence[Made]
    ) -> set[tuple[str, str]]:
        """(person, channel) of what waits already, and is told with the person who has joined."""
        joined = [one.person_id for one in made if one.is_joined]
        if not joined:
            return set()
        rows = await tx.fetch(queries.JOINED, joined, notification_id, notice.kind.name, _subject_id(notice))
        return {(row["person_id"], row["channel"]) for row in rows}

    async def _targets(self, tx: Transaction, channel: Out, person_ids: Sequence[str]) -> list[tuple[str, str]]:
        """(person, device)."""
        if channel == "email":
            return [(person_id, NO_UUID) for person_id in person_ids]
        return [(row["person_id"], row["id"]) for row in await tx.fetch(queries.DEVICES_OF, person_ids)]

    async def _plan(
        self, tx: Transaction, notice: Notice, notification_id: str, channel: Out, targets: Sequence[tuple[str, str]]
    ) -> None:
        if not targets:
            return
        now = self._now()
        ids = [self._ids.uuid7(now.timestamp()) for _ in targets]
        rows = await tx.fetch(
            queries.PLAN, ids, [person_id for person_id, _ in targets], [channel] * len(ids), notification_id,
            notice.kind.name, _subject_id(notice), [device for _, device in targets],
        )  # fmt: skip
        due = now + dt.timedelta(seconds=self._delays[channel])
        await self.enqueue(tx, [row["id"] for row in rows], due)


def _is_told(one: Made, notice: Notice) -> bool:
    """What is unread in the list already is told again only if its kind says so."""
    return not (one.is_joined and one.is_listed) or notice.kind.is_told_again


def _subject_id(notice: Notice) -> str:
    return NO_UUID if notice.subject is None else notice.subject.id


def first_id_of(at: dt.datetime) -> str:
    """What no id that was made from then on is below: the time of a UUIDv7 stands first (RFC 9562, 5.7)."""
    return str(UUID(int=int(at.timestamp() * 1_000) << 80))
