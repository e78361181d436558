"""Courses: made, changed, removed, looked up. A course that one may not know of is a 404."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from server.features.money.payments import Payments
from server.features.people.relations import PersonShape
from server.features.town.courses import cohort_queries, queries
from server.features.town.courses.rules import folded
from server.features.town.courses.shapes import CourseChange, CourseShape, NewCourse
from server.http.cursors import after_id, page_of
from server.http.errors import Problem, not_found
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction
from storage.rights import note_change
from storage.rooms import insert_room


class Courses:
    """``most``: that one person gives."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        payments: Payments,
        when_changed: Callable[[], Awaitable[None]],
        most: int,
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._payments = payments
        self._when_changed = when_changed
        self._most = most

    async def make(self, me: str, body: NewCourse) -> CourseShape:
        """Raises a 409 when the person gives too many, a 422 for a price that cannot be paid, and a 503
        without payments.
        """
        now = self._now()
        course_id = self._ids.uuid7(now.timestamp())
        self._require_payable(body.amount, body.currency)
        async with self._db.transaction() as tx:
            await tx.execute(queries.ALONE, me)
            if await tx.fetchval(queries.GIVEN, me) >= self._most:
                raise Problem(409, f"An account gives at most {self._most} courses", slug="too-many-courses")
            await insert_room(tx, room_id=course_id, owner_id=None, log_epoch=self._ids.uuid7(0.0), stream_id=None)
            await tx.execute(
                queries.ADD, course_id, me, body.title, body.description, folded(body.title), body.visibility,
                body.amount, body.currency, now,
            )  # fmt: skip
            await note_change(tx, "room", course_id, me)
        await self._when_changed()
        return await self.one(me, course_id)

    async def one(self, viewer_id: str | None, course_id: str) -> CourseShape:
        return shape_of(await self.row(viewer_id, course_id), viewer_id)

    async def row(self, viewer_id: str | None, course_id: str) -> Row:
        row = await self._db.fetchrow(queries.ONE, viewer_id, course_id)
        if row is None:
            raise no_course()
        return row

    async def page(
        self, viewer_id: str | None, q: str, cursor: str | None, limit: int
    ) -> tuple[list[CourseShape], str | None]:
        pattern = f"%{_escaped(folded(q.strip()))}%"
        return await self._page(queries.PAGE, (viewer_id, pattern), viewer_id, cursor, limit)

    async def mine(self, me: str, kind: str, cursor: str | None, limit: int) -> tuple[list[CourseShape], str | None]:
        return await self._page(queries.TAUGHT if kind == "teaching" else queries.LEARNT, (me,), me, cursor, limit)

    async def _page(
        self, sql: str, given: tuple[Any, ...], viewer_id: str | None, cursor: str | None, limit: int
    ) -> tuple[list[CourseShape], str | None]:
        rows = await self._db.fetch(sql, *given, after_id(cursor), limit + 1)
        shown, following = page_of(rows, limit, lambda row: (0, row["id"]))
        return [shape_of(row, viewer_id) for row in shown], following

    async def change(self, me: str, course_id: str, change: CourseChange) -> CourseShape:
        """Raises a 404, a 403, a 422 and a 503. Who has paid already has paid."""
        row = await self.own(me, course_id)
        new = {**dict(row), **change.model_dump(exclude_unset=True)}
        if new["amount"] != row["amount"] or new["currency"] != row["currency"]:
            self._require_payable(new["amount"], new["currency"])
        await self._db.execute(
            queries.CHANGE, course_id, new["title"], new["description"], folded(new["title"]),
            new["visibility"], new["amount"], new["currency"],
        )  # fmt: skip
        return await self.one(me, course_id)

    async def remove(self, me: str, course_id: str) -> None:
        """With its lessons, cohorts and rooms; certificates stay good. Raises a 404 and a 403."""
        await self.own(me, course_id)
        async with self._db.transaction() as tx:
            cohorts = await tx.fetch(cohort_queries.ROOMS, course_id)
            await tx.execute(queries.DELETE, course_id)
            for room_id in (course_id, *(row["id"] for row in cohorts)):
                await note_change(tx, "room", room_id, me)
        await self._when_changed()

    async def own(self, me: str, course_id: str) -> Row:
        """Raises a 404, and a 403 for who did not make it."""
        row = await self.row(me, course_id)
        if row["author_id"] != me:
            raise Problem(403, "Only the author of a course may do this")
        return row

    def _require_payable(self, amount: int, currency: str) -> None:
        if amount:
            self._payments.require(amount, currency)


async def hold(tx: Transaction, course_id: str) -> None:
    """The course's row is locked until the transaction ends."""
    if await tx.fetchrow(queries.HOLD, course_id) is None:
        raise no_course()


def no_course() -> Problem:
    return not_found("There is no such course")


def is_inside(row: Row, viewer_id: str | None) -> bool:
    """Whether the viewer sees what is in the course."""
    return row["enrolment"] == "enrolled" or (viewer_id is not None and row["author_id"] == viewer_id)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def shape_of(row: Row, viewer_id: str | None) -> CourseShape:
    author = PersonShape(
        id=row["author_id"], username=row["username"], display_name=row["display_name"], avatar_url=row["avatar_url"]
    )
    state = row["enrolment"] if row["enrolment"] != "left" else None
    return CourseShape(
        id=row["id"],
        author=author,
        title=row["title"],
        description=row["description"],
        visibility=row["visibility"],
        amount=row["amount"],
        currency=row["currency"],
        created_at=row["created_at"],
        lessons=row["lessons"],
        people=row["people"],
        enrolment=state,
        percent=row["percents"] // row["lessons"] if row["lessons"] else 0,
        room_id=row["id"] if is_inside(row, viewer_id) else None,
    )
