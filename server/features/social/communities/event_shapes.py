"""Events of communities as clients see them."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from server.features.people.relations import PersonShape
from server.features.social.communities.shapes import Description, Title
from server.http.shapes import Body, Moment, Page, PageQuery, Shape, Text, one_line
from server.time_zones import ZoneName

MAX_PLACE: Final = 300
MAX_PLACES: Final = 1_000_000
MAX_DAYS: Final = 31
"""How long an event lasts at most."""
MAX_YEARS: Final = 10
"""How far ahead it is."""

Attendance = Literal["going", "maybe", "no"]
Place = Annotated[Text, AfterValidator(partial(one_line, at_most=MAX_PLACE)), Field(max_length=MAX_PLACE)]
Start = Annotated[Moment, Field(description=f"At most {MAX_YEARS} years ahead")]
End = Annotated[Moment | None, Field(description=f"After `starts_at`, by at most {MAX_DAYS} days")]
Places = Annotated[int | None, Field(ge=1, le=MAX_PLACES, description="How many may go; null: all")]


class NewEvent(Body):
    title: Title
    description: Description = ""
    place: Place = ""
    time_zone: Annotated[ZoneName, Field(description="Whose clocks the event goes by")] = "UTC"
    starts_at: Start
    ends_at: End = None
    places: Places = None


def _utc() -> str:
    return "UTC"


def _nothing() -> None:
    return None


class EventChange(Body):
    """What is left out stays."""

    title: Annotated[Title, Field(default_factory=str)]
    description: Annotated[Description, Field(default_factory=str)]
    place: Annotated[Place, Field(default_factory=str)]
    time_zone: Annotated[ZoneName, Field(default_factory=_utc)]
    starts_at: Annotated[Start, Field(default_factory=datetime.now)]
    ends_at: Annotated[End, Field(default_factory=_nothing)]
    places: Annotated[Places, Field(default_factory=_nothing)]


class AttendanceBody(Body):
    state: Attendance = "going"


class EventCounts(Shape):
    going: int
    maybe: int


class AttendanceShape(Shape):
    """Your answer."""

    state: Annotated[Attendance | None, Field(description="null: none yet")]


class EventShape(Shape):
    id: UUID
    community: Annotated[str, Field(description="The name of the community")]
    title: str
    description: str
    place: str
    time_zone: str
    starts_at: datetime
    ends_at: datetime | None
    places: Annotated[int | None, Field(description="How many may go; null: all")]
    author: Annotated[PersonShape | None, Field(description="null: an account that you cannot see")]
    created_at: datetime
    counts: EventCounts
    viewer: Annotated[AttendanceShape | None, Field(description="null for who is no member")]


class MadeEvent(Shape):
    event: EventShape


class EventsQuery(PageQuery):
    past: Annotated[bool, Field(description="Those that are over, the last first, instead of those to come")] = False


class EventsShape(Page[EventShape]):
    """A page of events."""


class AttendanceQuery(PageQuery):
    state: Attendance = "going"


class AttendeesShape(Page[PersonShape]):
    """A page of people who gave one answer."""
