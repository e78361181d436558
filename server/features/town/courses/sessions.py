"""Lessons that are a session: a call that the author has begun, or a stream of theirs.

Done by who attended: was in the call, or watched the stream while the session was. It is found out each minute. Whom
that does not see, as behind another's screen, the author marks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from server.features.town.courses import session_queries as queries
from server.features.town.courses.courses import Courses
from server.features.town.courses.lessons import Lessons, is_locked
from server.features.town.courses.session_shapes import SessionInvitation
from server.features.town.courses.shapes import LessonShape
from server.http.errors import Problem, invalid_field, not_found
from storage.postgres import Database, Row

WATCHED_MS: Final = 5 * 60_000
"""Of the stream of a session: so much is to attend it."""
RECORD_EVERY_S: Final = 60.0


class Invitations(Protocol):
    """To calls."""

    async def token_for(self, person_id: str, *, call_id: str, owner_id: str) -> str: ...


class Sessions:
    def __init__(
        self,
        *,
        db: Database,
        now: Callable[[], datetime],
        courses: Courses,
        lessons: Lessons,
        invitations: Invitations,
    ) -> None:
        self._db = db
        self._now = now
        self._courses = courses
        self._lessons = lessons
        self._invitations = invitations

    async def hold(self, me: str, lesson_id: str, call_id: str) -> LessonShape:
        """It is held in this call. Raises a 404, a 403, a 409 for another kind of lesson, and a 422."""
        lesson = await self._own(me, lesson_id)
        now = self._now()
        if not await self._db.fetchval(queries.OWN_CALL, call_id, me, now):
            raise invalid_field("call_id", "is no call that you have begun and that goes on")
        async with self._db.transaction() as tx:
            if lesson["call_id"] not in (None, call_id):
                await tx.execute(queries.RECORD_ONE, now, WATCHED_MS, lesson_id)  # of the call before
            await tx.execute(queries.HOLD, lesson_id, call_id, now)
        return await self._lessons.one(me, lesson_id)

    async def invite(self, me: str, lesson_id: str) -> SessionInvitation:
        """Raises a 404, a 403 for who is not enrolled, and a 409 for a locked lesson, or while there is no call."""
        course, lessons, lesson = await self._lessons.placed(me, lesson_id)
        if course["enrolment"] != "enrolled":
            raise Problem(403, "Enrol in the course first", slug="not-enrolled")
        if is_locked(lesson, lessons):
            raise Problem(409, "Do the lessons first that this one requires", slug="lesson-locked")
        call_id = lesson["open_call_id"]
        if call_id is None:
            raise Problem(409, "The session has not begun, or is over", slug="no-session")
        token = await self._invitations.token_for(me, call_id=call_id, owner_id=course["author_id"])
        return SessionInvitation(call_id=UUID(call_id), join_token=token)

    async def mark(self, me: str, lesson_id: str, username: str) -> None:
        """The learner has attended. Raises a 404, a 403 and a 409."""
        await self._own(me, lesson_id)
        if await self._db.fetchval(queries.MARK, lesson_id, username, self._now()) is None:
            raise not_found("No learner of this course has this name")

    async def record(self) -> None:
        """Who has attended the sessions of now has done them."""
        await self._db.execute(queries.RECORD, self._now(), WATCHED_MS)

    async def _own(self, me: str, lesson_id: str) -> Row:
        _, _, lesson = await self._lessons.placed(me, lesson_id)
        await self._courses.own(me, lesson["course_id"])
        if lesson["kind"] != "live":
            raise Problem(409, "Only a live lesson is a session", slug="no-live-lesson")
        return lesson
