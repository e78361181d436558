"""The shapes of rewards: over REST, and as rooms are sent them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from server.features.rooms.points import Amount
from server.features.rooms.points.rules import MAX_POINTS
from server.features.rooms.shapes import ClientId, Line, NamedPerson, NamedShape, instant, named
from server.http.shapes import Body as RestBody
from server.http.shapes import Page, PageQuery, Shape, Text
from server.live.bodies import EventShape, Id
from server.live.events import Body
from server.socket_events import ServerEvent
from storage.postgres import Row

MAX_TITLE: Final = 60
MAX_TEXT: Final = 200
State = Literal["waiting", "fulfilled", "refused"]
Title = Annotated[Text, Field(min_length=1, max_length=MAX_TITLE)]
Prompt = Annotated[Text, Field(max_length=MAX_TEXT, description="What the person who redeems it is told")]
Cost = Annotated[int, Field(ge=1, le=MAX_POINTS)]


class RewardBody(RestBody):
    title: Title
    cost: Cost
    prompt: Prompt = ""
    needs_text: Annotated[bool, Field(description="Who redeems it has to write something")] = False
    is_paused: bool = False


class RewardChange(RestBody):
    title: Title | None = None
    cost: Cost | None = None
    prompt: Prompt | None = None
    needs_text: bool | None = None
    is_paused: bool | None = None


class RewardShape(Shape):
    id: uuid.UUID
    title: str
    cost: int
    prompt: str
    needs_text: bool
    is_paused: bool


class RewardsShape(Shape):
    """All of them, the cheapest first."""

    items: list[RewardShape]


class RedemptionShape(Shape):
    id: uuid.UUID
    reward_id: uuid.UUID | None
    title: str
    cost: int
    text: str
    state: State
    user: NamedShape
    room_id: uuid.UUID
    media_time_ms: int | None
    redeemed_at: datetime
    decided_at: datetime | None


class RedemptionsShape(Page[RedemptionShape]):
    """A page of redemptions, the newest first."""


class RedemptionsQuery(PageQuery):
    state: State | None = None


class RedeemReward(EventShape, frozen=True, kw_only=True):
    """``client_id``: the same again costs nothing more."""

    room_id: Id
    reward_id: Id
    client_id: ClientId
    text: Line = ""


class Redeemed(Body, frozen=True, kw_only=True):
    """``points``: what the person has left."""

    ok: bool
    id: str
    points: int


class RewardRedeemed(Body, frozen=True, kw_only=True):
    """What was written with it is for the owner alone, in their queue."""

    room_id: str
    id: str
    title: str
    cost: Amount
    state: State
    user: NamedPerson
    media_time_ms: int | None
    redeemed_at: str


REWARD: Final = ServerEvent(
    name="reward",
    summary="A reward was redeemed, or decided on by the owner of the room",
    body=RewardRedeemed,
    to="the sockets in the room",
)


def shown(row: Row) -> dict[str, Any]:
    """A redemption as its owner sees it."""
    fields = (
        "id",
        "reward_id",
        "title",
        "cost",
        "text",
        "state",
        "room_id",
        "media_time_ms",
        "redeemed_at",
        "decided_at",
    )
    return {**{field: row[field] for field in fields}, "user": named(row)}


def sent(row: Row) -> dict[str, Any]:
    """A redemption as the room is sent it."""
    fields = ("room_id", "id", "title", "cost", "state", "media_time_ms")
    return {**{field: row[field] for field in fields}, "user": named(row), "redeemed_at": instant(row["redeemed_at"])}
