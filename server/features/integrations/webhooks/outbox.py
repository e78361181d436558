"""Deliveries: rows that are written in the transaction of their cause, with the jobs that send them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from server.features.integrations.webhooks import queries
from server.features.integrations.webhooks.kinds import EventShape
from server.http.shapes import Shape
from server.jobs import Job, Jobs
from storage.ids import Ids
from storage.postgres import Row, Transaction

MAX_WAITING: Final = 1_000
"""Deliveries of a webhook that wait at once. Beyond them the log of a chat waits to be read; other events are dropped
and counted."""
AT_ONCE: Final = 2
"""Deliveries of a webhook that are under way at once."""


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """Send one delivery of the webhook that is due, if there is one."""

    webhook_id: str


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """``id`` is the same wherever the event is sent."""

    id: str
    name: str
    data: Shape


class Outbox:
    def __init__(self, *, jobs: Jobs, job: Job[Send], ids: Ids, now: Callable[[], dt.datetime]) -> None:
        self._jobs = jobs
        self._job = job
        self._ids = ids
        self._now = now

    async def tell(
        self, tx: Transaction, owner_id: str, event: str, data: Callable[[], Awaitable[Shape | None]]
    ) -> None:
        """Deliver an event to the owner's webhooks that listen for it. ``data`` is read only if there are any.

        None: there is nothing to tell any more.
        """
        listening = await tx.fetch(queries.LISTENING, owner_id, event, MAX_WAITING)
        read = await data() if listening else None
        if read is None:
            return
        told = Event(id=self.new_id(), name=event, data=read)
        await self.put(tx, {row["id"]: [told] for row in listening if row["has_room"]})
        if full := [row["id"] for row in listening if not row["has_room"]]:
            await tx.execute(queries.DROP, full)

    async def put(self, tx: Transaction, events: Mapping[str, Sequence[Event]]) -> Sequence[Row]:
        """Deliver each webhook its events; the rows of the deliveries."""
        at = self._now()
        pairs = [(webhook_id, event) for webhook_id, given in events.items() for event in given]
        if not pairs:
            return []
        rows = await tx.fetch(
            queries.PUT,
            [self.new_id() for _ in pairs],
            [webhook_id for webhook_id, _ in pairs],
            [event.id for _, event in pairs],
            [event.name for _, event in pairs],
            [_body(event, at) for _, event in pairs],
        )
        for webhook_id, given in events.items():
            await self.send(tx, webhook_id, min(len(given), AT_ONCE))
        return rows

    async def send(self, tx: Transaction, webhook_id: str, jobs: int = 1, *, at: dt.datetime | None = None) -> None:
        """Have what is due sent: one delivery a job, each followed by another job while any is due."""
        await self._jobs.enqueue_many(tx, self._job, [Send(webhook_id=webhook_id)] * jobs, at=at)

    def new_id(self) -> str:
        return self._ids.uuid7(self._now().timestamp())


def _body(event: Event, at: dt.datetime) -> str:
    shape = EventShape[Shape].model_construct(id=event.id, event=event.name, created_at=at, data=event.data)
    return shape.model_dump_json(serialize_as_any=True)
