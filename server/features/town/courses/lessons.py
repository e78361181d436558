"""The lessons of a course: their order, what comes before which, and their content for who is enrolled."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from server.features.town.courses import queries
from server.features.town.courses.courses import Courses, hold, is_inside
from server.features.town.courses.rules import is_done, needs_itself
from server.features.town.courses.shapes import (
    LessonChange,
    LessonHead,
    LessonShape,
    NewLesson,
    Question,
    QuestionShape,
)
from server.http.errors import FieldError, Problem, invalid, not_found
from storage.ids import Ids
from storage.postgres import Database, Reads, Row, Transaction


class Lessons:
    """``most``: of one course."""

    def __init__(self, *, db: Database, ids: Ids, now: Callable[[], datetime], courses: Courses, most: int) -> None:
        self._db = db
        self._ids = ids
        self._now = now
        self._courses = courses
        self._most = most

    async def make(self, me: str, course_id: str, body: NewLesson) -> LessonShape:
        """Raises a 404, a 403, a 409 when there are too many, and a 422."""
        now = self._now()
        lesson_id = self._ids.uuid7(now.timestamp())
        await self._courses.own(me, course_id)
        async with self._db.transaction() as tx:
            await hold(tx, course_id)
            if await tx.fetchval(queries.COUNT_LESSONS, course_id) >= self._most:
                raise Problem(409, f"A course has at most {self._most} lessons", slug="too-many-lessons")
            position = body.position
            if position is None:
                position = await tx.fetchval(queries.LAST_PLACE, course_id) + 1
            given = {**body.model_dump(), "id": lesson_id, "course_id": course_id}
            await self._require_fit(tx, _Given(me, given), given)
            await tx.execute(
                queries.ADD_LESSON, lesson_id, course_id, body.kind, body.title, float(position), body.text,
                body.video_id, body.stream_id, _plain(body.questions), body.pass_percent, body.requires, now,
                _start(given, now), body.lasts_seconds,
            )  # fmt: skip
        return await self.one(me, lesson_id)

    async def heads(self, viewer_id: str | None, course_id: str) -> list[LessonHead]:
        """Of all lessons, in order."""
        row = await self._courses.row(viewer_id, course_id)
        lessons = await self.rows(self._db, viewer_id, course_id)
        is_author = row["author_id"] == viewer_id
        return [LessonHead(**_head(one, lessons, is_author=is_author)) for one in lessons]

    async def rows(self, where: Reads, viewer_id: str | None, course_id: str) -> Sequence[Row]:
        return await where.fetch(queries.LESSONS, viewer_id, course_id)

    async def one(self, viewer_id: str | None, lesson_id: str) -> LessonShape:
        course, lessons, lesson = await self.placed(viewer_id, lesson_id)
        is_author = course["author_id"] == viewer_id
        head = _head(lesson, lessons, is_author=is_author)
        is_open = is_inside(course, viewer_id) and not head["locked"]
        return LessonShape(
            **head,
            text=lesson["text"] if is_open else None,
            video_id=lesson["video_id"] if is_open else None,
            stream_id=lesson["stream_id"] if is_open else None,
            call_id=lesson["open_call_id"] if is_open else None,
            questions=asked(lesson, lesson["answers"], is_author=is_author) if is_open else None,
            pass_percent=lesson["pass_percent"],
        )

    async def placed(self, viewer_id: str | None, lesson_id: str) -> tuple[Row, Sequence[Row], Row]:
        """The course of a lesson, all of its lessons, and the one. Raises a 404."""
        course_id = await self._db.fetchval(queries.COURSE_OF, lesson_id)
        if course_id is None:
            raise no_lesson()
        course = await self._courses.row(viewer_id, course_id)
        lessons = await self.rows(self._db, viewer_id, course_id)
        found = [one for one in lessons if one["id"] == lesson_id]
        if not found:
            raise no_lesson()
        return course, lessons, found[0]

    async def change(self, me: str, lesson_id: str, change: LessonChange) -> LessonShape:
        _, _, lesson = await self.placed(me, lesson_id)
        course_id = lesson["course_id"]
        await self._courses.own(me, course_id)
        given = {name: getattr(change, name) for name in change.model_fields_set}
        if "questions" in given:
            given["questions"] = _plain(change.questions)
        async with self._db.transaction() as tx:
            await hold(tx, course_id)
            new = {**dict(lesson), **given}
            await self._require_fit(tx, _Given(me, new), given)
            await tx.execute(
                queries.CHANGE_LESSON, lesson_id, new["title"], float(new["position"]), new["text"], new["video_id"],
                new["stream_id"], new["questions"], new["pass_percent"], new["requires"],
                _start(new, self._now()), new["lasts_seconds"],
            )  # fmt: skip
        return await self.one(me, lesson_id)

    async def remove(self, me: str, lesson_id: str) -> None:
        _, _, lesson = await self.placed(me, lesson_id)
        await self._courses.own(me, lesson["course_id"])
        async with self._db.transaction() as tx:
            await hold(tx, lesson["course_id"])
            await tx.execute(queries.DELETE_LESSON, lesson_id)
            await tx.execute(queries.FORGET_REQUIRED, lesson["course_id"], lesson_id)

    async def _require_fit(self, tx: Transaction, lesson: _Given, given: Collection[str]) -> None:
        """Raises a 422 for a lesson that cannot be as it says, with all that is wrong. ``given``: the fields that are
        new: what has vanished since hinders no other change.
        """
        wrong = [*_unfit(lesson, given), *await self._not_own(tx, lesson), *await self._out_of_order(tx, lesson)]
        if wrong:
            raise invalid(*wrong)

    async def _not_own(self, tx: Transaction, lesson: _Given) -> list[FieldError]:
        wrong = []
        if lesson.video_id is not None and not await tx.fetchval(queries.OWN_VIDEO, lesson.video_id, lesson.author_id):
            wrong.append(FieldError("video_id", "is no video of yours"))
        if lesson.stream_id is not None and not await tx.fetchval(
            queries.OWN_STREAM, lesson.stream_id, lesson.author_id
        ):
            wrong.append(FieldError("stream_id", "is no stream of yours"))
        return wrong

    async def _out_of_order(self, tx: Transaction, lesson: _Given) -> list[FieldError]:
        others = {one["id"]: one["requires"] for one in await self.rows(tx, lesson.author_id, lesson.course_id)}
        requires = {**others, lesson.id: lesson.requires}
        if not set(lesson.requires) <= set(requires):
            return [FieldError("requires", "names what is no lesson of this course")]
        if needs_itself(requires, lesson.id):
            return [FieldError("requires", "the lesson would have to be done before itself")]
        return []


class _Given:
    """A lesson as it is to be."""

    def __init__(self, author_id: str, new: Mapping[str, Any]) -> None:
        self.author_id = author_id
        self.id: str = new["id"]
        self.course_id: str = new["course_id"]
        self.kind: str = new["kind"]
        self.text: str = new["text"]
        self.questions = new["questions"]
        self.video_id: str | None = new["video_id"]
        self.stream_id: str | None = new["stream_id"]
        self.starts_at: datetime | None = new["starts_at"]
        self.requires: Sequence[str] = new["requires"]


def _unfit(lesson: _Given, given: Collection[str]) -> Iterator[FieldError]:
    """What is wrong with what it has, or lacks."""
    if (lesson.kind == "quiz") != bool(lesson.questions):
        yield FieldError("questions", "a quiz has at least one, and nothing else has any")
    if lesson.kind != "live" and lesson.starts_at is not None:
        yield FieldError("starts_at", "is of a live lesson")
    if lesson.kind == "text" and not lesson.text.strip() and "text" in given:
        yield FieldError("text", "a text lesson has one")
    if lesson.kind == "video" and lesson.video_id is None and "video_id" in given:
        yield FieldError("video_id", "a video lesson has one")


def done(lesson: Row | Mapping[str, Any]) -> bool:
    return is_done(lesson["kind"], lesson["percent"], lesson["pass_percent"])


def is_locked(lesson: Row, lessons: Sequence[Row]) -> bool:
    return any(one["id"] in lesson["requires"] and not done(one) for one in lessons)


def asked(
    lesson: Row | Mapping[str, Any], answers: Sequence[int] | None, *, is_author: bool = False
) -> list[QuestionShape]:
    """The questions. Who has answered is told what was right, and why; and of the others what would have been once the
    quiz is passed. ``lesson``: with the best of all tries in ``percent``.
    """
    questions: Sequence[Mapping[str, Any]] = lesson["questions"]
    given: Sequence[int | None] = answers or []
    has_answered = len(given) == len(questions)
    is_told = is_author or (has_answered and done(lesson))
    is_right = [has_answered and given[number] == one["answer"] for number, one in enumerate(questions)]
    return [
        QuestionShape(
            question=one["question"],
            options=one["options"],
            given=given[number] if has_answered else None,
            answer=one["answer"] if is_told or is_right[number] else None,
            explanation=one["explanation"] if is_told or is_right[number] else None,
        )
        for number, one in enumerate(questions)
    ]


def no_lesson() -> Problem:
    return not_found("There is no such lesson")


def _head(lesson: Row, lessons: Sequence[Row], *, is_author: bool) -> dict[str, Any]:
    names = ("id", "course_id", "kind", "title", "position", "requires", "percent", "starts_at", "lasts_seconds")
    locked = not is_author and is_locked(lesson, lessons)
    return {**{name: lesson[name] for name in names}, "done": done(lesson), "locked": locked}


def _start(lesson: Mapping[str, Any], now: datetime) -> datetime | None:
    """A session in a stream is now, unless it says when."""
    at: datetime | None = lesson["starts_at"]
    return now if at is None and lesson["kind"] == "live" and lesson["stream_id"] is not None else at


def is_attended(lesson: Row) -> bool:
    """Whether it is a session whose learners are seen to be there."""
    return lesson["kind"] == "live" and not (lesson["starts_at"] is None and lesson["held_at"] is None)


def _plain(questions: Sequence[Question]) -> list[dict[str, Any]]:
    return [one.model_dump() for one in questions]
