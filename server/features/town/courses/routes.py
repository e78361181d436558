"""``/api/v1/courses``, ``/api/v1/lessons``, ``/api/v1/me/courses`` and ``/api/v1/certificates``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from server.features.town.courses.certificate_pdf import pdf_of
from server.features.town.courses.courses import Courses
from server.features.town.courses.learning import Learning
from server.features.town.courses.lessons import Lessons
from server.features.town.courses.shapes import (
    CertificateShape,
    CourseChange,
    CourseShape,
    CoursesQuery,
    CoursesShape,
    EnrolledShape,
    LessonChange,
    LessonShape,
    LessonsShape,
    MadeCourse,
    MadeLesson,
    MyCoursesQuery,
    NewCourse,
    NewLesson,
    ProgressBody,
    ProgressShape,
)
from server.http.limits import CallRate
from server.http.operation import Answer, Call, MediaType, Operation, PathFormat

TAG: Final = "courses"
ALL: Final = "/api/v1/courses"
ONE: Final = "/api/v1/courses/{course_id}"
LESSON: Final = "/api/v1/lessons/{lesson_id}"
CODE: Final = PathFormat(
    pattern="^[2-9A-HJ-NP-Za-hj-np-z]{16}$", description="What stands on a certificate", example="2345ABCDEFGHJKLM"
)
PDF: Final = MediaType(media_type="application/pdf", description="The certificate, on one page")


class CourseRoutes:
    def __init__(self, *, courses: Courses, lessons: Lessons, learning: Learning, site: str, rate: CallRate) -> None:
        self._courses = courses
        self._lessons = lessons
        self._learning = learning
        self._site = site
        self._rate = rate

    def operations(self) -> Sequence[Operation]:
        reads: dict[str, Any] = {
            "method": "GET", "tag": TAG, "auth": "optional", "problems": frozenset({404}),
        }  # fmt: skip
        writes: dict[str, Any] = {
            "tag": TAG, "auth": "required", "account_rate": self._rate, "problems": frozenset({403, 404, 409}),
        }  # fmt: skip
        return [
            Operation(
                method="POST", path=ALL, handler=self._make, name="makeCourse", summary="Give a course",
                body=NewCourse, answers={201: MadeCourse}, idempotent_key=True, **writes,
            ),
            Operation(
                path=ALL, handler=self._list, name="listCourses", summary="Courses, the newest first",
                query=CoursesQuery, answers={200: CoursesShape}, **reads,
            ),
            Operation(
                method="GET", path="/api/v1/me/courses", handler=self._mine, name="listMyCourses", tag=TAG,
                summary="The courses that you learn from, or that you give", query=MyCoursesQuery,
                answers={200: CoursesShape}, auth="required",
            ),
            Operation(
                path=ONE, handler=self._one, name="getCourse", summary="A course", answers={200: CourseShape}, **reads,
            ),
            Operation(
                method="PATCH", path=ONE, handler=self._change, name="changeCourse", summary="Change your course",
                body=CourseChange, answers={200: CourseShape}, **writes,
            ),
            Operation(
                method="DELETE", path=ONE, handler=self._remove, name="deleteCourse",
                summary="Delete your course with its lessons", answers={204: None}, **writes,
            ),
            Operation(
                method="POST", path=f"{ONE}/lessons", handler=self._make_lesson, name="makeLesson", body=NewLesson,
                summary="Add a lesson to your course", answers={201: MadeLesson}, idempotent_key=True,
                max_body=512 * 1024, **writes,
            ),
            Operation(
                path=f"{ONE}/lessons", handler=self._heads, name="listLessons", answers={200: LessonsShape},
                summary="The lessons of a course, in order, without their content", **reads,
            ),
            Operation(
                path=LESSON, handler=self._lesson, name="getLesson", answers={200: LessonShape},
                summary="A lesson, with its content for who is enrolled", **reads,
            ),
            Operation(
                method="PATCH", path=LESSON, handler=self._change_lesson, name="changeLesson", body=LessonChange,
                summary="Change a lesson of yours", answers={200: LessonShape}, max_body=512 * 1024, **writes,
            ),
            Operation(
                method="DELETE", path=LESSON, handler=self._remove_lesson, name="deleteLesson",
                summary="Delete a lesson of yours", answers={204: None}, **writes,
            ),
            Operation(
                method="PUT", path=f"{ONE}/enrolment", handler=self._enrol, name="enrol",
                summary="Enrol in a course; one that costs something waits for the payment",
                answers={200: EnrolledShape}, **writes,
            ),
            Operation(
                method="DELETE", path=f"{ONE}/enrolment", handler=self._leave, name="leaveCourse",
                summary="Leave a course; what you learnt and paid is kept", answers={204: None}, **writes,
            ),
            Operation(
                method="PUT", path=f"{LESSON}/progress", handler=self._progress, name="putProgress", body=ProgressBody,
                summary="How far you are with a lesson; it only grows", answers={200: ProgressShape}, **writes,
            ),
            Operation(
                method="GET", path=f"{ONE}/certificate.pdf", handler=self._certificate, name="getCertificate", tag=TAG,
                summary="Your certificate, when you have done all lessons", answers={200: PDF}, auth="required",
                account_rate=self._rate, problems=frozenset({404, 409}),
            ),
            Operation(
                path="/api/v1/certificates/{code}", handler=self._verify, name="verifyCertificate",
                summary="What a certificate says", paths={"code": CODE}, answers={200: CertificateShape}, **reads,
            ),
        ]  # fmt: skip

    async def _make(self, call: Call[NewCourse, None]) -> Answer:
        return Answer(201, MadeCourse(course=await self._courses.make(call.me.id, call.body)))

    async def _list(self, call: Call[None, CoursesQuery]) -> Answer:
        query = call.query
        items, following = await self._courses.page(_viewer(call), query.q, query.cursor, query.limit)
        return Answer(body=CoursesShape(items=items, next=following))

    async def _mine(self, call: Call[None, MyCoursesQuery]) -> Answer:
        query = call.query
        items, following = await self._courses.mine(call.me.id, query.kind, query.cursor, query.limit)
        return Answer(body=CoursesShape(items=items, next=following))

    async def _one(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._courses.one(_viewer(call), call.path["course_id"]))

    async def _change(self, call: Call[CourseChange, None]) -> Answer:
        return Answer(body=await self._courses.change(call.me.id, call.path["course_id"], call.body))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._courses.remove(call.me.id, call.path["course_id"])
        return Answer(204)

    async def _make_lesson(self, call: Call[NewLesson, None]) -> Answer:
        made = await self._lessons.make(call.me.id, call.path["course_id"], call.body)
        return Answer(201, MadeLesson(lesson=made))

    async def _heads(self, call: Call[None, None]) -> Answer:
        heads = await self._lessons.heads(_viewer(call), call.path["course_id"])
        return Answer(body=LessonsShape(items=heads, next=None))

    async def _lesson(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._lessons.one(_viewer(call), call.path["lesson_id"]))

    async def _change_lesson(self, call: Call[LessonChange, None]) -> Answer:
        return Answer(body=await self._lessons.change(call.me.id, call.path["lesson_id"], call.body))

    async def _remove_lesson(self, call: Call[None, None]) -> Answer:
        await self._lessons.remove(call.me.id, call.path["lesson_id"])
        return Answer(204)

    async def _enrol(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._learning.enrol(call.me.id, call.path["course_id"]))

    async def _leave(self, call: Call[None, None]) -> Answer:
        await self._learning.leave(call.me.id, call.path["course_id"])
        return Answer(204)

    async def _progress(self, call: Call[ProgressBody, None]) -> Answer:
        return Answer(body=await self._learning.put_progress(call.me.id, call.path["lesson_id"], call.body))

    async def _certificate(self, call: Call[None, None]) -> web.Response:
        certificate = await self._learning.certificate(call.me.id, call.path["course_id"])
        address = self._learning.address_of(certificate.code)
        written = await asyncio.to_thread(pdf_of, certificate, site=self._site, address=address)
        return web.Response(body=written, content_type="application/pdf", headers={"Cache-Control": "no-store"})

    async def _verify(self, call: Call[None, None]) -> Answer:
        return Answer(body=await self._learning.verify(call.path["code"]))


def _viewer(call: Call[Any, Any]) -> str | None:
    return call.person.id if call.person is not None else None
