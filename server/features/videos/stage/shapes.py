"""Bodies and answers of stages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from server.http.shapes import Body, Shape, Text, one_line

MAX_NAME: Final = 50

Layout = Annotated[
    Literal["grid", "spotlight", "pip"],
    Field(description="pip: who is in the spotlight fills the picture, the others are small within it"),
]


def _optional_name(value: str) -> str:
    return one_line(value, at_most=MAX_NAME)


Name = Annotated[Text, AfterValidator(_optional_name), Field(max_length=MAX_NAME)]


class InvitationBody(Body):
    name: Annotated[Name, Field(description="What the person is called until they say so themselves")] = ""


class InvitationShape(Shape):
    id: Annotated[UUID, Field(description="Of the place that it is for")]
    token: Annotated[str, Field(description="Admits one person, once. It is told only here")]
    url: Annotated[str, Field(description="The page that takes it")]
    expires_at: datetime


class HostOfStage(Shape):
    username: str
    display_name: str


class InvitedShape(Shape):
    """What an invitation is to."""

    name: str
    title: str
    owner: HostOfStage


class JoinBody(Body):
    name: Annotated[Name, Field(description="What the streamer sees the person as")] = ""


class StageChange(Body):
    layout: Layout | None = None
    spotlight: Annotated[UUID | None, Field(strict=False, description="A seat; null: the first one on the stage")] = (
        None
    )
    on_air: Annotated[bool | None, Field(description="Whether what is mixed is published as the stream")] = None

    @model_validator(mode="after")
    def _says_something(self) -> StageChange:
        if not self.model_fields_set:
            raise ValueError("say what is to change")
        return self


class SeatChange(Body):
    on_stage: Annotated[bool | None, Field(description="Seen and heard, or in the wings, where one looks on")] = None
    muted: bool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> SeatChange:
        if not self.model_fields_set:
            raise ValueError("say what is to change")
        return self


class SeatShape(Shape):
    id: UUID
    name: str
    is_host: bool
    on_stage: bool
    muted: bool
    state: Annotated[
        Literal["invited", "away", "present"],
        Field(description="invited: the invitation is not used. present: something comes from them"),
    ]
    expires_at: Annotated[datetime | None, Field(description="Of an invitation that is not used")]


class StageShape(Shape):
    layout: Layout
    spotlight: UUID | None
    on_air: Annotated[bool, Field(description="Whether it is to be")]
    is_live: Annotated[bool, Field(description="Whether what is mixed is published now")]
    trouble: Annotated[str, Field(description="Why it is not, although it is to be; empty where there is no trouble")]
    seats: list[SeatShape]


class PlaceShape(Shape):
    """A place, as who has it is told of it once."""

    seat: UUID
    secret: Annotated[str, Field(description="The bearer token of the place's own calls")]
    whip: Annotated[str, Field(description="Where its camera and microphone are offered (RFC 9725)")]
    whep: Annotated[str, Field(description="Where it gets the stage's picture and the sound of all others")]


class OwnPlaceShape(Shape):
    """A place, as who has it sees it."""

    name: str
    title: str
    is_host: bool
    on_stage: bool
    muted: bool
    is_live: bool
    people: Annotated[list[str], Field(description="The names of those on the stage")]
