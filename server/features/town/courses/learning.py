"""Who is enrolled in courses, how far they are, and what proves that they are through.

A course that costs something is paid first: the enrolment waits until the payment has succeeded, and goes when it is
given back as a whole. Of two payments for one enrolment the later is given back.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from server.features.money.payments import PaymentFailed, PaymentReversed, Payments, PaymentSucceeded, Purpose
from server.features.town.courses import queries
from server.features.town.courses.courses import Courses, hold, no_course
from server.features.town.courses.lessons import Lessons, asked, done, is_attended, is_locked
from server.features.town.courses.rules import is_done, score
from server.features.town.courses.shapes import (
    CertificateShape,
    EnrolledShape,
    EnrolmentShape,
    ProgressBody,
    ProgressShape,
)
from server.http.errors import FieldError, Problem, invalid, invalid_field, not_found
from storage.facts import Consumer
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction
from storage.rights import note_change

KIND: Final = "course"
_LETTERS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class Learning:
    """``most``: people in one course. ``origin``: of the pages to which who has paid returns."""

    def __init__(
        self,
        *,
        db: Database,
        ids: Ids,
        now: Callable[[], datetime],
        courses: Courses,
        lessons: Lessons,
        payments: Payments,
        when_changed: Callable[[], Awaitable[None]],
        origin: str,
        most: int,
    ) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._courses = courses
        self._lessons = lessons
        self._payments = payments
        self._when_changed = when_changed
        self._origin = origin
        self._most = most

    async def enrol(self, me: str, course_id: str) -> EnrolledShape:
        """Again, it changes nothing. Raises a 404, a 409 for one's own course and for a full one, and a 503."""
        course = await self._courses.row(me, course_id)
        if course["author_id"] == me:
            raise Problem(409, "This course is yours", slug="own-course")
        if course["enrolment"] == "enrolled":
            return _enrolled(course_id, "enrolled")
        if course["amount"] and course["payment_id"] is None:
            return await self._begin_payment(me, course)
        async with self._db.transaction() as tx:
            await self._require_room(tx, course_id)
            await tx.fetchval(queries.ENROL, self._new_id(), course_id, me, "enrolled", self._now())
            await note_change(tx, "room", course_id, me)
        await self._when_changed()
        return _enrolled(course_id, "enrolled")

    async def leave(self, me: str, course_id: str) -> None:
        """What was learnt and paid is kept. Raises a 404."""
        async with self._db.transaction() as tx:
            row = await tx.fetchrow(queries.LEAVE, course_id, me)
            if row is None:
                raise no_course()
            await _note(tx, row)
        await self._when_changed()

    async def _begin_payment(self, me: str, course: Row) -> EnrolledShape:
        course_id, amount, currency = course["id"], course["amount"], course["currency"]
        self._payments.require(amount, currency)
        async with self._db.transaction() as tx:
            await self._require_room(tx, course_id)
            enrolment_id = await tx.fetchval(queries.ENROL, self._new_id(), course_id, me, "pending", self._now())
            purpose = Purpose(
                kind=KIND, subject=enrolment_id, payer_id=me, payee_id=course["author_id"], label=course["title"],
                back_to=f"{self._origin}/courses/{course_id}",
            )  # fmt: skip
            payment_id = await self._payments.begin(tx, purpose, amount=amount, currency=currency)
        opened = await self._payments.open(payment_id, purpose, amount=amount, currency=currency)
        return _enrolled(course_id, "pending", opened.checkout_url, opened.client_secret)

    async def _require_room(self, tx: Transaction, course_id: str) -> None:
        await hold(tx, course_id)
        if await tx.fetchval(queries.COUNT_PEOPLE, course_id) >= self._most:
            raise Problem(409, f"At most {self._most} people are in a course", slug="course-full")

    # progress

    async def put_progress(self, me: str, lesson_id: str, body: ProgressBody) -> ProgressShape:
        """Raises a 404, a 403 for who is not enrolled, a 409 for a locked lesson and a session, and a 422."""
        course, lessons, lesson = await self._lessons.placed(me, lesson_id)
        if course["enrolment"] != "enrolled":
            raise Problem(403, "Enrol in the course first", slug="not-enrolled")
        if is_locked(lesson, lessons):
            raise Problem(409, "Do the lessons first that this one requires", slug="lesson-locked")
        if is_attended(lesson):
            raise Problem(409, "A session is done by who attends it", slug="attend-session")
        percent, result = _result(lesson, body)
        await self._db.execute(queries.PUT_PROGRESS, lesson_id, me, percent, body.answers, self._now())
        best = max(percent, lesson["percent"])
        total = sum(best if one["id"] == lesson_id else one["percent"] for one in lessons)
        return ProgressShape(
            lesson_id=lesson["id"],
            percent=best,
            done=is_done(lesson["kind"], best, lesson["pass_percent"]),
            score=result,
            questions=asked({**lesson, "percent": best}, body.answers) if body.answers is not None else None,
            course_percent=total // len(lessons),
        )

    async def certificate(self, me: str, course_id: str) -> CertificateShape:
        """Issued when it is first asked for, and kept by who leaves the course. Raises a 404 for who is not enrolled,
        and a 409 for who is not through.
        """
        row = await self._db.fetchrow(queries.CERTIFICATE, course_id, me) or await self._certified(me, course_id)
        return CertificateShape(**dict(row), course_id=UUID(course_id))

    async def _certified(self, me: str, course_id: str) -> Row:
        course = await self._courses.row(me, course_id)
        if course["enrolment"] != "enrolled":
            raise not_found("You have no certificate of this course")
        lessons = await self._lessons.rows(self._db, me, course_id)
        if not lessons or not all(done(one) for one in lessons):
            raise Problem(409, "The certificate is for who has done all lessons", slug="course-not-done")
        code = "".join(secrets.choice(_LETTERS) for _ in range(16))
        await self._db.execute(queries.CERTIFY, code, course_id, me, course["title"], self._now())
        row = await self._db.fetchrow(queries.CERTIFICATE, course_id, me)
        assert row is not None
        return row

    async def verify(self, code: str) -> CertificateShape:
        """Raises a 404 for what is no certificate."""
        row = await self._db.fetchrow(queries.VERIFY, code.upper())
        if row is None:
            raise not_found("There is no such certificate")
        return CertificateShape(**dict(row))

    def address_of(self, code: str) -> str:
        """Where everybody sees whether it is one."""
        return f"{self._origin}/certificates/{code}"

    # money

    def consumers(self) -> Sequence[Consumer[Any]]:
        return (
            Consumer(PaymentSucceeded, self._succeeded),
            Consumer(PaymentFailed, self._failed),
            Consumer(PaymentReversed, self._reversed),
        )

    async def _succeeded(self, tx: Transaction, fact: PaymentSucceeded) -> None:
        if fact.kind != KIND:
            return
        row = await tx.fetchrow(queries.PAID, fact.subject, fact.payment_id, fact.at)
        if row is None:
            await self._give_back(tx, fact.payment_id)
        else:
            await _note(tx, row)

    async def _give_back(self, tx: Transaction, payment_id: str) -> None:
        try:
            await self._payments.refund(tx, payment_id, None)
        except Problem as problem:  # all of it has gone back already, or is on its way
            if problem.status != 409:
                raise

    async def _failed(self, tx: Transaction, fact: PaymentFailed) -> None:
        if fact.kind == KIND:
            await tx.execute(queries.FAILED, fact.subject)

    async def _reversed(self, tx: Transaction, fact: PaymentReversed) -> None:
        if fact.kind == KIND and fact.net == 0:
            row = await tx.fetchrow(queries.REVERSED, fact.subject, fact.payment_id)
            if row is not None:
                await _note(tx, row)

    def _new_id(self) -> str:
        return self._ids.uuid7(self._now().timestamp())


async def _note(tx: Transaction, enrolment: Row) -> None:
    """The person is another thing in the rooms of the course and of their cohort."""
    for room_id in (enrolment["course_id"], enrolment["cohort_id"]):
        if room_id is not None:
            await note_change(tx, "room", room_id, enrolment["person_id"])


def _result(lesson: Row, body: ProgressBody) -> tuple[int, int | None]:
    """How far the person is with it, and what their answers come to. Raises a 422."""
    if lesson["kind"] != "quiz":
        if body.percent is None:
            raise invalid_field("answers", "are of a quiz: send percent")
        return body.percent, None
    if body.answers is None:
        raise invalid_field("percent", "follows from the answers of a quiz: send answers")
    if len(body.answers) != len(lesson["questions"]):
        raise invalid_field("answers", f"must be {len(lesson['questions'])}, one for each question")
    unknown = [at for at, one in enumerate(lesson["questions"]) if body.answers[at] >= len(one["options"])]
    if unknown:
        raise invalid(*(FieldError(f"answers.{at}", "is no option of its question") for at in unknown))
    reached = score(lesson["questions"], body.answers)
    return reached, reached


def _enrolled(
    course_id: Any, state: Any, checkout_url: str | None = None, client_secret: str | None = None
) -> EnrolledShape:
    enrolment = EnrolmentShape(course_id=course_id, state=state, room_id=course_id if state == "enrolled" else None)
    return EnrolledShape(enrolment=enrolment, checkout_url=checkout_url, client_secret=client_secret)
