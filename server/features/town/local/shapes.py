"""Offers of a place, over REST."""

from __future__ import annotations

import datetime as dt
import uuid
from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints

from server.features.people.relations import PersonShape
from server.features.town.places import NearQuery, PlaceBody, PlaceShape
from server.http.shapes import Body, Moment, Page, Shape, Text, one_line, several_lines

MAX_TITLE: Final = 120
MAX_TEXT: Final = 3_000
MAX_DAYS: Final = 90
DEFAULT_DAYS: Final = 30

Kind = Literal["goods", "jobs", "help", "events"]
Title = Annotated[
    Text, AfterValidator(partial(one_line, at_least=1, at_most=MAX_TITLE)), Field(min_length=1, max_length=MAX_TITLE)
]
Long = Annotated[Text, AfterValidator(partial(several_lines, at_most=MAX_TEXT)), Field(max_length=MAX_TEXT)]
EXPIRY: Final = Field(description=f"At most {MAX_DAYS} days ahead; without it {DEFAULT_DAYS} days, or when it starts")


class NewOffer(Body):
    kind: Kind
    title: Title
    text: Long = ""
    place: PlaceBody
    starts_at: Annotated[Moment | None, Field(description="Of an event")] = None
    expires_at: Annotated[Moment | None, EXPIRY] = None


def _nothing() -> Any:
    return None


class OfferChange(Body):
    """What is left out stays."""

    title: Annotated[Title, Field(default_factory=str)]
    text: Annotated[Long, Field(default_factory=str)]
    place: Annotated[PlaceBody, Field(default_factory=_nothing)]
    starts_at: Annotated[Moment | None, Field(default_factory=_nothing)]
    expires_at: Annotated[Moment, EXPIRY, Field(default_factory=_nothing)]


class OfferShape(Shape):
    """Its owner is reached by a conversation."""

    id: uuid.UUID
    kind: Kind
    title: str
    text: str
    owner: PersonShape
    place: PlaceShape
    distance_km: Annotated[float | None, Field(description="From `near`, between the rounded places")]
    starts_at: dt.datetime | None
    expires_at: dt.datetime
    created_at: dt.datetime


class MadeOffer(Shape):
    offer: OfferShape


class OffersShape(Page[OfferShape]):
    """The nearest first; without ``near`` the newest."""


class OffersQuery(NearQuery):
    kind: Kind | None = None
    q: Annotated[str, StringConstraints(max_length=100), Field(description="In the title or the text")] = ""
    owner: Annotated[str, StringConstraints(max_length=64), Field(description="A username")] = ""
