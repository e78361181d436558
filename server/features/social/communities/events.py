"""Events of a community: announced by its moderators, answered by its members."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from server.features.people.relations import PersonShape
from server.features.social.communities import event_queries as queries
from server.features.social.communities.acts import Acts
from server.features.social.communities.communities import Communities
from server.features.social.communities.event_shapes import (
    MAX_DAYS,
    MAX_YEARS,
    Attendance,
    AttendanceShape,
    EventCounts,
    EventShape,
    NewEvent,
)
from server.features.social.communities.news import News
from server.http.cursors import after_time, page_of
from server.http.errors import Problem, invalid_field, not_found
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction

_LONGEST: Final = timedelta(days=MAX_DAYS)
_FURTHEST: Final = timedelta(days=MAX_YEARS * 366)
IN_CALENDAR: Final = 200
"""Events of a community in its calendar, the next ones."""


class Events:
    """``most``: events that a community has before it at a time."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        communities: Communities,
        acts: Acts,
        news: News,
        most: int,
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._communities = communities
        self._acts = acts
        self._news = news
        self._most = most

    async def page(
        self, viewer_id: str | None, name: str, *, is_past: bool, cursor: str | None, limit: int
    ) -> tuple[list[EventShape], str | None]:
        """Those to come, the next first; or those that are over, the last first. Raises a 404 and a 403."""
        community = await self._communities.readable(viewer_id, name)
        rows = await self._chunk(community["id"], viewer_id, is_past=is_past, cursor=cursor, limit=limit + 1)
        shown, following = page_of(rows, limit, lambda row: (row["starts_at"], row["id"]))
        return [_shape(row, community) for row in shown], following

    async def calendar(self, viewer_id: str | None, name: str) -> tuple[Row, list[Row]]:
        """The community and the events of its calendar. Raises a 404 and a 403."""
        community = await self._communities.readable(viewer_id, name)
        return community, await self._chunk(community["id"], viewer_id, is_past=False, cursor=None, limit=IN_CALENDAR)

    async def _chunk(
        self, community_id: str, viewer_id: str | None, *, is_past: bool, cursor: str | None, limit: int
    ) -> list[Row]:
        sql = queries.PAST if is_past else queries.COMING
        after = after_time(cursor) or (None, None)
        return await self._db.fetch(sql, community_id, viewer_id, self._now(), *after, limit)

    async def one(self, viewer_id: str | None, name: str, event_id: str) -> EventShape:
        """Raises a 404 and a 403."""
        community, row = await self.row(viewer_id, name, event_id)
        return _shape(row, community)

    async def row(self, viewer_id: str | None, name: str, event_id: str) -> tuple[Row, Row]:
        """The community and the event. Raises a 404 and a 403."""
        community = await self._communities.readable(viewer_id, name)
        row = await self._db.fetchrow(queries.ONE, community["id"], viewer_id, event_id)
        if row is None:
            raise no_event()
        return community, row

    async def make(self, me: str, name: str, body: NewEvent) -> EventShape:
        """Raises a 404, a 403, a 422 for times that cannot be, and a 409 when the community has too many before it."""
        now = self._now()
        _require_times(body.starts_at, body.ends_at, now)
        event_id = self._ids.uuid7(now.timestamp())
        async with self._db.transaction() as tx:
            community = await self._communities.moderated(tx, me, name)
            if await tx.fetchval(queries.COUNT_COMING, community["id"], now) >= self._most:
                raise Problem(409, f"A community has at most {self._most} events before it", slug="too-many-events")
            await tx.execute(
                queries.ADD, event_id, community["id"], me, body.title, body.description, body.place, body.time_zone,
                body.starts_at, body.ends_at, body.places, now,
            )  # fmt: skip
            await self._news.remind(tx, event_id, body.starts_at, now)
            await self._news.tell_members(tx, community["id"], "event", event_id, by_id=me)
        return await self.one(me, name, event_id)

    async def change(self, me: str, name: str, event_id: str, given: dict[str, Any]) -> EventShape:
        """``given``: the fields that change. Raises a 404, a 403, a 422, and a 409 for fewer places than are taken."""
        now = self._now()
        async with self._db.transaction() as tx:
            event = await self._held(tx, (await self._communities.moderated(tx, me, name))["id"], event_id)
            new = {**dict(event), **given}
            if {"starts_at", "ends_at"} & set(given):
                _require_times(new["starts_at"], new["ends_at"], now)
            if new["places"] is not None and new["places"] < event["going"]:
                raise Problem(409, f"{event['going']} people are going already", slug="places-taken")
            await tx.execute(
                queries.CHANGE, event_id, new["title"], new["description"], new["place"], new["time_zone"],
                new["starts_at"], new["ends_at"], new["places"], now,
            )  # fmt: skip
            if new["starts_at"] != event["starts_at"]:
                await self._news.remind(tx, event_id, new["starts_at"], now)
        return await self.one(me, name, event_id)

    async def remove(self, me: str, name: str, event_id: str) -> None:
        """Raises a 404 and a 403."""
        async with self._db.transaction() as tx:
            community = await self._communities.moderated(tx, me, name)
            event = await self._held(tx, community["id"], event_id)
            await tx.execute(queries.DELETE, event_id)
            await self._acts.note(tx, "event_removed", community["id"], by=me, subject=event_id, title=event["title"])

    async def answer(self, me: str, name: str, event_id: str, state: Attendance | None) -> None:
        """``None`` takes the answer back. Raises a 404, a 403 for who is no member, and a 409 when all places are taken
        or the event is over.
        """
        now = self._now()
        async with self._db.transaction() as tx:
            community = await self._communities.held(tx, me, name)
            if community["state"] != "member":
                raise Problem(403, "Only members of a community answer to its events")
            event = await self._held(tx, community["id"], event_id)
            before = await tx.fetchval(queries.ANSWER_OF, event_id, me)
            if state != before:
                _require_open(event, state, now)
                if state is None:
                    await tx.execute(queries.TAKE_BACK, event_id, me)
                else:
                    await tx.execute(queries.ANSWER, event_id, me, state, now)
                await self._count(tx, event_id, before, state)

    async def _count(self, tx: Transaction, event_id: str, before: str | None, state: Attendance | None) -> None:
        going, maybe = ((state == one) - (before == one) for one in ("going", "maybe"))
        await tx.execute(queries.COUNT, event_id, going, maybe)

    async def attendees(
        self, viewer_id: str | None, name: str, event_id: str, *, state: Attendance, cursor: str | None, limit: int
    ) -> tuple[list[PersonShape], str | None]:
        """Who gave the answer, the first first. Raises a 404 and a 403."""
        await self.row(viewer_id, name, event_id)
        after = after_time(cursor) or (None, None)
        rows = await self._db.fetch(queries.PEOPLE, event_id, viewer_id, state, *after, limit + 1)
        shown, following = page_of(rows, limit, lambda row: (row["answered_at"], row["id"]))
        return [_person(row, row["id"]) for row in shown], following

    async def _held(self, tx: Transaction, community_id: str, event_id: str) -> Row:
        event = await tx.fetchrow(queries.HOLD, community_id, event_id)
        if event is None:
            raise no_event()
        return event


def no_event() -> Problem:
    return not_found("There is no such event")


def _require_times(starts_at: datetime, ends_at: datetime | None, now: datetime) -> None:
    if (ends_at or starts_at) < now:
        raise invalid_field("starts_at" if ends_at is None else "ends_at", "must not be over")
    if starts_at > now + _FURTHEST:
        raise invalid_field("starts_at", f"must be at most {MAX_YEARS} years ahead")
    if ends_at is not None and not starts_at < ends_at <= starts_at + _LONGEST:
        raise invalid_field("ends_at", f"must be after starts_at, by at most {MAX_DAYS} days")


def _require_open(event: Row, state: Attendance | None, now: datetime) -> None:
    if event["over_at"] < now:
        raise Problem(409, "The event is over", slug="event-over")
    if state == "going" and event["places"] is not None and event["going"] >= event["places"]:
        raise Problem(409, "All places are taken", slug="event-full")


def _shape(row: Row, community: Row) -> EventShape:
    is_member = community["state"] == "member"
    return EventShape(
        id=row["id"],
        community=community["name"],
        title=row["title"],
        description=row["description"],
        place=row["place"],
        time_zone=row["time_zone"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        places=row["places"],
        author=_person(row, row["author_id"]) if row["author_id"] is not None else None,
        created_at=row["created_at"],
        counts=EventCounts(going=row["going"], maybe=row["maybe"]),
        viewer=AttendanceShape(state=row["state"]) if is_member else None,
    )


def _person(row: Row, person_id: str) -> PersonShape:
    return PersonShape(
        id=UUID(person_id), username=row["username"], display_name=row["display_name"], avatar_url=row["avatar_url"]
    )
