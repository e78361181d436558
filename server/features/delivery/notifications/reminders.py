"""Reminders of announced streams for who asks, following its owner or not: before it begins, and when it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from server.features.delivery.notifications import reminder_queries as queries
from server.http.cursors import after_time, page_of
from server.http.errors import Problem, not_found
from server.http.limits import CallRate
from server.http.operation import UUID as UUID_FORMAT
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Page, PageQuery, Shape
from storage.postgres import Database, Reads
from storage.stream_titles import StreamTitles

TAG: Final = "notifications"
MOST: Final = 200
"""Streams that one person waits for at a time."""


class ReminderShape(Shape):
    stream_id: UUID
    title: str
    scheduled_at: datetime
    created_at: datetime


class RemindersShape(Page[ReminderShape]):
    """A page of them."""


class Reminders:
    def __init__(self, *, db: Database, streams: StreamTitles, now: Callable[[], datetime]) -> None:
        self._db = db
        self._streams = streams
        self._now = now

    async def ask(self, person_id: str, stream_id: str) -> None:
        """May be repeated. Raises a 404 for a stream that is not theirs to know of, and a 409 for one that is not
        announced or when they wait for too many."""
        async with self._db.transaction() as tx:
            if not await self._streams.cards(tx, person_id, [stream_id]):
                raise _no_stream()
            if await self._streams.scheduled_at(tx, stream_id) is None:
                raise Problem(409, "The stream is not announced for a time to come", slug="not-announced")
            await tx.fetchval(queries.HOLD, person_id)
            if await tx.fetchval(queries.ARE_MANY, person_id, stream_id, MOST):
                raise Problem(409, f"You wait for {MOST} streams already", slug="too-many-reminders")
            await tx.execute(queries.ASK, stream_id, person_id, self._now())

    async def take_back(self, person_id: str, stream_id: str) -> None:
        """May be repeated."""
        await self._db.execute(queries.TAKE_BACK, stream_id, person_id)

    async def page(self, person_id: str, *, cursor: str | None, limit: int) -> tuple[list[ReminderShape], str | None]:
        """Of streams that have not begun, the last asked for first."""
        at, stream_id = after_time(cursor) or (None, None)
        rows = await self._db.fetch(queries.MINE, person_id, at, stream_id, limit + 1)
        shown, following = page_of(rows, limit, lambda row: (row["created_at"], row["stream_id"]))
        cards = await self._streams.cards(self._db, person_id, [row["stream_id"] for row in shown])
        known = [(row, cards[row["stream_id"]]) for row in shown if row["stream_id"] in cards]
        items = [ReminderShape(title=card.title, **dict(row)) for row, card in known]
        return items, following

    async def asked(self, where: Reads, stream_id: str, *, owner_id: str, after: str | None, limit: int) -> list[str]:
        """Who asked and does not follow the owner, in the order of their ids."""
        return [row["person_id"] for row in await where.fetch(queries.ASKED, stream_id, owner_id, after, limit)]


class ReminderRoutes:
    def __init__(self, *, reminders: Reminders, rate: CallRate) -> None:
        self._reminders = reminders
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        one: dict[str, Any] = {
            "path": "/api/v1/streams/{stream_id}/reminder", "tag": TAG, "paths": {"stream_id": UUID_FORMAT},
            "answers": {204: None}, "auth": "required", "account_rate": self._rate,
        }  # fmt: skip
        return [
            Operation(
                method="PUT", handler=self._ask, name="askForReminder", problems=frozenset({404, 409}),
                summary="Be reminded of an announced stream before it begins, and when it does", **one,
            ),
            Operation(
                method="DELETE", handler=self._take_back, name="takeReminderBack",
                summary="Do not be reminded of a stream", **one,
            ),
            Operation(
                method="GET", path="/api/v1/me/reminders", handler=self._mine, name="listReminders", tag=TAG,
                summary="The announced streams that you asked to be reminded of", query=PageQuery,
                answers={200: RemindersShape}, auth="required",
            ),
        ]  # fmt: skip

    async def _ask(self, call: Call[None, None]) -> Answer:
        await self._reminders.ask(call.me.id, call.path["stream_id"])
        return Answer(204)

    async def _take_back(self, call: Call[None, None]) -> Answer:
        await self._reminders.take_back(call.me.id, call.path["stream_id"])
        return Answer(204)

    async def _mine(self, call: Call[None, PageQuery]) -> Answer:
        items, following = await self._reminders.page(call.me.id, cursor=call.query.cursor, limit=call.query.limit)
        return Answer(body=RemindersShape(items=items, next=following))


def _no_stream() -> Problem:
    return not_found("There is no such stream")
