"""What clients are told of advertisements to show, of results, and of preferences."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

import msgspec
from pydantic import Field, StringConstraints, model_validator

from server.features.commerce.ads.shapes import Age, Labels, Words
from server.http.operation import UUID_PATTERN
from server.http.shapes import DIGITS, Body, Query, Shape

MAX_DAYS = 366
Id = Annotated[str, StringConstraints(pattern=UUID_PATTERN)]


class DecisionQuery(Query):
    """A pause of the stream is named by ``break_id``, at the place ``mid``."""

    stream_id: Id
    place: Literal["pre", "mid"] = "pre"
    break_id: Id | None = None

    @model_validator(mode="after")
    def _names_its_break(self) -> Self:
        if (self.place == "mid") == (self.break_id is None):
            raise ValueError("needs break_id at the place mid, and there alone")
        return self


class Beaconed(Shape):
    """Paths to post to when so much of it, in per cent, was seen."""

    at_0: Annotated[str, Field(alias="0")]
    at_25: Annotated[str, Field(alias="25")]
    at_50: Annotated[str, Field(alias="50")]
    at_75: Annotated[str, Field(alias="75")]
    at_100: Annotated[str, Field(alias="100")]


class AdShape(Shape):
    id: UUID
    place: Literal["pre", "mid"]
    video: Annotated[str, Field(description="Its playlist")]
    duration_ms: int
    skip_after_ms: Annotated[int, Field(description="From then on the viewer may go on to the stream")]
    click: Annotated[str, Field(description="The path that leads to the advertiser's site")]
    beacons: Beaconed


class DecisionShape(Shape):
    ad: AdShape | None


class ResultsQuery(Query):
    days: Annotated[int, Field(ge=1, le=MAX_DAYS, description="Up to today"), DIGITS] = 30


class ResultShape(Shape):
    day: date
    impressions: int
    quarters: Annotated[int, Field(description="Of those, seen to a quarter; likewise the next")]
    halves: int
    three_quarters: int
    wholes: int
    clicks: int
    invalid: Annotated[int, Field(description="That are not charged, as no viewer sees so many")]
    milli: Annotated[int, Field(description="What they cost, in thousandths of minor units")]


class ResultsShape(Shape):
    """Days on which there was something, in order, in UTC."""

    currency: str
    days: list[ResultShape]


class PreferencesBody(Body):
    consents: Annotated[bool, Field(description="That country, age and interests choose what you are shown")]
    interests: Words = Field(default_factory=list)


class PreferencesShape(Shape):
    consents: bool
    interests: list[str]
    age: Annotated[Age | None, Field(description="From the date of birth; null: none is known")]
    is_personal: Annotated[bool, Field(description="Whether it holds: it does not below 18 years, nor without an age")]


class CreatorBody(Body):
    is_on: Annotated[bool, Field(description="Whether your streams show advertisements")]
    warnings: Annotated[Labels, Field(description="What your streams are about")] = Field(default_factory=list)
    refuses: Annotated[Labels, Field(description="What advertisements must not be about")] = Field(default_factory=list)
    break_minutes: Annotated[
        int | None, Field(ge=5, le=240, description="A pause every so many minutes; null: by your call alone")
    ] = None


class CreatorShape(Shape):
    is_on: bool
    warnings: list[str]
    refuses: list[str]
    break_minutes: int | None
    share_percent: Annotated[int, Field(description="Yours of what is shown from now on with who never showed before")]


class EarnedShape(Shape):
    """``brought``: what impressions have come to; ``part``: yours of it. In minor units."""

    currency: str
    impressions: int
    brought: int
    part: int


class EarningsShape(Shape):
    items: list[EarnedShape]
    next: None


class BreakShape(Shape):
    id: UUID
    stream_id: UUID
    at_ms: Annotated[int, Field(description="Media time")]
    created_at: datetime


class MadeBreak(Shape):
    ad_break: BreakShape


class BreakSent(msgspec.Struct, frozen=True, kw_only=True):
    """``at_ms``: media time. Until then nothing is shown."""

    stream_id: str
    id: str
    at_ms: int
