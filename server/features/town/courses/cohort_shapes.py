"""Cohorts as clients see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from server.features.people.relations import PersonShape
from server.features.town.courses.shapes import Line
from server.http.shapes import Body, Moment, Page, Shape

MAX_COHORTS: Final = 100
"""Of one course."""
MAX_SEATS: Final = 1_000

Seats = Annotated[int, Field(ge=1, le=MAX_SEATS, description="How many people it takes in")]


def _nothing() -> Any:
    return None


class NewCohort(Body):
    title: Line
    starts_at: Annotated[Moment, Field(description="Until then whoever is enrolled may join")]
    seats: Seats = 30


class CohortChange(Body):
    """What is left out stays."""

    title: Annotated[Line, Field(default_factory=str)]
    starts_at: Annotated[Moment, Field(default_factory=_nothing)]
    seats: Seats = 30


class CohortShape(Shape):
    id: UUID
    course_id: UUID
    title: str
    starts_at: datetime
    seats: Seats
    people: Annotated[int, Field(description="How many are in it")]
    is_mine: Annotated[bool, Field(description="Whether you are in it")]
    is_open: Annotated[bool, Field(description="It has not begun, and has a seat left")]
    room_id: Annotated[UUID | None, Field(description="Of who is in it, and of the author; null for others")]


class MadeCohort(Shape):
    cohort: CohortShape


class CohortsShape(Page[CohortShape]):
    """All cohorts of a course, the one that begins first before the others."""


class CohortMembersShape(Page[PersonShape]):
    """A page of those in a cohort, who enrolled first before the others."""
