"""Cohorts: those who learn a course together, in a room of their own. A learner of a course is in one at most.

Who is enrolled joins until the cohort begins; its author takes people in at any time. Who leaves the course, or is
given back what they paid, leaves its cohort as well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from server.features.people.relations import PersonShape
from server.features.town.courses import cohort_queries as queries
from server.features.town.courses.cohort_shapes import MAX_COHORTS, CohortChange, CohortShape, NewCohort
from server.features.town.courses.courses import Courses, hold
from server.features.town.people import person_of
from server.http.cursors import after_id, page_of
from server.http.errors import Problem, not_found
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction
from storage.rights import note_change
from storage.rooms import insert_room


class Cohorts:
    """A cohort of a course that one may not know of is a 404."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        courses: Courses,
        when_changed: Callable[[], Awaitable[None]],
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._courses = courses
        self._when_changed = when_changed

    async def make(self, me: str, course_id: str, body: NewCohort) -> CohortShape:
        """Raises a 404, a 403, and a 409 when there are too many."""
        now = self._now()
        cohort_id = self._ids.uuid7(now.timestamp())
        await self._courses.own(me, course_id)
        async with self._db.transaction() as tx:
            await hold(tx, course_id)
            if await tx.fetchval(queries.COUNT, course_id) >= MAX_COHORTS:
                raise Problem(409, f"A course has at most {MAX_COHORTS} cohorts", slug="too-many-cohorts")
            await insert_room(tx, room_id=cohort_id, owner_id=None, log_epoch=self._ids.uuid7(0.0), stream_id=None)
            await tx.execute(queries.ADD, cohort_id, course_id, body.title, body.starts_at, body.seats, now)
            await note_change(tx, "room", cohort_id, me)
        await self._when_changed()
        return await self.one(me, cohort_id)

    async def of_course(self, viewer_id: str | None, course_id: str) -> list[CohortShape]:
        course = await self._courses.row(viewer_id, course_id)
        rows = await self._db.fetch(queries.ALL, viewer_id, course_id)
        return [self._shape(row, course, viewer_id) for row in rows]

    async def one(self, viewer_id: str | None, cohort_id: str) -> CohortShape:
        course, row = await self._placed(viewer_id, cohort_id)
        return self._shape(row, course, viewer_id)

    async def change(self, me: str, cohort_id: str, change: CohortChange) -> CohortShape:
        """Fewer seats than people send nobody away. Raises a 404 and a 403."""
        row = await self._own(me, cohort_id)
        new = {**dict(row), **change.model_dump(exclude_unset=True)}
        await self._db.execute(queries.CHANGE, cohort_id, new["title"], new["starts_at"], new["seats"])
        return await self.one(me, cohort_id)

    async def remove(self, me: str, cohort_id: str) -> None:
        """With its room; who was in it stays enrolled. Raises a 404 and a 403."""
        await self._own(me, cohort_id)
        async with self._db.transaction() as tx:
            await tx.execute(queries.DELETE, cohort_id)
            await note_change(tx, "room", cohort_id, me)
        await self._when_changed()

    async def members(
        self, me: str, cohort_id: str, cursor: str | None, limit: int
    ) -> tuple[list[PersonShape], str | None]:
        """But those who are apart from the person. Raises a 404 for who is not in it."""
        course, row = await self._placed(me, cohort_id)
        if not (row["is_mine"] or course["author_id"] == me):
            raise no_cohort()
        rows = await self._db.fetch(queries.MEMBERS, cohort_id, me, after_id(cursor), limit + 1)
        shown, following = page_of(rows, limit, lambda member: (0, member["id"]))
        return [person_of(member, "person_id") for member in shown], following

    async def take_in(self, me: str, cohort_id: str, username: str) -> None:
        """Oneself, or as the author a learner, out of the cohort they were in. Again, it changes nothing.

        Raises a 404, a 403 for who may not or is not enrolled, and a 409 for a cohort that is full or has begun.
        """
        course, cohort = await self._placed(me, cohort_id)
        async with self._db.transaction() as tx:
            await hold(tx, cohort["course_id"])
            learner = await _learner(tx, cohort, username)
            is_author = course["author_id"] == me
            if learner is None or not (is_author or learner["person_id"] == me):
                raise Problem(403, "Only who is enrolled may be in a cohort", slug="not-enrolled")
            if learner["cohort_id"] == cohort_id:
                return
            self._require_open(await _found(tx, me, cohort_id), is_author=is_author)
            await _place(tx, learner, cohort, cohort_id)
        await self._when_changed()

    async def let_go(self, me: str, cohort_id: str, username: str) -> None:
        """Oneself, or as the author a learner. Raises a 404 for who is not in it."""
        course, cohort = await self._placed(me, cohort_id)
        async with self._db.transaction() as tx:
            learner = await _learner(tx, cohort, username)
            if learner is None or learner["cohort_id"] != cohort_id:
                raise no_cohort()
            if me not in (learner["person_id"], course["author_id"]):
                raise no_cohort()
            await _place(tx, learner, cohort, None)
        await self._when_changed()

    def _require_open(self, cohort: Row, *, is_author: bool) -> None:
        if cohort["people"] >= cohort["seats"]:
            raise Problem(409, "All seats of this cohort are taken", slug="cohort-full")
        if not is_author and cohort["starts_at"] <= self._now():
            raise Problem(409, "This cohort has begun: its author takes people in", slug="cohort-begun")

    async def _placed(self, viewer_id: str | None, cohort_id: str) -> tuple[Row, Row]:
        """The course of a cohort, and the one. Raises a 404."""
        row = await self._db.fetchrow(queries.ONE, viewer_id, cohort_id)
        if row is None:
            raise no_cohort()
        return await self._courses.row(viewer_id, row["course_id"]), row

    async def _own(self, me: str, cohort_id: str) -> Row:
        course, row = await self._placed(me, cohort_id)
        await self._courses.own(me, course["id"])
        return row

    def _shape(self, row: Row, course: Row, viewer_id: str | None) -> CohortShape:
        is_in = row["is_mine"] or course["author_id"] == viewer_id
        return CohortShape(
            **dict(row),
            is_open=row["people"] < row["seats"] and row["starts_at"] > self._now(),
            room_id=UUID(str(row["id"])) if is_in else None,
        )


def no_cohort() -> Problem:
    return not_found("There is no such cohort")


async def _learner(tx: Transaction, cohort: Row, username: str) -> Row | None:
    return await tx.fetchrow(queries.LEARNER, cohort["course_id"], username)


async def _found(tx: Transaction, viewer_id: str, cohort_id: str) -> Row:
    row = await tx.fetchrow(queries.ONE, viewer_id, cohort_id)
    if row is None:
        raise no_cohort()
    return row


async def _place(tx: Transaction, learner: Row, cohort: Row, cohort_id: str | None) -> None:
    await tx.execute(queries.PLACE, cohort["course_id"], learner["person_id"], cohort_id)
    for room_id in {learner["cohort_id"], cohort_id} - {None}:
        await note_change(tx, "room", room_id, learner["person_id"])
