"""Courses: lessons in an order, progress, quizzes, certificates, and a room for who is enrolled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.money.payments import Payments
from server.features.town.course_settings import CourseSettings
from server.features.town.courses import cohort_queries, queries
from server.features.town.courses.cohort_routes import CohortRoutes
from server.features.town.courses.cohort_shapes import MAX_COHORTS, MAX_SEATS
from server.features.town.courses.cohorts import Cohorts
from server.features.town.courses.courses import Courses
from server.features.town.courses.learning import Learning
from server.features.town.courses.lessons import Lessons
from server.features.town.courses.routes import CourseRoutes
from server.features.town.courses.session_routes import SessionRoutes
from server.features.town.courses.sessions import RECORD_EVERY_S, Invitations, Sessions
from server.features.town.courses.shapes import MAX_QUESTIONS
from server.http.limits import hourly
from server.jobs import repeated
from server.outbound.settings import Site
from storage.postgres import Transaction

__all__ = ["build"]

CHANGES_PER_HOUR: Final = 3_600


def build(
    platform: Platform,
    *,
    settings: CourseSettings,
    payments: Payments,
    site: Site,
    invitations: Invitations,
    when_changed: Callable[[], Awaitable[None]],
) -> Feature:
    """``invitations``: to calls. ``when_changed``: this node need not wait to find out who may be in which room."""
    courses = Courses(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        payments=payments,
        when_changed=when_changed,
        most=settings.max_courses,
    )
    lessons = Lessons(
        db=platform.db, ids=platform.ids, now=platform.now, courses=courses, most=settings.max_course_lessons
    )
    learning = Learning(
        db=platform.db,
        ids=platform.ids,
        now=platform.now,
        courses=courses,
        lessons=lessons,
        payments=payments,
        when_changed=when_changed,
        origin=site.origin,
        most=settings.max_course_people,
    )
    cohorts = Cohorts(db=platform.db, ids=platform.ids, now=platform.now, courses=courses, when_changed=when_changed)
    sessions = Sessions(db=platform.db, now=platform.now, courses=courses, lessons=lessons, invitations=invitations)
    rate = hourly("courses", CHANGES_PER_HOUR)
    routes = CourseRoutes(
        courses=courses,
        lessons=lessons,
        learning=learning,
        site=site.name,
        rate=rate,
    )
    return Feature(
        name="courses",
        operations=[
            *routes.operations(),
            *CohortRoutes(cohorts=cohorts, rate=rate).operations(),
            *SessionRoutes(sessions=sessions, rate=rate).operations(),
        ],
        schedules=[repeated("courses.attendance", sessions.record, every_s=RECORD_EVERY_S)],
        consumers=learning.consumers(),
        personal_data=PersonalData(tables=TABLES, sections=SECTIONS, erase=_erase),
        limits={
            "courses": settings.max_courses,
            "course_lessons": settings.max_course_lessons,
            "course_people": settings.max_course_people,
            "quiz_questions": MAX_QUESTIONS,
            "course_cohorts": MAX_COHORTS,
            "cohort_people": MAX_SEATS,
        },
    )


TABLES: Final = frozenset({"courses", "course_enrolments", "course_progress", "course_certificates"})
SECTIONS: Final = (
    rows_by_id(
        "courses",
        "id, title, description, visibility, amount, currency, created_at",
        "courses where author_id = $1",
    ),
    rows_by_id("course_enrolments", "id, course_id, cohort_id, state, since", "course_enrolments where person_id = $1"),
    rows_by_id(
        "course_progress",
        "lesson_id, percent, answers, changed_at",
        "course_progress where person_id = $1",
        "lesson_id",
    ),
    rows_by_id(
        "course_certificates",
        "course_id, code, title, name, issued_at",
        "course_certificates where course_id is not null and person_id = $1",
        "course_id",
    ),
)


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in (cohort_queries.ROOMS_OF_AUTHOR, *queries.ERASE):
        await tx.execute(sql, person_id)
