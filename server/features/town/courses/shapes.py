"""Courses as clients see them."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from server.features.money.currencies import CurrencyCode
from server.features.people.relations import PersonShape
from server.http.operation import UUID_PATTERN
from server.http.shapes import Body, Moment, Page, PageQuery, Shape, Text, one_line, several_lines

MAX_TITLE: Final = 140
MAX_DESCRIPTION: Final = 5_000
MAX_TEXT: Final = 20_000
MAX_QUESTIONS: Final = 50
MAX_AMOUNT: Final = 2**53

Visibility = Literal["public", "draft"]
LessonKind = Literal["video", "text", "quiz", "live"]
EnrolmentState = Literal["pending", "enrolled"]
Line = Annotated[
    Text, AfterValidator(partial(one_line, at_least=1, at_most=MAX_TITLE)), Field(min_length=1, max_length=MAX_TITLE)
]
Description = Annotated[
    Text, AfterValidator(partial(several_lines, at_most=MAX_DESCRIPTION)), Field(max_length=MAX_DESCRIPTION)
]
LessonText = Annotated[Text, AfterValidator(partial(several_lines, at_most=MAX_TEXT)), Field(max_length=MAX_TEXT)]
Wording = Annotated[Text, AfterValidator(partial(several_lines, at_most=500)), Field(min_length=1, max_length=500)]
Explanation = Annotated[Text, AfterValidator(partial(several_lines, at_most=2_000)), Field(max_length=2_000)]
Id = Annotated[str, StringConstraints(pattern=UUID_PATTERN), AfterValidator(str.lower)]
Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT, description="In minor units of the currency; 0: it is free")]
Position = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
Percent = Annotated[int, Field(ge=0, le=100)]
SessionSeconds = Annotated[int, Field(ge=300, le=86_400, description="How long a session is")]


class NewCourse(Body):
    title: Line
    description: Description = ""
    visibility: Annotated[Visibility, Field(description="`draft`: only its author sees it")] = "public"
    amount: Amount = 0
    currency: CurrencyCode = "USD"


class CourseChange(Body):
    """What is left out stays."""

    title: Annotated[Line, Field(default_factory=str)]
    description: Annotated[Description, Field(default_factory=str)]
    visibility: Visibility = "public"
    amount: Amount = 0
    currency: CurrencyCode = "USD"


class CourseShape(Shape):
    id: UUID
    author: PersonShape
    title: str
    description: str
    visibility: Visibility
    amount: Amount
    currency: str
    created_at: datetime
    lessons: Annotated[int, Field(description="How many there are")]
    people: Annotated[int, Field(description="How many are enrolled")]
    enrolment: Annotated[EnrolmentState | None, Field(description="Yours; null: none")]
    percent: Annotated[Percent, Field(description="How far you are")]
    room_id: Annotated[UUID | None, Field(description="The room of who is enrolled; null for others")]


class MadeCourse(Shape):
    course: CourseShape


class CoursesShape(Page[CourseShape]):
    """A page of courses, the newest first."""


class CoursesQuery(PageQuery):
    q: Annotated[str, StringConstraints(max_length=100), Field(description="In the title")] = ""


class MyCoursesQuery(PageQuery):
    kind: Annotated[Literal["learning", "teaching"], Field(description="Those you learn from, or those you give")] = (
        "learning"
    )


class Question(Body):
    question: Wording
    options: Annotated[list[Wording], Field(min_length=2, max_length=10)]
    answer: Annotated[int, Field(ge=0, le=9, description="The index of the right option")]
    explanation: Explanation = ""

    @model_validator(mode="after")
    def _has_an_answer(self) -> Self:
        if self.answer >= len(self.options):
            raise ValueError("answer must be the index of an option")
        return self


class NewLesson(Body):
    kind: LessonKind
    title: Line
    position: Annotated[Position | None, Field(description="Its place in the course; without one, the last")] = None
    text: LessonText = ""
    video_id: Annotated[Id | None, Field(description="A video of yours")] = None
    stream_id: Annotated[Id | None, Field(description="A stream of yours")] = None
    questions: Annotated[list[Question], Field(max_length=MAX_QUESTIONS)] = []  # noqa: RUF012 -- pydantic copies it
    pass_percent: Annotated[Percent, Field(description="Of the answers of a quiz that must be right")] = 70
    requires: Annotated[list[Id], Field(max_length=20, description="Lessons to be done before it")] = []  # noqa: RUF012
    starts_at: Annotated[Moment | None, Field(description="Of a live lesson: when its session is")] = None
    lasts_seconds: SessionSeconds = 3_600


class LessonChange(Body):
    """What is left out stays."""

    title: Annotated[Line, Field(default_factory=str)]
    position: Annotated[Position, Field(default_factory=float)]
    text: LessonText = ""
    video_id: Id | None = None
    stream_id: Id | None = None
    questions: Annotated[list[Question], Field(max_length=MAX_QUESTIONS, default_factory=list)]
    pass_percent: Percent = 70
    requires: Annotated[list[Id], Field(max_length=20, default_factory=list)]
    starts_at: Moment | None = None
    lasts_seconds: SessionSeconds = 3_600


class LessonHead(Shape):
    id: UUID
    course_id: UUID
    kind: LessonKind
    title: str
    position: float
    requires: list[UUID]
    percent: Annotated[Percent, Field(description="How far you are; of a quiz, your best result")]
    done: bool
    locked: Annotated[bool, Field(description="Lessons that it requires are not done yet")]
    starts_at: Annotated[datetime | None, Field(description="Of a live lesson: when its session is")]
    lasts_seconds: SessionSeconds


class LessonsShape(Page[LessonHead]):
    """The lessons of a course, in order."""


class QuestionShape(Shape):
    """``answer`` and ``explanation`` are null until you have answered right, or passed the quiz."""

    question: str
    options: list[str]
    given: Annotated[int | None, Field(description="What you answered last")]
    answer: int | None
    explanation: str | None


class LessonShape(LessonHead):
    """The content is null for who is not enrolled, and while it is locked."""

    text: str | None
    video_id: UUID | None
    stream_id: UUID | None
    call_id: Annotated[UUID | None, Field(description="The call in which the session is held now")]
    questions: list[QuestionShape] | None
    pass_percent: Percent


class MadeLesson(Shape):
    lesson: LessonShape


class EnrolmentShape(Shape):
    course_id: UUID
    state: EnrolmentState
    room_id: UUID | None


class EnrolledShape(Shape):
    """``checkout_url`` and ``client_secret``: with what to pay; null where there is nothing to pay."""

    enrolment: EnrolmentShape
    checkout_url: str | None
    client_secret: str | None


class ProgressBody(Body):
    """``percent`` of a video or a text; ``answers`` of a quiz, one for each question. A session is attended."""

    percent: Percent | None = None
    answers: Annotated[list[Annotated[int, Field(ge=0, le=9)]], Field(max_length=MAX_QUESTIONS)] | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if (self.percent is None) == (self.answers is None):
            raise ValueError("needs either percent or answers")
        return self


class ProgressShape(Shape):
    """It only grows. ``questions``: of a quiz, with what was right and why."""

    lesson_id: UUID
    percent: Percent
    done: bool
    score: Annotated[Percent | None, Field(description="Of these answers")]
    questions: list[QuestionShape] | None
    course_percent: Percent


class CertificateShape(Shape):
    """What a certificate says, for who wants to know whether it is one."""

    code: str
    course_id: UUID | None
    title: str
    name: str
    issued_at: datetime
