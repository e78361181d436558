"""What people decide about their time, and what they spent it on, over REST."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Final

from pydantic import Field

from server.http.shapes import Body, Day, Query, Shape
from server.time_zones import ZoneName

CLOCK: Final = "^([01][0-9]|2[0-3]):[0-5][0-9]$"
DaySeconds = Annotated[int, Field(ge=60, le=86_400)]
BreakSeconds = Annotated[int, Field(ge=300, le=14_400)]


class QuietBody(Body):
    """By the person's clock; past midnight when ``end`` is not later."""

    start: Annotated[str, Field(pattern=CLOCK, examples=["22:00"])]
    end: Annotated[str, Field(pattern=CLOCK, examples=["07:00"])]


class WellbeingBody(Body):
    """All of it at once; what is left out is off. Quiet hours and time zone are those of the notifications."""

    daily_seconds: Annotated[
        DaySeconds | None, Field(description="The page says so, once, when a day has been this long")
    ] = None
    break_seconds: Annotated[
        BreakSeconds | None, Field(description="The page proposes a break after so long without a pause")
    ] = None
    quiet_hours: QuietBody | None = None
    time_zone: ZoneName = "UTC"


Stopped = Annotated[
    bool, Field(description="By a guardian: the day has been as long as it may be, or these are quiet hours")
]


class GuardedShape(Shape):
    """What your guardian has decided. The smaller one of two limits holds."""

    daily_seconds: int | None
    break_seconds: int | None
    quiet_hours: QuietBody | None
    time_zone: str
    until: dt.date


class WellbeingShape(Shape):
    daily_seconds: int | None
    break_seconds: int | None
    quiet_hours: QuietBody | None
    time_zone: str
    seconds_today: int
    guardian: GuardedShape | None
    is_stopped: Stopped


class ActiveShape(Shape):
    """``is_over``: the day has been as long as the person wants it. ``needs_break``: it is time for a pause."""

    seconds_today: int
    is_over: bool
    needs_break: bool
    is_stopped: Stopped


class ReportQuery(Query):
    week: Annotated[Day | None, Field(description="Any day of the week; without it this week")] = None


class DayShape(Shape):
    day: dt.date
    screen_seconds: Annotated[int, Field(description="That a page was looked at")]
    watched_seconds: Annotated[int, Field(description="Of live streams")]
    is_over: Annotated[bool, Field(description="Longer than the limit that holds now")]


class WatchedShape(Shape):
    stream_id: uuid.UUID
    title: str
    seconds: int


class ReportShape(Shape):
    """A week from Monday, by the person's clock. It is shown to nobody else."""

    begins: dt.date
    ends: dt.date
    days: list[DayShape]
    screen_seconds: int
    watched_seconds: int
    watched: Annotated[list[WatchedShape], Field(description="The longest watched streams")]
