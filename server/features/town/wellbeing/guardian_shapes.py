"""Guardians and minors over REST."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final, Literal

import msgspec
from pydantic import Field

from server.features.people.relations import PersonShape
from server.features.town.wellbeing.shapes import BreakSeconds, DaySeconds, QuietBody
from server.http.shapes import Body, Shape
from server.socket_events import ServerEvent
from server.time_zones import ZoneName

MAX_MINORS: Final = 10


class GuardBody(Body):
    """All of it at once; what is left out is off. Days and quiet hours are by the clock of ``time_zone``."""

    daily_seconds: Annotated[DaySeconds | None, Field(description="After so long the page is closed for the day")] = (
        None
    )
    break_seconds: BreakSeconds | None = None
    quiet_hours: Annotated[QuietBody | None, Field(description="The page is closed then, and notifications wait")] = (
        None
    )
    time_zone: ZoneName = "UTC"


class GuardianshipShape(Shape):
    """``person``: the other one. What a minor watches, and for how long, is not told to a guardian."""

    person: PersonShape
    state: Literal["invited", "accepted"]
    daily_seconds: int | None
    break_seconds: int | None
    quiet_hours: QuietBody | None
    time_zone: str
    until: Annotated[dt.date | None, Field(description="The minor's 18th birthday, when it ends by itself")]


class GuardianshipsShape(Shape):
    guardians: Annotated[list[GuardianshipShape], Field(description="Yours, and who would like to be it")]
    minors: Annotated[list[GuardianshipShape], Field(description="Whose guardian you are, or have asked to be")]


class GuardianChanged(msgspec.Struct, frozen=True, kw_only=True):
    state: Literal["invited", "accepted", "changed", "ended"]


GUARDIAN: Final = ServerEvent(
    name="wellbeing:guardian",
    summary="A guardianship of yours was offered, accepted, changed or ended: read it anew",
    body=GuardianChanged,
    to="the sockets of the minor and of the guardian",
)
